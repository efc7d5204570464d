"""Traefik: what is read from a TraefikService, and what is written."""

import pytest

from davy.traffic.base import Json, RouteState, Unknown
from davy.traffic.traefik import TraefikRouter
from tests.unit.traffic.routes import (
    CANARY,
    STABLE,
    TRAEFIK_SERVICE,
    Cluster,
    PatchRefused,
    a_backend,
    a_cluster,
    a_service,
    a_traefik_service,
    applied,
    by_traefik_service,
    without,
)

ROUTER = TraefikRouter()
ROLLOUT = by_traefik_service()
NAME = "spec.strategy.canary.trafficRouting.traefik.weightedTraefikServiceName"
BOTH = (a_backend("cart-stable", 90), a_backend("cart-canary", 10))


def weights_of(objects: Cluster) -> list[int | None]:
    services = objects[TRAEFIK_SERVICE]["spec"]["weighted"]["services"]
    return [each.get("weight") for each in services]


def test_the_objects_are_the_traefik_service_and_the_services() -> None:
    """The controller watches exactly these."""
    assert ROUTER.objects(ROLLOUT) == (TRAEFIK_SERVICE, STABLE, CANARY)


def test_a_split_is_read() -> None:
    """Weight and hashes; Traefik reports nothing."""
    objects = a_cluster(
        a_traefik_service(*BOTH), a_service("cart-stable", "old"), a_service("cart-canary", "new")
    )
    assert ROUTER.read(ROLLOUT, objects) == RouteState(
        canary_weight=10,
        stable_hash="old",
        canary_hash="new",
        verification=Unknown("Traefik doesn't report which weights it took"),
        part_weight=10,
    )


@pytest.mark.parametrize(
    ("stable", "canary", "weight", "uneven"),
    [(None, None, 50, False), (9, 1, 10, False), (2, None, 34, True), (1, 0, 0, False)],
)
def test_any_scale_is_read_and_then_normalised(
    stable: int | None,
    canary: int | None,
    weight: int,
    uneven: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """I1: a weight is a share of the sum, 1 when absent; what Davy writes sums to 100."""
    services = (a_backend("cart-stable", stable), a_backend("cart-canary", canary))
    before = a_cluster(a_traefik_service(*services))
    state = ROUTER.read(ROLLOUT, before)
    assert (state.canary_weight, state.uneven, state.problems) == (weight, uneven, ())
    after = applied(before, ROUTER.weights(ROLLOUT, before, weight))
    assert weights_of(after) == [100 - weight, weight]


def test_a_patch_fails_when_the_spec_changed_meanwhile() -> None:
    """I9: the generation is tested, so that a service added meanwhile isn't forgotten."""
    before = a_cluster(a_traefik_service(*BOTH))
    patches = ROUTER.weights(ROLLOUT, before, 50)
    changed = a_traefik_service(*BOTH)
    changed["metadata"]["generation"] = 8
    with pytest.raises(PatchRefused):
        applied(a_cluster(changed), patches)


@pytest.mark.parametrize(
    ("service", "weight", "sentence"),
    [
        (None, None, "TraefikService shop/cart doesn't exist; create it, with cart-stable and"),
        (
            {"spec": {"mirroring": {"name": "cart-stable"}}},
            None,
            "TraefikService shop/cart isn't weighted; give it spec.weighted.services with",
        ),
        (a_traefik_service(), None, "has no destination for stable; its services must be"),
        (
            a_traefik_service(a_backend("cart-stable")),
            0,
            "has no destination for canary; its services must be cart-stable and",
        ),
        (
            a_traefik_service(*BOTH, a_backend("images", 5)),
            10,
            "has another backend beside cart-stable and cart-canary: images; remove it.",
        ),
        (
            a_traefik_service(*BOTH, a_backend("cart-canary", 0)),
            10,
            "refers to the canary Service 2 times; leave one service.",
        ),
        (
            a_traefik_service(a_backend("cart-stable"), a_backend("cart-canary", -1)),
            None,
            "has a weight that isn't a whole number from 0 (services[1]); write 0.",
        ),
        (
            a_traefik_service(BOTH[0], a_backend("cart-canary", 10, kind="TraefikService")),
            None,
            "has no destination for canary",
        ),
        (
            a_traefik_service(BOTH[0], a_backend("cart-canary", 10, namespace="other")),
            None,
            "has no destination for canary",
        ),
    ],
    ids=[
        "missing",
        "mirroring",
        "empty",
        "no canary",
        "a third",
        "twice",
        "malformed",
        "another kind",
        "another namespace",
    ],
)
def test_what_cannot_be_split_is_told(
    service: Json | None, weight: int | None, sentence: str
) -> None:
    """The finding is at the field that names the TraefikService; nothing above 0 is written."""
    objects = a_cluster()
    if service is not None:
        objects[TRAEFIK_SERVICE] = {**a_traefik_service(), **service}
    state = ROUTER.read(ROLLOUT, objects)
    assert state.canary_weight == weight
    assert {problem.path for problem in state.problems} == {NAME}
    assert sentence in " ".join(problem.message for problem in state.problems)
    assert ROUTER.weights(ROLLOUT, objects, 50) == ()


def test_an_abort_beside_a_third_service_gives_the_weight_to_stable() -> None:
    """I3: the user's own third destination keeps its share."""
    before = a_cluster(a_traefik_service(*BOTH, a_backend("images", 5)))
    after = applied(before, ROUTER.weights(ROLLOUT, before, 0))
    assert weights_of(after) == [100, 0, 5]


def test_services_are_narrowed_as_for_other_routers() -> None:
    """The same patch of the Service's selector, and the same findings."""
    objects = a_cluster(a_traefik_service(*BOTH))
    (patch,) = ROUTER.target(ROLLOUT, objects, "stable", "6fd9")
    assert patch.key == STABLE
    state = ROUTER.read(ROLLOUT, without(objects, STABLE))
    assert "Service shop/cart-stable doesn't exist" in state.problems[0].message
