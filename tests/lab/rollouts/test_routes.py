"""Several routes of one rollout: all have the weight, or the step isn't over."""

import copy
from typing import Any

from davy.api.group import ApiGroup
from tests.lab import asking
from tests.lab.kube import Json
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Router, Shop, now

PAUSED: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]
VIRTUAL_SERVICE = "virtualservice.networking.istio.io"
GRPC_ROUTE = "grpcroute.gateway.networking.k8s.io"


def second(shop: Shop) -> Json:
    """Another VirtualService for the same pods, for callers by another host."""
    found = next(each for each in shop.network() if each["kind"] == "VirtualService")
    found["metadata"]["name"] = "shop-second"
    found["spec"]["hosts"] = [f"second.{shop.host}"]
    return found


async def opened(open_shop: OpenShop, **more: Any) -> Shop:
    """With two VirtualServices over one DestinationRule."""
    shop = await open_shop(steps=PAUSED, **more)
    istio = shop.canary["trafficRouting"]["istio"]
    del istio["virtualService"]
    names = ("shop", "shop-second")
    istio["virtualServices"] = [{"name": name, "routes": ["primary"]} for name in names]
    await shop.lab.apply(second(shop), namespace=shop.namespace)
    return shop


async def weights(shop: Shop, name: str) -> list[int]:
    """Stable's and the canary's in a VirtualService."""
    found = await shop.lab.kube.get(VIRTUAL_SERVICE, name, namespace=shop.namespace)
    return [route.get("weight", 0) for route in found["spec"]["http"][0]["route"]]


async def test_all_virtual_services_get_the_weight(open_shop: OpenShop) -> None:
    """Callers of both hosts are split alike, and none of them loses a request."""
    shop = await opened(open_shop)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        assert await weights(shop, "shop") == await weights(shop, "shop-second") == [50, 50]
        found = await asking.versions(shop.url, f"second.{shop.host}", times=60)
        assert set(found) == {"v1", "v2"}
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
        assert await weights(shop, "shop-second") == [100, 0]
        again = await asking.versions(shop.url, f"second.{shop.host}")
        assert again == {"v2": 20}
    assert load.failed() == ()


async def test_a_missing_one_holds_the_step_and_not_an_abort(open_shop: OpenShop) -> None:
    """I3: the canary is taken out of the route that is there."""
    shop = await opened(open_shop)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        await shop.lab.kube.delete(VIRTUAL_SERVICE, "shop-second", namespace=shop.namespace)
        await shop.until(phase="Degraded", message_has="shop-second")
        await shop.edit_status(abort=True)

        async def is_back() -> bool:
            return await weights(shop, "shop") == [100, 0]

        await shop.lab.until(is_back, timeout=5, describe="weight 0", namespace=shop.namespace)
        await shop.lab.apply(second(shop), namespace=shop.namespace)
        await shop.until(phase="Degraded", weight=0, message_has="RolloutAborted")
    assert load.failed() == ()


async def test_a_virtual_service_that_another_delegates_to_carries_the_weight(
    open_shop: OpenShop,
) -> None:
    """The root has the host and the gateway and is never touched; the delegate has neither."""
    shop = await open_shop(Router.ISTIO_SERVICES, steps=PAUSED, applies_network=False)
    network = shop.network()
    delegate = next(each for each in network if each["kind"] == "VirtualService")
    root = copy.deepcopy(delegate)
    root["metadata"]["name"] = "root"
    root["spec"]["http"] = [{"delegate": {"name": "shop", "namespace": shop.namespace}}]
    for field in ("hosts", "gateways"):
        del delegate["spec"][field]
    await shop.lab.apply([*network, root], namespace=shop.namespace)
    before = await shop.lab.kube.get(VIRTUAL_SERVICE, "root", namespace=shop.namespace)
    await shop.healthy()
    async with shop.load() as load:
        await load.until(30)
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        assert await weights(shop, "shop") == [50, 50]
        since = now()
        await load.until(200, since=since)
        assert load.share("v2", since=since).agrees(50)
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    after = await shop.lab.kube.get(VIRTUAL_SERVICE, "root", namespace=shop.namespace)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_a_route_of_another_namespace_needs_its_owner_s_permission(
    open_shop: OpenShop,
) -> None:
    """Without it nothing is written; withdrawn in the middle, an abort is written still (I3)."""
    shop = await open_shop(Router.ISTIO_SERVICES, steps=PAUSED, applies_network=False)
    lab, edge = shop.lab, f"{shop.namespace}-edge"
    await lab.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": edge}})
    try:
        network = shop.network()
        route = next(each for each in network if each["kind"] == "VirtualService")
        route["metadata"]["namespace"] = edge
        for each in route["spec"]["http"][0]["route"]:
            host = each["destination"]["host"]
            each["destination"]["host"] = f"{host}.{shop.namespace}.svc.cluster.local"
        await lab.apply(network, namespace=shop.namespace)
        shop.canary["trafficRouting"]["istio"]["virtualService"]["name"] = f"shop.{edge}"
        permission = ApiGroup().allowed_from_annotation

        async def permit(namespaces: str | None) -> None:
            change = {"metadata": {"annotations": {permission: namespaces}}}
            await lab.kube.patch(VIRTUAL_SERVICE, "shop", change, namespace=edge)

        async def written() -> list[int]:
            found = await lab.kube.get(VIRTUAL_SERVICE, "shop", namespace=edge)
            return [each.get("weight", 0) for each in found["spec"]["http"][0]["route"]]

        await permit("billing")
        await shop.release("v1")
        await shop.until(message_has=f"doesn't allow rollouts of namespace {shop.namespace}; ")
        await permit(f"billing, {shop.namespace}")
        await shop.until(phase="Healthy")
        async with shop.load() as load:
            await load.until(30)
            await shop.release("v2")
            await shop.until(phase="Paused", weight=50)
            assert await written() == [50, 50]
            since = now()
            await load.until(200, since=since)
            assert load.share("v2", since=since).agrees(50)
            await permit(None)
            await shop.until(message_has="any more, so the canary's weight can only fall")
            assert await written() == [50, 50]
            await shop.edit_status(abort=True)

            async def is_back() -> bool:
                return await written() == [100, 0]

            await lab.until(is_back, timeout=5, describe="weight 0", namespace=edge)
            await permit(shop.namespace)
            await shop.until(phase="Degraded", weight=0, message_has="RolloutAborted")
        assert load.failed() == ()
    finally:
        await lab.delete_namespace(edge)


async def test_an_http_route_and_a_grpc_route_go_together(open_shop: OpenShop) -> None:
    """Every parent of both has taken a weight before it counts."""
    shop = await open_shop(Router.GATEWAY_API, steps=PAUSED)
    http = next(each for each in shop.network() if each["kind"] == "HTTPRoute")
    grpc = copy.deepcopy(http)
    grpc["kind"], grpc["metadata"]["name"] = "GRPCRoute", "shop-grpc"
    grpc["spec"]["hostnames"] = [f"grpc.{shop.host}"]
    rule: Json = {"backendRefs": http["spec"]["rules"][0]["backendRefs"]}
    grpc["spec"]["rules"] = [rule]
    await shop.lab.apply(grpc, namespace=shop.namespace)
    shop.canary["trafficRouting"]["gatewayAPI"]["grpcRoutes"] = [{"name": "shop-grpc"}]
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        status = await shop.until(phase="Paused", weight=50)
        assert status["canary"]["weights"]["verified"] is True
        found = await shop.lab.kube.get(GRPC_ROUTE, "shop-grpc", namespace=shop.namespace)
        assert [ref["weight"] for ref in found["spec"]["rules"][0]["backendRefs"]] == [50, 50]
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()


async def test_weights_of_a_thousand(open_shop: OpenShop) -> None:
    """maxTrafficWeight: half a percent is five of a thousand, and both sum to it."""
    steps: list[dict[str, Any]] = [{"setWeight": 5}, {"pause": {}}, {"setWeight": 500}]
    shop = await open_shop(Router.GATEWAY_API, steps=[*steps, {"pause": {}}])
    shop.canary["trafficRouting"]["maxTrafficWeight"] = 1000
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=5, step=1)
        refs = (await shop.route())["spec"]["rules"][0]["backendRefs"]
        assert [ref["weight"] for ref in refs] == [995, 5]
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Paused", weight=500, step=3)
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
