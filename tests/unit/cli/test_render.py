"""What a person sees, in `golden/`."""

from typing import Any

import pytest

from davy.api.group import ARGO, ApiGroup
from davy.cli import render
from davy.cli.view import RolloutView, headline, rollout_view
from tests.unit.cli import golden
from tests.unit.cli.manifests import (
    CANARY,
    NOW,
    STABLE,
    a_container,
    a_finished_rollout,
    a_paused_rollout,
    a_pod,
    a_replica_set,
    a_rollout,
    a_run,
    ago,
    an_aborted_rollout,
)

Json = dict[str, Any]
_REVISION = ApiGroup().revision_annotation


def _tree(rollout: Json, **belonging: Any) -> RolloutView:
    return rollout_view(rollout, revision_annotation=_REVISION, **belonging)


def _in_the_middle() -> RolloutView:
    waiting = {"reason": "ErrImagePull", "message": "image shop/cart:7.0 isn't there"}
    return _tree(
        a_rollout(
            verdict="error-rate undecided: canary 3 errors of 412, stable 20 of 3980",
            conditions=[
                {
                    "type": "TrafficVerified",
                    "status": "False",
                    "reason": "WeightSettling",
                    "message": "HTTPRoute cart: generation 5 is not observed yet (4)",
                },
                {"type": "Available", "status": "True", "reason": "AvailableReason"},
            ],
        ),
        replica_sets=[
            a_replica_set(STABLE, 6, desired=4, available=4),
            a_replica_set(CANARY, 7, desired=2, available=1),
            a_replica_set("old", 5, desired=1, available=1, scale_down_deadline=ago(-25)),
            a_replica_set("older", 4, desired=0, available=0),
        ],
        pods=[
            a_pod("cart-aaa-1", STABLE),
            a_pod("cart-aaa-2", STABLE),
            a_pod("cart-bbb-1", CANARY, containerStatuses=a_container(ready=True, restarts=2)),
            a_pod(
                "cart-bbb-2",
                CANARY,
                phase="Pending",
                containerStatuses=a_container(waiting=waiting),
            ),
            a_pod("another-1", "not-ours"),
        ],
        runs=[
            a_run(
                "cart-bbb-7-3",
                step=3,
                phase="Running",
                results=[
                    {
                        "name": "error-rate",
                        "phase": "Running",
                        "successful": 3,
                        "failed": 1,
                        "measurements": [{"phase": "Failed", "value": "[0.182]"}],
                    },
                    {"name": "latency", "phase": "Running", "measurements": []},
                ],
            )
        ],
    )


def test_an_update_in_the_middle() -> None:
    """I10: step, three weights, pods in trouble, analysis counts and drains are on one screen."""
    golden.check("middle", render.rollout(_in_the_middle(), now=NOW))


def test_a_narrow_terminal_keeps_the_columns() -> None:
    """Long words break within their column."""
    golden.check("narrow", render.rollout(_in_the_middle(), now=NOW), width=80)


def test_a_terminal_without_unicode() -> None:
    """Every glyph has an ASCII twin."""
    drawn = golden.text_of(render.rollout(_in_the_middle(), now=NOW, glyphs=render.ASCII))
    assert drawn.replace("→", "->").isascii()


def test_a_finished_rollout() -> None:
    """All steps are done, stable has all traffic."""
    golden.check(
        "finished",
        render.rollout(
            _tree(
                a_finished_rollout(),
                replica_sets=[a_replica_set(CANARY, 7, desired=4, available=4)],
                pods=[a_pod("cart-bbb-1", CANARY)],
            ),
            now=NOW,
        ),
    )


def test_the_last_updates() -> None:
    """How each ended, how long it took and why; the one under way is told above."""
    past = {"podTemplateHash": CANARY, "startedAt": ago(7200), "finishedAt": ago(7000)}
    entries = [
        {"revision": 8, "podTemplateHash": "ccc", "startedAt": ago(60)},
        past | {"revision": 7, "outcome": "Promoted", "message": "All 5 steps are completed."},
        past | {"revision": 6, "outcome": "Aborted", "message": "Revision 6 aborted: by hand."},
        {"podTemplateHash": "x", "outcome": "Promoted", "startedAt": "never", "message": 5},
        "x",
    ]
    view = _tree(a_finished_rollout(history=entries))
    assert [found.revision for found in view.history] == [7, 6, None]
    golden.check("history", render.rollout(view, now=NOW))


def test_what_was_compared_in_the_last_updates() -> None:
    """Errors of requests of both sides; what was written by hand is no reason to fail."""
    counts: Json = {
        "canary": {"requests": 1180, "errors": 41},
        "stable": {"requests": 10730, "errors": 38},
    }
    silent: Json = {
        "canary": {"requests": 0, "errors": 0},
        "stable": {"requests": 900, "errors": 0},
    }
    strange: Json = {"canary": {"requests": -1, "errors": 10**400}, "stable": "x"}
    past: Json = {"outcome": "Aborted", "message": "Why.", "finishedAt": ago(60)}
    entries = [
        past | each | {"revision": 9 - index}
        for index, each in enumerate([counts, silent, strange, {}])
    ]
    view = _tree(a_finished_rollout(history=entries))
    golden.check("history_compared", render.rollout(view, now=NOW))


def test_an_aborted_rollout() -> None:
    """No step is done: a retry starts over. The message isn't repeated as a condition."""
    rollout = an_aborted_rollout()
    rollout["status"]["conditions"] = [
        {
            "type": "Progressing",
            "status": "False",
            "reason": "RolloutAborted",
            "message": rollout["status"]["message"],
        }
    ]
    golden.check("aborted", render.rollout(_tree(rollout), now=NOW))


def test_a_rollout_that_no_operator_has_seen() -> None:
    """A newcomer is told what is missing."""
    rollout = a_rollout()
    del rollout["status"]
    golden.check("unseen", render.rollout(_tree(rollout), now=NOW))


def test_a_rollout_of_argos_controller() -> None:
    """What Argo's status doesn't say is a dash, not a guess."""
    weights = {"canary": {"weight": 10}, "stable": {"weight": 90}}
    rollout = a_rollout(group=ApiGroup(ARGO), traffic=None, canary={"weights": weights})
    golden.check("argo", render.rollout(_tree(rollout), now=NOW))


def test_the_list() -> None:
    """Rollouts of a namespace, a line each."""
    rollouts = [a_rollout(), a_paused_rollout(), an_aborted_rollout(), a_finished_rollout()]
    rows = [headline(rollout) for rollout in rollouts]
    golden.check("list", render.rollouts(rows, with_namespace=False), width=140)
    golden.check("list_everywhere", render.rollouts(rows, with_namespace=True), width=140)


def test_a_line_of_the_log() -> None:
    """One line says phase, step, weight, pods and message; unknown is a dash."""
    assert render.line(_tree(a_rollout())) == (
        "Progressing  step 3/5  canary 50 wanted, 50 written, 10 verified  pods 6/6 available  "
        "Step 3 of 5: weight 10 → 50; the mesh gets until 14:00:03 to take it."
    )


@pytest.mark.parametrize(
    ("traffic", "solid", "moving", "wanted"),
    [
        ({"wanted": 50, "written": 10, "verified": 10}, 4, 0, 16),
        ({"wanted": 50, "written": 50, "verified": 10}, 4, 16, 0),
        ({"wanted": 0, "written": 0, "verified": 50}, 0, 20, 0),
        ({"wanted": 50, "written": 50, "verified": 50}, 20, 0, 0),
        ({"wanted": 10, "written": None, "verified": None}, 0, 0, 4),
    ],
)
def test_the_bar_shows_what_is_on_its_way(
    traffic: Json, solid: int, moving: int, wanted: int
) -> None:
    """Solid is proved, shaded is between route and mesh in either direction, light is to come."""
    drawn = golden.text_of(render.rollout(_tree(a_rollout(traffic=traffic)), now=NOW))
    bar = next(line for line in drawn.splitlines() if line.startswith("Weight"))
    assert (bar.count("█"), bar.count("▓"), bar.count("▒")) == (solid, moving, wanted)


@pytest.mark.parametrize("share", [0, 1, 10, 33, 50, 99, 100])
def test_the_bar_has_the_same_width_at_every_weight(share: int) -> None:
    """The bar's cells are the traffic: none is lost or added by rounding."""
    traffic = {"wanted": 100, "written": share, "verified": 0}
    drawn = golden.text_of(render.rollout(_tree(a_rollout(traffic=traffic)), now=NOW))
    bar = next(line for line in drawn.splitlines() if line.startswith("Weight"))
    assert len(bar.split()[1]) == render.BAR_CELLS


def test_weights_of_another_total_are_drawn_by_it() -> None:
    """`maxTrafficWeight: 1000`: 500 is half of the bar."""
    rollout = a_rollout(traffic={"wanted": 500, "written": 500, "verified": 500})
    routing = rollout["spec"]["strategy"]["canary"].setdefault("trafficRouting", {})
    routing["maxTrafficWeight"] = 1000
    drawn = golden.text_of(render.rollout(_tree(rollout), now=NOW))
    assert drawn.count("█") == render.BAR_CELLS // 2
    assert "canary 500 wanted, 500 written, 500 verified, of 1000" in drawn
