"""The rules of the translation, one at a time."""

from random import Random
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from davy.api import paths, unbuilt
from davy.api.group import ApiGroup
from davy.cli import migrate
from davy.migrate.result import Options, Translation, refusal
from davy.migrate.translate import translate
from tests.fuzz import strange
from tests.unit.migrate.test_samples import SAMPLES

Json = dict[str, Any]

DEPLOYMENT: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "cart", "namespace": "shop"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "cart"}},
        "template": {
            "metadata": {"labels": {"app": "cart"}},
            "spec": {"containers": [{"name": "cart", "image": "cart:1"}]},
        },
    },
}


def rollout(steps: list[Json], **canary: Any) -> Json:
    """An Argo Rollout."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "selector": DEPLOYMENT["spec"]["selector"],
            "template": DEPLOYMENT["spec"]["template"],
            "strategy": {"canary": {"steps": steps, **canary}},
        },
    }


def canary(**analysis: Any) -> Json:
    """A Flagger Canary of the Deployment."""
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "targetRef": {"kind": "Deployment", "name": "cart"},
            "service": {"port": 80},
            "analysis": {"interval": "1m", "threshold": 3, **analysis},
        },
    }


def done(*manifests: Json, prometheus: str | None = "http://prometheus:9090") -> Translation:
    """The translation."""
    return translate(manifests, Options(prometheus=prometheus))


def steps(translation: Translation) -> list[Json]:
    """The steps of the first Rollout."""
    spec = next(one.manifest for one in translation.made if one.manifest["kind"] == "Rollout")
    found: list[Json] = spec["spec"]["strategy"]["canary"].get("steps", [])
    return found


def test_a_gate_that_is_left_out_leaves_a_pause() -> None:
    """What could stop a release isn't passed unseen: a person stands in for it."""
    assert steps(done(rollout([{"experiment": {}}, {"setWeight": 50}]))) == [
        {"pause": {}},
        {"setWeight": 50},
    ]


def test_plugins_are_carried_over_and_named() -> None:
    """Argo's are other programs: without one of Davy's of that name the rollout waits."""
    gate: Json = {"plugin": {"name": "acme/gate", "config": {"channel": "releases"}}}
    found = done(rollout([gate], trafficRouting={"plugins": {"acme/router": {}}}))
    assert steps(found) == [gate]
    assert [(one.message, one.lost) for one in found.remarks] == [
        (f"is a plugin of Argo's; install one named {name} beside Davy", False)
        for name in ("acme/router", "acme/gate")
    ]


def test_every_refused_field_is_told_in_davys_words() -> None:
    """The table of what isn't built is the one source; a field that leaves it is carried over."""
    for entry in unbuilt.ROLLOUT:
        manifest = rollout([{}], trafficRouting={"istio": {"virtualService": {}}})
        at: Any = manifest
        for part in entry.at.split("."):
            key = part.removesuffix("[]")
            at = at.setdefault(key, [{}] if part.endswith("[]") else {})
            at = at[0] if part.endswith("[]") else at
        at[entry.field] = True if entry.neutral == (False,) else _value(entry.schema)
        remarks = done(manifest).remarks
        told = [one for one in remarks if one.path.endswith((entry.field, f"['{entry.field}']"))]
        assert told, entry
        assert entry.message in told[0].message


def _value(schema: Json) -> Any:
    values: Json = {"object": {"x": 1}, "array": [{"name": "a"}], "integer": 7}
    return values.get(schema["type"], "text")


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        ({"stepWeight": 10, "maxWeight": 50}, [10, 20, 30, 40, 50]),
        ({"stepWeight": 20, "maxWeight": 50}, [20, 40, 60]),
        ({"stepWeight": 40}, [40, 80, 100]),
        ({"stepWeight": 100}, [100]),
        ({"stepWeights": [1, 2, 10, 80]}, [1, 2, 10, 80]),
        ({"stepWeights": [5, 50], "stepWeight": 10, "maxWeight": 90}, [5, 50]),
    ],
)
def test_weights_are_those_that_flagger_comes_to(analysis: Json, weights: list[int]) -> None:
    """It adds the step until the maximum is reached or passed, and never passes 100."""
    found = steps(done(DEPLOYMENT, canary(**analysis)))
    assert [step["setWeight"] for step in found if "setWeight" in step] == weights
    assert {"pause": {"duration": "1m"}} in found


BETA: Json = {"headers": {"x-beta": {"exact": "1"}}}


def test_a_test_of_some_users_is_a_header_route() -> None:
    """With all pods, and a check for each iteration; weights say nothing beside it."""
    cookie = {"headers": {"cookie": {"regex": ".*beta.*"}}}
    found = done(DEPLOYMENT, canary(iterations=2, match=[BETA, cookie], stepWeight=10))
    header = {
        "name": "ab-test",
        "match": [
            {"headerName": "x-beta", "headerValue": {"exact": "1"}},
            {"headerName": "cookie", "headerValue": {"regex": ".*beta.*"}},
        ],
    }
    wait = {"pause": {"duration": "1m"}}
    begun = [{"setCanaryScale": {"weight": 100}}, {"setHeaderRoute": header}]
    assert steps(found) == [*begun, wait, wait]
    routing = found.made[0].manifest["spec"]["strategy"]["canary"]["trafficRouting"]
    assert routing["managedRoutes"] == [{"name": "ab-test"}]
    assert not any(remark.lost for remark in found.remarks)


@pytest.mark.parametrize(
    ("analysis", "path"),
    [
        ({"match": [{"uri": {"prefix": "/beta"}}]}, "match[0]"),
        ({"match": [BETA, {"headers": {"a": {"exact": "1"}, "b": {"exact": "1"}}}]}, "match[1]"),
        ({"match": [BETA | {"method": {"exact": "GET"}}]}, "match[0]"),
        ({"match": [{"headers": {"a": {"suffix": "1"}}}]}, "match[0]"),
        ({"match": [{"headers": {"a": {"exact": 1}}}]}, "match[0]"),
        ({"match": [{}]}, "match[0]"),
        ({"match": [BETA], "iterations": 10**9}, "iterations"),
        ({"match": [BETA], "iterations": -1}, "iterations"),
        ({}, "iterations"),
    ],
)
def test_a_test_that_cant_be_said_is_none(analysis: Json, path: str) -> None:
    """With other users it would be another test; so nothing is made of it, which is told."""
    found = done(DEPLOYMENT, canary(**{"iterations": 2, "stepWeight": 10} | analysis))
    assert not found.made
    assert f"spec.analysis.{path}" in [remark.path for remark in found.remarks if remark.lost]


def test_a_header_s_prefix_is_none_of_the_gateway_api_s() -> None:
    """Told here, before Davy refuses the step."""
    manifest = canary(iterations=1, match=[{"headers": {"x-beta": {"prefix": "1"}}}])
    manifest["spec"]["provider"] = "gatewayapi:v1"
    manifest["spec"]["service"]["gatewayRefs"] = [{"name": "public"}]
    found = done(DEPLOYMENT, manifest)
    assert "spec.analysis.match[0].headers.x-beta.prefix" in [one.path for one in found.remarks]
    assert not found.made


def test_requests_are_mirrored_before_the_first_weight() -> None:
    """For one interval, all or a part; the gate of each weight is before the mirror, once."""
    gate = {"name": "gate", "type": "confirm-traffic-increase", "url": "http://gate"}
    found = done(
        DEPLOYMENT, canary(stepWeights=[5, 50], mirror=True, mirrorWeight=20, webhooks=[gate])
    )
    everything = [{"path": {"prefix": "/"}}]
    wait = {"pause": {"duration": "1m"}}
    assert steps(found) == [
        {"pause": {}},
        {"setMirrorRoute": {"name": "mirror", "match": everything, "percentage": 20}},
        wait,
        {"setMirrorRoute": {"name": "mirror"}},
        {"setWeight": 5},
        wait,
        {"pause": {}},
        {"setWeight": 50},
        wait,
    ]


@pytest.mark.parametrize(
    ("service", "provider", "lost"),
    [
        ({"match": [{"uri": {"regex": "/a.*"}}]}, "istio", True),
        ({"gatewayRefs": [{"name": "public"}]}, "gatewayapi:v1", False),
    ],
)
def test_what_isnt_mirrored_is_told(service: Json, provider: str, lost: bool) -> None:  # noqa: FBT001
    """A regex of a path can't be joined with all paths; Flagger mirrors no weighted HTTPRoute."""
    manifest = canary(stepWeight=50, mirror=True)
    manifest["spec"]["service"] |= service
    manifest["spec"]["provider"] = provider
    found = done(DEPLOYMENT, manifest)
    assert [remark.lost for remark in found.remarks if remark.path.endswith("mirror")] == [lost]
    assert not any("setMirrorRoute" in step for step in steps(found))


@pytest.mark.parametrize(
    ("interval", "threshold", "delay", "limit"),
    [("30s", 5, "30s", 4), ("5s", 1, "10s", 0), ("soon", 0, "1m", 0), (None, None, "1m", 0)],
)
def test_checks_gate_each_weight(
    interval: str | None, threshold: int | None, delay: str, limit: int
) -> None:
    """From one interval on, until one success, or until the threshold's failure."""
    metric = {"name": "request-duration", "thresholdRange": {"max": 500}}
    found = done(
        DEPLOYMENT,
        canary(stepWeight=50, interval=interval, threshold=threshold, metrics=[metric]),
    )
    template = found.made[1].manifest
    made = template["spec"]["metrics"][0]
    assert (made["initialDelay"], made["interval"]) == (delay, delay)
    assert (made["consecutiveSuccessLimit"], made["failureLimit"]) == (1, limit)
    assert [one["analysis"]["templates"][0]["templateName"] for one in steps(found)[1::2]] == [
        template["metadata"]["name"]
    ] * 2


@pytest.mark.parametrize(
    ("metric", "condition"),
    [
        ({"thresholdRange": {"min": 99}}, "result[0] >= 99"),
        ({"thresholdRange": {"min": 0.5, "max": 2}}, "result[0] >= 0.5 && result[0] <= 2"),
        ({"threshold": 99}, "result[0] >= 99"),
        ({"name": "request-duration", "threshold": 500}, "result[0] <= 500"),
    ],
)
def test_ranges_become_conditions(metric: Json, condition: str) -> None:
    """Both ends belong to the range; the old threshold is a least success rate, or a most."""
    found = done(
        DEPLOYMENT, canary(stepWeight=50, metrics=[{"name": "request-success-rate"} | metric])
    )
    assert found.made[1].manifest["spec"]["metrics"][0]["successCondition"] == condition


def test_a_field_that_nobody_knows_is_told() -> None:
    """Whatever Flagger adds next, in any part of a Canary."""
    manifest = canary(stepWeight=50, brandNew=1, metrics=[{"name": "request-success-rate"}])
    manifest["spec"] |= {"newer": True}
    manifest["spec"]["service"] |= {"newest": [1]}
    manifest["spec"]["analysis"]["metrics"][0] |= {"threshold": 99, "odd": {}}
    told = {one.path for one in done(DEPLOYMENT, manifest).remarks if one.lost}
    assert {
        "spec.newer",
        "spec.service.newest",
        "spec.analysis.brandNew",
        "spec.analysis.metrics[0].odd",
    } <= told


def test_a_refusal_that_is_gone_is_found_out() -> None:
    """When a field is built, the translation that names its refusal must be mended."""
    with pytest.raises(LookupError, match="isn't refused any more"):
        refusal(unbuilt.ROLLOUT, "spec", "replicas")


def test_nothing_given_is_changed() -> None:
    """The manifests stay as they are, so that a caller may print them beside the result."""
    for sample in SAMPLES:
        text = sample.read_text(encoding="utf-8")
        manifests = [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]
        translate(manifests, Options(group=ApiGroup("example.com")))
        assert manifests == [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_strange_manifest_is_answered(sample: Any) -> None:
    """Whatever stands where: with remarks that are sentences, and with an exit code."""
    random = Random(sample.stem)
    manifests = [*yaml.safe_load_all(sample.read_text(encoding="utf-8"))]
    for turn in range(15):
        broken = [strange.mutated(one, random) for one in manifests]
        found = translate([one for one in broken if isinstance(one, dict)], Options())
        assert all(remark.message for remark in found.remarks)
        if turn or any(paths.beyond(one, levels=100, values=9999) for one in broken):
            continue
        text = yaml.safe_dump_all(broken).encode(errors="replace")
        result = CliRunner().invoke(migrate.command, ["-"], input=text)
        assert result.exit_code in {0, 1, 2}, text
        assert result.exception is None or isinstance(result.exception, SystemExit), text
        yaml.safe_load_all(result.stdout)


def test_a_name_cant_end_a_comment() -> None:
    """What a user's object is called stays in its line."""
    named = rollout([{"setWeight": 10}])
    named["metadata"]["name"] = "a\nkind: Secret\u2028b\x00"
    named["metadata"]["labels"] = {"argo-rollouts.argoproj.io/controller-instance-id\n- x": "y"}
    result = CliRunner().invoke(migrate.command, ["-"], input=yaml.safe_dump(named))
    assert "# From -:1 rollout shop/a kind: Secret b" in result.stdout
    assert all(line.startswith(("#", "---")) for line in result.stdout.splitlines()[:3])
