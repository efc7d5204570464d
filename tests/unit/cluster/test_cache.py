from collections.abc import AsyncIterator
from typing import Any

import pytest

from davy.api import errors
from davy.api.group import ApiGroup
from davy.cluster.cache import Cache, Json
from davy.cluster.kinds import POD, REPLICA_SET, Kinds
from davy.cluster.listing import Listing

ROLLOUT = Kinds(ApiGroup()).rollout


def an_object(version: str, uid: str = "a", name: str = "cart", **fields: Any) -> Json:
    metadata = {"namespace": "shop", "name": name, "uid": uid, "resourceVersion": version}
    return {"metadata": {**metadata, **fields.pop("metadata", {})}, **fields}


def held(cache: Cache) -> str | None:
    found = cache.get(ROLLOUT, "shop", "cart")
    return None if found is None else str(found["metadata"]["resourceVersion"])


def test_an_older_state_never_replaces_a_newer_one() -> None:
    """H7: a slow event doesn't put the past over what was seen since."""
    cache = Cache()
    assert cache.put(ROLLOUT, an_object("12"))
    assert not cache.put(ROLLOUT, an_object("9"))
    assert held(cache) == "12"


def test_versions_are_compared_as_numbers() -> None:
    """`100` is later than `99`, though not as text."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("99"))
    assert cache.put(ROLLOUT, an_object("100"))


def test_the_same_state_is_no_news() -> None:
    """An own write's event, which comes after its answer, causes no pass."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("12"))
    assert not cache.put(ROLLOUT, an_object("12"))


def test_a_version_that_is_no_number_is_taken_as_it_comes() -> None:
    """Versions are opaque where the server makes them so."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("b"))
    assert cache.put(ROLLOUT, an_object("a"))


def test_a_deleted_object_never_comes_back() -> None:
    """A late event of a deleted object is ignored, whatever its version."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("12"))
    assert cache.delete(ROLLOUT, an_object("13"))
    assert not cache.put(ROLLOUT, an_object("12"))
    assert not cache.put(ROLLOUT, an_object("14"))
    assert held(cache) is None


def test_a_new_object_of_a_deleted_name_is_seen() -> None:
    """Names come again, uids don't."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("12"))
    cache.delete(ROLLOUT, an_object("13"))
    assert cache.put(ROLLOUT, an_object("14", uid="b"))


def test_the_late_deletion_of_a_namesake_leaves_the_new_object() -> None:
    """A DELETED of the old uid that comes after the new object's ADDED takes nothing away."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("14", uid="b"))
    assert not cache.delete(ROLLOUT, an_object("13", uid="a"))
    assert held(cache) == "14"


async def listed(version: str, *pages: tuple[Json, ...]) -> AsyncIterator[Listing]:
    for items in pages:
        yield Listing(items, version)


async def test_a_list_shows_lost_deletions_and_lost_changes() -> None:
    """What no event told, the list does."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("5"))
    cache.put(ROLLOUT, an_object("6", uid="b", name="gone"))
    other = an_object("7", uid="c", name="pay")
    assert await cache.compare(ROLLOUT, listed("9", (an_object("8"),), (other,))) == 3
    assert held(cache) == "8"
    assert cache.get(ROLLOUT, "shop", "pay")
    assert cache.get(ROLLOUT, "shop", "gone") is None


async def test_a_list_that_breaks_off_deletes_nothing() -> None:
    """What wasn't listed may be on the page that never came."""

    async def broken() -> AsyncIterator[Listing]:
        yield Listing((an_object("8", uid="b", name="pay"),), "9")
        raise errors.Unreachable("the connection broke")

    cache = Cache()
    cache.put(ROLLOUT, an_object("5"))
    with pytest.raises(errors.Unreachable):
        await cache.compare(ROLLOUT, broken())
    assert held(cache) == "5"


async def test_a_list_doesnt_take_away_what_came_after_it() -> None:
    """An object written while the list was under way stays, though the list lacks it."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("12"))
    assert await cache.compare(ROLLOUT, listed("11", ())) == 0
    assert held(cache) == "12"


async def test_a_list_of_one_namespace_says_nothing_of_others() -> None:
    """A namespaced operator lists each of its namespaces."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("5"))
    assert await cache.compare(ROLLOUT, listed("9", ()), "other") == 0


def test_objects_are_found_by_their_controller() -> None:
    """The index follows every change and deletion."""
    cache = Cache()
    owner = {"ownerReferences": [{"uid": "r", "name": "cart", "controller": True}]}
    mine = an_object("5", uid="x", name="cart-1", metadata=owner, spec={})
    rollout = an_object("1", uid="r", name="cart")
    cache.put(REPLICA_SET, mine)
    assert [found["metadata"]["name"] for found in cache.owned(REPLICA_SET, rollout)] == ["cart-1"]
    cache.put(REPLICA_SET, an_object("6", uid="x", name="cart-1", spec={}))
    assert cache.owned(REPLICA_SET, rollout) == ()


def test_nobody_is_owned_across_namespaces() -> None:
    """Who may write in one namespace can put another's uid into an ownerReference there."""
    cache = Cache()
    owner = {
        "namespace": "elsewhere",
        "ownerReferences": [{"uid": "r", "name": "cart", "controller": True}],
    }
    cache.put(REPLICA_SET, an_object("5", uid="x", name="cart-1", metadata=owner, spec={}))
    assert cache.owned(REPLICA_SET, an_object("1", uid="r", name="cart")) == ()


def test_what_nobody_reads_isnt_kept() -> None:
    """managedFields, the last applied manifest and pod specs are most of an object's size."""
    cache = Cache()
    notes = {
        "managedFields": [{}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "1"},
    }
    cache.put(ROLLOUT, an_object("1", metadata=notes))
    cache.put(POD, an_object("1", uid="p", spec={"containers": []}, status={"phase": "Running"}))
    rollout, pod = cache.get(ROLLOUT, "shop", "cart"), cache.get(POD, "shop", "cart")
    assert rollout is not None
    assert pod is not None
    assert "managedFields" not in rollout["metadata"]
    assert rollout["metadata"]["annotations"] == {"kept": "1"}
    assert "spec" not in pod
    assert pod["status"] == {"phase": "Running"}


def test_what_is_made_of_an_object_is_made_once_a_version() -> None:
    """A pass that finds nothing changed parses nothing."""
    cache = Cache()
    made: list[Json] = []

    def make(found: Json) -> int:
        made.append(found)
        return len(made)

    one, later = an_object("1"), an_object("2")
    assert [cache.made(make, one, "1"), cache.made(make, one, "1")] == [1, 1]
    assert cache.made(make, later, "2") == 2
    assert cache.made(make, an_object("2", uid="b"), "2") == 3


def test_what_was_made_is_forgotten_when_much_else_was_asked_for() -> None:
    """Thousands of rollouts at rest cost no parsed specs."""
    cache = Cache()
    made: list[str] = []

    def make(found: Json) -> None:
        made.append(found["metadata"]["uid"])

    for uid in ("first", *map(str, range(2000)), "first"):
        cache.made(make, an_object("1", uid=uid), "1")
    assert made.count("first") == 2


def test_what_is_nobodys_business_isnt_kept() -> None:
    """Nor is what was somebody's once: its events go on, and it would be told as it was then."""
    wanted = {"cart"}
    told: list[str] = []
    cache = Cache(
        lambda _, found: told.append(found["metadata"]["name"]),
        lambda _, found: found["metadata"]["name"] in wanted,
    )
    assert not cache.put(ROLLOUT, an_object("1", uid="b", name="other"))
    assert cache.put(ROLLOUT, an_object("2"))
    wanted.clear()
    assert held(cache) == "2"
    assert not cache.put(ROLLOUT, an_object("3"))
    assert held(cache) is None
    assert told == ["cart"]
