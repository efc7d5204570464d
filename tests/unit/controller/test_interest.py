"""Which keys an object concerns: the workload that a Rollout names, once the Rollout is known."""

from typing import Any

import pytest

from davy.api.group import ApiGroup
from davy.cluster.cache import Cache, Json
from davy.cluster.kinds import DEPLOYMENT, POD_TEMPLATE, SERVICE, Kind, Kinds
from davy.controller.interest import Interest
from davy.controller.queue import Key

KINDS = Kinds(ApiGroup())
CART = Key("shop", "Rollout", "cart")


def referring(ref: Any, name: str = "cart") -> Json:
    return {"metadata": {"namespace": "shop", "name": name}, "spec": {"workloadRef": ref}}


def a_deployment(name: str) -> Json:
    return {"metadata": {"namespace": "shop", "name": name}}


def an_interest() -> tuple[Interest, list[Kind]]:
    needed: list[Kind] = []
    return Interest(KINDS, Cache(), needed.append), needed


def test_a_workload_concerns_the_rollout_that_names_it() -> None:
    """And as long as it does: another name, another kind, no Rollout."""
    interest, needed = an_interest()
    interest.follow(referring({"kind": "Deployment", "name": "web"}), there=True)
    assert [*interest.keys(DEPLOYMENT, a_deployment("web"))] == [CART]
    assert not interest.keeps(DEPLOYMENT, a_deployment("other"))
    interest.refer(CART, [(SERVICE, "shop", "web")])
    interest.refer(CART, [])
    assert interest.keeps(DEPLOYMENT, a_deployment("web")), "passes know of other references"
    interest.follow(referring({"kind": "PodTemplate", "name": "web"}), there=True)
    assert not interest.keeps(DEPLOYMENT, a_deployment("web"))
    assert interest.keeps(POD_TEMPLATE, a_deployment("web"))
    interest.follow(referring({"kind": "PodTemplate", "name": "web"}), there=False)
    assert not interest.keeps(POD_TEMPLATE, a_deployment("web"))
    assert needed == [DEPLOYMENT, POD_TEMPLATE]


def test_two_rollouts_may_name_one() -> None:
    """It is kept until neither does."""
    interest, needed = an_interest()
    ref = {"kind": "Deployment", "name": "web"}
    interest.follow(referring(ref), there=True)
    interest.follow(referring(ref, "pay"), there=True)
    interest.follow(referring(None), there=True)
    assert [*interest.keys(DEPLOYMENT, a_deployment("web"))] == [Key("shop", "Rollout", "pay")]
    assert needed == [DEPLOYMENT, DEPLOYMENT]


@pytest.mark.parametrize(
    "ref",
    [None, 3, [], {}, {"kind": ["Deployment"], "name": "web"}, {"kind": "Deployment", "name": 3},
     {"kind": "StatefulSet", "name": "web"}],
    ids=str,
)  # fmt: skip
def test_a_strange_reference_is_none(ref: Any) -> None:
    """Under another tool's CRD anything may be stored."""
    interest, needed = an_interest()
    interest.follow(referring(ref), there=True)
    interest.follow({"metadata": {"namespace": "shop", "name": "cart"}, "spec": ref}, there=True)
    assert needed == []


def test_what_isnt_a_workload_is_kept() -> None:
    """Kinds that are watched as a whole."""
    interest, _ = an_interest()
    assert interest.keeps(SERVICE, a_deployment("any"))
