"""Every sentence of `status.message`: where, waiting for what, seen of needed, until when (I10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from davy.api.conditions import MANUALLY_PAUSED, PauseReason
from davy.api.status import RunReference
from davy.engine import budget, canary_scale, handover, managed, pause, runs
from davy.engine.abort import Progress
from davy.engine.effect import Effect
from davy.engine.position import Position, Stage
from davy.engine.restart import Restart
from davy.engine.way import Way
from davy.engine.world import Answer, ReplicaSet, Rollout, Run, World


@dataclass(frozen=True)
class Scene:
    """A pass after all was decided: what the sentences speak of."""

    rollout: Rollout
    world: World
    position: Position
    took: Effect
    way: Way
    target: int
    """The weight that the current step asks for."""
    waited: Progress
    aborted: str
    """Why the update was aborted, "" when it wasn't."""
    now: datetime
    restart: Restart | None = None
    """How far a restart is that is due, None: none is."""
    lacking: Run | None = None
    """The background run for whose evidence alone the weight is held."""

    @property
    def restarting(self) -> bool:
        """Some pod is still from before the restart, or its successor isn't available."""
        return self.restart is not None and self.restart.turn is not None

    @property
    def new(self) -> ReplicaSet | None:
        """The ReplicaSet of the spec's template."""
        return self.world.replica_set(self.position.new_hash)

    @property
    def scaled(self) -> int:
        """The canary's pods, with those that a setCanaryScale adds."""
        route = self.world.route
        return canary_scale.pods(self.rollout.spec, route, self.position, self.target)

    def enough(self, pods: int) -> int:
        """Of so many pods, those that are waited for; a promotion by a route takes them all."""
        promotes = self.way.has_route and self.position.step is None
        if promotes or self.position.stage is not Stage.UPDATING:
            return pods
        return managed.enough(self.rollout.spec, self.world.route, self.position, pods)

    @property
    def load(self) -> int:
        """The weight whose pods the step needs: its own, and more for managed routes."""
        route = self.world.route
        return managed.load(self.rollout.spec, route, self.position, self.target)

    @property
    def settled(self) -> bool:
        """The stable revision is complete and has all traffic: nothing is left to do."""
        return self.way.is_settled(self)


def message(scene: Scene) -> str:
    """What the rollout waits for, in one or two sentences."""
    if scene.world.problems:
        first, *more = scene.world.problems
        rest = f" ({len(more)} more)" if more else ""
        held = f" {_held(scene)}" if scene.position.stage is Stage.UPDATING else ""
        return f"InvalidSpec: {str(first).rstrip('.')}{rest}.{held}"
    if handover.is_back(scene, scene.position) is not None:
        return _going_back(scene)
    held_by_hand = scene.rollout.spec.paused and scene.position.stage is not Stage.ABORTED
    by_hand = f"{MANUALLY_PAUSED} until spec.paused is false. " if held_by_hand else ""
    return f"{by_hand}{_at(scene)}{_restarting(scene)}{_beside(scene)}"


def _going_back(scene: Scene) -> str:
    """What a deleted rollout waits for before it leaves its traffic to the Deployment."""
    world = scene.world
    workload = world.workload
    late = _until(scene) if scene.waited.exceeded else ""
    what = f"the destinations find any pod{_settling(scene)}"
    if workload is not None and workload.available < workload.desired:
        what = f"{workload.available} of its {workload.desired} pods are available"
    elif left := handover.left(world, scene.position):
        what = have(left)
    return f"Deleted, and the traffic goes back to {workload}: {what}.{late}"


def have(over: Sequence[ReplicaSet]) -> str:
    """Revisions that still have pods, one after the other."""
    told = (
        f"revision {found.revision} still has {max(found.desired, found.current)} pods"
        for found in over
    )
    return ", ".join(told)


def _beside(scene: Scene) -> str:
    """What the Deployment has that the template is taken from; "": no pods, or no Deployment."""
    workload, referred = scene.world.workload, scene.rollout.spec.workload_ref
    if workload is None or referred is None or workload.desired == 0:
        return ""
    have = "1 pod" if workload.desired == 1 else f"{workload.desired} pods"
    if referred.scale_down == "never" or handover.is_taken(scene):
        return f" {workload} has {have} beside it."
    return f" {workload} still has {have}."


def _restarting(scene: Scene) -> str:
    if scene.restart is None or not scene.restarting:
        return ""
    left = scene.restart.left
    if left == 0:
        return " Restart: the last new pods are starting."
    old = "1 pod is" if left == 1 else f"{left} pods are"
    return f" Restart: {old} from before {clock(scene.restart.at)}."


def _at(scene: Scene) -> str:
    match scene.position.stage:
        case Stage.FIRST:
            return f"First revision: {pods(scene, scene.position.total)}.{_until(scene)}"
        case Stage.ABORTED:
            return f"RolloutAborted: {scene.aborted}{_returning(scene)}{_kept(scene)}"
        case Stage.DONE:
            return _done(scene)
        case Stage.UPDATING:
            return f"{_where(scene)}: {_lacking(scene) or _updating(scene)}"


def _returning(scene: Scene) -> str:
    """What waits for stable's pods, where they were scaled down with its weight."""
    weight = scene.world.route.canary_weight
    stable = scene.world.replica_set(scene.position.stable_hash)
    if not weight or stable is None or not scene.rollout.spec.strategy.canary.dynamic_stable_scale:
        return ""
    return (
        f" Weight {weight} waits for stable's pods: {stable.available} of "
        f"{scene.rollout.spec.replicas} are available."
    )


def clock(instant: datetime) -> str:
    """An instant of today as people read it, UTC: `14:03:10`."""
    return f"{instant:%H:%M:%S}"


def step_of(position: Position, index: int) -> str:
    """`step 3 of 5`; steps count from 1 for people."""
    return f"step {index + 1} of {len(position.steps)}"


def _where(scene: Scene) -> str:
    position = scene.position
    if position.step is None and position.in_window and position.steps:
        return "Rollback within rollbackWindow, no steps"
    if position.step is None:
        return "All steps passed" if position.steps else "No steps"
    return step_of(position, position.index).capitalize()


def _updating(scene: Scene) -> str:
    position = scene.position
    if scene.rollout.spec.paused:
        weight = scene.world.route.canary_weight
        if scene.way.has_route and weight != scene.target:
            return scene.way.moving(scene)
        return f"weight held at {weight}{_capacity(scene)}."
    if inconclusive := position.paused_for(PauseReason.INCONCLUSIVE_ANALYSIS):
        run = _judging(scene, position.step_run) or _judging(scene, position.background_run)
        since = clock(inconclusive.start_time)
        return (
            f"InconclusiveAnalysisRun: {run or 'the analysis is inconclusive'}. {_held(scene)} "
            f"Since {since}, until somebody promotes, aborts or retries."
        )
    step = position.step
    begun = position.paused_for(PauseReason.CANARY_PAUSE_STEP)
    if step is not None and step.pause is not None and begun is not None:
        ends = pause.end(position, begun)
        until = f"until {clock(ends)}" if ends else "until somebody promotes"
        waits = f"{_capacity(scene)}{_settling(scene)}.{_until(scene)}"
        return f"paused at weight {_weight(scene)} {until}{waits}"
    if step is not None and step.analysis is not None:
        run = _judging(scene, position.step_run)
        return f"{run or 'the analysis begins'}. Weight {_weight(scene)}."
    plugin = position.step_plugin
    return _plugin(scene, plugin.name) if plugin else f"{scene.way.moving(scene)}{_until(scene)}"


def _lacking(scene: Scene) -> str:
    """Why the weight isn't raised though the step is done; "": it lacks no evidence."""
    run = scene.lacking
    if run is None:
        return ""
    paused = scene.position.paused_for(PauseReason.CANARY_PAUSE_STEP) is not None
    passes = "promotes" if paused else "skips the step"
    what = f"analysis {run.name}: {run.lacks.rstrip('.')}. {_held(scene)}"
    return f"{what} Goes on when there is evidence, or somebody {passes}."


def _plugin(scene: Scene, name: str) -> str:
    answer, again_at = scene.world.step, scene.world.again_at
    said = f": {answer.message.rstrip('.') or answer.says.value}" if answer else " is asked"
    again = f"; asked again {clock(again_at)}" if answer and again_at else ""
    waits = f"{_capacity(scene)}{_settling(scene)}.{_until(scene)}"
    return f"step plugin {name}{said}{again}{waits} Weight {_weight(scene)}."


def moving(scene: Scene) -> str:
    """What is missing until the route has the step's weight: pods, a destination, the mesh."""
    route, goal, new = scene.world.route, scene.target, scene.new
    if route.canary_weight is None:
        return "the route can't be read."
    missing = _missing(scene)
    if new is None or missing:
        return f"weight held at {route.canary_weight}: {missing}."
    rules = managed.asked(scene.rollout.spec, route, scene.position)
    named = f" and managed routes {', '.join(rule.name for rule in rules)}" if rules else ""
    if route.canary_weight != goal or not managed.is_written(route, rules):
        if scene.load and route.canary_hash != scene.position.new_hash:
            what = f"revision {new.revision} for weight {goal}{named}"
            return f"leading the canary's destination to {what}."
        if held := _budget(scene):
            return f"weight {route.canary_weight} of {goal}{named}: {held}{_settling(scene)}."
        return f"weight {route.canary_weight} → {goal}{named}{_settling(scene)}."
    return f"weight {goal}{named} {'are' if named else 'is'} written{_settling(scene)}."


def _budget(scene: Scene) -> str:
    """Why the harm budget allows no higher weight; "": it does, or there is none."""
    given, route = scene.rollout.spec.strategy.canary.harm_budget, scene.world.route
    most = budget.allowed(scene.rollout, scene.world, scene.position)
    if given is None or most != route.canary_weight or most >= scene.target:
        return ""
    found = budget.allowance(scene.world, scene.position)
    run = runs.lacking(scene.world, scene.position)
    lacks = f"; {run.lacks.rstrip('.')}" if run else ""
    return (
        f"the harm budget of {given} ({found.spent if found else 0} spent) allows no more until "
        f"canary has served more without failing, or somebody promotes in full{lacks}"
    )


def _missing(scene: Scene) -> str:
    """The pods that the step waits for; empty when they are there."""
    new, route, step = scene.new, scene.world.route, scene.position.step
    if step is not None and step.set_canary_scale is not None:
        return _scaling(scene)
    spec = scene.rollout.spec
    if new is None or new.available < scene.enough(scene.way.needed(spec, scene.load)):
        return pods(scene, scene.target)
    come = not managed.is_written(route, managed.asked(spec, route, scene.position))
    return _scaling(scene) if come and new.available < scene.enough(scene.scaled) else ""


def _settling(scene: Scene) -> str:
    took, route = scene.took, scene.world.route
    if route.answer is Answer.NOT_YET:
        return f"; the mesh hasn't taken what is written: {route.why.rstrip('.')}"
    if took.settles_at:
        return f"; the mesh gets until {clock(took.settles_at)} to take it"
    return ""


def _done(scene: Scene) -> str:
    new = scene.new
    name = f"Revision {new.revision}" if new else f"Revision {scene.position.new_hash}"
    if scene.settled:
        return f"{name} is stable and has all traffic.{_kept(scene)}"
    if new is None or new.available < scene.rollout.spec.replicas:
        return f"{name} is stable: {pods(scene, scene.position.total)}."
    return scene.way.done(scene, name)


def promoted(scene: Scene, name: str) -> str:
    """Which of the route's destinations is still to lead to a promoted revision."""
    position, route = scene.position, scene.world.route
    if route.canary_weight is None:
        return f"{name} is stable: the route can't be read."
    if route.stable_hash != position.new_hash:
        return f"{name} is promoted: leading the stable destination to it{_settling(scene)}."
    if route.canary_weight == 0:
        return f"{name} is stable: all weight is on the stable destination{_settling(scene)}."
    return (
        f"{name} is promoted: moving all weight to the stable destination "
        f"(canary still {route.canary_weight}){_settling(scene)}."
    )


def pods(scene: Scene, weight: int) -> str:
    """How many of the pods that a weight needs are available, and why not all."""
    load = max(weight, scene.load)
    wants = scene.way.needed(scene.rollout.spec, load)
    more = " with its managed routes" if load != weight else ""
    return _available(scene, wants, f"weight {weight}{more} needs {wants}")


def _scaling(scene: Scene) -> str:
    wants = scene.scaled
    return _available(scene, wants, f"setCanaryScale asks for {wants}")


def _available(scene: Scene, wants: int, who: str) -> str:
    new = scene.new
    if new is None:
        return "its ReplicaSet is being created"
    why = new.failure or new.trouble
    trouble = f" ({why})" if why else ""
    enough = scene.enough(wants)
    fewer = f", {enough} are enough" if enough < wants else ""
    return (
        f"{new.available} of {wants} pods of revision {new.revision} are available, {who}{fewer}"
        f"{trouble}"
    )


def _capacity(scene: Scene) -> str:
    new = scene.new
    wants = scene.way.needed(scene.rollout.spec, scene.load)
    if new is not None and new.available >= wants:
        return ""
    return f"; {pods(scene, scene.target)}"


def _weight(scene: Scene) -> str:
    written = scene.world.route.canary_weight
    return "unknown" if written is None else str(written)


def _held(scene: Scene) -> str:
    return f"Weight held at {_weight(scene)}."


def _until(scene: Scene) -> str:
    deadline = scene.waited.deadline
    if deadline is None:
        return ""
    if scene.waited.exceeded:
        seconds = scene.rollout.spec.progress_deadline_seconds
        return f" No progress for {seconds} s, since {clock(scene.waited.since)}."
    return f" Deadline {clock(deadline)}."


def _kept(scene: Scene) -> str:
    paused = "spec.paused is false" if scene.rollout.spec.paused else ""
    kept = ", ".join(
        f"revision {found.revision} keeps its pods until {paused or clock(found.scale_down_at)}"
        for found in scene.world.replica_sets
        if found.desired > 0 and found.scale_down_at is not None
    )
    return f" {kept[0].upper()}{kept[1:]}." if kept else ""


def _judging(scene: Scene, reference: RunReference | None) -> str:
    if reference is None:
        return ""
    run = runs.by_name(scene.world, reference.name)
    found = (run.verdict or run.message) if run else reference.message
    return f"analysis {reference.name} is {reference.status}" + (f": {found}" if found else "")
