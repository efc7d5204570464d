"""`status.history`: what each update was, how it ended, and that it costs no write of its own."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase, SideCounts
from davy.api.conditions import Outcome
from davy.api.status import PastUpdate, RolloutStatus
from davy.engine import history, retold
from davy.engine.position import Stage
from davy.engine.world import Counted, Run, RunKind
from tests.unit.engine.cluster import START, Cluster, spec
from tests.unit.engine.pieces import NEW, NOW, OLD, a_scene, a_world
from tests.unit.engine.play import BACKGROUND, running, updating

STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 50}, {"pause": {}})


def told(cluster: Cluster) -> list[tuple[int, Outcome | None, str | None]]:
    """Revision, outcome and reason, the newest first."""
    entries = cluster.status.history or []
    return [(found.revision, found.outcome, found.message) for found in entries]


def promote(cluster: Cluster, seconds: float = 60) -> None:
    """A person's promotion, and what follows."""
    cluster.edit_status(pause_conditions=None)
    cluster.run(seconds)


def test_a_release_begins_and_ends_with_its_times() -> None:
    """From its template to its promotion, not to its last pod."""
    cluster = updating(*STEPS)
    first, second = (cluster.status.history or [])[::-1]
    assert (first.revision, first.outcome, first.message) == (
        1,
        Outcome.PROMOTED,
        "The first revision.",
    )
    assert first.started_at == START
    assert first.finished_at == START + timedelta(seconds=3)
    assert (second.revision, second.outcome, second.finished_at) == (2, None, None)
    assert second.started_at == START + timedelta(seconds=10)
    assert second.pod_template_hash == cluster.status.current_pod_hash
    promote(cluster)
    assert told(cluster)[0] == (2, Outcome.PROMOTED, "All 2 steps are completed.")


def test_an_abort_a_retry_and_what_came_of_it() -> None:
    """Each try is one entry, with the reason of its end."""
    cluster = updating(*STEPS)
    cluster.edit_status(abort=True)
    cluster.run(5)
    aborted = "Revision 2 aborted at weight 50: by hand. All weight to revision 1."
    assert told(cluster)[0] == (2, Outcome.ABORTED, aborted)
    cluster.edit_status(abort=None)
    cluster.run(10)
    cluster.edit_status(promote_full=True)
    cluster.run(60)
    assert [entry[:2] for entry in told(cluster)] == [
        (2, Outcome.FAST_PROMOTED),
        (2, Outcome.ABORTED),
        (1, Outcome.PROMOTED),
    ]


def test_an_update_that_another_template_ends() -> None:
    """Another new one, and then the stable one."""
    cluster = updating(*STEPS)
    cluster.apply(spec(*STEPS, version="3"))
    cluster.run(10)
    third = cluster.status.current_pod_hash
    cluster.apply(spec(*STEPS))
    cluster.run(10)
    assert told(cluster) == [
        (3, Outcome.ROLLED_BACK, f"The stable template {OLD} was put back."),
        (2, Outcome.SUPERSEDED, f"Template {third} came."),
        (1, Outcome.PROMOTED, "The first revision."),
    ]


def test_other_steps_are_no_other_update() -> None:
    """The template is what is released."""
    cluster = updating(*STEPS)
    before = told(cluster)
    cluster.apply(spec({"setWeight": 20}, {"pause": {}}, version="2"))
    cluster.run(10)
    assert told(cluster) == before


def test_a_template_that_comes_back_is_a_new_revision() -> None:
    """By the number that its ReplicaSet gets."""
    cluster = updating(*STEPS)
    promote(cluster)
    cluster.apply(spec(*STEPS, rollbackWindow={"revisions": 1}))
    cluster.run(60)
    assert told(cluster)[0] == (3, Outcome.FAST_PROMOTED, "Within rollbackWindow, no steps.")


def test_ten_are_kept_and_a_long_reason_is_cut() -> None:
    """An object stays small, however often a team releases, whatever a provider answers."""
    cluster = running(*STEPS)
    for version in range(2, 20):
        cluster.apply(spec(*STEPS, version=str(version)))
        cluster.run(1)
    assert [entry[0] for entry in told(cluster)] == list(range(19, 9, -1))
    scene = a_scene(aborted="x" * 1000, stage=Stage.ABORTED)
    (entry,) = history.after(scene) or []
    assert entry.message is not None
    assert len(entry.message) == 300


def test_an_idle_rollout_of_an_older_version_gets_no_history() -> None:
    """I8: an upgrade of the operator writes nothing for it."""
    cluster = running(*STEPS)
    cluster.edit_status(history=None)
    assert cluster.once().status == cluster.status
    cluster.apply(spec(*STEPS, version="2"))
    cluster.run(10)
    cluster.edit_status(history=None)
    assert cluster.once().status == cluster.status
    promote(cluster)
    (entry,) = cluster.status.history or []
    assert (entry.revision, entry.outcome, entry.started_at) == (2, Outcome.PROMOTED, None)


@pytest.mark.parametrize(
    ("stable", "outcome", "why"),
    [
        (OLD, Outcome.PROMOTED, "Under a version of Davy without a history."),
        ("another", Outcome.SUPERSEDED, f"Template {NEW} came."),
    ],
)
def test_an_entry_that_an_older_version_left_open_is_closed(
    stable: str, outcome: Outcome, why: str
) -> None:
    """Stable's update was promoted, whoever did it; of another's nothing is known but the next."""
    other = PastUpdate(revision=1, pod_template_hash=OLD)
    status = {"history": [other], "stable_rs": stable}
    scene = a_scene(aborted="by hand", stage=Stage.ABORTED, status=status)
    newest, before = history.after(scene) or []
    assert (newest.pod_template_hash, newest.outcome) == (NEW, Outcome.ABORTED)
    assert (before.outcome, before.message) == (outcome, why)


def test_an_update_that_is_over_stays_as_it_was() -> None:
    """This one's end is another entry."""
    other = PastUpdate(revision=1, pod_template_hash=OLD, outcome=Outcome.ABORTED)
    scene = a_scene(aborted="by hand", stage=Stage.ABORTED, status={"history": [other]})
    assert (history.after(scene) or [])[1] == other


def test_the_history_alone_is_no_news() -> None:
    """It changes where a decision does, so counting pods never writes it."""
    cluster = updating(*STEPS)
    status = cluster.status
    fewer = status.model_copy(update={"available_replicas": 0})
    assert retold.is_count(status, fewer)
    assert not retold.is_count(status, fewer.model_copy(update={"history": None}))


def counted(errors: int) -> Counted:
    """Of 100 requests of the canary, and 900 of stable's."""
    canary, stable = SideCounts(requests=100, errors=errors), SideCounts(requests=900, errors=1)
    return Counted(canary, stable)


def a_run(name: str, kind: RunKind, errors: int | None, at: datetime | None = NOW) -> Run:
    """A run of the newest template that compared, unless there are no errors to tell."""
    told = None if errors is None else counted(errors)
    return Run(name, kind, NEW, 2, Phase.RUNNING, created_at=at, counted=told)


STEP, BESIDE = RunKind.STEP, RunKind.BACKGROUND


@pytest.mark.parametrize(
    ("runs", "errors"),
    [
        ([], None),
        ([a_run("beside", BESIDE, None)], None),
        ([a_run("beside", BESIDE, 3), a_run("step", STEP, 4, NOW + timedelta(seconds=5))], 3),
        ([a_run("beside", BESIDE, None), a_run("step", STEP, 4)], 4),
        ([a_run("last", STEP, 5, NOW + timedelta(seconds=1)), a_run("first", STEP, 4)], 5),
        ([a_run("first", STEP, 4, None), a_run("last", STEP, 5)], 5),
        ([replace(a_run("another", BESIDE, 3), hash=OLD)], None),
        ([a_run("try before", BESIDE, 3, NOW - timedelta(seconds=1))], None),
    ],
)
def test_what_the_comparison_counted_is_kept(runs: list[Run], errors: int | None) -> None:
    """Beside the steps, else in the last step; of this try of this template alone."""
    begun = NOW + timedelta(milliseconds=700)  # a run's age is in whole seconds
    entry = PastUpdate(revision=2, pod_template_hash=NEW, started_at=begun)
    world = a_world(runs=tuple(runs))
    scene = a_scene(
        aborted="by hand", stage=Stage.ABORTED, status={"history": [entry]}, world=world
    )
    (ended,) = history.after(scene) or []
    wanted = None if errors is None else counted(errors)
    assert ended.canary == (wanted and wanted.canary)
    assert ended.stable == (wanted and wanted.stable)


def test_counts_stay_when_their_run_is_gone() -> None:
    """The runs of an update are deleted some updates later; its entry is read and written as is."""
    cluster = updating(*STEPS, canary=BACKGROUND)
    (name,) = cluster.runs
    cluster.runs[name] = replace(cluster.runs[name], counted=counted(7))
    assert (cluster.status.history or [])[0].canary is None
    cluster.edit_status(abort=True)
    cluster.run(5)
    del cluster.runs[name]
    cluster.edit_status(abort=None)
    cluster.run(20)
    status = RolloutStatus.model_validate(cluster.status.manifest())
    retry, aborted = (status.history or [])[:2]
    assert (retry.outcome, retry.canary) == (None, None)
    assert (aborted.outcome, aborted.canary) == (Outcome.ABORTED, counted(7).canary)
    assert aborted.stable == counted(7).stable
