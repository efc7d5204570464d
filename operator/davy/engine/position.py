"""Where an update stands: the status, read in the light of the spec."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import partial

from davy.api.conditions import PauseReason
from davy.api.rollout import CanaryStep
from davy.api.status import CanaryStatus, PauseCondition, RunReference, StepPluginStatus
from davy.api.template_hash import template_hash
from davy.engine import revision
from davy.engine.world import Rollout, Workload


class Stage(Enum):
    """What the rollout is about."""

    FIRST = "first"
    """No revision was ever promoted: there is no stable to fall back on."""
    UPDATING = "updating"
    ABORTED = "aborted"
    DONE = "done"
    """The template of the spec is stable: newly promoted, rolled back to, or long since."""


@dataclass(frozen=True)
class Position:
    """Where an update stands."""

    stage: Stage
    new_hash: str
    steps_hash: str
    stable_hash: str | None
    steps: tuple[CanaryStep, ...]
    index: int
    """Of the current step, from 0; `len(steps)` when all are passed."""
    total: int = 100
    """The weight that is all traffic."""
    promote_full: bool = False
    held: int | None = None
    """The canary's weight that `spec.paused` holds; None: nothing is held yet."""
    written_at: datetime | None = None
    """When the weight of a setWeight step that this pass completed was written."""
    pauses: tuple[PauseCondition, ...] = ()
    controller_pause: bool = False
    """Davy paused: when `pauses` is empty then, somebody resumed."""
    aborted_at: datetime | None = None
    step_run: RunReference | None = None
    background_run: RunReference | None = None
    step_plugin: StepPluginStatus | None = None
    """The current step's, once its weight was in place; None before, and for other steps."""
    started_over: bool = False
    """A new template, new steps or a retry began in this pass."""
    in_window: bool = False
    """`spec.rollbackWindow` lets it past the steps."""
    retried: bool = False
    ignored_abort: bool = False
    """Somebody asked to abort where there is nothing to abort."""

    @property
    def step(self) -> CanaryStep | None:
        """The current step; None when all are passed."""
        return self.steps[self.index] if self.index < len(self.steps) else None

    @property
    def resumed(self) -> bool:
        """Somebody cleared the pause that Davy had set."""
        return self.controller_pause and not self.pauses

    def paused_for(self, reason: PauseReason) -> PauseCondition | None:
        """The pause of this reason, if it is on."""
        return next((pause for pause in self.pauses if pause.reason == reason), None)

    def at(self, index: int) -> "Position":
        """The same update at another step, nothing left of the step before."""
        return replace(
            self,
            index=index,
            written_at=None,
            pauses=(),
            controller_pause=False,
            step_run=None,
            step_plugin=None,
        )


def revision_hash(rollout: Rollout, workload: Workload | None) -> str:
    """The hash of the revision that is wanted.

    A workload's template is stored with what the API server filled in, which a later version of the
    server may do differently. So as long as the workload's generation stays, the hash does (I8).
    Where the template isn't known it is the last one that was.
    """
    status, template = rollout.status, rollout.spec.template
    newest = status.current_pod_hash
    if template is None:
        return newest or ""
    own = rollout.hash or template_hash(template)
    if workload is None or not newest:
        return own
    known = status.workload is not None and status.workload.uid == workload.uid
    same = known and status.workload_observed_generation == str(workload.generation)
    return newest if same or workload.unchanged else own


def read(rollout: Rollout, workload: Workload | None = None) -> Position:
    """Where the update stands before this pass decides anything.

    A new template or new steps start over at step 0 (I6); so does a retry: an abort that was
    recorded and is no longer wanted. An abort that isn't recorded yet is of this template, whatever
    happened to the steps meanwhile: it must not be lost with them (I3). Verbs are read here:
    `abort`, `promoteFull`, cleared `pauseConditions`, a moved `currentStepIndex`.
    """
    status = rollout.status
    steps = tuple(rollout.spec.strategy.canary.steps or ())
    new_hash = revision_hash(rollout, workload)
    steps_hash = rollout.steps_hash or revision.steps_hash(steps)
    stable_hash = status.stable_rs or None
    same_template = status.current_pod_hash == new_hash
    same_steps = status.current_step_hash == steps_hash
    unrecorded = status.aborted_at is None
    abort = bool(status.abort) and same_template and (same_steps or unrecorded)
    changed = not (same_template and same_steps) and not abort
    retried = status.aborted_at is not None and not abort and not changed
    stage = _stage(new_hash, stable_hash, abort=abort)
    begun = partial(
        Position,
        stage=stage,
        new_hash=new_hash,
        steps_hash=steps_hash,
        stable_hash=stable_hash,
        steps=steps,
        total=rollout.spec.strategy.canary.all_traffic,
        ignored_abort=abort and stage in {Stage.FIRST, Stage.DONE},
        started_over=changed or retried,
        retried=retried,
    )
    first = len(steps) if stage is Stage.DONE else 0
    if changed or retried:
        return begun(index=first)
    canary = status.canary or CanaryStatus()
    passed = min(max(status.current_step_index or 0, 0), len(steps))
    return begun(
        index=passed if stage is Stage.UPDATING else first,
        promote_full=bool(status.promote_full) and stage is Stage.UPDATING,
        held=status.traffic.held if status.traffic and status.paused_by_hand else None,
        pauses=tuple(status.pause_conditions or ()),
        controller_pause=bool(status.controller_pause),
        aborted_at=status.aborted_at if stage is Stage.ABORTED else None,
        step_run=canary.current_step_analysis_run_status,
        background_run=canary.current_background_analysis_run_status,
        step_plugin=_step_plugin(canary, steps, passed) if stage is Stage.UPDATING else None,
    )


def _step_plugin(
    canary: CanaryStatus, steps: tuple[CanaryStep, ...], index: int
) -> StepPluginStatus | None:
    """The status of the current step, where it is a plugin's and was begun."""
    plugin = steps[index].plugin if index < len(steps) else None
    begun = (found for found in canary.step_plugin_statuses or () if found.index == index)
    return next((found for found in begun if plugin and found.name == plugin.name), None)


def _stage(new_hash: str, stable_hash: str | None, *, abort: bool) -> Stage:
    if stable_hash is None:
        return Stage.FIRST
    if stable_hash == new_hash:
        return Stage.DONE
    return Stage.ABORTED if abort else Stage.UPDATING
