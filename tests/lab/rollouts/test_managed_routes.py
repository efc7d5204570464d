"""Routes by header and mirrors that steps ask for: there when the step is over, gone with it."""

from typing import Any

from tests.lab import asking
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Shop

BETA: dict[str, Any] = {
    "setHeaderRoute": {
        "name": "beta",
        "match": [{"headerName": "x-beta", "headerValue": {"exact": "yes"}}],
    }
}
ROUTED: dict[str, Any] = {
    "scaleDownDelaySeconds": 2,
    "trafficRouting": {
        "istio": {
            "virtualService": {"name": "shop", "routes": ["primary"]},
            "destinationRule": {
                "name": "shop",
                "stableSubsetName": "stable",
                "canarySubsetName": "canary",
            },
        },
        "managedRoutes": [{"name": "beta"}, {"name": "copy"}],
    },
}


async def answers(shop: Shop, **headers: str) -> dict[str, int]:
    """Who answered requests with these headers."""
    return await asking.versions(shop.url, shop.host, headers)


async def rules(shop: Shop) -> list[str]:
    """Names of the http routes, in their order."""
    return [rule.get("name", "") for rule in (await shop.route())["spec"]["http"]]


async def test_requests_with_a_header_reach_the_canary_before_it_has_any_weight(
    open_shop: OpenShop,
) -> None:
    """I5: when the step is over every such request does, and no other; gone when all is moved."""
    steps = [BETA, {"pause": {}}, {"setHeaderRoute": {"name": "beta"}}, {"setWeight": 50}]
    shop = await open_shop(steps=steps, canary=ROUTED)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", step=1, weight=0)
        assert await answers(shop, **{"x-beta": "yes"}) == {"v2": 20}
        assert await answers(shop, **{"x-beta": "no"}) == {"v1": 20}
        assert await answers(shop) == {"v1": 20}
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
        assert await rules(shop) == ["primary"]
    assert load.failed() == ()


async def test_an_abort_takes_the_header_route_back_with_the_weight(open_shop: OpenShop) -> None:
    """I3: one write, and who has the header reaches stable."""
    shop = await open_shop(steps=[{"setWeight": 25}, BETA, {"pause": {}}], canary=ROUTED)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", step=2, weight=25)
        assert await rules(shop) == ["beta", "primary"]
        await shop.edit_status(abort=True)
        await shop.until(phase="Degraded", weight=0)
        assert await answers(shop, **{"x-beta": "yes"}) == {"v1": 20}
        assert await rules(shop) == ["primary"]
    assert load.failed() == ()


async def test_a_mirror_sends_copies_whose_answers_nobody_gets(open_shop: OpenShop) -> None:
    """A canary that fails every request gets them all, and no user sees one."""
    copy = {
        "setMirrorRoute": {
            "name": "copy",
            "percentage": 100,
            "match": [{"method": {"exact": "GET"}, "path": {"prefix": "/"}}],
        }
    }
    shop = await open_shop(steps=[copy, {"pause": {}}], canary=ROUTED)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2", error_rate=1.0)
        status = await shop.until(phase="Paused", step=1, weight=0)
        canary = status["currentPodHash"]

        async def has_copies() -> bool:
            found = await shop.lab.query(
                f'sum(http_requests_total{{namespace="{shop.namespace}",'
                f'rollouts_pod_template_hash="{canary}"}})'
            )
            return bool(found) and float(found[0]["value"][1]) > 50

        await shop.lab.until(has_copies, describe="copies", namespace=shop.namespace)
        await shop.edit_status(abort=True)
        await shop.until(phase="Degraded", weight=0)
        assert await rules(shop) == ["primary"]
    assert load.failed() == ()
    assert load.counts("v2").sent == 0
