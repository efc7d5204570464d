"""The roles' Services: how they are narrowed, and what keeps them from it."""

import pytest

from davy.api.group import ARGO, POD_TEMPLATE_HASH_LABEL, ApiGroup
from davy.traffic import services
from davy.traffic.base import Json
from tests.unit.traffic.routes import (
    CANARY,
    MANAGED_BY,
    STABLE,
    a_cluster,
    a_rollout,
    a_service,
    applied,
    by_services,
    without,
)

ROUTING: Json = {"istio": {"virtualService": {"name": "cart"}}}


def test_narrowing_writes_the_hash_and_the_claim_and_nothing_else() -> None:
    """I9: the user's selector, ports and annotations stay."""
    before = a_cluster()
    after = applied(before, services.target(by_services(), before, "canary", "abc"))
    expected = a_service("cart-canary")
    expected["spec"]["selector"][POD_TEMPLATE_HASH_LABEL] = "abc"
    expected["metadata"]["annotations"][MANAGED_BY] = "cart"
    assert after == {**before, CANARY: expected}


def test_a_narrowed_service_is_left_alone() -> None:
    """Nothing is sent when nothing changes."""
    objects = a_cluster(a_service("cart-canary", "abc"))
    assert services.target(by_services(), objects, "canary", "abc") == ()


def test_an_opened_service_is_as_it_was_before() -> None:
    """I9: hash and claim go, each tested; nothing else does, and nothing is sent twice."""
    before = a_cluster()
    narrowed = applied(before, services.target(by_services(), before, "canary", "abc"))
    [made] = services.target(by_services(), narrowed, "canary", None)
    assert [operation["op"] for operation in made.operations] == [
        "test",
        "test",
        "remove",
        "remove",
    ]
    after = applied(narrowed, [made])
    assert after == before
    assert services.target(by_services(), after, "canary", None) == ()


def test_a_service_is_opened_whatever_it_selects() -> None:
    """A Rollout that goes must not wait for a label; but another rollout's Service is its own."""
    service = a_service("cart-canary", "abc")
    service["spec"]["selector"]["tier"] = "gone"
    [made] = services.target(by_services(), a_cluster(service), "canary", None)
    assert made.operations[-1]["op"] == "remove"
    service["metadata"]["annotations"][MANAGED_BY] = "other"
    assert services.target(by_services(), a_cluster(service), "canary", None) == ()


def test_a_service_is_narrowed_to_the_next_revision_by_one_leaf() -> None:
    """The claim is there already; the hash alone is tested and replaced."""
    objects = a_cluster(a_service("cart-canary", "abc"))
    [made] = services.target(by_services(), objects, "canary", "def")
    path = f"/spec/selector/{POD_TEMPLATE_HASH_LABEL}"
    assert made.operations == (
        {"op": "test", "path": path, "value": "abc"},
        {"op": "replace", "path": path, "value": "def"},
    )


def test_the_claim_has_the_group_s_name() -> None:
    """Served as argoproj.io, the annotation is Argo's own."""
    rollout = by_services()
    argo = type(rollout)(
        rollout.namespace, rollout.name, rollout.canary, rollout.template_labels, ApiGroup(ARGO)
    )
    objects = a_cluster()
    after = applied(objects, services.target(argo, objects, "stable", "abc"))
    annotations = after[STABLE]["metadata"]["annotations"]
    assert annotations["argo-rollouts.argoproj.io/managed-by-rollouts"] == "cart"


def test_the_hash_of_a_narrowed_service_is_read() -> None:
    """What a Service selects says which revision it sends to."""
    objects = a_cluster(a_service("cart-stable", "abc"))
    read = [services.hash_of(by_services(), objects, role) for role in services.ROLES]
    assert read == ["abc", None]


def of_another_rollout() -> Json:
    """A Service that rollout basket claimed."""
    service = a_service("cart-canary", "abc")
    service["metadata"]["annotations"][MANAGED_BY] = "basket"
    return service


PROBLEMS = {
    "no selector": (
        a_service("cart-canary", selector={}),
        (
            "Service shop/cart-canary has no selector; give it one that finds the pods (app=cart, "
            "tier=web)."
        ),
    ),
    "another type": (
        a_service("cart-canary", type="ExternalName"),
        (
            "Service shop/cart-canary is of type ExternalName; only a Service with a selector can "
            "be narrowed."
        ),
    ),
    "other pods": (
        a_service("cart-canary", selector={"app": "cart", "tier": "db"}),
        (
            "Service shop/cart-canary selects tier=db, but the pod template has app=cart, "
            "tier=web; it would find no pods."
        ),
    ),
    "another rollout": (
        of_another_rollout(),
        (
            "Service shop/cart-canary is managed by rollout basket (annotation "
            "davy.dev/managed-by-rollouts); name another Service, or remove the annotation if that "
            "rollout is gone."
        ),
    ),
}


@pytest.mark.parametrize(("service", "sentence"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_service_that_cannot_be_narrowed_says_why_and_is_not_touched(
    service: Json, sentence: str
) -> None:
    """I9, I10: one sentence, with the path in the rollout; no patch."""
    objects = a_cluster(service)
    [problem] = services.problems(by_services(), objects)
    assert (problem.path, problem.message) == ("spec.strategy.canary.canaryService", sentence)
    assert services.target(by_services(), objects, "canary", "def") == ()


def test_a_missing_service_is_a_problem() -> None:
    """It recovers by itself once the Service is there."""
    objects = without(a_cluster(), STABLE)
    [problem] = services.problems(by_services(), objects)
    assert str(problem) == (
        "spec.strategy.canary.stableService: Service shop/cart-stable doesn't exist; create it, "
        "with a selector that finds the pods (app=cart, tier=web)."
    )
    assert services.target(by_services(), objects, "stable", "abc") == ()


def test_one_service_for_both_roles_is_a_problem() -> None:
    """Narrowed to one revision, it would send nothing to the other."""
    rollout = a_rollout(ROUTING, canaryService="cart-stable")
    [problem] = services.problems(rollout, a_cluster())
    assert problem.message == (
        "Service shop/cart-stable is stableService too; weights need two Services."
    )


def test_roles_without_a_service_are_named() -> None:
    """For a router that splits between Services."""
    rollout = a_rollout(ROUTING, canaryService=None, stableService=None)
    found = services.unnamed(rollout, "weights are split between two Services")
    assert [str(problem) for problem in found] == [
        (
            "spec.strategy.canary.stableService: isn't set; weights are split between two "
            "Services: name the Service of the stable pods."
        ),
        (
            "spec.strategy.canary.canaryService: isn't set; weights are split between two "
            "Services: name the Service of the canary pods."
        ),
    ]
    assert services.keys(rollout) == ()
