"""Istio: what is read from a VirtualService and a DestinationRule, and what is written."""

import pytest

from davy.api.errors import InvalidObject
from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.traffic.base import Json, NotYet, RouteState, Unknown
from davy.traffic.istio import IstioRouter
from tests.unit.traffic.routes import (
    CANARY,
    DESTINATION_RULE,
    MANAGED_BY,
    STABLE,
    VIRTUAL_SERVICE,
    Cluster,
    PatchRefused,
    a_cluster,
    a_destination_rule,
    a_service,
    a_virtual_service,
    an_http_route_of_istio,
    applied,
    by_http_routes,
    by_services,
    by_subsets,
    to_host,
    to_subset,
    without,
)

ROUTER = IstioRouter()


def a_split(stable: int | None, canary: int | None, name: str | None = None) -> Json:
    """An http route between the two Services."""
    return an_http_route_of_istio(
        name, to_host("cart-stable", stable), to_host("cart-canary", canary)
    )


def a_split_of_subsets(stable: int, canary: int, name: str | None = None) -> Json:
    """An http route between the two subsets."""
    return an_http_route_of_istio(name, to_subset("stable", stable), to_subset("canary", canary))


def weights_of(objects: Cluster) -> list[list[int | None]]:
    """The written weights of each http route."""
    routes = objects[VIRTUAL_SERVICE]["spec"]["http"]
    return [[found.get("weight") for found in route["route"]] for route in routes]


def test_the_objects_are_those_that_the_rollout_names() -> None:
    """The controller watches exactly these."""
    assert ROUTER.objects(by_services()) == (VIRTUAL_SERVICE, STABLE, CANARY)
    assert ROUTER.objects(by_subsets()) == (VIRTUAL_SERVICE, DESTINATION_RULE)


def test_a_virtual_service_that_another_delegates_to_is_weighted_as_any_other() -> None:
    """It has no hosts and no gateways: the root has them, and stays as it is."""
    delegate = a_virtual_service(a_split(100, 0))
    for field in ("hosts", "gateways"):
        delegate["spec"].pop(field, None)
    objects = a_cluster(delegate, a_service("cart-stable"), a_service("cart-canary"))
    state = ROUTER.read(by_services(), objects)
    assert (state.canary_weight, state.problems) == (0, ())
    after = applied(objects, ROUTER.weights(by_services(), objects, 40))
    assert weights_of(after) == [[60, 40]]
    assert "hosts" not in after[VIRTUAL_SERVICE]["spec"]


def test_a_split_between_services_is_read() -> None:
    """Weight, hashes, and that Istio has no answer."""
    objects = a_cluster(
        a_virtual_service(a_split(90, 10)),
        a_service("cart-stable", "old"),
        a_service("cart-canary", "new"),
    )
    assert ROUTER.read(by_services(), objects) == RouteState(
        canary_weight=10,
        stable_hash="old",
        canary_hash="new",
        verification=Unknown("Istio doesn't report which weights its proxies took"),
        part_weight=10,
    )


def test_a_split_between_subsets_is_read() -> None:
    """The subsets' labels hold the hashes."""
    objects = a_cluster(
        a_virtual_service(a_split_of_subsets(60, 40)), a_destination_rule("old", "new")
    )
    state = ROUTER.read(by_subsets(), objects)
    assert (state.canary_weight, state.stable_hash, state.canary_hash) == (40, "old", "new")
    assert state.problems == ()


@pytest.mark.parametrize(
    "host",
    [
        "cart-canary",
        "cart-canary.shop",
        "cart-canary.shop.svc",
        "cart-canary.shop.svc.cluster.local",
        "cart-canary.shop.svc.example.internal",
    ],
)
def test_a_service_s_host_is_known_in_every_spelling(host: str) -> None:
    """Short names lie in the VirtualService's namespace."""
    route = an_http_route_of_istio(None, to_host("cart-stable", 75), to_host(host, 25))
    state = ROUTER.read(by_services(), a_cluster(a_virtual_service(route)))
    assert (state.canary_weight, state.problems) == (25, ())


@pytest.mark.parametrize(
    "host",
    [
        "cart-canary.bank",
        "cart-canary.bank.svc.cluster.local",
        "cart-canary.example.com",
        "cart-canary.shop.example.com",
    ],
)
def test_a_host_elsewhere_is_another_host(host: str) -> None:
    """A Service of that name in another namespace isn't the rollout's."""
    route = an_http_route_of_istio(None, to_host("cart-stable", 75), to_host(host, 25))
    state = ROUTER.read(by_services(), a_cluster(a_virtual_service(route)))
    assert state.canary_weight is None
    assert [problem.message for problem in state.problems] == [
        (
            "http route http[0] (without a name) of VirtualService shop/cart has no destination "
            f"for canary (host cart-canary); it has: host cart-stable, host {host}."
        ),
        (
            "http route http[0] (without a name) of VirtualService shop/cart has a destination "
            f"that is neither host cart-stable nor host cart-canary: host {host}; remove it."
        ),
    ]


def test_only_the_two_weights_are_written() -> None:
    """I1, I9: both weights in one patch; the user's regex and time-outs stay."""
    before = a_cluster(a_virtual_service(a_split(100, 0)))
    after = applied(before, ROUTER.weights(by_services(), before, 10))
    assert after == a_cluster(a_virtual_service(a_split(90, 10)))
    assert ROUTER.weights(by_services(), after, 10) == ()


def test_absent_weights_are_added() -> None:
    """I1: a route that a user wrote without weights gets both."""
    before = a_cluster(a_virtual_service(a_split(None, None)))
    state = ROUTER.read(by_services(), before)
    assert (state.canary_weight, state.uneven, state.problems) == (0, True, ())
    after = applied(before, ROUTER.weights(by_services(), before, 0))
    assert after == a_cluster(a_virtual_service(a_split(100, 0)))


def test_an_absent_weight_is_zero() -> None:
    """Istio: beside another destination, no weight is no traffic."""
    objects = a_cluster(a_virtual_service(a_split(100, None)))
    state = ROUTER.read(by_services(), objects)
    assert (state.canary_weight, state.uneven, state.problems) == (0, False, ())


@pytest.mark.parametrize("weight", [None, 0, 1])
def test_a_lone_destination_has_all_the_traffic(weight: int | None) -> None:
    """I4: Istio doesn't look at its weight; a lone canary is never said to have none."""
    route = an_http_route_of_istio(None, to_host("cart-canary", weight))
    state = ROUTER.read(by_services(), a_cluster(a_virtual_service(route)))
    assert state.canary_weight == 100
    assert [problem.message for problem in state.problems] == [
        (
            "http route http[0] (without a name) of VirtualService shop/cart has no destination "
            "for stable (host cart-stable); it has: host cart-canary."
        )
    ]


def test_a_destination_added_meanwhile_fails_the_patch() -> None:
    """I1: with a third weight the sum wouldn't be 100."""
    seen = a_cluster(a_virtual_service(a_split(100, 0)))
    patches = ROUTER.weights(by_services(), seen, 10)
    now = a_cluster(a_virtual_service(a_split(100, 0)))
    now[VIRTUAL_SERVICE]["spec"]["http"][0]["route"].append(to_host("legacy", 10))
    now[VIRTUAL_SERVICE]["metadata"]["generation"] += 1
    with pytest.raises(PatchRefused):
        applied(now, patches)


def test_only_the_named_routes_are_written() -> None:
    """I9: another route to both services is the user's own."""
    before = a_cluster(
        a_virtual_service(a_split(50, 50, "beta"), a_split(100, 0, "api"), a_split(100, 0, "web"))
    )
    after = applied(before, ROUTER.weights(by_services("api", "web"), before, 25))
    assert weights_of(after) == [[50, 50], [75, 25], [75, 25]]


def test_routes_that_disagree_are_read_as_the_highest_and_repaired() -> None:
    """I4, I5: the canary has traffic while one route sends it some; no weight is reached."""
    before = a_cluster(a_virtual_service(a_split(100, 0, "api"), a_split(70, 30, "web")))
    rollout = by_services("api", "web")
    state = ROUTER.read(rollout, before)
    assert (state.canary_weight, state.uneven) == (30, True)
    assert state.verification == NotYet(
        "not every rule gives the canary exactly 30: 0 of 100, 30 of 100"
    )
    after = applied(before, ROUTER.weights(rollout, before, 30))
    assert weights_of(after) == [[70, 30], [70, 30]]


def test_an_abort_is_written_though_the_route_has_become_ambiguous() -> None:
    """I3: a second route added in the middle of an update doesn't keep the canary's traffic."""
    objects = a_cluster(a_virtual_service(a_split(50, 50), a_split(50, 50)))
    assert ROUTER.weights(by_services(), objects, 60) == ()
    after = applied(objects, ROUTER.weights(by_services(), objects, 0))
    assert weights_of(after) == [[100, 0], [100, 0]]


def test_an_abort_is_written_beside_a_third_destination() -> None:
    """I3, I9: the canary's weight goes to stable, the third's stays, the sum stays."""
    route = an_http_route_of_istio(
        None, to_host("cart-stable", 60), to_host("legacy", 10), to_host("cart-canary", 30)
    )
    objects = a_cluster(a_virtual_service(route))
    assert ROUTER.weights(by_services(), objects, 50) == ()
    after = applied(objects, ROUTER.weights(by_services(), objects, 0))
    assert weights_of(after) == [[90, 10, 0]]


def test_an_abort_is_written_though_services_and_destination_rule_are_gone() -> None:
    """I3: who the pods are doesn't matter for the way back."""
    objects = a_cluster(a_virtual_service(a_split_of_subsets(50, 50)))
    after = applied(objects, ROUTER.weights(by_subsets(), objects, 0))
    assert weights_of(after) == [[100, 0]]


def test_a_missing_virtual_service_is_written_nothing() -> None:
    """Nothing can be patched; the problem says so."""
    assert ROUTER.weights(by_services(), a_cluster(), 0) == ()


def test_a_subset_is_narrowed_by_its_hash_alone() -> None:
    """I9: the subset's other labels and policy, and the other subset, stay."""
    before = a_cluster(a_virtual_service(a_split_of_subsets(100, 0)), a_destination_rule("old"))
    after = applied(before, ROUTER.target(by_subsets(), before, "canary", "new"))
    expected = a_destination_rule("old", "new")
    expected["metadata"]["annotations"] = {MANAGED_BY: "cart"}
    assert after == {**before, DESTINATION_RULE: expected}
    assert ROUTER.target(by_subsets(), after, "canary", "new") == ()


def test_a_subset_without_labels_is_narrowed_too() -> None:
    """The label map is added with the hash."""
    rule = a_destination_rule()
    del rule["spec"]["subsets"][1]["labels"]
    before = a_cluster(a_virtual_service(a_split_of_subsets(100, 0)), rule)
    after = applied(before, ROUTER.target(by_subsets(), before, "canary", "new"))
    labels = after[DESTINATION_RULE]["spec"]["subsets"][1]["labels"]
    assert labels == {POD_TEMPLATE_HASH_LABEL: "new"}


def test_beside_subsets_named_services_are_narrowed_too() -> None:
    """A role's Service is its own in every mode; the role has one hash when both agree."""
    rollout = by_subsets(canaryService="cart-canary")
    before = a_cluster(a_virtual_service(a_split_of_subsets(100, 0)), a_destination_rule())
    patches = ROUTER.target(rollout, before, "canary", "new")
    assert [patch.key for patch in patches] == [DESTINATION_RULE, CANARY]
    half = applied(before, patches[:1])
    both = applied(before, patches)
    assert ROUTER.read(rollout, half).canary_hash is None
    assert ROUTER.read(rollout, both).canary_hash == "new"


def with_messages(*levels: object, observed: object = 7) -> Json:
    """A VirtualService that Istio's analysers wrote messages to."""
    link = "https://istio.io/v/ist0101"
    messages = [
        {"level": level, "type": {"code": "IST0101", "name": "NotFound"}, "documentationUrl": link}
        for level in levels
    ]
    found = a_virtual_service(a_split(100, 0))
    found["status"] = {"observedGeneration": observed, "validationMessages": messages}
    return found


@pytest.mark.parametrize("level", ["ERROR", 3])
@pytest.mark.parametrize("observed", [7, "7", 0, None], ids=repr)
def test_an_error_of_istio_s_analysers_is_not_yet(level: object, observed: object) -> None:
    """I5: the mesh said that something is wrong with what is written."""
    objects = a_cluster(with_messages("WARNING", level, observed=observed))
    assert ROUTER.read(by_services(), objects).verification == NotYet(
        "VirtualService shop/cart: Istio reports IST0101 NotFound https://istio.io/v/ist0101"
    )


@pytest.mark.parametrize(
    "found",
    [with_messages("WARNING", "INFO"), with_messages("ERROR", observed="6"), with_messages()],
    ids=["warnings", "an older spec", "none"],
)
def test_without_an_error_istio_s_answer_is_unknown(found: Json) -> None:
    """Silence is no proof."""
    state = ROUTER.read(by_services(), a_cluster(found))
    assert isinstance(state.verification, Unknown)


def test_an_unreadable_weight_is_not_yet() -> None:
    """I4: nothing is drained on a weight that nobody can read."""
    state = ROUTER.read(by_services(), without(a_cluster(), VIRTUAL_SERVICE))
    assert state.verification == NotYet(
        "the weight can't be read: VirtualService shop/cart doesn't exist; create it, with an "
        "http route to host cart-stable and host cart-canary."
    )


def test_the_router_refuses_a_rollout_of_another_router() -> None:
    """A mistake of the caller, said with its path."""
    with pytest.raises(InvalidObject, match="istio: isn't set; the Istio router needs it"):
        ROUTER.objects(by_http_routes())
