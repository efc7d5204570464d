"""Contour: what is read from HTTPProxies, what is written, and when it is verified."""

from typing import Any

import pytest

from davy.traffic.base import Json, NotYet, RouteState, Verified
from davy.traffic.contour import ContourRouter
from tests.unit.traffic.routes import (
    CANARY,
    HTTP_PROXY,
    STABLE,
    Cluster,
    a_backend,
    a_cluster,
    a_proxied,
    a_rollout,
    a_service,
    an_http_proxy,
    applied,
    by_http_proxies,
    without,
)

ROUTER = ContourRouter()
PATH = "spec.strategy.canary.trafficRouting.contour.httpProxies[0]"
MIRROR = a_backend("cart-canary", 10, mirror=True)


def a_split(stable: int | None, canary: int | None, *more: Json, **fields: Any) -> Json:
    """A route between the two Services."""
    both = (a_backend("cart-stable", stable), a_backend("cart-canary", canary))
    return a_proxied(*both, *more, **fields)


def weights_of(objects: Cluster) -> list[list[int | None]]:
    """The written weights of each route."""
    routes = objects[HTTP_PROXY]["spec"]["routes"]
    return [[each.get("weight") for each in route["services"]] for route in routes]


def problems(objects: Cluster) -> dict[str, str]:
    """What is wrong, by path."""
    return {each.path: each.message for each in ROUTER.read(by_http_proxies(), objects).problems}


def test_a_split_is_read_and_written() -> None:
    """Every route with both Services; a preview, another Service and a mirror are the user's."""
    before = a_cluster(
        an_http_proxy(
            a_proxied(a_backend("cart-canary")),
            a_split(90, 10, MIRROR),
            a_proxied(a_backend("cart-stable"), MIRROR),
        ),
        a_service("cart-stable", "old"),
        a_service("cart-canary", "new"),
    )
    assert ROUTER.objects(by_http_proxies()) == (HTTP_PROXY, STABLE, CANARY)
    assert ROUTER.read(by_http_proxies(), before) == RouteState(
        canary_weight=10,
        stable_hash="old",
        canary_hash="new",
        verification=Verified("HTTPProxy shop/cart: generation 7 is valid"),
        part_weight=10,
    )
    after = applied(before, ROUTER.weights(by_http_proxies(), before, 50))
    assert weights_of(after) == [[None], [50, 50, 10], [None, 10]]
    assert ROUTER.weights(by_http_proxies(), after, 50) == ()


@pytest.mark.parametrize(
    ("stable", "canary", "weight"),
    [(None, None, 50), (0, 0, 50), (None, 0, 50), (1, None, 0), (None, 7, 100), (3, 1, 25)],
)
def test_weights_mean_what_contour_takes_them_for(
    stable: int | None, canary: int | None, weight: int
) -> None:
    """I4: none at all is the same for each, an absent one beside others is 0."""
    before = a_cluster(an_http_proxy(a_split(stable, canary)))
    state = ROUTER.read(by_http_proxies(), before)
    assert (state.canary_weight, state.uneven, state.problems) == (weight, False, ())
    after = applied(before, ROUTER.weights(by_http_proxies(), before, 30))
    assert weights_of(after) == [[70, 30]]


def test_argo_s_plugin_names_the_same() -> None:
    """A user of Argo Rollouts keeps the configuration."""
    plugin = {"argoproj-labs/contour": {"httpProxies": ["cart", "edge"]}}
    rollout = a_rollout({"plugins": plugin})
    assert rollout.canary.contour_proxies == {
        name: f'plugins["argoproj-labs/contour"].httpProxies[{index}]'
        for index, name in enumerate(("cart", "edge"))
    }
    assert [key.name for key in ROUTER.objects(rollout)][:2] == ["cart", "edge"]


def test_several_proxies_are_written_and_read_as_one() -> None:
    """I3, I4: the highest weight of all; one that is gone keeps no abort from the others."""
    rollout = by_http_proxies("cart", "edge")
    before = a_cluster(an_http_proxy(a_split(70, 30)), an_http_proxy(a_split(100, 0), name="edge"))
    state = ROUTER.read(rollout, before)
    assert (state.canary_weight, state.uneven) == (30, True)
    half = without(before, *[key for key in before if key.name == "edge"])
    state = ROUTER.read(rollout, half)
    assert (state.canary_weight, state.part_weight) == (None, 30)
    assert weights_of(applied(half, ROUTER.weights(rollout, half, 0))) == [[100, 0]]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({}, "Contour has not reported on it"),
        (
            {"conditions": [{"type": "Valid", "status": "True", "observedGeneration": 6}]},
            "Valid is reported for generation 6, the spec is at 7",
        ),
        (
            {"conditions": [{"type": "Valid", "status": "True"}]},
            "Valid is reported for no generation, the spec is at 7",
        ),
        (
            {
                "conditions": [
                    {
                        "type": "Valid",
                        "status": "False",
                        "observedGeneration": 7,
                        "reason": "ErrorPresent",
                        "message": "at least one error present",
                    }
                ]
            },
            "Valid isn't True (ErrorPresent: at least one error present)",
        ),
    ],
    ids=["silent", "older", "of no generation", "refused"],
)
def test_a_weight_counts_when_contour_took_this_generation(status: Json, why: str) -> None:
    """I5: Valid, and of the spec that is written."""
    proxy = an_http_proxy(a_split(90, 10)) | {"status": status}
    state = ROUTER.read(by_http_proxies(), a_cluster(proxy))
    assert state.verification == NotYet(f"HTTPProxy shop/cart: {why}")


@pytest.mark.parametrize(
    ("proxy", "sentence"),
    [
        (None, "doesn't exist; create it, with a route to cart-stable and cart-canary."),
        (
            an_http_proxy(a_proxied(a_backend("cart-stable", 1), MIRROR)),
            "has no route to both cart-stable and cart-canary; add both to its services.",
        ),
        (
            an_http_proxy(a_split(1, 1), tcpproxy={"services": [a_backend("cart-canary")]}),
            (
                "sends its tcpproxy to the canary Service too, which Davy doesn't weight; remove "
                "it there."
            ),
        ),
    ],
    ids=["absent", "no split", "tcpproxy"],
)
def test_what_is_wrong_is_said_in_one_sentence(proxy: Json | None, sentence: str) -> None:
    """I10: what is, what would be right, and where the rollout names it."""
    objects = a_cluster(proxy) if proxy else a_cluster()
    assert problems(objects) == {PATH: f"HTTPProxy shop/cart {sentence}"}


def test_routes_that_have_no_weight_to_write_are_told() -> None:
    """A third Service, one Service twice, a malformed weight; an abort is written where it can."""
    objects = a_cluster(an_http_proxy(a_split(60, 30, a_backend("basket", 10))))
    assert problems(objects) == {
        PATH: (
            "route 0 of HTTPProxy shop/cart has another backend beside cart-stable and "
            "cart-canary: basket; remove it."
        )
    }
    after = applied(objects, ROUTER.weights(by_http_proxies(), objects, 0))
    assert weights_of(after) == [[90, 0, 10]]
    malformed = a_cluster(an_http_proxy(a_split(60, -1)))
    assert "isn't a whole number from 0 (services[1])" in problems(malformed)[PATH]
    assert ROUTER.read(by_http_proxies(), malformed).canary_weight is None
