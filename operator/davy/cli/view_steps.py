"""The steps of a rollout as words, and which of them is the current one. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from davy.cli.manifest import Json, at, flag, number, objects, text


class StepState(StrEnum):
    """Where a step stands."""

    DONE = "done"
    CURRENT = "current"
    TODO = "todo"


@dataclass(frozen=True)
class StepView:
    """One step."""

    text: str
    """What it does, in a few words: `setWeight 10`, `pause 30s`."""
    state: StepState


def describe(step: Json) -> str:
    """A few words for a step: its kind and what it is set to.

    `{"setWeight": 10}` is `setWeight 10`; a pause without a duration is `pause until promoted`. A
    step of a kind that Davy doesn't know (Argo has more) is its name.
    """
    weight = number(step, "setWeight")
    if weight is not None:
        return f"setWeight {weight}"
    if "pause" in step:
        return f"pause {_length(at(step, 'pause', 'duration'))}"
    if "analysis" in step:
        names = [
            text(template, "templateName") or "?"
            for template in objects(step, "analysis", "templates")
        ]
        return f"analysis {' + '.join(names)}".rstrip()
    if "setCanaryScale" in step:
        return f"setCanaryScale {_scale(step)}".rstrip()
    for kind in ("plugin", "setHeaderRoute", "setMirrorRoute"):
        if name := text(step, kind, "name"):
            stays = kind == "plugin" or at(step, kind, "match")
            return f"{kind} {name}" if stays else f"{kind} {name} (taken away)"
    return ", ".join(str(key) for key in step) or "empty step"


def _scale(step: Json) -> str:
    """`5 pods`, `to weight 25`, `to its weight`; empty for one that says nothing."""
    pods, weight = (number(step, "setCanaryScale", field) for field in ("replicas", "weight"))
    if pods is not None:
        return f"{pods} pods"
    if weight is not None:
        return f"to weight {weight}"
    return "to its weight" if flag(step, "setCanaryScale", "matchTrafficWeight") else ""


def _length(duration: Any) -> str:
    if duration is None:
        return "until promoted"
    bare = isinstance(duration, int) or (isinstance(duration, str) and duration.isdecimal())
    return f"{duration}s" if bare else str(duration)


def spec_steps(rollout: Json) -> list[Json]:
    """The steps as the user wrote them; empty for another strategy than canary."""
    return objects(rollout, "spec", "strategy", "canary", "steps")


def finished(rollout: Json) -> bool:
    """Whether stable is the newest template: there is no update to promote or abort."""
    stable = text(rollout, "status", "stableRS")
    return stable is not None and stable == text(rollout, "status", "currentPodHash")


def current_step(rollout: Json) -> tuple[int, Json] | None:
    """Index (from 0) and manifest of the step that is under way; None when there is none.

    A first revision passes no steps: there is nothing to split the traffic with.
    """
    steps = spec_steps(rollout)
    index = number(rollout, "status", "currentStepIndex")
    first = text(rollout, "status", "stableRS") is None
    idle = first or finished(rollout) or flag(rollout, "status", "abort")
    if index is None or idle or not 0 <= index < len(steps):
        return None
    return index, steps[index]


def steps(rollout: Json) -> tuple[StepView, ...]:
    """Every step and where it stands; of an aborted update none is done: a retry starts over."""
    current = current_step(rollout)
    index = number(rollout, "status", "currentStepIndex") or 0
    done = index if not flag(rollout, "status", "abort") or finished(rollout) else 0

    def state(position: int) -> StepState:
        if current is not None and position == current[0]:
            return StepState.CURRENT
        return StepState.DONE if finished(rollout) or position < done else StepState.TODO

    return tuple(
        StepView(text=describe(step), state=state(position))
        for position, step in enumerate(spec_steps(rollout))
    )


def position(rollout: Json) -> str:
    """`3/5` while step 3 of 5 is under way, `5/5` after the last; empty without steps."""
    total = len(spec_steps(rollout))
    if not total:
        return ""
    current = current_step(rollout)
    if current is not None:
        return f"{current[0] + 1}/{total}"
    done = sum(step.state is StepState.DONE for step in steps(rollout))
    return f"{done}/{total}"
