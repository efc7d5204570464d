"""`pingPong`: the Services change places at each promotion, and nobody notices."""

from typing import Any

import pytest

from tests.lab.kube import Json
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Router, Shop, now

PING, PONG = "shop-stable", "shop-canary"
"""The example's Services, called by the roles that they have at first."""
STEPS: list[dict[str, Any]] = [{"setWeight": 25}, {"pause": {}}, {"setWeight": 75}]
SWAPPING: dict[str, Any] = {
    "pingPong": {"pingService": PING, "pongService": PONG},
    "stableService": None,
    "canaryService": None,
    "scaleDownDelaySeconds": 2,
    "abortScaleDownDelaySeconds": 2,
}


async def opened(open_shop: OpenShop, router: Router) -> Shop:
    """Its first version healthy: stable's Service is ping."""
    shop = await open_shop(router, steps=STEPS, canary=SWAPPING)
    await shop.healthy("v1")
    assert roles(await shop.status()) == ("ping", PING, PONG)
    return shop


def roles(status: Json) -> tuple[str, str, str]:
    """Which side is stable's, and the Services of both roles."""
    canary, weights = status["canary"], status["canary"]["weights"]
    services = (weights[role]["serviceName"] for role in ("stable", "canary"))
    stable, other = services
    return canary["stablePingPong"], stable, other


async def weights(shop: Shop) -> dict[str, int]:
    """What the route gives each Service."""
    route = await shop.route()
    if shop.router is Router.GATEWAY_API:
        refs = route["spec"]["rules"][0]["backendRefs"]
        return {ref["name"]: ref["weight"] for ref in refs}
    split = route["spec"]["http"][0]["route"]
    return {side["destination"]["host"]: side.get("weight", 0) for side in split}


ROUTERS = (Router.ISTIO_SERVICES, Router.GATEWAY_API)


@pytest.mark.parametrize("router", ROUTERS)
async def test_two_releases_swap_the_roles_twice_and_lose_no_request(
    open_shop: OpenShop, router: Router
) -> None:
    """I4, I6: pong is stable's after the first, ping after the second."""
    shop = await opened(open_shop, router)
    async with shop.load(rate=100) as load:
        await load.until(50)
        for version, side, stable, canary in (
            ("v2", "pong", PONG, PING),
            ("v3", "ping", PING, PONG),
        ):
            await shop.release(version)
            await shop.until(phase="Paused", weight=25)
            assert await weights(shop) == {canary: 75, stable: 25}
            await shop.edit_status(pauseConditions=None)
            status = await shop.until(phase="Healthy", weight=0)
            assert roles(status) == (side, stable, canary)
            assert await weights(shop) == {stable: 100, canary: 0}
            since = now()
            await load.until(200, since=since)
            assert load.share(version, since=since).value == 1
    assert load.failed() == ()
    told = [text for reason, text in await shop.events() if reason == "SwitchService"]
    assert sum("is stable's Service now" in text for text in told) == 2


@pytest.mark.parametrize("router", ROUTERS)
async def test_an_abort_after_a_swap_goes_to_the_service_that_is_stables(
    open_shop: OpenShop, router: Router
) -> None:
    """I3: in the second update ping is the canary's; all weight goes back to pong."""
    shop = await opened(open_shop, router)
    async with shop.load(rate=100) as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=25)
        await shop.edit_status(promoteFull=True)
        await shop.until(phase="Healthy", weight=0)
        await shop.release("v3")
        await shop.until(phase="Paused", weight=25)
        assert await weights(shop) == {PING: 25, PONG: 75}
        await shop.edit_status(abort=True)
        status = await shop.until(phase="Degraded", weight=0, message_has="RolloutAborted")
        assert roles(status) == ("pong", PONG, PING)
        assert await weights(shop) == {PING: 0, PONG: 100}
        since = now()
        await load.until(200, since=since)
        assert load.share("v2", since=since).value == 1
    assert load.failed() == ()
