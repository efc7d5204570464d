"""A whole operator, and a VirtualService of another namespace that carries the traffic."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from davy.api.group import ApiGroup
from davy.cluster.cache import Json
from davy.cluster.kinds import VIRTUAL_SERVICE
from tests.unit.controller.stage import Stage, manifest, network, playing

ALLOWED_FROM = ApiGroup().allowed_from_annotation
CLAIM = ApiGroup().managed_by_annotation
STEPS: list[Json] = [{"setWeight": 40}, {"pause": {}}]


def elsewhere(stage: Stage, *, allowed: bool = True) -> None:
    """Move the route to namespace edge, where the owner allows shop's rollouts."""
    network(stage.cluster)
    found = stage.cluster.peek(VIRTUAL_SERVICE, "shop", "cart")
    assert found is not None
    stage.cluster.remove(VIRTUAL_SERVICE, "shop", "cart")
    for each in found["spec"]["http"][0]["route"]:
        each["destination"]["host"] = "cart.shop.svc.cluster.local"
    annotations = {ALLOWED_FROM: "pay, shop"} if allowed else {}
    metadata = {"namespace": "edge", "name": "web", "annotations": annotations}
    stage.cluster.put(VIRTUAL_SERVICE, {"metadata": metadata, "spec": found["spec"]})


def a_rollout(version: str = "1") -> Json:
    """Whose route is edge's."""
    made = manifest(version=version, steps=STEPS)
    routing = made["spec"]["strategy"]["canary"]["trafficRouting"]
    routing["istio"]["virtualService"] = {"name": "web.edge"}
    return made


def web(stage: Stage) -> Json:
    """The VirtualService."""
    found = stage.cluster.peek(VIRTUAL_SERVICE, "edge", "web")
    assert found is not None
    return found


def weight(stage: Stage) -> int:
    """The canary's."""
    return int(web(stage)["spec"]["http"][0]["route"][1]["weight"])


def withdraw(stage: Stage) -> None:
    """By the owner of edge."""
    stage.cluster.edit(
        VIRTUAL_SERVICE,
        "edge",
        "web",
        lambda found: found["metadata"]["annotations"].pop(ALLOWED_FROM),
    )


def allow(stage: Stage) -> None:
    """By the owner of edge."""
    stage.cluster.edit(
        VIRTUAL_SERVICE,
        "edge",
        "web",
        lambda found: (
            found["metadata"].setdefault("annotations", {}).update({ALLOWED_FROM: "shop"})
        ),
    )


@asynccontextmanager
async def halfway(**settings: Any) -> AsyncIterator[Stage]:
    """A release that has paused at weight 40."""
    async with playing(**settings) as stage:
        elsewhere(stage)
        stage.apply(a_rollout())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        stage.apply(a_rollout("2"))
        await stage.until(lambda: stage.status().get("phase") == "Paused")
        assert weight(stage) == 40
        yield stage


def abort(stage: Stage) -> None:
    """By hand."""
    stage.cluster.edit(
        stage.operator.kinds.rollout,
        "shop",
        "cart",
        lambda found: found["status"].update(abort=True),
    )


async def test_a_release_goes_through_a_route_of_another_namespace() -> None:
    """Its weight is written there, and the claim is gone with it (I9)."""
    async with halfway(namespaces=("shop", "edge")) as stage:
        assert web(stage)["metadata"]["annotations"][CLAIM] == "shop/cart"
        stage.cluster.edit(
            stage.operator.kinds.rollout,
            "shop",
            "cart",
            lambda found: found["status"].update(promoteFull=True),
        )
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        assert weight(stage) == 0
        assert web(stage)["metadata"]["annotations"] == {ALLOWED_FROM: "pay, shop"}


async def test_a_permission_that_comes_is_heard_of() -> None:
    """The object is watched where it is; until then nothing is written into it."""
    async with playing() as stage:
        elsewhere(stage, allowed=False)
        before = web(stage)["metadata"]["resourceVersion"]
        stage.apply(a_rollout())
        await stage.turn(30)
        assert "doesn't allow rollouts of namespace shop" in stage.status()["message"]
        assert web(stage)["metadata"]["resourceVersion"] == before
        allow(stage)
        await stage.until(lambda: stage.status().get("phase") == "Healthy", within=10)


async def test_a_withdrawn_permission_holds_the_release_and_no_abort() -> None:
    """I3: the weight stays where it was, the status says why, and an abort is written at once."""
    async with halfway() as stage:
        withdraw(stage)
        await stage.turn(5)
        assert weight(stage) == 40
        assert "doesn't allow rollouts of namespace shop any more" in stage.status()["message"]
        abort(stage)
        await stage.turn(1)
        assert weight(stage) == 0
        written = web(stage)["metadata"]["resourceVersion"]
        await stage.turn(60)
        assert sorted(found["spec"]["replicas"] for found in stage.replica_sets()) == [0, 4]
        stage.apply(a_rollout("3"))
        await stage.turn(60)
        assert web(stage)["metadata"]["resourceVersion"] == written


async def test_a_deletion_leads_back_without_permission_too() -> None:
    """I9: and then the Rollout goes."""
    async with halfway() as stage:
        withdraw(stage)
        stage.cluster.remove(stage.operator.kinds.rollout, "shop", "cart")
        await stage.turn(5)
        assert weight(stage) == 0
        assert stage.cluster.peek(stage.operator.kinds.rollout, "shop", "cart") is None


async def test_who_takes_both_annotations_away_keeps_the_traffic() -> None:
    """The owner's last word: nothing is written any more, and a deletion isn't held up."""
    async with halfway() as stage:
        stage.cluster.edit(
            VIRTUAL_SERVICE, "edge", "web", lambda found: found["metadata"].pop("annotations")
        )
        before = web(stage)["metadata"]["resourceVersion"]
        abort(stage)
        await stage.turn(60)
        assert web(stage)["metadata"]["resourceVersion"] == before
        assert "doesn't exist or doesn't allow" in stage.status()["message"]
        allow(stage)
        await stage.until(lambda: weight(stage) == 0, within=10)


async def test_a_namespace_that_is_not_served_is_named() -> None:
    """Nothing is watched there, so nothing is said of what is there."""
    async with playing(namespaces=("shop",)) as stage:
        elsewhere(stage)
        stage.apply(a_rollout())
        await stage.turn(5)
        assert (
            "VirtualService edge/web lies in a namespace that this Davy doesn't serve; its "
            "administrator adds edge to --namespace."
        ) in stage.status()["message"]
