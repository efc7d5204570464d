"""A Rollout reaches nothing outside its namespace but ClusterAnalysisTemplates.

And VirtualServices that allow it, by `name.namespace`: see `traffic/test_istio_elsewhere.py`.
"""

from typing import Any

import pytest

from davy.api import errors, validate
from davy.cluster.kinds import (
    DESTINATION_RULE,
    HTTP_ROUTE,
    REPLICA_SET,
    SECRET,
    SERVICE,
    VIRTUAL_SERVICE,
)
from tests.unit.api.documents import changed
from tests.unit.controller.stage import Stage, manifest, network, playing
from tests.unit.controller.test_measure import a_metric

ROUTING = "spec.strategy.canary.trafficRouting"
CANARY = "spec.strategy.canary"
NAMES = {
    ("istio", f"{ROUTING}.istio.virtualService.name"),
    ("subsets", f"{ROUTING}.istio.virtualService.name"),
    ("subsets", f"{ROUTING}.istio.destinationRule.name"),
    ("gateway", f"{ROUTING}.gatewayAPI.httpRoutes[0].name"),
    ("gateway", f"{ROUTING}.gatewayAPI.grpcRoutes[0].name"),
    ("plugin", f"{ROUTING}.plugins['argoproj-labs/gatewayAPI'].grpcRoute"),
    ("gateway", f"{ROUTING}.gatewayAPI.tcpRoutes[0].name"),
    ("plugin", f"{ROUTING}.plugins['argoproj-labs/gatewayAPI'].tlsRoute"),
    ("several", f"{ROUTING}.istio.virtualServices[1].name"),
    ("plugin", f"{ROUTING}.plugins['argoproj-labs/gatewayAPI'].httpRoute"),
    ("plugin", f"{ROUTING}.plugins['argoproj-labs/gatewayAPI'].httpRoutes[0].name"),
    ("nginx", f"{ROUTING}.nginx.stableIngress"),
    ("several ingresses", f"{ROUTING}.nginx.stableIngresses[0]"),
    ("alb", f"{ROUTING}.alb.ingress"),
    ("traefik", f"{ROUTING}.traefik.weightedTraefikServiceName"),
    ("contour", f"{ROUTING}.contour.httpProxies[0]"),
    ("apisix", f"{ROUTING}.apisix.route.name"),
    ("istio", f"{CANARY}.canaryService"),
    ("istio", f"{CANARY}.stableService"),
    ("ping pong", f"{CANARY}.pingPong.pingService"),
    ("ping pong", f"{CANARY}.pingPong.pongService"),
}


@pytest.mark.parametrize(("base", "path"), sorted(NAMES))
@pytest.mark.parametrize("name", ["billing/cart", "../billing/cart", "billing%2fcart", "cart?x"])
def test_no_name_has_a_namespace_in_it(base: str, path: str, name: str) -> None:
    """A name is never part of another path."""
    found = validate.rollout(changed(base, {path: name}))
    assert path in {finding.path for finding in found}
    if "/" in name and "virtualService" in path:
        assert "one of another namespace is written name.namespace" in str(found[0])
    elif "/" in name:
        assert "own namespace, so write it without a /" in str(found[0])


def test_the_plugin_s_namespace_is_the_rollout_s() -> None:
    """Argo's plugin writes a route anywhere."""
    path = f"{ROUTING}.plugins['argoproj-labs/gatewayAPI'].namespace"
    (found,) = validate.rollout(changed("plugin", {path: "billing"}))
    assert "only writes routes of the rollout's own namespace, shop" in found.message


def in_billing(stage: Stage) -> None:
    """Everything that the Rollout `cart` names, but in another namespace."""
    network(stage.cluster)
    for kind in (SERVICE, VIRTUAL_SERVICE, DESTINATION_RULE):
        (held,) = stage.cluster.every(kind)
        stage.cluster.remove(kind, "shop", held["metadata"]["name"])
        stage.cluster.put(kind, {**held, "metadata": {"namespace": "billing", "name": "cart"}})
    template = {"spec": {"metrics": [a_metric()]}}
    metadata = {"namespace": "billing", "name": "errors"}
    stage.cluster.put(stage.operator.kinds.analysis_template, {"metadata": metadata, **template})


async def test_nothing_is_read_or_written_elsewhere() -> None:
    """Route, Services and templates of the same names in another namespace are not the rollout's.

    And every request that Davy makes for it names its own namespace.
    """
    async with playing() as stage:
        in_billing(stage)
        before = _versions(stage)
        stage.cluster.writes.clear()
        analysis = {"templates": [{"templateName": "errors"}]}
        stage.apply(manifest(steps=[{"setWeight": 10}, {"analysis": analysis}]))
        await stage.turn(60)
        assert "doesn't exist" in stage.status()["message"]
        assert "no AnalysisTemplate errors in namespace shop" in str(stage.status())
        assert _versions(stage) == before
        assert {call.namespace for call in stage.cluster.writes} == {"shop"}


def _versions(stage: Stage) -> dict[str, str]:
    return {
        f"{kind} {found['metadata']['name']}": found["metadata"]["resourceVersion"]
        for kind in (SERVICE, VIRTUAL_SERVICE, DESTINATION_RULE, HTTP_ROUTE)
        for found in stage.cluster.every(kind)
        if found["metadata"]["namespace"] == "billing"
    }


@pytest.mark.parametrize(
    "name", ["billing/token", "../../billing/secrets/token", "..", "t?watch=1"]
)
async def test_a_secret_s_name_leads_nowhere_else(name: str) -> None:
    """In a run made by hand too: no request for a Secret is sent, whatever its path would mean."""
    async with playing() as stage:
        metric = a_metric()
        metric["provider"]["prometheus"]["headers"] = [{"key": "X", "value": "{{args.token}}"}]
        reference = {"secretKeyRef": {"name": name, "key": "token"}}
        args = [{"name": "token", "valueFrom": reference}]
        stage.cluster.put(
            stage.operator.kinds.analysis_run,
            {
                "metadata": {"namespace": "shop", "name": "run"},
                "spec": {"metrics": [metric], "args": args},
            },
        )
        await stage.turn(1)
        (run,) = stage.cluster.every(stage.operator.kinds.analysis_run)
        assert run["status"]["phase"] == "Error"
        assert "secretKeyRef.name" in run["status"]["message"]
        assert [call for call in stage.cluster.reads if call.kind == SECRET] == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../../billing/secrets/token", "..%2F..%2Fbilling%2Fsecrets%2Ftoken"),
        ("token?watch=1#x", "token%3Fwatch%3D1%23x"),
    ],
)
def test_a_name_is_one_part_of_a_path(name: str, path: str) -> None:
    """The HTTP library resolves `..`, so that a name could be another namespace's object."""
    assert SECRET.path("shop", name) == f"/api/v1/namespaces/shop/secrets/{path}"


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_moves_in_the_tree_is_none(name: str) -> None:
    """It can't be quoted away."""
    with pytest.raises(errors.Rejected, match="no name"):
        SECRET.path("shop", name)


async def test_a_replica_set_with_a_foreign_owner_is_not_counted() -> None:
    """Its uid is no secret; the reference is only good in the owner's namespace."""
    async with playing() as stage:
        network(stage.cluster)
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        (mine,) = stage.replica_sets()
        forged: dict[str, Any] = {
            "metadata": {
                **mine["metadata"],
                "namespace": "billing",
                "name": "forged",
                "uid": "forged",
            },
            "spec": {**mine["spec"], "replicas": 50},
        }
        del forged["metadata"]["resourceVersion"]
        stage.cluster.put(REPLICA_SET, forged)
        stage.cluster.writes.clear()
        stage.apply(manifest(version="2"))
        await stage.turn(1)
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        assert stage.status()["replicas"] == 8  # the older four have their delay
        assert {call.namespace for call in stage.cluster.writes} == {"shop"}
