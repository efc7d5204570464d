"""Patches of leaves: what they change, and what makes them fail."""

import pytest

from davy.traffic.base import Json, ObjectKey
from davy.traffic.leaves import ABSENT, Change, Path, number_at, patch, pointer, value_at
from tests.unit.traffic.routes import PatchRefused, apply

KEY = ObjectKey("", "Thing", "shop", "cart")
WEIGHT: Path = ("spec", "list", 0, "weight")
NAME: Path = ("spec", "list", 0, "name")


def a_thing(item: Json | None = None, **metadata: object) -> Json:
    """An object with one list item, `a` of weight 3 unless told."""
    return {
        "metadata": {"generation": 7, "resourceVersion": "4711", **metadata},
        "spec": {"list": [item if item is not None else {"name": "a", "weight": 3}]},
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), ""),
        (("a", 0, "b"), "/a/0/b"),
        (("metadata", "annotations", "davy.dev/x"), "/metadata/annotations/davy.dev~1x"),
        (("m~n", "a/b~c"), "/m~0n/a~1b~0c"),
    ],
)
def test_a_pointer_escapes_tilde_before_slash(path: Path, expected: str) -> None:
    """RFC 6901: `~` is `~0` and `/` is `~1`, in this order."""
    assert pointer(path) == expected


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ({"a": 1}, ("b",)),
        ({"a": [1]}, ("a", 1)),
        ({"a": [1]}, ("a", -1)),
        ({"a": [1]}, ("a", "0")),
        ({"0": 1}, (0,)),
        ({"a": None}, ("a", "b")),
        (None, ("a",)),
        ("text", (0,)),
    ],
)
def test_a_path_that_leads_nowhere_is_absent(root: object, path: Path) -> None:
    """Neither a missing key nor the wrong kind of container raises."""
    assert value_at(root, path) is ABSENT


def test_a_boolean_is_no_number() -> None:
    """Python's True is 1; a weight of true isn't a weight."""
    assert number_at({"weight": True}, ("weight",)) is None


def test_a_leaf_that_holds_the_value_needs_no_patch() -> None:
    """Nothing is sent when nothing changes."""
    assert patch(KEY, a_thing(), [Change(WEIGHT, 3, (NAME,))]) == ()


def test_true_is_not_the_number_one() -> None:
    """JSON's true isn't 1, though Python's is: the leaf is replaced."""
    thing = a_thing({"name": "a", "weight": True})
    [made] = patch(KEY, thing, [Change(WEIGHT, 1, (NAME,))])
    assert made.operations[-1] == {"op": "replace", "path": "/spec/list/0/weight", "value": 1}


def test_a_changed_leaf_is_tested_with_its_identity_and_the_generation() -> None:
    """I9: the patch says what it saw before it says what it wants."""
    [made] = patch(KEY, a_thing(), [Change(WEIGHT, 5, (NAME,))])
    assert made.operations == (
        {"op": "test", "path": "/metadata/generation", "value": 7},
        {"op": "test", "path": "/spec/list/0/name", "value": "a"},
        {"op": "test", "path": "/spec/list/0/weight", "value": 3},
        {"op": "replace", "path": "/spec/list/0/weight", "value": 5},
    )


def test_a_missing_leaf_is_added() -> None:
    """An absent weight can't be tested; the generation stands for it."""
    thing = a_thing({"name": "a"})
    [made] = patch(KEY, thing, [Change(WEIGHT, 5, (NAME,))])
    assert made.operations == (
        {"op": "test", "path": "/metadata/generation", "value": 7},
        {"op": "test", "path": "/spec/list/0/name", "value": "a"},
        {"op": "add", "path": "/spec/list/0/weight", "value": 5},
    )


def test_missing_containers_are_added_with_the_leaf() -> None:
    """A subset without labels gets a map of one label."""
    path: Path = ("spec", "list", 0, "labels", "hash")
    [made] = patch(KEY, a_thing(), [Change(path, "abc")])
    assert made.operations[-1] == {
        "op": "add",
        "path": "/spec/list/0/labels",
        "value": {"hash": "abc"},
    }


def test_metadata_is_guarded_by_the_resource_version() -> None:
    """The generation doesn't change when another claims the object by an annotation."""
    [made] = patch(KEY, a_thing(), [Change(("metadata", "annotations", "a/b"), "cart")])
    assert made.operations == (
        {"op": "test", "path": "/metadata/resourceVersion", "value": "4711"},
        {"op": "add", "path": "/metadata/annotations", "value": {"a/b": "cart"}},
    )


def test_without_a_generation_the_resource_version_guards() -> None:
    """A Service has no generation."""
    thing = a_thing()
    del thing["metadata"]["generation"]
    [made] = patch(KEY, thing, [Change(WEIGHT, 5, (NAME,))])
    assert made.operations[0] == {
        "op": "test",
        "path": "/metadata/resourceVersion",
        "value": "4711",
    }


@pytest.mark.parametrize("name", ["a<b", "a>b", "a&b", 'a"b', "a\\b", "é", "line\u2028", "tab\t"])
def test_a_string_that_json_may_escape_is_not_tested(name: str) -> None:
    """The API server compares a test's string with its own escaped bytes: `<` would never match."""
    thing = a_thing({"name": name, "weight": 3})
    [made] = patch(KEY, thing, [Change(WEIGHT, 5, (NAME,))])
    assert "/spec/list/0/name" not in {operation["path"] for operation in made.operations}


@pytest.mark.parametrize(
    "seen_by_the_server",
    [
        a_thing({"name": "a", "weight": 4}),
        a_thing({"name": "b", "weight": 3}),
        a_thing(generation=8),
    ],
    ids=["weight", "item", "spec"],
)
def test_a_concurrent_edit_fails_the_patch(seen_by_the_server: Json) -> None:
    """I9: what was changed since the read is never written over."""
    [made] = patch(KEY, a_thing(), [Change(WEIGHT, 5, (NAME,))])
    with pytest.raises(PatchRefused):
        apply(seen_by_the_server, made.operations)


def test_a_status_written_meanwhile_does_not_fail_the_patch() -> None:
    """I3: an abort isn't held up by controllers that write the route's status."""
    [made] = patch(KEY, a_thing(), [Change(WEIGHT, 5, (NAME,))])
    after = apply({**a_thing(resourceVersion="4712"), "status": {}}, made.operations)
    assert after["spec"]["list"][0]["weight"] == 5


@pytest.mark.parametrize("around", ["text", 3, [], True])
def test_all_or_nothing_when_a_leaf_has_no_place(around: object) -> None:
    """I1: weights that belong together are never written in part."""
    thing = a_thing()
    thing["spec"]["list"].append(around)
    changes = [Change(WEIGHT, 5), Change(("spec", "list", 1, "weight"), 95)]
    assert patch(KEY, thing, changes) == ()
