"""`spec.rollbackWindow`: which templates it reaches, and how a rollback inside it goes."""

from datetime import timedelta
from typing import Any

import pytest

from davy.api.conditions import EventReason, RolloutPhase
from davy.engine import plan as plans
from davy.engine import window
from tests.unit.engine.cluster import START, Cluster, spec
from tests.unit.engine.pieces import NEW, OLD, a_rollout, a_set, a_world, around, where
from tests.unit.engine.play import BACKGROUND, phase, pods, running

STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 20}, {"pause": {}}, {"setWeight": 60})


def upgraded(*versions: str, **more: Any) -> Cluster:
    """A healthy rollout that has had all these versions after the first."""
    cluster = running(*STEPS, **more)
    for version in versions:
        cluster.apply(spec(*STEPS, version=version, **more))
        cluster.run(20)
        cluster.edit_status(pause_conditions=None)
        cluster.run(60)
        assert phase(cluster) is RolloutPhase.HEALTHY
    cluster.events.clear()
    return cluster


def reaches(revisions: int | None, *others: int | None, new: int | None = 0) -> bool:
    """Whether a window of so many reaches a revision made at second `new`; stable's is 100's."""
    more: dict[str, Any] = {} if revisions is None else {"rollbackWindow": {"revisions": revisions}}
    rollout = a_rollout(wanted=spec(version="2", **more))

    def at(second: int | None) -> dict[str, Any]:
        return {"created_at": None if second is None else START + timedelta(seconds=second)}

    sets = (
        a_set(OLD, 3, **at(100)),
        a_set(NEW, 4, **at(new)),
        *(a_set(f"other-{number}", 2, **at(second)) for number, second in enumerate(others)),
    )
    return window.reaches(around(rollout, a_world(replica_sets=sets)), where(rollout))


@pytest.mark.parametrize(
    ("revisions", "others", "reached"),
    [
        (None, (), False),
        (0, (), False),
        (1, (), True),
        (1, (50,), False),
        (2, (50,), True),
        (2, (50, 60), False),
        (1, (200, -5), True),
        (1, (0, 100), True),
        (1, (None,), True),
    ],
)
def test_the_window_counts_the_revisions_between(
    revisions: int | None, others: tuple[int | None, ...], *, reached: bool
) -> None:
    """Those made strictly between the two, as Argo counts: fewer than the window has."""
    assert reaches(revisions, *others) is reached


@pytest.mark.parametrize("new", [100, 101, None])
def test_what_isnt_older_than_stable_is_no_rollback(new: int | None) -> None:
    """Nor what was made in the same second: it can't be told."""
    assert not reaches(5, new=new)


def test_a_rollback_in_the_window_passes_no_step_and_waits_for_its_pods() -> None:
    """I2: no weight runs ahead of the pods, unlike in Argo, where all of it comes at once."""
    more: dict[str, Any] = {"rollbackWindow": {"revisions": 1}, "canary": BACKGROUND}
    cluster = upgraded("2", **more)
    cluster.start_delay = timedelta(seconds=20)
    cluster.apply(spec(*STEPS, version="1", **more))
    cluster.run(10)
    assert cluster.weight == 0
    assert cluster.status.current_step_index == 3
    assert cluster.message.startswith("Rollback within rollbackWindow, no steps: weight held at 0")
    told = [event.message for event in cluster.events if event.reason is EventReason.SKIP_STEPS]
    assert told == ["Rollback within rollbackWindow: steps 1 to 3 skipped"]
    cluster.run(90)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {3: 4, 2: 0}
    reasons = {event.reason for event in cluster.events}
    assert not reasons & {EventReason.ROLLOUT_STEP_COMPLETED, EventReason.ROLLOUT_PAUSED}
    assert all(run.revision != 3 for run in cluster.runs.values())


@pytest.mark.parametrize("canary", [{}, {"trafficRouting": None}], ids=["route", "pods"])
def test_outside_the_window_the_steps_are_passed(canary: dict[str, Any]) -> None:
    """Two revisions back, with a window of one."""
    more: dict[str, Any] = {"rollbackWindow": {"revisions": 1}, "canary": canary}
    cluster = upgraded("2", "3", **more)
    cluster.apply(spec(*STEPS, version="1", **more))
    cluster.run(30)
    assert phase(cluster) is RolloutPhase.PAUSED
    assert cluster.status.current_step_index == 1
    cluster.apply(spec(*STEPS, version="2", **more))
    cluster.run(90)
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_a_rollback_in_the_window_is_aborted_as_any_update() -> None:
    """I3: Argo clears the abort on each pass, and nothing takes the traffic back."""
    more: dict[str, Any] = {"rollbackWindow": {"revisions": 3}}
    cluster = upgraded("2", **more)
    cluster.apply(spec(*STEPS, version="1", **more))
    cluster.run(4.5)
    assert cluster.weight == 100
    cluster.edit_status(abort=True)
    assert cluster.once().actions[0] == plans.SetWeights(0, 100, "canary weight 100 → 0")
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert cluster.weight == 0


def test_a_pause_by_hand_holds_a_rollback_in_the_window() -> None:
    """`spec.paused` goes before it."""
    more: dict[str, Any] = {"rollbackWindow": {"revisions": 3}}
    cluster = upgraded("2", **more)
    cluster.apply(spec(*STEPS, version="1", paused=True, **more))
    cluster.run(30)
    assert (cluster.weight, cluster.status.current_step_index) == (0, 0)
    cluster.apply(spec(*STEPS, version="1", **more))
    cluster.run(90)
    assert phase(cluster) is RolloutPhase.HEALTHY
