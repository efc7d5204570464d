"""`davy status`: lines and exit codes."""

from typing import Any

import pytest

from tests.unit.cli.cluster import FakeCluster, Shell
from tests.unit.cli.manifests import (
    a_finished_rollout,
    a_paused_rollout,
    a_rollout,
    an_aborted_rollout,
)

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes between a change and the next."""
    monkeypatch.setattr("davy.cli.access._SETTLE_SECONDS", 0)


def a_cluster(now: Json, *later: Json) -> FakeCluster:
    """A rollout that changes; nothing but Rollouts can be read."""
    return FakeCluster(
        {"rollouts": [now]}, events=[("MODIFIED", "rollouts", each) for each in later]
    )


def test_it_waits_until_the_rollout_is_healthy(davy: Shell) -> None:
    """A line per change, exit 0; no right but that to read Rollouts is needed."""
    done = davy(a_cluster(a_rollout(), a_finished_rollout()), "status", "cart")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "Healthy - Revision 7 is stable and has all traffic."


@pytest.mark.parametrize("watch", [(), ("--watch",), ("-w",), ("--watch=true",), ("-w=true",)])
def test_a_degraded_rollout_is_an_error(davy: Shell, watch: tuple[str, ...]) -> None:
    """An aborted one is: exit 1, and the line says why."""
    done = davy(a_cluster(an_aborted_rollout()), "status", *watch, "cart")
    assert (done.code, done.err) == (1, "error: rollout shop/cart is Degraded.\n")
    assert done.out.startswith("Degraded - RolloutAborted: Revision 7")


@pytest.mark.parametrize("spelled", ["--watch=false", "-w=false", "--no-watch", "-W"])
@pytest.mark.parametrize(
    ("rollout", "code"),
    [
        (a_rollout(), 0),
        (a_paused_rollout(), 0),
        (a_finished_rollout(), 0),
        (an_aborted_rollout(), 1),
    ],
)
def test_without_waiting_only_degraded_is_an_error(
    davy: Shell, spelled: str, rollout: Json, code: int
) -> None:
    """One line, of what is so now; Argo's spelling of the flag too."""
    done = davy(a_cluster(rollout), "status", "cart", spelled)
    assert (done.code, len(done.out.splitlines())) == (code, 1)
    assert done.out.startswith(rollout["status"]["phase"])


def test_a_spec_that_nobody_has_seen_isnt_healthy(davy: Shell) -> None:
    """Right after `kubectl apply` the status is still the old one's."""
    unseen = a_finished_rollout(observedGeneration="6")
    done = davy(a_cluster(unseen, a_finished_rollout()), "status", "cart")
    assert [line.split()[0] for line in done.out.splitlines()] == ["Progressing", "Healthy"]


def test_the_time_to_wait_is_bounded(davy: Shell) -> None:
    """Exit 1, and what it was at."""
    done = davy(a_cluster(a_paused_rollout()), "status", "cart", "--timeout", "20ms")
    assert done.code == 1
    assert done.err == (
        "error: rollout shop/cart isn't done after 0.02 s: Paused: "
        "Step 5 of 5: paused at weight 50 until somebody promotes.\n"
    )


def test_a_time_that_is_none(davy: Shell) -> None:
    """Bad usage."""
    done = davy(a_cluster(a_rollout()), "status", "cart", "-t", "soon")
    assert done.code == 2
    assert "'soon' is not a duration" in done.err


def test_a_rollout_that_isnt_there(davy: Shell) -> None:
    """Exit 1 at once, watched or not."""
    for watch in ("--watch", "--no-watch"):
        done = davy(FakeCluster({"rollouts": []}), "status", watch, "cart")
        assert done.code == 1
        assert "isn't there" in done.err
