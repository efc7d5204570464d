"""A router of somebody else's is kept within its contract, whatever it answers."""

import threading
from functools import partial
from typing import Any

import pytest

from davy.api.errors import BrokenPlugIn, Finding
from davy.api.group import ApiGroup
from davy.cluster.kinds import Kind, Kinds
from davy.plugins.calls import Calls
from davy.plugins.contract import RouteKind
from davy.plugins.installed import Installed, PluginKind
from davy.traffic import plugin as traffic_plugin
from davy.traffic.base import (
    NewObject,
    NotYet,
    ObjectKey,
    ObjectPatch,
    RouteState,
    Unknown,
    Verified,
)
from davy.traffic.plugin import PluginRouter
from tests.unit.traffic.routes import a_rollout

OWN = ObjectKey("", "ConfigMap", "shop", "split")
KIND = RouteKind("", "v1", "ConfigMap", "configmaps")
ROLLOUT = a_rollout({"plugins": {"acme/notes": {}}})
ADD = {"op": "add", "path": "/data", "value": {}}


class Answers:
    """A router that answers every question with the same."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def _says(self, *_: object) -> Any:
        return self._answer() if callable(self._answer) else self._answer

    objects = read = weights = target = _says


def a_router(answer: Any, kind: RouteKind = KIND) -> PluginRouter:
    installed = Installed(
        {PluginKind.ROUTER: {"acme/notes": lambda _: Answers(answer)}},
        kinds={"acme/notes": (kind,)},
    )
    return PluginRouter("acme/notes", installed, {}, Calls(most=1, rest=1000))


def a_state(**fields: Any) -> RouteState:
    given: dict[str, Any] = {
        "canary_weight": 5,
        "stable_hash": "a",
        "canary_hash": "b",
        "verification": Unknown(""),
    }
    return RouteState(**(given | fields))


def test_what_is_right_comes_back() -> None:
    """Objects, what is written, patches; problems and words in one line."""
    problem = Finding("spec", "is\nmissing")
    state = a_state(problems=(problem,), verification=NotYet("not\nyet"))
    assert a_router([OWN]).objects(ROLLOUT) == (OWN,)
    assert a_router(state).read(ROLLOUT, {}) == a_state(
        problems=(Finding("spec", "is missing"),), verification=NotYet("not yet")
    )
    patch = ObjectPatch(OWN, (ADD,))
    assert a_router([patch]).weights(ROLLOUT, {}, 5) == (patch,)
    assert a_router([patch]).target(ROLLOUT, {}, "stable", "a") == (patch,)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, "raised TypeError: 'NoneType' object is not iterable"),
        (["split"], "an ObjectKey was expected, it gave a str"),
        ([ObjectKey("", "ConfigMap", "other", "x")], "outside the rollout's namespace"),
        ([ObjectKey("", "Service", "shop", "x")], "of a kind that isn't in its `kinds`"),
        ([OWN] * 65, "it names 65 objects; at most 64"),
    ],
)
def test_objects_that_arent_its_own_are_refused(answer: Any, told: str) -> None:
    """I9: what it doesn't declare, and other namespaces, it never sees."""
    with pytest.raises(BrokenPlugIn, match=told):
        a_router(answer).objects(ROLLOUT)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (5, "a RouteState was expected, it gave a int"),
        (a_state(canary_weight=101), "reads a weight of 101; a whole number from 0 to 100"),
        (a_state(canary_weight=True), "reads a weight of True"),
        (a_state(part_weight="5"), "reads a weight of 5"),
        (a_state(verification=True), "Verified, NotYet or Unknown was expected, it gave a bool"),
        (a_state(problems=["x"]), "a Finding was expected, it gave a str"),
        (a_state(rules=("x",)), "it reports managed routes"),
    ],
)
def test_a_strange_state_is_refused(answer: Any, told: str) -> None:
    """I1: no weight beyond the total is believed."""
    with pytest.raises(BrokenPlugIn, match=told):
        a_router(answer).read(ROLLOUT, {})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ([5], "an ObjectPatch or a NewObject was expected, it gave a int"),
        ([ObjectPatch(ObjectKey("", "Secret", "shop", "x"), (ADD,))], "isn't in its `kinds`"),
        ([ObjectPatch(OWN, ("x",))], "an operation of its patch is no object"),  # type: ignore[arg-type]
        ([ObjectPatch(OWN, ({"value": object()},))], "is not JSON serializable"),
        ([ObjectPatch(OWN, ({"value": float("nan")},))], "not JSON compliant"),
        ([NewObject(OWN, {})], "its manifest isn't that of ConfigMap shop/split"),
        (
            [NewObject(OWN, {"metadata": {"name": "split", "namespace": "shop"}})],
            "of a kind that it doesn't declare to create",
        ),
    ],
)
def test_a_strange_write_is_refused(answer: Any, told: str) -> None:
    """I9: nothing is sent."""
    with pytest.raises(BrokenPlugIn, match=told):
        a_router(answer).weights(ROLLOUT, {}, 5)


def test_a_kind_that_it_declares_to_create_is_made() -> None:
    """And only then."""
    new = NewObject(OWN, {"metadata": {"name": "split", "namespace": "shop"}})
    kind = RouteKind("", "v1", "ConfigMap", "configmaps", creates=True)
    assert a_router([new], kind).weights(ROLLOUT, {}, 5) == (new,)


def test_it_can_change_nothing_that_davy_holds() -> None:
    """The cache's objects and the Rollout's configuration are copies."""
    held = {"metadata": {"name": "split"}}

    class Vandal:
        def __init__(self, config: Any) -> None:
            config.clear()

        def read(self, *asked: Any) -> RouteState:
            for found in asked[1].values():
                found.clear()
            return a_state(verification=Verified("done"))

    installed = Installed(
        {PluginKind.ROUTER: {"acme/notes": Vandal}}, kinds={"acme/notes": (KIND,)}
    )
    config = {"configMap": "split"}
    router = PluginRouter("acme/notes", installed, config, Calls(most=1))
    assert router.read(ROLLOUT, {OWN: held}).verification == Verified("done")
    assert held == {"metadata": {"name": "split"}}
    assert config == {"configMap": "split"}


def test_a_hang_holds_the_operator_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """I10: then the plugin rests, and its rollout says so."""
    monkeypatch.setattr(traffic_plugin, "CALL_SECONDS", 0.01)
    end = threading.Event()
    router = a_router(partial(end.wait, 60))
    try:
        with pytest.raises(BrokenPlugIn, match="did not answer within 0"):
            router.objects(ROLLOUT)
        with pytest.raises(BrokenPlugIn, match="was late, and isn't called again for 1000 s"):
            router.weights(ROLLOUT, {}, 0)
    finally:
        end.set()


def test_kinds_are_watched_once() -> None:
    """One that Davy watches anyway stays Davy's; of two versions the first is taken."""
    maps = Kind("", "v1", "ConfigMap", "configmaps", optional=True)
    others = (Kind("", "v1", "Service", "services"), maps, Kind("", "v2", "ConfigMap", "x"))
    assert Kinds(ApiGroup(), others).of_plugins == (maps,)
    assert Kinds(ApiGroup(), others).named("", "ConfigMap") == maps
