from types import SimpleNamespace
from typing import Any

from yarl import URL

from davy.api.group import ApiGroup
from davy.cluster.kinds import POD, VIRTUAL_SERVICE, Kinds
from davy.controller.watches import Stream, Watches
from tests.sim.clock import TurnedClock
from tests.unit.controller.stage import START


class Bench:
    def __init__(self, *namespaces: str) -> None:
        self.clock = TurnedClock(START)
        self.began: list[Stream] = []
        self.kinds = Kinds(ApiGroup())
        self.watches = Watches(self.kinds.watched, namespaces, self.clock, self.began.append)

    async def request(self, url: str, status: int = 200) -> None:
        response = SimpleNamespace(status=status)
        params: Any = SimpleNamespace(url=URL(url), method="GET", response=response)
        session: Any = None
        await self.watches._ended(session, SimpleNamespace(), params)


PODS = "http://server/api/v1/pods"


async def test_a_stream_begins_with_the_first_watch_after_a_list() -> None:
    """A watch that goes on where the last one ended begins nothing."""
    bench = Bench()
    await bench.request(f"{PODS}?limit=500")
    assert bench.began == []
    await bench.request(f"{PODS}?watch=true")
    await bench.request(f"{PODS}?watch=true")
    assert bench.began == [(POD, None)]
    await bench.request(f"{PODS}?limit=500")
    await bench.request(f"{PODS}?watch=true")
    assert bench.began == [(POD, None)] * 2


async def test_a_refused_watch_is_no_sign_of_life() -> None:
    """Only what the server took counts."""
    bench = Bench()
    await bench.clock.turn(100)
    await bench.request(f"{PODS}?watch=true", status=403)
    assert bench.watches.ages()[POD, None] == 100
    await bench.request(f"{PODS}?watch=true")
    assert bench.watches.ages()[POD, None] == 0


async def test_a_namespaced_operator_has_a_stream_per_namespace() -> None:
    """But one for the whole cluster's kinds."""
    bench = Bench("a", "b")
    await bench.request("http://server/api/v1/namespaces/b/pods?watch=true")
    assert bench.began == [(POD, "b")]
    cluster_wide = bench.kinds.cluster_analysis_template
    assert (cluster_wide, None) in bench.watches.streams()


async def test_an_absent_kind_is_neither_awaited_nor_dead() -> None:
    """Until kopf lists it: its CRD came."""
    bench = Bench()
    bench.watches.mark_absent(VIRTUAL_SERVICE)
    assert bench.watches.synced(VIRTUAL_SERVICE)
    assert (VIRTUAL_SERVICE, None) not in bench.watches.ages()
    await bench.request("http://server/apis/networking.istio.io/v1/virtualservices?limit=500")
    assert bench.watches.present(VIRTUAL_SERVICE)
    assert not bench.watches.synced(VIRTUAL_SERVICE)


async def test_nothing_is_whole_before_each_kind_was_listed() -> None:
    """I8: an established watch alone may have missed what was there before it."""
    bench = Bench()
    core = [stream for stream in bench.watches.streams() if not stream[0].optional]
    for stream in core:
        bench.watches.begun(stream)
    for stream in core:
        assert not bench.watches.core_synced()
        assert stream[0].kind in bench.watches.unsynced()
        bench.watches.mark_synced(stream)
    assert bench.watches.core_synced()
