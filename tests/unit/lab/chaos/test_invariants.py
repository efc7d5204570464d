"""Each judge finds nothing in a sound release, and what is wrong in one that breaks its rule."""

from collections.abc import Callable

import pytest

from tests.lab.chaos import invariants
from tests.lab.chaos.history import History
from tests.lab.chaos.invariants import Verdict
from tests.unit.lab.chaos.story import NEW, OLD, Story, aborted, promoted, updating


@pytest.mark.parametrize("story", [updating, promoted, aborted])
def test_a_sound_release_breaks_nothing(story: Callable[[], Story]) -> None:
    """Steps, promotion, abort by hand, drain."""
    found = invariants.judge(story().history())
    assert [broken for verdict in found for broken in verdict.breaks] == []


def test_every_judge_looks_at_something() -> None:
    """A promotion and an abort put each invariant to the test."""
    looks = [
        [verdict.checked for verdict in invariants.judge(story().history())]
        for story in (promoted, aborted)
    ]
    assert all(any(each) for each in zip(*looks, strict=True))


def wrong_sum(story: Story) -> None:
    story.weights(90, 20)


def raised_ahead_of_pods(story: Story) -> None:
    story.weights(25, 75)


def raised_on_pods_that_went_long_ago(story: Story) -> None:
    story.pods(NEW, 4)
    story.wait(1)
    story.pods(NEW, 1)
    story.wait(60)
    story.weights(25, 75)


def led_to_pods_that_are_not_there(story: Story) -> None:
    story.weights(0, 100, by="admin")
    story.wait(60)
    story.subsets(OLD, "cccc")


def weight_after_an_abort(story: Story) -> None:
    story.rollout("v2", stableRS=OLD, currentPodHash=NEW, abort=True)
    story.weights(60, 40)


def weight_again_after_an_abort(story: Story) -> None:
    story.rollout("v2", stableRS=OLD, currentPodHash=NEW, abort=True)
    story.weights(100, 0)
    story.weights(50, 50)


def an_abort_that_never_reaches_the_route(story: Story) -> None:
    story.rollout("v2", stableRS=OLD, currentPodHash=NEW, abort=True)
    story.wait(60)


def drained_with_weight(story: Story) -> None:
    story.wait(60)
    story.scale(NEW, 0)


def drained_too_early(story: Story) -> None:
    story.rollout("v2", stableRS=OLD, currentPodHash=NEW, abort=True)
    story.weights(100, 0)
    story.wait(19)
    story.scale(NEW, 0)


def drained_under_a_side_that_reaches_every_pod(story: Story) -> None:
    story.weights(100, 0)
    story.wait(60)
    story.subsets(None, OLD, by="admin")
    story.wait(5)
    story.scale(NEW, 0)


def a_step_back(story: Story) -> None:
    story.status(stableRS=OLD, currentPodHash=NEW, currentStepIndex=0)


def a_template_of_its_own(story: Story) -> None:
    story.create("cccc", "v9", 2)


def a_revision_of_its_own(story: Story) -> None:
    story.create("cccc", "v2", 3)


def a_users_field(story: Story) -> None:
    story.weights(50, 50, timeout="9s")


CASES: dict[Callable[[Story], None], str] = {
    wrong_sum: "I1",
    raised_ahead_of_pods: "I2",
    raised_on_pods_that_went_long_ago: "I2",
    led_to_pods_that_are_not_there: "I2",
    weight_after_an_abort: "I3",
    weight_again_after_an_abort: "I3",
    an_abort_that_never_reaches_the_route: "I3",
    drained_with_weight: "I4",
    drained_too_early: "I4",
    drained_under_a_side_that_reaches_every_pod: "I4",
    a_step_back: "I6",
    a_template_of_its_own: "I8",
    a_revision_of_its_own: "I8",
    a_users_field: "I9",
}


@pytest.mark.parametrize("wrong", CASES, ids=lambda wrong: wrong.__name__)
def test_a_broken_release_is_found(wrong: Callable[[Story], None]) -> None:
    """One thing goes wrong at weight 50, and exactly its invariant says so."""
    story = updating()
    wrong(story)
    broken = {verdict.name for verdict in invariants.judge(story.history()) if verdict.breaks}
    assert CASES[wrong] in broken
    assert broken <= {CASES[wrong], "I2"}  # a wrong weight may also be too much for the pods


def test_pods_that_died_just_before_a_raise_are_no_break() -> None:
    """Davy sees them go a moment later than the ReplicaSet's controller writes it."""
    story = updating()
    story.pods(NEW, 4)
    story.wait(1)
    story.pods(NEW, 1)
    story.wait(0.5)
    story.weights(0, 100)
    assert _breaks(invariants.capacity, story.history()) == []


@pytest.mark.parametrize(("seconds", "breaks"), [(0.5, 0), (5.0, 1)])
def test_a_weight_another_wrote_right_before_its_destination_was_narrowed_is_no_break(
    seconds: float, breaks: int
) -> None:
    """Two objects can't be written as one; a weight that Davy had seen it must not lead there."""
    story = updating()
    story.pods(NEW, 1)
    story.subsets(OLD, None, by="admin")
    story.weights(30, 70, by="admin")
    story.wait(seconds)
    story.subsets(OLD, NEW)
    assert len(_breaks(invariants.capacity, story.history())) == breaks


def test_a_step_index_may_start_over_with_another_template_or_after_an_abort() -> None:
    """I6 holds within one update."""
    story = updating()
    story.status(stableRS=OLD, currentPodHash=NEW, currentStepIndex=2)
    story.status(stableRS=OLD, currentPodHash=NEW, abort=True, currentStepIndex=0)
    story.status(stableRS=OLD, currentPodHash=NEW, currentStepIndex=0)
    story.status(stableRS=OLD, currentPodHash="cccc", currentStepIndex=0)
    assert _breaks(invariants.forward, story.history()) == []


def test_what_another_writes_right_before_a_drain_is_no_break() -> None:
    """Davy couldn't know: the write crossed its own."""
    story = aborted()
    story.scale(NEW, 4)
    story.wait(30)
    story.weights(50, 50, by="admin")
    story.wait(0.5)
    story.scale(NEW, 0)
    assert _breaks(invariants.drain, story.history()) == []


def _breaks(judge: Callable[[History], Verdict], history: History) -> list[str]:
    verdict = judge(history)
    assert verdict.checked
    return [str(each) for each in verdict.breaks]
