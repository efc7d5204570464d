"""A report passes when nothing broke, and says everything that did."""

import io
import json
from datetime import timedelta

from rich.console import Console

from tests.lab.chaos.history import Fault, FaultKind
from tests.lab.chaos.report import Record, Report, as_json, report, show
from tests.lab.chaos.users import Kind, Release
from tests.lab.shop import Router
from tests.unit.lab.chaos.story import OLD, SHOP, START, Story, aborted, at, promoted
from tests.unit.lab.chaos.test_blame import failed


def reported(
    story: Story, kind: Kind, *, idle_writes: int = 0, astray: int = 0, undrained: int = 0
) -> Report:
    release = Release(SHOP, Router.ISTIO_SUBSETS, kind, "v2", "v1", START)
    release.ended = START + timedelta(seconds=9)
    record = Record(
        history=story.history(),
        releases=[release],
        seed="s",
        minutes=2,
        replicas=1,
        exits=[],
        idle_writes=idle_writes,
        astray=astray,
        undrained=undrained,
    )
    return report(record)


def a_whole_run() -> Story:
    """A promotion with an abort before it, so that every judge had something to look at."""
    story = aborted()
    story.status(stableRS=OLD, currentPodHash=OLD, currentStepIndex=3)
    return story


def test_a_sound_run_passes() -> None:
    """Every invariant was put to the test, the outcome is right, nothing failed."""
    found = reported(a_whole_run(), Kind.ABORTED)
    assert found.breaks == []
    assert found.passed
    assert [each.took for each in found.to_zero] == [timedelta(seconds=0.1)]


def test_an_outcome_that_had_not_to_be_is_a_break() -> None:
    """With shop, version and both outcomes."""
    found = reported(a_whole_run(), Kind.GOOD)
    assert found.breaks == ["shop-1 v2 (good): expected promoted, was aborted."]


def test_a_judge_that_looked_at_nothing_is_a_break() -> None:
    """A promotion alone shows no abort."""
    (broken,) = reported(promoted(), Kind.GOOD).breaks
    assert broken.startswith("I3 was never put to the test")


def test_a_request_that_no_fault_explains_is_a_break() -> None:
    """By the proxy, of a shop that nobody touched."""
    story = a_whole_run()
    story.lost = [failed(20)]
    (broken,) = reported(story, Kind.ABORTED).breaks
    assert broken.startswith("shop-1: no fault explains #1")


def test_writes_after_all_was_settled_are_a_break() -> None:
    """A rollout at rest costs nothing."""
    (broken,) = reported(a_whole_run(), Kind.ABORTED, idle_writes=2).breaks
    assert "2 writes" in broken


def test_answers_of_another_version_after_all_was_settled_are_a_break() -> None:
    """The mesh does what the status says."""
    (broken,) = reported(a_whole_run(), Kind.ABORTED, astray=3).breaks
    assert "3 requests" in broken


def test_pods_that_are_never_drained_are_a_break() -> None:
    """An old revision's pods go in the end."""
    (broken,) = reported(a_whole_run(), Kind.ABORTED, undrained=1).breaks
    assert "1 shops have pods of several revisions" in broken


def test_the_table_and_the_json_say_the_same() -> None:
    """Counts by cause and fault, the invariants, and how to play it again."""
    story = a_whole_run()
    story.faults = [Fault(FaultKind.OUTAGE, "etcd", at(1), at(2))]
    story.lost = [failed(20)]
    found = reported(story, Kind.ABORTED)
    console = Console(file=io.StringIO(), width=200)
    show(console, found)
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    data = json.loads(json.dumps(as_json(found)))
    assert data["requests"]["byCause"]["unexplained"] == 1
    assert data["faults"] == {"outage etcd": 1}
    (fault,) = data["faultsInOrder"]
    assert fault.endswith("outage etcd")
    assert data["replay"] in shown
    assert all(each in shown for each in data["breaks"])
    assert set(data["invariants"]) == {"I1", "I2", "I3", "I4", "I6", "I8", "I9"}
