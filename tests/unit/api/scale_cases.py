"""Bad specs: how many pods the revisions have."""

from typing import Final

from tests.unit.api.bad import ONLY_VALIDATION, Bad, bad

_CANARY: Final = "spec.strategy.canary"
_STEPS: Final = f"{_CANARY}.steps"
_JUDGE: Final = {"preset": "app", "prometheus": {"address": "http://prometheus:9090"}}
SCALES: Final[tuple[Bad, ...]] = (
    *(
        bad(
            f"a scale of the canary says {scale}",
            "gateway",
            f"{_STEPS}[4]",
            {"setCanaryScale": scale},
            says,
            "setCanaryScale has exactly one of replicas, weight and matchTrafficWeight (true)",
            at=f"{_STEPS}[4].setCanaryScale",
        )
        for scale, says in (
            ({}, "says nothing; give one of replicas, weight and matchTrafficWeight: true"),
            ({"matchTrafficWeight": False}, "says nothing; give one of"),
            ({"replicas": 3, "weight": 20}, "has replicas and weight; give one of them"),
        )
    ),
    bad(
        "a scale of the canary without a router",
        "pods",
        f"{_STEPS}[4]",
        {"setCanaryScale": {"replicas": 3}},
        "needs trafficRouting; without a router the pods are the weight: use setWeight",
        "a setCanaryScale step needs trafficRouting",
        at=f"{_STEPS}[4].setCanaryScale",
    ),
    bad(
        "a scale of the canary is above 100",
        "gateway",
        f"{_STEPS}[4]",
        {"setCanaryScale": {"weight": 120}},
        "is 120; weights are whole numbers from 0 to 100",
        "setCanaryScale.weight is more than all traffic, which is 100 or "
        "trafficRouting.maxTrafficWeight",
        at=f"{_STEPS}[4].setCanaryScale.weight",
    ),
    *(
        bad(
            f"a threshold of pods is {value!r}",
            "gateway",
            f"{_CANARY}.replicaProgressThreshold",
            {"type": kind, "value": value},
            says,
            server,
            at=f"{_CANARY}.replicaProgressThreshold.{at}",
        )
        for kind, value, at, says, server in (
            (
                "Percent",
                101,
                "value",
                "is 101; write percent from 1 to 100",
                "replicaProgressThreshold.value is more than 100 percent",
            ),
            ("Pods", 0, "value", "is 0; write a whole number from 1", "greater than or equal to 1"),
            ("Half", 5, "type", 'is "Half"; write', "Unsupported value"),
        )
    ),
    bad(
        "a dynamic stable without a router",
        "pods",
        f"{_CANARY}.dynamicStableScale",
        True,
        "needs trafficRouting; without a router the pods are the weight: remove it",
        "dynamicStableScale needs trafficRouting",
    ),
    Bad(
        "a dynamic stable with a drain delay",
        "gateway",
        {f"{_CANARY}.dynamicStableScale": True, f"{_CANARY}.scaleDownDelaySeconds": 30},
        f"{_CANARY}.dynamicStableScale",
        "and scaleDownDelaySeconds exclude each other; remove one",
        "dynamicStableScale and scaleDownDelaySeconds exclude each other",
    ),
    bad(
        "a limit of delays without a router",
        "pods",
        f"{_CANARY}.scaleDownDelayRevisionLimit",
        1,
        "needs trafficRouting; without a router nothing is delayed: remove it",
        "scaleDownDelayRevisionLimit needs trafficRouting",
    ),
    bad(
        "a floor of pods without a router",
        "pods",
        f"{_CANARY}.minPodsPerReplicaSet",
        2,
        "is 2 and needs trafficRouting; without a router more pods are more weight",
        "minPodsPerReplicaSet needs trafficRouting",
    ),
    *(
        Bad(
            f"a harm budget {name}",
            manifest,
            {f"{_CANARY}.analysis": {"compare": _JUDGE}, f"{_CANARY}.harmBudget": budget},
            f"{_CANARY}.harmBudget{field}",
            says,
            refused,
        )
        for name, manifest, budget, field, says, refused in (
            (
                "without a router",
                "pods",
                {"requests": 50},
                "",
                "needs trafficRouting: without a router each weight is a whole pod; remove it",
                "harmBudget needs trafficRouting",
            ),
            (
                "that nobody can keep",
                "gateway",
                {"requests": 5},
                ".requests",
                "is 5; write a whole number from 6",
                "greater than or equal to 6",
            ),
            (
                "of both kinds",
                "gateway",
                {"requests": 50, "share": 0.5},
                "",
                "has both of requests and share; give exactly one",
                "harmBudget has exactly one of requests and share",
            ),
            (
                "of nothing",
                "gateway",
                {},
                "",
                "has neither of requests and share; give exactly one",
                "harmBudget has exactly one of requests and share",
            ),
        )
    ),
    bad(
        "a harm budget without a judge",
        "gateway",
        f"{_CANARY}.harmBudget",
        {"requests": 50},
        "needs judge: only what both sides are seen to serve can raise the weight",
        "harmBudget needs judge",
    ),
    Bad(
        "a harm budget beside a warm-up",
        "gateway",
        {
            f"{_CANARY}.harmBudget": {"requests": 50},
            f"{_CANARY}.analysis": {"compare": {**_JUDGE, "warmup": "30s"}},
        },
        f"{_CANARY}.harmBudget",
        "stands beside warmup of judge, in which no failure is seen; remove one of them",
        ONLY_VALIDATION,
    ),
    Bad(
        "a harm budget whose judge comes later",
        "gateway",
        {
            f"{_CANARY}.harmBudget": {"requests": 50},
            f"{_CANARY}.analysis": {"compare": _JUDGE, "startingStep": 1},
        },
        f"{_CANARY}.harmBudget",
        "needs the judge from the first weight on; remove",
        "harmBudget needs the judge from the first weight on",
    ),
    bad(
        "a floor of pods is negative",
        "gateway",
        f"{_CANARY}.minPodsPerReplicaSet",
        -1,
        "is -1; write a whole number from 0",
        "greater than or equal to 0",
    ),
)
