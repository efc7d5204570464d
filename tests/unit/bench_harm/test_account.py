"""Every figure of a release, from records made by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.bench_harm import account
from tests.bench_harm.account import Release
from tests.bench_harm.rows import Figure
from tests.lab.audit import Request as Asked
from tests.lab.audit import Write
from tests.lab.load_records import MadeBy, Request, Window

ASKED = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So long after the edit."""
    return ASKED + timedelta(seconds=seconds)


def answer(
    sent: float,
    version: str | None,
    status: int | None = 200,
    took: float = 0.01,
    made_by: MadeBy = MadeBy.APP,
) -> Request:
    return Request(round(sent * 1000), at(sent), 0.0, took, made_by, status, version)


def write(seconds: float, resource: str, answered: dict[str, Any]) -> Write:
    sub = "status" if "status" in answered else ""
    moment = at(seconds)
    return Write(
        moment, moment, "davy", "patch", resource, sub, "harm", "shop", 200, None, answered
    )


def route(seconds: float, canary: int) -> Write:
    destinations = [{"weight": 100 - canary}, {"weight": canary}]
    return write(seconds, "virtualservices", {"spec": {"http": [{"route": destinations}]}})


def status(seconds: float, phase: str, **fields: object) -> Write:
    return write(seconds, "rollouts", {"status": {"phase": phase, **fields}})


def test_a_bad_release_is_counted_from_its_first_bad_answer() -> None:
    """From the answer, not from the request: before it nobody was harmed."""
    requests = [
        answer(0.5, "v1"),
        answer(1.0, "v2"),
        answer(2.0, "v2", 500, took=0.25),
        answer(2.5, "v1", 500),
        answer(3.0, "v2", 500),
        answer(4.0, "v2"),
    ]
    writes = [
        route(1.0, 10),
        status(1.1, "Progressing"),
        route(3.75, 0),
        status(4.25, "Degraded", abort=True),
        status(5.0, "Degraded", abort=True),
    ]
    release = Release("v2", ASKED, Window(requests), writes, [(at(3.25), 2), (at(4.0), 3)])
    assert account.bad(release) == {
        Figure.MISSED: 0,
        Figure.HARMED: 2,
        Figure.WEIGHT: 10,
        Figure.STATUS: 2.0,
        Figure.SCRAPE: 1.0,
        Figure.ZERO: 1.5,
        Figure.LAST: 1.75,
        Figure.OUTSIDE: 0,
    }


def test_a_bad_release_that_was_promoted_is_missed_and_has_no_times() -> None:
    """What didn't happen isn't 0 seconds."""
    requests = Window([answer(1, "v2", 500)])
    writes = [route(1, 10), route(2, 100), route(3, 0), status(3, "Healthy")]
    found = account.bad(Release("v2", ASKED, requests, writes))
    assert found[Figure.MISSED] == 1
    assert Figure.STATUS not in found
    assert found[Figure.WEIGHT] == 100


def test_slow_answers_are_the_bad_ones_of_a_row_of_latency() -> None:
    """Of the new version alone."""
    requests = [answer(1, "v1", took=0.2), answer(2, "v2", took=0.2), answer(3, "v2", took=0.05)]
    release = Release("v2", ASKED, Window(requests), by_latency=True)
    assert account.bad(release)[Figure.HARMED] == 1
    assert release.first_bad() == at(2.2)


def test_the_weight_before_the_release_and_the_first_zero_are_no_abort() -> None:
    """Davy writes 0 when it narrows the subsets; weight 0 counts after a weight above it."""
    writes = [route(-3, 50), route(-2, 0), route(0.5, 0), route(1, 10), route(2, 0)]
    release = Release("v2", ASKED, writes=writes)
    assert release.weights() == [(at(0.5), 0), (at(1), 10), (at(2), 0)]
    assert release.zero_at() == at(2)


def test_a_persons_abort_is_counted_from_the_person() -> None:
    """Nobody had a bad answer."""
    writes = [route(1, 50), status(1, "Paused"), route(9.1, 0), status(9.2, "Degraded", abort=True)]
    requests = [answer(1.5, "v2"), answer(9.05, "v2"), answer(9.5, "v1")]
    found = account.by_hand(Release("v2", ASKED, Window(requests), writes), at(9))
    assert found == {
        Figure.BY_HAND_STATUS: 0.2,
        Figure.BY_HAND_ZERO: 0.1,
        Figure.BY_HAND_LAST: 0.05,
        Figure.OUTSIDE: 0,
    }


def test_the_overhead_is_what_a_release_took_beside_its_pauses() -> None:
    """The Healthy of the version before isn't the end."""
    writes = [
        status(0.1, "Healthy"),
        status(0.2, "Progressing"),
        route(1, 10),
        route(60.25, 100),
        route(61, 0),
        status(61.5, "Healthy"),
        status(92, "Healthy"),
    ]
    release = Release("v2", ASKED, writes=writes)
    assert account.overhead(release) == {Figure.FULL: 0.25, Figure.OVERHEAD: 1.5}
    assert account.good(release) == {Figure.ABORTED: 0, Figure.OUTSIDE: 0}


def test_a_good_release_that_was_aborted_has_no_overhead() -> None:
    """It never got Healthy."""
    writes = [status(0.2, "Progressing"), route(1, 10), status(3, "Degraded", abort=True)]
    release = Release("v2", ASKED, writes=writes)
    assert account.overhead(release) == {}
    assert account.good(release) == {Figure.ABORTED: 1, Figure.OUTSIDE: 0}


def test_only_what_no_app_answered_failed_outside() -> None:
    """The proxy's errors, whatever their status, and requests without an answer."""
    requests = [
        answer(1, "v1", 500),
        answer(2, "v2", 500),
        answer(3, None, 404, made_by=MadeBy.PROXY),
        answer(4, None, None, made_by=MadeBy.NONE),
    ]
    assert account.unserved(Window(requests)) == requests[2:]


def test_a_weight_is_raised_without_evidence_only_in_that_time() -> None:
    """To 0 is back, not up."""
    release = Release("v2", ASKED, writes=[route(1, 10), route(20, 0), route(40, 50)])
    assert account.raised(release, at(2), at(39)) == 0
    assert account.raised(release, at(2), at(41)) == 1


def test_only_what_a_release_asks_for_counts() -> None:
    """Watches, leases and resync go on whatever is released; before and after isn't its own."""
    asked = [
        Asked("", "events", "create", 201, "harm", at(-1)),
        Asked("", "events", "create", 201, "harm", at(0)),
        Asked("apps", "replicasets", "watch", 200, "harm", at(1)),
        Asked("apps", "replicasets", "list", 200, "", at(1)),
        Asked("coordination.k8s.io", "leases", "patch", 200, "davy-system", at(1)),
        Asked("apps", "replicasets", "patch", 409, "harm", at(2)),
        Asked("", "events", "create", 201, "harm", at(3)),
    ]
    assert account.api_requests(asked, "harm", at(0), at(2.5)) == 2


def test_the_timeline_is_in_the_order_of_its_times() -> None:
    """Scrapes and requests among the writes, in seconds from the origin."""
    writes = [route(1, 10), status(2, "Paused", traffic={"wanted": 10, "written": 10})]
    requests = Window([answer(2.5, "v2")])
    release = Release("v2", ASKED, requests, writes, [(at(1.5), 4)])
    assert account.timeline(release, at(1)) == [
        (0.0, "route: canary 10"),
        (0.5, "scrape: 4 canary errors"),
        (1.0, "status: Paused, 10/10/None: "),
        (1.5, "last canary request"),
    ]
