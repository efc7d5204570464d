"""State in, patch or sentence out."""

from typing import Any

import pytest

from davy.api.group import ARGO, ApiGroup
from davy.cli import verbs
from davy.cli.verbs import Already, Refuse, Verb, Write
from tests.unit.cli.manifests import (
    a_finished_rollout,
    a_paused_rollout,
    a_rollout,
    an_aborted_rollout,
)

Json = dict[str, Any]
GROUP = ApiGroup()

_UNSEEN = {"metadata": {"namespace": "shop", "name": "cart", "generation": 1}, "spec": {}}
_FIRST = a_rollout(
    stableRS=None, message="First revision: 1 of 4 pods of revision 1 are available."
)
_INCONCLUSIVE_STEP = a_paused_rollout(
    "InconclusiveAnalysisRun",
    index=3,
    canary={"currentStepAnalysisRunStatus": {"name": "cart-7-3", "status": "Inconclusive"}},
)
_INCONCLUSIVE_BACKGROUND = a_paused_rollout(
    "InconclusiveAnalysisRun",
    index=2,
    canary={"currentBackgroundAnalysisRunStatus": {"name": "cart-7", "status": "Inconclusive"}},
)


_SKIPPED = {"pauseConditions": None, "controllerPause": False}
"""A pause goes with its step."""


@pytest.mark.parametrize(
    ("verb", "rollout", "status"),
    [
        (verbs.abort, a_rollout(), {"abort": True}),
        (verbs.abort, a_paused_rollout(), {"abort": True}),
        (verbs.abort, a_rollout(promoteFull=True), {"abort": True}),
        (verbs.retry, an_aborted_rollout(), {"abort": False}),
        (verbs.promote, a_paused_rollout(), {"pauseConditions": None}),
        (
            verbs.promote,
            _INCONCLUSIVE_STEP,
            {"pauseConditions": None, "controllerPause": False, "currentStepIndex": 4},
        ),
        (verbs.promote, _INCONCLUSIVE_BACKGROUND, {"pauseConditions": None}),
        (verbs.promote_full, a_rollout(), {"promoteFull": True}),
        (verbs.promote_full, a_paused_rollout(), {"promoteFull": True}),
        (verbs.skip_current_step, a_rollout(), _SKIPPED | {"currentStepIndex": 3}),
        (verbs.skip_current_step, a_paused_rollout(), _SKIPPED | {"currentStepIndex": 5}),
        (verbs.skip_all_steps, a_rollout(), _SKIPPED | {"currentStepIndex": 5}),
    ],
)
def test_a_verb_writes_what_argos_does(verb: Verb, rollout: Json, status: Json) -> None:
    """The same fields, so that either command line works with either controller."""
    decision = verb(rollout, GROUP)
    assert isinstance(decision, Write)
    assert (decision.status, decision.spec) == (status, {})


def test_promote_ends_argos_own_pause() -> None:
    """Argo's `spec.paused` is set back, as its promote does."""
    rollout = a_rollout(group=ApiGroup(ARGO))
    rollout["spec"]["paused"] = True
    decision = verbs.promote(rollout, ApiGroup(ARGO))
    assert isinstance(decision, Write)
    assert (decision.spec, decision.status) == ({"paused": False}, {})


@pytest.mark.parametrize(
    ("verb", "rollout", "said"),
    [
        (verbs.abort, an_aborted_rollout(), "rollout shop/cart is already aborted."),
        (
            verbs.promote,
            a_paused_rollout(pauseConditions=None),
            "rollout shop/cart is already promoted past its pause; the operator goes on with it.",
        ),
        (
            verbs.promote_full,
            a_rollout(promoteFull=True, message="All steps passed: weight 50 → 100."),
            (
                "rollout shop/cart is already being promoted in full: "
                "step 3 of 5 (setWeight 50) is under way: All steps passed: weight 50 → 100."
            ),
        ),
    ],
)
def test_a_verb_that_was_said_already(verb: Verb, rollout: Json, said: str) -> None:
    """Said twice is no error, and nothing is written."""
    assert verb(rollout, GROUP) == Already(said)


_IDLE = "rollout shop/cart has no update to {}: revision 7 is stable and Healthy."


@pytest.mark.parametrize(
    ("verb", "word"),
    [
        (verbs.abort, "abort"),
        (verbs.retry, "retry"),
        (verbs.promote, "promote"),
        (verbs.promote_full, "promote"),
        (verbs.skip_current_step, "promote"),
        (verbs.skip_all_steps, "promote"),
    ],
)
def test_a_finished_rollout_has_nothing_to_steer(verb: Verb, word: str) -> None:
    """The sentence says which revision is stable, and how it is."""
    assert verb(a_finished_rollout(), GROUP) == Refuse(_IDLE.format(word))


@pytest.mark.parametrize(
    ("verb", "rollout", "said"),
    [
        (
            verbs.retry,
            a_rollout(),
            (
                "rollout shop/cart isn't aborted, so there is nothing to retry: "
                "Step 3 of 5: weight 10 → 50; the mesh gets until 14:00:03 to take it."
            ),
        ),
        (
            verbs.promote,
            a_rollout(),
            (
                "rollout shop/cart isn't paused, so promote has nothing to end: "
                "Step 3 of 5: weight 10 → 50; the mesh gets until 14:00:03 to take it. "
                "To pass this step all the same: davy promote cart --skip-current-step; "
                "to pass all remaining steps and analysis: davy promote cart --full"
            ),
        ),
        (
            verbs.promote,
            a_rollout(index=3, message="error-rate undecided"),
            (
                "rollout shop/cart isn't paused, so promote has nothing to end: "
                "step 4 of 5 (analysis error-rate) waits for its verdict: error-rate undecided. "
                "To pass this step all the same: davy promote cart --skip-current-step; "
                "to pass all remaining steps and analysis: davy promote cart --full"
            ),
        ),
        (
            verbs.promote,
            a_rollout(index=5, message="All steps passed: weight 50 → 100."),
            (
                "rollout shop/cart isn't paused, so promote has nothing to end: "
                "All steps passed: weight 50 → 100. "
                "To pass all remaining steps and analysis: davy promote cart --full"
            ),
        ),
        (
            verbs.promote,
            an_aborted_rollout(),
            (
                "rollout shop/cart is aborted, so there is nothing to promote. "
                "To take the update up again from its first step: davy retry cart"
            ),
        ),
        (
            verbs.promote_full,
            an_aborted_rollout(),
            (
                "rollout shop/cart is aborted, so there is nothing to promote. "
                "To take the update up again from its first step: davy retry cart"
            ),
        ),
        (
            verbs.skip_current_step,
            an_aborted_rollout(),
            (
                "rollout shop/cart is aborted, so there is nothing to skip. "
                "To take the update up again from its first step: davy retry cart"
            ),
        ),
        (
            verbs.skip_all_steps,
            a_rollout(index=5, message="All steps passed: weight 50 → 100."),
            (
                "rollout shop/cart has passed all its steps, so there is nothing to skip: "
                "All steps passed: weight 50 → 100."
            ),
        ),
        (
            verbs.abort,
            _FIRST,
            (
                "rollout shop/cart has nothing to abort: its first revision passes no steps "
                "and has nothing to go back to. "
                "First revision: 1 of 4 pods of revision 1 are available."
            ),
        ),
        (
            verbs.abort,
            _UNSEEN,
            (
                "rollout shop/cart has no update to abort yet: no operator has looked at it "
                "(is one running for this namespace and API group?)."
            ),
        ),
        (
            verbs.abort,
            a_finished_rollout(observedGeneration="6"),
            (
                "rollout shop/cart has no update to abort yet: "
                "the operator has yet to see the newest spec (generation 7; seen: 6)."
            ),
        ),
    ],
)
def test_a_refusal_says_what_is_and_what_would_help(verb: Verb, rollout: Json, said: str) -> None:
    """H3: no verb passes a step that is at work; the sentence says what it is doing."""
    assert verb(rollout, GROUP) == Refuse(said)


def test_promote_past_the_last_step_stays_within_the_steps() -> None:
    """The index never goes beyond the number of steps."""
    rollout = a_paused_rollout(
        "InconclusiveAnalysisRun",
        index=5,
        canary={"currentStepAnalysisRunStatus": {"status": "Inconclusive"}},
    )
    decision = verbs.promote(rollout, GROUP)
    assert isinstance(decision, Write)
    assert decision.status["currentStepIndex"] == 5


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (verbs.skip_current_step, "step 3 of 5 (setWeight 50) is skipped"),
        (verbs.skip_all_steps, "steps 3 to 5 of 5 are skipped"),
    ],
)
def test_what_is_skipped_is_said(verb: Verb, said: str) -> None:
    """Which steps, and that a pause by hand holds the rest."""
    rollout = a_rollout()
    decision = verb(rollout, GROUP)
    assert isinstance(decision, Write)
    assert decision.said == f"rollout shop/cart: {said}."
    rollout["spec"]["paused"] = True
    decision = verb(rollout, GROUP)
    assert isinstance(decision, Write)
    assert decision.said == (
        f"rollout shop/cart: {said} when spec.paused is false again (davy resume cart)."
    )
