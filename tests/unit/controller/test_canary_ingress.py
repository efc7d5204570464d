"""An object that a router makes: created by the operator, owned by the Rollout, gone with it."""

from typing import Any

from davy.cluster.cache import Json
from davy.cluster.kinds import INGRESS, SERVICE
from tests.unit.controller.stage import Stage, manifest, playing
from tests.unit.traffic.ingresses import PREFIX, an_ingress

CANARY = "cart-cart-canary"


def a_rollout(version: str, **nginx: Any) -> Json:
    """`cart` beside the stable Ingress `cart`."""
    made = manifest(version=version, steps=[{"setWeight": 25}, {"pause": {}}])
    made["spec"]["strategy"]["canary"] |= {
        "stableService": "cart-stable",
        "canaryService": "cart-canary",
        "trafficRouting": {"nginx": {"stableIngress": "cart", **nginx}},
    }
    return made


def network(stage: Stage) -> None:
    """The stable Ingress and the two Services."""
    ingress = an_ingress()
    metadata = {"namespace": "shop", "name": "cart"}
    stage.cluster.put(INGRESS, {"metadata": metadata, "spec": ingress["spec"]})
    for role in ("stable", "canary"):
        metadata = {"namespace": "shop", "name": f"cart-{role}"}
        spec = {"selector": {"app": "cart"}, "ports": [{"port": 80}]}
        stage.cluster.put(SERVICE, {"metadata": metadata, "spec": spec})


def canary(stage: Stage) -> Json | None:
    return stage.cluster.peek(INGRESS, "shop", CANARY)


def weight(stage: Stage) -> str | None:
    found = canary(stage)
    if found is None:
        return None
    return str(found["metadata"]["annotations"][f"{PREFIX}/canary-weight"])


async def test_the_canary_ingress_comes_with_the_first_weight_and_goes_with_the_rollout() -> None:
    """I9: made at 25, 0 after the promotion, and a Rollout that is deleted leaves none behind."""
    async with playing() as stage:
        network(stage)
        before = stage.cluster.peek(INGRESS, "shop", "cart")
        stage.apply(a_rollout("1"))
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        assert canary(stage) is None
        stage.apply(a_rollout("2"))
        await stage.until(lambda: weight(stage) == "25")
        made = canary(stage)
        assert made is not None
        (owner,) = made["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Rollout", stage.rollout()["metadata"]["uid"])
        assert owner["controller"] is True
        stage.cluster.remove(stage.operator.kinds.rollout, "shop", "cart")
        weights = [weight(stage)]

        def gone() -> bool:
            weights.append(weight(stage))
            return canary(stage) is None

        await stage.until(gone)
        assert "0" in weights
        assert stage.cluster.peek(INGRESS, "shop", "cart") == before


async def test_a_promotion_leaves_the_canary_ingress_at_0() -> None:
    """An idle rollout writes nothing, and a path that the user adds is followed."""
    async with playing() as stage:
        network(stage)
        stage.apply(a_rollout("1"))
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        stage.apply(a_rollout("2"))
        await stage.until(lambda: stage.status().get("phase") == "Paused")
        kind = stage.operator.kinds.rollout
        await stage.cluster.patch_merge(
            kind, "shop", "cart", {"status": {"promoteFull": True}}, subresource="status"
        )
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        await stage.turn(60)
        assert weight(stage) == "0"
        written = len(stage.cluster.writes)
        await stage.turn(60)
        assert len(stage.cluster.writes) == written

        def moved(found: Json) -> None:
            found["spec"]["rules"][0]["host"] = "new.example.com"

        stage.cluster.edit(INGRESS, "shop", "cart", moved)
        await stage.turn(5)
        made = canary(stage)
        assert made is not None
        assert made["spec"]["rules"][0]["host"] == "new.example.com"
        assert weight(stage) == "0"


async def test_an_ingress_of_that_name_is_not_taken_over() -> None:
    """I9: somebody else's is left alone, and the status says what to do."""
    async with playing() as stage:
        network(stage)
        theirs = {"metadata": {"namespace": "shop", "name": CANARY}, "spec": {"rules": []}}
        stage.cluster.put(INGRESS, theirs)
        before = canary(stage)
        stage.apply(a_rollout("1"))
        await stage.until(lambda: "isn't of Rollout cart" in str(stage.status().get("message")))
        stage.apply(a_rollout("2"))
        await stage.turn(30)
        assert canary(stage) == before
