"""What became of a release is read from the record, not from what its user believed."""

import pytest

from tests.lab.chaos.outcomes import Outcome, outcomes
from tests.lab.chaos.users import Kind, Release
from tests.lab.shop import Router
from tests.unit.lab.chaos.story import NEW, OLD, SHOP, START, Story, aborted, promoted, updating


def outcome(story: Story, kind: Kind, *, over: bool = True) -> Outcome:
    release = Release(SHOP, Router.ISTIO_SUBSETS, kind, "v2", "v1", START)
    release.ended = START if over else None
    (found,) = outcomes(story.history(), [release])
    return found


@pytest.mark.parametrize(
    ("story", "kind"),
    [
        (promoted(), Kind.GOOD),
        (promoted(), Kind.RESUMED),
        (aborted(), Kind.BAD),
        (aborted(), Kind.ABORTED),
        (updating(), Kind.ROLLED_BACK),
        (updating(), Kind.REPLACED),
    ],
)
def test_the_outcome_that_had_to_come_is_recognised(story: Story, kind: Kind) -> None:
    """Promoted, aborted, or neither where its user changed his mind."""
    assert outcome(story, kind).as_expected


@pytest.mark.parametrize(
    ("story", "kind", "seen"),
    [
        (promoted(), Kind.BAD, "promoted"),
        (aborted(), Kind.GOOD, "aborted"),
        (updating(), Kind.GOOD, "given up"),
        (promoted(), Kind.ROLLED_BACK, "promoted"),
        (aborted(), Kind.REPLACED, "aborted"),
    ],
)
def test_any_other_outcome_is_named(story: Story, kind: Kind, seen: str) -> None:
    """A bad release that was promoted is the worst that can be."""
    found = outcome(story, kind)
    assert (found.as_expected, found.seen) == (False, seen)


def test_a_good_release_that_was_aborted_on_its_way_is_not_as_expected() -> None:
    """Also when a retry promoted it in the end."""
    story = aborted()
    story.status(stableRS=NEW, currentPodHash=NEW)
    assert outcome(story, Kind.GOOD).seen == "aborted, promoted"


def test_a_release_whose_user_still_waits_is_not_over() -> None:
    """The status may look right for a moment: the user waits for all of it."""
    assert outcome(promoted(), Kind.GOOD, over=False).seen == "promoted, not over"
    story = updating()
    story.status(stableRS=OLD, currentPodHash=NEW)
    assert outcome(story, Kind.ROLLED_BACK, over=False).seen == "not over"
