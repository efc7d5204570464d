"""The recorder against a server that ends watches and forgets versions."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tests.lab.chaos.history import Key
from tests.lab.chaos.recorder import WATCHED, Recorder
from tests.lab.kube_errors import Gone

SHOP = "shop-1"
Json = dict[str, Any]


def a_pod(name: str, version: int, namespace: str = SHOP) -> Json:
    return {
        "metadata": {"namespace": namespace, "name": name, "resourceVersion": str(version)},
        "spec": {},
    }


class Server:
    """Lists what is there; each watch is one script, and the last goes on for ever."""

    def __init__(self, lists: list[list[Json]], watches: list[Any]) -> None:
        self.lists, self.watches = lists, watches
        self.since: list[str] = []

    async def list_raw(self, kind: str) -> Json:
        items = self.lists.pop(0) if kind == "pods" else []
        version = max([100, *(int(each["metadata"]["resourceVersion"]) for each in items)])
        return {
            "apiVersion": "v1",
            "kind": "PodList",
            "metadata": {"resourceVersion": str(version)},
            "items": items,
        }

    async def watch(self, kind: str, *, since: str) -> AsyncIterator[tuple[str, Json]]:
        if kind == "pods":
            self.since.append(since)
            for event in self.watches.pop(0):
                if isinstance(event, Exception):
                    raise event
                yield event
        if kind != "pods" or not self.watches:
            await asyncio.Event().wait()


async def recorded(server: Server, count: int) -> Recorder:
    """What it has seen once it has seen so many states."""
    async with Recorder.recording(server, [SHOP]) as recorder:  # type: ignore[arg-type]
        await recorder.until(lambda: len(recorder.seen) >= count)
    return recorder


def story(recorder: Recorder) -> list[tuple[str, int, bool]]:
    """Name, version, and whether it was there."""
    return [(each.key.name, each.version, each.found is not None) for each in recorder.seen]


async def test_a_watch_that_breaks_goes_on_where_it_was() -> None:
    """Nothing is listed again, nothing is lost and nothing seen twice."""
    first = [("ADDED", a_pod("a", 101)), OSError("the connection broke")]
    second = [("MODIFIED", a_pod("a", 103)), ("DELETED", a_pod("a", 104))]
    server = Server([[]], [first, second])
    recorder = await recorded(server, 3)
    assert server.since == ["100", "101"]
    assert story(recorder) == [("a", 101, True), ("a", 103, True), ("a", 104, False)]
    assert recorder.now == {}


async def test_what_went_while_nobody_watched_is_a_deletion() -> None:
    """The version is too old: listed again, what is new, what is as it was, and what is gone."""
    before = [a_pod("gone", 101), a_pod("stays", 102)]
    after = [a_pod("stays", 102), a_pod("new", 150)]
    server = Server([before, after], [[Gone(410, "Expired", "too old")], []])
    recorder = await recorded(server, 4)
    assert story(recorder) == [
        ("gone", 101, True),
        ("stays", 102, True),
        ("new", 150, True),
        ("gone", 150, False),
    ]
    assert set(recorder.now) == {Key(SHOP, "pods", "stays"), Key(SHOP, "pods", "new")}


async def test_bookmarks_and_other_namespaces_are_not_recorded() -> None:
    """A bookmark moves the version on, all the same."""
    first = [
        ("ADDED", a_pod("theirs", 101, "kube-system")),
        ("BOOKMARK", a_pod("", 110)),
        OSError("the connection broke"),
    ]
    server = Server([[]], [first, [("ADDED", a_pod("a", 111))]])
    recorder = await recorded(server, 1)
    assert server.since == ["100", "110"]
    assert story(recorder) == [("a", 111, True)]


def test_everything_that_the_judges_look_at_is_watched() -> None:
    """Each kind of a route, and what its pods come from."""
    plurals = {kind.partition(".")[0] for kind in WATCHED}
    routes = {"virtualservices", "httproutes", "destinationrules", "services"}
    assert routes | {"rollouts", "replicasets", "pods"} <= plurals
