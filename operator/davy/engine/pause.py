"""Pauses: begun once, ended by time or by a person (I6); `spec.paused`, which holds all of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from davy.api.analysis import Phase
from davy.api.conditions import PauseReason
from davy.api.status import PauseCondition, RunReference
from davy.engine import weights
from davy.engine.effect import Surroundings
from davy.engine.position import Position, Stage

_SETTLE_SHARE: Final = 10
"""A settle time is part of a pause that is at least so many times as long."""


def step(position: Position, now: datetime, *, weight_in_place: bool) -> tuple[Position, bool]:
    """The pause step: begins when the weight before it is in place, ends when its time has passed.

    It doesn't end by time while the canary can't carry its weight: it would have shown nothing.
    """
    if position.resumed:
        return position, True
    begun = position.paused_for(PauseReason.CANARY_PAUSE_STEP)
    if begun is not None and begun.start_time > now:  # the clock was set back
        others = tuple(pause for pause in position.pauses if pause is not begun)
        begun = PauseCondition(reason=begun.reason, start_time=now)
        position = replace(position, pauses=(*others, begun))
    if begun is None:
        if not weight_in_place:
            return position, False
        began = _began(position, now)
        begun = PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=began)
        position = replace(position, pauses=(*position.pauses, begun), controller_pause=True)
    ends = end(position, begun)
    return position, ends is not None and ends <= now and weight_in_place


def end(position: Position, begun: PauseCondition) -> datetime | None:
    """When the current pause step is over; None: when a person says so."""
    length = _length(position)
    return None if length is None else begun.start_time + length


def _length(position: Position) -> timedelta | None:
    pause = position.step.pause if position.step else None
    return pause.length if pause else None


def _began(position: Position, now: datetime) -> datetime:
    """When a pause that begins now is counted from: its weight's writing, if that is just past.

    The mesh takes a weight within a part of its settle time. Where all of that is at most a tenth
    of the pause it is counted in, so that a release takes its pauses and little more.
    """
    length, written = _length(position), position.written_at
    if length is None or written is None or (now - written) * _SETTLE_SHARE > length:
        return now
    return written


def inconclusive(position: Position, now: datetime) -> Position:
    """Paused while a run of this update is inconclusive and nobody has decided.

    Resuming passes an inconclusive step; an inconclusive background run is replaced by a new one.
    """
    background = _inconclusive(position.background_run)
    if position.resumed:
        return _went_on(position) if background else position
    waiting = position.paused_for(PauseReason.INCONCLUSIVE_ANALYSIS) is not None
    if waiting or not (background or _inconclusive(position.step_run)):
        return position
    pause = PauseCondition(reason=PauseReason.INCONCLUSIVE_ANALYSIS, start_time=now)
    return replace(position, pauses=(*position.pauses, pause), controller_pause=True)


def hold(position: Position, around: Surroundings) -> Position:
    """The position with the weight that `spec.paused` holds while it is true.

    What the new revision was given when the pause began, if the step asks for no less: what
    somebody else writes, or what pods that come back can carry again, is brought back to it. Kept
    in the status; where that is lost (Argo's own CRD prunes it) the pause holds what is so now.
    """
    if not around.rollout.spec.paused or position.stage is not Stage.UPDATING:
        return position if position.held is None else replace(position, held=None)
    given = around.way.given(around, position)
    if position.held is not None or given is None:
        return position
    return replace(
        position, held=min(given, weights.of_step(position.steps, position.index, position.total))
    )


def _went_on(position: Position) -> Position:
    step = position.step
    ends_step = step is not None and (step.pause is not None or _inconclusive(position.step_run))
    return replace(position, background_run=None, controller_pause=ends_step)


def _inconclusive(reference: RunReference | None) -> bool:
    return reference is not None and reference.status == Phase.INCONCLUSIVE
