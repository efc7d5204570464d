"""A whole operator in memory, a tenant's garbage of every kind, and a healthy release beside."""

import asyncio
import logging
from random import Random
from typing import Any

import structlog

from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.cluster.cache import Json
from davy.cluster.kinds import (
    APISIX_ROUTE,
    DESTINATION_RULE,
    HTTP_ROUTE,
    INGRESS,
    POD,
    REPLICA_SET,
    SERVICE,
    TRAEFIK_SERVICE,
    VIRTUAL_SERVICE,
    Kind,
)
from tests.fuzz import strange
from tests.unit.api.documents import GOOD
from tests.unit.controller.stage import Stage, manifest, network, playing
from tests.unit.traffic import ingresses, routes

OBJECTS = 40
"""Pieces of garbage in a case."""


def whole(random: Random) -> None:
    """The release goes through in its time, and no pass over the garbage ends in an exception."""
    asyncio.run(_play(random))


async def _play(random: Random) -> None:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        async with playing() as stage:
            network(stage.cluster)
            for number in range(OBJECTS):
                kind, made = _garbage(stage, random, number)
                stage.cluster.put(kind, made)
            await _release(stage)
            _check(stage)
    finally:
        structlog.configure(**before)


async def _release(stage: Stage) -> None:
    for version in ("1", "2"):
        stage.apply(manifest(version=version))
        await stage.turn(0.1)
        await stage.until(lambda: stage.status().get("phase") == "Healthy", within=60)


def _check(stage: Stage) -> None:
    for family in stage.operator.telemetry.failures.collect():
        for sample in family.samples:
            reason = sample.labels.get("reason")
            assert reason != "DavyError", "a pass ended in an exception; see the log"
    for kind in (stage.operator.kinds.rollout, stage.operator.kinds.analysis_run):
        for found in stage.cluster.every(kind):
            status = found.get("status") or {}
            assert len(str(status.get("message") or "")) < 100_000, found["metadata"]["name"]


def _garbage(stage: Stage, random: Random, number: int) -> tuple[Kind, Json]:
    """Something whose metadata the API server would take, and nothing else of it surely."""
    kinds = stage.operator.kinds
    kind, base = random.choice(
        (
            (kinds.rollout, GOOD[random.choice(_ROLLOUTS)]),
            (kinds.rollout, GOOD["subsets"]),
            (kinds.analysis_run, GOOD["run"]),
            (kinds.analysis_template, GOOD["template"]),
            (kinds.cluster_analysis_template, GOOD["cluster template"]),
            (VIRTUAL_SERVICE, _VIRTUAL),
            (DESTINATION_RULE, routes.a_destination_rule()),
            (HTTP_ROUTE, _HTTP_ROUTE),
            (INGRESS, ingresses.an_alb_ingress(ingresses.an_action(90, 10))),
            (TRAEFIK_SERVICE, _TRAEFIK_SERVICE),
            (APISIX_ROUTE, _APISIX_ROUTE),
            (SERVICE, routes.a_service("cart")),
            (REPLICA_SET, _REPLICA_SET),
            (POD, _POD),
        )
    )
    typed = kind in {SERVICE, REPLICA_SET, POD}
    made: Json = {
        part: strange.retold(base[part], random)
        if typed
        else strange.mutated(base[part], random, deep=False)
        for part in ("spec", "status")
        if part in base
    }
    if not typed and random.random() < 0.3:
        made["status"] = strange.mutated(_STATUS, random, deep=False)
    made = {part: value for part, value in made.items() if isinstance(value, dict)}
    name = random.choice(("cart", "errors", "cart-canary", f"g-{number}"))
    metadata: Json = {"namespace": "tenant", "name": name}
    texts = [each for each in strange.TEXTS if len(each) < 300]
    revision = stage.operator.kinds.api_group.revision_annotation
    metadata["annotations"] = {
        key: random.choice(texts) for key in (revision, "scale-down-deadline", "x")
    }
    metadata["labels"] = {
        key: random.choice(texts)[:63]
        for key in (POD_TEMPLATE_HASH_LABEL, "rollout-type", "step-index")
    }
    owner = random.choice(stage.cluster.every(kinds.rollout) or [None])
    if owner is not None and random.random() < 0.5:
        metadata["ownerReferences"] = [_reference(owner, random)]
    return kind, {**made, "metadata": metadata}


def _reference(owner: Json, random: Random) -> Json:
    return {
        "apiVersion": random.choice(("davy.dev/v1alpha1", "x", "")),
        "kind": random.choice(("Rollout", "Deployment")),
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": random.choice((True, False)),
    }


_STATUS: Json = {"phase": "Progressing", "abort": True, "currentStepIndex": 1, "conditions": []}
_VIRTUAL = routes.a_virtual_service(
    routes.an_http_route_of_istio(
        "api", routes.to_subset("stable", 9), routes.to_subset("canary", 1)
    )
)
_HTTP_ROUTE: Any = routes.an_http_route(
    routes.a_rule(routes.a_backend("cart-stable", 90), routes.a_backend("cart-canary", 10))
)
_TRAEFIK_SERVICE = routes.a_traefik_service(
    routes.a_backend("cart-stable", 90), routes.a_backend("cart-canary", 10)
)
_APISIX_ROUTE = routes.an_apisix_route(
    routes.an_apisix_rule(
        "api",
        routes.an_apisix_backend("cart-stable", 90),
        routes.an_apisix_backend("cart-canary", 10),
    )
)
_ROLLOUTS = ("gateway", "plugin", "istio", "subsets", "nginx", "alb", "traefik", "apisix")
_REPLICA_SET: Json = {
    "spec": {"replicas": 2, "minReadySeconds": 0, "selector": {}, "template": {}},
    "status": {
        "replicas": 2,
        "availableReplicas": 1,
        "observedGeneration": 1,
        "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}],
    },
}
_POD: Json = {
    "spec": {},
    "status": {
        "phase": "Pending",
        "reason": "Evicted",
        "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}],
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
    },
}
