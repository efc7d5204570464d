"""Gateway API: whether every parent took the newest generation (I5)."""

from typing import Any

import pytest

from davy.traffic.base import Json, NotYet, ObjectKey, Verified
from davy.traffic.gateway_api_status import verification

KEY = ObjectKey("gateway.networking.k8s.io", "HTTPRoute", "shop", "cart")
GATEWAY = {"name": "web", "namespace": "infra"}


def a_condition(kind: str, status: str = "True", generation: int | None = 7) -> Json:
    """A condition as a controller writes it."""
    found: Json = {"type": kind, "status": status, "reason": "Because", "message": "of this"}
    return found if generation is None else {**found, "observedGeneration": generation}


TAKEN = (a_condition("Accepted"), a_condition("ResolvedRefs"))


def an_entry(parent: Json, *conditions: Json) -> Json:
    """What one controller says of one parent."""
    return {"parentRef": parent, "controllerName": "example.com/x", "conditions": [*conditions]}


def a_route(parents: list[Json], *entries: Json, generation: Any = 7) -> Json:
    """An HTTPRoute with these parents and answers."""
    return {
        "metadata": {"generation": generation},
        "spec": {"parentRefs": parents},
        "status": {"parents": [*entries]},
    }


SERVICE = {"group": "", "kind": "Service", "name": "cart", "port": 80}
LISTENER = {**GATEWAY, "sectionName": "https"}

TOOK = {
    "one parent": a_route([GATEWAY], an_entry(GATEWAY, *TAKEN)),
    "defaults spelled out in the status": a_route(
        [{"name": "web"}],
        an_entry(
            {
                "group": "gateway.networking.k8s.io",
                "kind": "Gateway",
                "namespace": "shop",
                "name": "web",
            },
            *TAKEN,
        ),
    ),
    "nulls in the reference": a_route(
        [{**GATEWAY, "sectionName": None, "port": None}], an_entry(GATEWAY, *TAKEN)
    ),
    "a mesh's Service": a_route([SERVICE], an_entry({**SERVICE, "namespace": "shop"}, *TAKEN)),
    "several parents": a_route(
        [GATEWAY, SERVICE], an_entry(SERVICE, *TAKEN), an_entry(GATEWAY, *TAKEN)
    ),
    "two controllers, one took it": a_route(
        [GATEWAY], an_entry(GATEWAY, a_condition("Accepted", "False")), an_entry(GATEWAY, *TAKEN)
    ),
    "a newer generation": a_route(
        [GATEWAY],
        an_entry(
            GATEWAY, *(a_condition(kind, generation=8) for kind in ("Accepted", "ResolvedRefs"))
        ),
    ),
    "not partially invalid": a_route(
        [GATEWAY], an_entry(GATEWAY, *TAKEN, a_condition("PartiallyInvalid", "False"))
    ),
}


@pytest.mark.parametrize("route", TOOK.values(), ids=TOOK)
def test_a_route_that_every_parent_took_is_verified(route: Json) -> None:
    """Accepted and ResolvedRefs are true, of this generation, for each parent."""
    assert isinstance(verification(KEY, route), Verified)


def test_the_answer_names_generation_and_parents() -> None:
    """For people."""
    assert verification(KEY, TOOK["several parents"]) == Verified(
        "HTTPRoute shop/cart: generation 7 is accepted by Gateway infra/web, Service shop/cart "
        "port 80"
    )


LACKING = {
    "no status": (
        {"metadata": {"generation": 7}, "spec": {"parentRefs": [GATEWAY]}},
        "HTTPRoute shop/cart: Gateway infra/web: no controller has reported on it",
    ),
    "another parent's answer": (
        a_route([GATEWAY], an_entry({**GATEWAY, "namespace": "shop"}, *TAKEN)),
        "HTTPRoute shop/cart: Gateway infra/web: no controller has reported on it",
    ),
    "another listener's answer": (
        a_route([LISTENER], an_entry({**GATEWAY, "sectionName": "http"}, *TAKEN)),
        "HTTPRoute shop/cart: Gateway infra/web listener https: no controller has reported on it",
    ),
    "another port's answer": (
        a_route([SERVICE], an_entry({**SERVICE, "port": 81}, *TAKEN)),
        "HTTPRoute shop/cart: Service shop/cart port 80: no controller has reported on it",
    ),
    "the second parent": (
        a_route([GATEWAY, SERVICE], an_entry(GATEWAY, *TAKEN)),
        "HTTPRoute shop/cart: Service shop/cart port 80: no controller has reported on it",
    ),
    "not accepted": (
        a_route([GATEWAY], an_entry(GATEWAY, a_condition("Accepted", "False"), TAKEN[1])),
        "HTTPRoute shop/cart: Gateway infra/web: Accepted is False (Because: of this)",
    ),
    "a missing backend": (
        a_route([GATEWAY], an_entry(GATEWAY, TAKEN[0], a_condition("ResolvedRefs", "False"))),
        "HTTPRoute shop/cart: Gateway infra/web: ResolvedRefs is False (Because: of this)",
    ),
    "no ResolvedRefs": (
        a_route([GATEWAY], an_entry(GATEWAY, TAKEN[0])),
        "HTTPRoute shop/cart: Gateway infra/web: ResolvedRefs isn't reported",
    ),
    "an older generation": (
        a_route([GATEWAY], an_entry(GATEWAY, a_condition("Accepted", generation=6), TAKEN[1])),
        (
            "HTTPRoute shop/cart: Gateway infra/web: Accepted is reported for generation 6, the "
            "spec is at 7"
        ),
    ),
    "one older generation": (
        a_route([GATEWAY], an_entry(GATEWAY, TAKEN[0], a_condition("ResolvedRefs", generation=6))),
        (
            "HTTPRoute shop/cart: Gateway infra/web: ResolvedRefs is reported for generation 6, "
            "the spec is at 7"
        ),
    ),
    "no observed generation": (
        a_route([GATEWAY], an_entry(GATEWAY, a_condition("Accepted", generation=None), TAKEN[1])),
        (
            "HTTPRoute shop/cart: Gateway infra/web: Accepted is reported for no generation, the "
            "spec is at 7"
        ),
    ),
    "partially invalid": (
        a_route([GATEWAY], an_entry(GATEWAY, *TAKEN, a_condition("PartiallyInvalid"))),
        "HTTPRoute shop/cart: Gateway infra/web: PartiallyInvalid is True (Because: of this)",
    ),
    "partially invalid, long ago": (
        a_route(
            [GATEWAY], an_entry(GATEWAY, *TAKEN, a_condition("PartiallyInvalid", generation=3))
        ),
        "HTTPRoute shop/cart: Gateway infra/web: PartiallyInvalid is True (Because: of this)",
    ),
    "no parents": (a_route([]), "HTTPRoute shop/cart has no parentRefs"),
    "no generation": (
        a_route([GATEWAY], an_entry(GATEWAY, *TAKEN), generation=None),
        "HTTPRoute shop/cart has no metadata.generation",
    ),
}


@pytest.mark.parametrize(("route", "why"), LACKING.values(), ids=LACKING)
def test_what_a_parent_lacks_is_said(route: Json, why: str) -> None:
    """I5, I10: not yet, with the parent, the condition, the reason and the message."""
    assert verification(KEY, route) == NotYet(why)
