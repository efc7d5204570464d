"""What each verb writes, decided from the rollout's manifest. Pure.

A verb writes into `/status` what Argo's command line writes, so that either command line works with
either controller. It differs in when it refuses: `promote` without a pause would pass a step that
is still at work (a weight ahead of its pods, an analysis without a verdict), so here it says what
the rollout is doing instead; who means that says `--skip-current-step`. Verbs that write the spec
are in `verbs_spec`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from davy.api.group import ApiGroup
from davy.cli.manifest import Json, flag, name_of, number, objects, text
from davy.cli.view import unobserved
from davy.cli.view_steps import current_step, describe, finished, spec_steps


@dataclass(frozen=True)
class Write:
    """Merge these fields, then say so."""

    said: str
    status: dict[str, Any] = field(default_factory=dict)
    """Fields of the status; None removes one."""
    spec: dict[str, Any] = field(default_factory=dict)
    """Fields of the spec, written before the status."""


@dataclass(frozen=True)
class Already:
    """The rollout is as asked for: nothing to write, no error."""

    said: str


@dataclass(frozen=True)
class Refuse:
    """The verb makes no sense on this rollout; the sentence says what it is and what would help."""

    said: str
    of_status: bool = True
    """It rests on the status: one that the operator is about to write may say otherwise."""


Decision = Write | Already | Refuse
Verb = Callable[[Json, ApiGroup], Decision]


def abort(rollout: Json, group: ApiGroup) -> Decision:
    """Give up this update: `status.abort=true`. All traffic goes to stable."""
    who = named(rollout)
    if flag(rollout, "status", "abort") and not finished(rollout):
        return Already(f"{who} is already aborted.")
    refused = _without_update(rollout, group, "abort")
    if refused is not None:
        return refused
    return Write(
        said=f"{who}: abort of {_revision(rollout, group)} requested; all traffic goes to stable.",
        status={"abort": True},
    )


def retry(rollout: Json, group: ApiGroup) -> Decision:
    """Take an aborted update up again from its first step: `status.abort=false`."""
    who = named(rollout)
    if flag(rollout, "status", "abort") and not finished(rollout):
        return Write(
            said=f"{who}: retry of {_revision(rollout, group)} requested; "
            "it starts again at its first step.",
            status={"abort": False},
        )
    refused = _without_update(rollout, group, "retry")
    if refused is not None:
        return refused
    return Refuse(f"{who} isn't aborted, so there is nothing to retry: {doing(rollout)}")


def promote(rollout: Json, group: ApiGroup) -> Decision:
    """End the pause: clear `status.pauseConditions` (and Argo's `spec.paused`).

    Where a step's analysis is inconclusive its step is passed too, else the same run would pause
    the rollout again. Without a pause nothing is written.
    """
    who = named(rollout)
    refused = _without_update(rollout, group, "promote") or _aborted(rollout, "promote")
    if refused is not None:
        return refused
    reasons = {text(pause, "reason") for pause in objects(rollout, "status", "pauseConditions")}
    spec = {"paused": False} if flag(rollout, "spec", "paused") else {}
    if reasons:
        status: dict[str, Any] = {"pauseConditions": None}
        if reasons & _INCONCLUSIVE and _step_is_undecided(rollout):
            index = number(rollout, "status", "currentStepIndex") or 0
            status["controllerPause"] = False
            status["currentStepIndex"] = min(index + 1, len(spec_steps(rollout)))
        return Write(said=f"{who}: promoted: {_passed(rollout)}.", status=status, spec=spec)
    if spec:
        return Write(said=f"{who}: promoted: spec.paused is false again.", spec=spec)
    if flag(rollout, "status", "controllerPause"):
        return Already(f"{who} is already promoted past its pause; the operator goes on with it.")
    if flag(rollout, "status", "promoteFull"):
        return Already(f"{who} is already being promoted in full: {doing(rollout)}")
    return Refuse(
        f"{who} isn't paused, so promote has nothing to end: {doing(rollout)} {_onwards(rollout)}"
    )


def _onwards(rollout: Json) -> str:
    """What passes steps that no pause holds."""
    command = f"davy promote {name_of(rollout)}"
    full = f"pass all remaining steps and analysis: {command} --full"
    if current_step(rollout) is None:
        return f"To {full}"
    return f"To pass this step all the same: {command} --skip-current-step; to {full}"


def promote_full(rollout: Json, group: ApiGroup) -> Decision:
    """Pass all remaining steps, pauses and analysis: `status.promoteFull=true`."""
    who = named(rollout)
    refused = _without_update(rollout, group, "promote") or _aborted(rollout, "promote")
    if refused is not None:
        return refused
    if flag(rollout, "status", "promoteFull"):
        return Already(f"{who} is already being promoted in full: {doing(rollout)}")
    return Write(
        said=f"{who}: full promotion of {_revision(rollout, group)} requested; "
        f"the remaining steps, pauses and analysis are passed{held(rollout)}.",
        status={"promoteFull": True},
    )


def skip_current_step(rollout: Json, group: ApiGroup) -> Decision:
    """Pass the step under way, whatever it waits for: `status.currentStepIndex` one further."""
    return _skip(rollout, group, lambda index, _: index + 1)


def skip_all_steps(rollout: Json, group: ApiGroup) -> Decision:
    """Pass all remaining steps: `status.currentStepIndex` is their number."""
    return _skip(rollout, group, lambda _, count: count)


def _skip(rollout: Json, group: ApiGroup, target: Callable[[int, int], int]) -> Decision:
    """Another step is the current one.

    The pause goes with its step: Argo leaves it there, where the next pause step finds it begun.
    """
    refused = _without_update(rollout, group, "promote") or _aborted(rollout, "skip")
    if refused is not None:
        return refused
    count = len(spec_steps(rollout))
    step = current_step(rollout)
    if step is None:
        has = "passed all its steps" if count else "no steps"
        return Refuse(f"{named(rollout)} has {has}, so there is nothing to skip: {doing(rollout)}")
    index, manifest = step
    to = target(index, count)
    skipped = f"step {index + 1} of {count} ({describe(manifest)}) is skipped"
    if to > index + 1:
        skipped = f"steps {index + 1} to {to} of {count} are skipped"
    return Write(
        said=f"{named(rollout)}: {skipped}{held(rollout)}.",
        status={"currentStepIndex": to, "pauseConditions": None, "controllerPause": False},
    )


_INCONCLUSIVE = frozenset({"InconclusiveAnalysisRun", "InconclusiveExperiment"})


def _step_is_undecided(rollout: Json) -> bool:
    """Whether it is the step's own analysis, not the background's, that is inconclusive."""
    canary = ("status", "canary")
    step_run = text(rollout, *canary, "currentStepAnalysisRunStatus", "status")
    experiment = text(rollout, *canary, "currentExperiment")
    return step_run == "Inconclusive" or experiment is not None


def _without_update(rollout: Json, group: ApiGroup, verb: str) -> Refuse | None:
    """A refusal when there is no update that a verb could be about."""
    who = named(rollout)
    waiting = unobserved(rollout)
    if text(rollout, "status", "currentPodHash") is None:
        reason = waiting or doing(rollout)
        return Refuse(f"{who} has no update to {verb} yet: {reason.rstrip('.')}.")
    if finished(rollout):
        if waiting is not None:
            return Refuse(f"{who} has no update to {verb} yet: {waiting}.")
        phase = text(rollout, "status", "phase") or "complete"
        return Refuse(
            f"{who} has no update to {verb}: {_revision(rollout, group)} is stable and {phase}."
        )
    if text(rollout, "status", "stableRS") is None:
        return Refuse(
            f"{who} has nothing to {verb}: its first revision passes no steps and has nothing to "
            f"go back to. {doing(rollout)}"
        )
    return None


def _aborted(rollout: Json, verb: str) -> Refuse | None:
    if not flag(rollout, "status", "abort"):
        return None
    return Refuse(
        f"{named(rollout)} is aborted, so there is nothing to {verb}. "
        f"To take the update up again from its first step: davy retry {name_of(rollout)}"
    )


def _passed(rollout: Json) -> str:
    """What a promotion ends, in words."""
    step = current_step(rollout)
    if step is None:
        return "the pause ends"
    index, manifest = step
    place = f"step {index + 1} of {len(spec_steps(rollout))} ({describe(manifest)})"
    if _step_is_undecided(rollout):
        return f"{place} is passed without a verdict"
    return f"{place} is passed" if "pause" in manifest else f"the pause at {place} ends"


def held(rollout: Json) -> str:
    """A clause, where `spec.paused` keeps a verb from having its effect now."""
    if not flag(rollout, "spec", "paused"):
        return ""
    return f" when spec.paused is false again (davy resume {name_of(rollout)})"


def doing(rollout: Json) -> str:
    """A sentence: what the rollout is at, in its own words where it has some."""
    message = text(rollout, "status", "message")
    step = current_step(rollout)
    if step is not None:
        index, manifest = step
        place = f"step {index + 1} of {len(spec_steps(rollout))}"
        if message and message.lower().startswith(place):
            return _sentence(message)
        work = "waits for its verdict" if "analysis" in manifest else "is under way"
        told = f": {message}" if message else ""
        return _sentence(f"{place} ({describe(manifest)}) {work}{told}")
    phase = text(rollout, "status", "phase")
    return _sentence(message or (f"it is {phase}" if phase else "it has no status yet"))


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?")) else f"{words}."


def named(rollout: Json) -> str:
    """The rollout, as sentences name it."""
    return f"rollout {text(rollout, 'metadata', 'namespace')}/{name_of(rollout)}"


def _revision(rollout: Json, group: ApiGroup) -> str:
    number_ = text(rollout, "metadata", "annotations", group.revision_annotation)
    return f"revision {number_}" if number_ else "the newest revision"
