"""I1 to I10 on every state that anybody could observe, from the server's and the proxies' truth.

Davy can only act on what it has been shown, which is older than the truth. So each write is judged
against `Shown`: the server's own states, by resourceVersion, that had reached the process when it
decided. Whether something really happened (a weight, a drain) is judged by the proxies.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from davy.api.fields import parse_duration, parse_instant
from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.cluster.client import Json
from davy.cluster.kinds import POD, REPLICA_SET, Kind
from tests.sim import manifests, traffic
from tests.sim.cluster import GONE, Call, Change
from tests.sim.manifests import ANALYSIS_RUN, NAMESPACE, ROLLOUT, ROUTE_KINDS
from tests.sim.prometheus import GOOD_BELOW
from tests.sim.traffic import Traffic

_MEASUREMENTS = 3
"""`count` of the templates' metric."""
FINALIZER = manifests.KINDS.api_group.finalizer
_ROUNDING = 0.01
"""Instants in objects are rounded to milliseconds."""


@dataclass(frozen=True)
class Break:
    """An invariant that doesn't hold."""

    invariant: str
    at: float
    why: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at:.3f} s: {self.why}"


@dataclass(frozen=True)
class Shown:
    """What a process had been shown of a rollout when it decided, and what was so then."""

    at: float
    rollout: Json
    sets: dict[str, Json]
    """ReplicaSets by hash."""
    versions: dict[tuple[Kind, str], int]
    """The route's objects' resourceVersions; 0: not there."""
    written: Traffic
    """The route as shown."""
    carried: Traffic
    """What the proxies really did at that moment."""

    @property
    def status(self) -> Json:
        """The Rollout's status, {} before the first."""
        return self.rollout.get("status") or {}

    @property
    def full(self) -> int:
        """Pods for weight 100."""
        return int(self.rollout["spec"]["replicas"])

    @property
    def steps(self) -> list[Json]:
        """The steps of the spec."""
        return list(self.rollout["spec"]["strategy"]["canary"]["steps"])

    @property
    def deleting(self) -> bool:
        """The Rollout is on its way out."""
        return "deletionTimestamp" in self.rollout["metadata"]

    @property
    def aborted(self) -> bool:
        """This update is given up."""
        status = self.status
        return bool(status.get("abort")) and status.get("stableRS") not in {
            None,
            status.get("currentPodHash"),
        }

    def standing(self, template_hash: str | None) -> int:
        """Available pods that are there to stay."""
        found = self.sets.get(template_hash or "")
        if found is None:
            return 0
        available = (found.get("status") or {}).get("availableReplicas") or 0
        return int(min(available, found["spec"].get("replicas", 1)))

    def available(self, template_hash: str | None) -> int:
        """Pods that a weight may be built on: 0 while the count is from before a scaling."""
        found = self.sets.get(template_hash or "") or {"metadata": {"generation": 0}}
        observed = (found.get("status") or {}).get("observedGeneration", 0)
        return self.standing(template_hash) if observed >= found["metadata"]["generation"] else 0


@dataclass(frozen=True)
class Pass:
    """What a write rests on."""

    decided: Shown
    """For what is done."""
    told: Shown
    """For what the status says: the look after the actions."""


@dataclass
class Ledger:
    """What is known of one rollout over time."""

    name: str
    carries: Traffic = field(default_factory=Traffic)
    carried_until: dict[str, float] = field(default_factory=dict)
    """By hash: when requests could reach its pods for the last time; absent: never, or still."""
    foreign: dict[tuple[Kind, str], int] = field(default_factory=dict)
    """resourceVersion of the last change of a route object by somebody else."""
    templates: list[Json] = field(default_factory=list)
    """Every template that a user applied, in order."""
    aborts: int = 0
    """Counts the aborts, so that a check of one isn't taken for another's."""
    is_aborted: bool = False


def carried(available: int, full: int) -> int:
    """The weight that pods can carry (I2): the definition, not Davy's code."""
    return 100 if available >= full else 100 * available // full


class Judge:
    """Looks at every write."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._ledgers = {name: Ledger(name) for name in world.setup.names}
        self._passes: dict[tuple[str, str], Pass] = {}
        self._bound: dict[int, tuple[Call, Pass | None]] = {}
        self._serving: Pass | None = None
        self._begun: set[tuple[str, str]] = set()
        """Passes that haven't decided yet; a later decision of the same pass only tells."""
        self._first_must_abort: set[tuple[str, str]] = set()
        self._well_from = 0.0
        self._stepped_at = -1e9
        self._forward: list[tuple[float, float]] = []
        self.checked: dict[str, int] = {}
        """How often each invariant was put to the test."""
        world.cluster.watch(self._changed)

    # What the world tells.

    def begins(self, process: Any, name: str) -> None:
        """A pass begins; whatever the one before still had to write, it has written."""
        key = (process.name, name)
        self._begun.add(key)
        self._first_must_abort.discard(key)

    def decided(self, process: Any, name: str) -> None:
        """A pass: remember what it was shown."""
        cache = process.operator.cache
        versions = self._world.cluster.versions

        def get(kind: Kind, object_name: str) -> Json | None:
            held = cache.get(kind, NAMESPACE, object_name)
            return None if held is None else versions[held["metadata"]["resourceVersion"]]

        keys = [
            (kind, found["metadata"]["name"])
            for kind, found in manifests.network(self._world.setup, name)
        ]
        raw = get(ROLLOUT, name)
        if raw is None:
            return
        sets = {
            found["metadata"]["labels"][POD_TEMPLATE_HASH_LABEL]: versions[
                found["metadata"]["resourceVersion"]
            ]
            for found in cache.owned(REPLICA_SET, raw)
        }
        shown = Shown(
            at=self._world.now,
            rollout=raw,
            sets=sets,
            versions={
                key: int(found["metadata"]["resourceVersion"]) if (found := get(*key)) else 0
                for key in keys
            },
            written=traffic.read(self._world.setup.router, name, get),
            carried=self._ledgers[name].carries,
        )
        key = (process.name, name)
        if key not in self._begun:
            self._passes[key] = replace(self._passes[key], told=shown)
            return
        self._begun.discard(key)
        self._passes[key] = Pass(shown, shown)
        if shown.aborted and (shown.written.canary or 0) > 0 and not shown.deleting:
            whole = all(version for version in shown.versions.values())
            if whole and shown.status.get("currentPodHash") == rollout_hash(shown):
                self._first_must_abort.add(key)

    def sends(self, process: Any, call: Call) -> None:
        """A write leaves: it belongs to the pass that was decided last."""
        name = (call.name or "").partition("-")[0]
        key = (process.name, name)
        self._bound[id(call)] = (call, self._passes.get(key))
        if call.kind == ANALYSIS_RUN and call.subresource == "status":
            return
        if key in self._first_must_abort:
            self._first_must_abort.discard(key)
            self._check("I3", call.kind in ROUTE_KINDS, f"{call.verb} {call.kind} {call.name} "
                        f"comes before the weights of an abort")  # fmt: skip

    def serves(self, call: Call) -> None:
        """The server works on it now."""
        self._serving = self._bound.get(id(call), (call, None))[1]

    def served(self, call: Call) -> None:
        """It is through with it."""
        self._bound.pop(id(call), None)
        self._serving = None

    def carried(self, name: str) -> None:
        """The proxies took something."""
        ledger = self._ledgers[name]
        before, ledger.carries = ledger.carries, self._world.mesh.carries(name)
        for found in self._world.cluster.held(REPLICA_SET):
            template_hash = _hash(found)
            if before.reaches(template_hash) and _owner(found) == name:
                ledger.carried_until[template_hash] = self._world.now

    def applied(self, name: str, template: Json) -> None:
        """The user applied this template."""
        templates = self._ledgers[name].templates
        if not templates or templates[-1] != template:
            templates.append(template)

    def clock_stepped(self, by: float) -> None:
        """Wall clocks jumped by so many seconds."""
        self._stepped_at = self._world.now
        self._forward.append((self._world.now, by))
        self.disturbed(max(0.0, -by) + 5)

    def disturbed(self, seconds: float) -> None:
        """For so long from now on nobody can promise a time."""
        self._well_from = max(self._well_from, self._world.now + seconds)

    # Each change.

    def _changed(self, change: Change) -> None:
        name = change.object["metadata"]["name"].partition("-")[0]
        ledger = self._ledgers.get(name)
        if ledger is None or change.kind == POD:
            return
        if change.kind in ROUTE_KINDS and not change.by.startswith("davy"):
            if change.by == "user":
                version = int(change.object["metadata"]["resourceVersion"])
                ledger.foreign[change.kind, change.object["metadata"]["name"]] = version
            return
        if change.kind == ROLLOUT:
            self._abort_begins(ledger, change)
        if self._serving is None or not change.by.startswith("davy"):
            return
        shown = self._serving.decided
        if change.kind in ROUTE_KINDS:
            self._route(ledger, shown, change)
        elif change.kind == REPLICA_SET:
            self._replica_set(ledger, shown, change)
        elif change.kind == ROLLOUT:
            self._rollout(ledger, self._serving, change)
        elif change.kind == ANALYSIS_RUN and change.type != GONE:
            self._run(change)

    def _check(self, invariant: str, holds: bool, why: str | Callable[[], str]) -> bool:  # noqa: FBT001
        self.checked[invariant] = self.checked.get(invariant, 0) + 1
        if not holds:
            text = why if isinstance(why, str) else why()
            self._world.broken(Break(invariant, self._world.now, text))
        return holds

    def _unseen(self, ledger: Ledger, shown: Shown) -> bool:
        """Somebody else changed the route, and Davy couldn't know yet."""
        return any(ledger.foreign.get(key, 0) > seen for key, seen in shown.versions.items())

    def _clocks_wrong(self, shown: Shown) -> bool:
        """A step of the wall clock fell into the settle time: nobody can measure it then."""
        settle: float = self._world.setup.settle
        return shown.at - self._stepped_at < settle + 1

    # I1, I2, I3, I9 on the route.

    def _route(self, ledger: Ledger, shown: Shown, change: Change) -> None:
        before, after = self._sides(ledger, change)
        if change.kind in {kind for kind, _ in manifests.network(self._world.setup, "x")[:1]}:
            self._check("I1", set(after.sums) <= {100}, lambda: f"weights sum to {after.sums}")
        assert change.before is not None
        mine = manifests.without_owned(change.kind, change.before)
        self._check(
            "I9",
            mine == manifests.without_owned(change.kind, change.object),
            lambda: f"{change.kind} {change.object['metadata']['name']}: a field of the user's",
        )
        stable = shown.status.get("stableRS")
        for template_hash in {s.hash: 0 for rule in after.rules for s in rule}:
            if template_hash in {None, stable} or stable is None or shown.deleting:
                continue
            share = after.share(template_hash)
            if share <= before.share(template_hash):
                continue
            pods, full = shown.available(template_hash), shown.full
            self._check(
                "I2",
                share <= carried(pods, full),
                f"weight {share} to {template_hash}, of whose {full} pods {pods} were available",
            )
            self._check(
                "I3", not shown.aborted, f"weight {share} to {template_hash}, though aborted"
            )
            held = self._world.rollout(ledger.name)
            on = held is not None and FINALIZER in (held["metadata"].get("finalizers") or ())
            self._check("I9", on, "the canary gets weight, and no finalizer would take it back")

    def _sides(self, ledger: Ledger, change: Change) -> tuple[Traffic, Traffic]:
        """The written traffic before and after one change."""
        changed = (change.kind, change.object["metadata"]["name"])

        def seen(found: Json | None) -> Traffic:
            return traffic.read(
                self._world.setup.router,
                ledger.name,
                lambda kind, name: (
                    found
                    if (kind, name) == changed
                    else self._world.cluster.look(kind, NAMESPACE, name)
                ),
            )

        return seen(change.before), seen(change.object)

    # I2, I4, I8 on ReplicaSets.

    def _replica_set(self, ledger: Ledger, shown: Shown, change: Change) -> None:
        template_hash = _hash(change.object)
        if change.before is None:
            self._created(ledger, shown, change.object)
            return
        if change.before.get("status") != change.object.get("status"):
            return
        was = change.before["spec"].get("replicas", 1)
        now = 0 if change.type == GONE else change.object["spec"].get("replicas", 1)
        if now >= was or shown.full == 0 or self._unseen(ledger, shown) or shown.deleting:
            return
        if now == 0:
            self._drained(ledger, shown, template_hash)
            return
        share = ledger.carries.share(template_hash)
        self._check(
            "I2",
            share <= carried(now, shown.full) or template_hash == shown.status.get("stableRS"),
            f"{template_hash} carries {share} and is scaled from {was} to {now} of {shown.full}",
        )

    def _drained(self, ledger: Ledger, shown: Shown, template_hash: str) -> None:
        self._check(
            "I4",
            not ledger.carries.reaches(template_hash) or self._clocks_wrong(shown),
            lambda: f"{template_hash} loses its pods: {ledger.carries}",
        )
        until = ledger.carried_until.get(template_hash)
        canary = shown.rollout["spec"]["strategy"]["canary"]
        seconds = canary["scaleDownDelaySeconds"]
        if shown.aborted and template_hash == shown.status.get("currentPodHash"):
            seconds = canary["abortScaleDownDelaySeconds"]
            self._check("I4", seconds != 0, f"{template_hash} should keep its pods for ever")
        if until is None:
            return
        credit = sum(by for at, by in self._forward if at >= until and by > 0)
        passed = self._world.now - until
        self._check(
            "I4",
            passed + credit >= seconds - _ROUNDING,
            f"{template_hash} loses its pods {passed:.2f} s after its last request, not {seconds}",
        )

    def _created(self, ledger: Ledger, shown: Shown, made: Json) -> None:
        template = _user_template(made)
        self._check(
            "I8",
            template == shown.rollout["spec"]["template"],
            "the new ReplicaSet isn't of the template that the user applied",
        )
        twins = [
            found["metadata"]["name"]
            for found in self._world.cluster.held(REPLICA_SET)
            if _owner(found) == ledger.name
            and found["metadata"]["name"] != made["metadata"]["name"]
            and found["metadata"]["ownerReferences"] == made["metadata"]["ownerReferences"]
            and _user_template(found) == template
        ]
        self._check("I8", not twins, f"the template has a ReplicaSet already: {twins}")

    # I5, I6, I7, I10 on the status; I9 on the finalizer.

    def _rollout(self, ledger: Ledger, under_way: Pass, change: Change) -> None:
        shown = under_way.decided
        if change.type == GONE:
            self._gone(ledger, shown)
            return
        assert change.before is not None
        before, after = change.before.get("status") or {}, change.object.get("status") or {}
        if before == after:
            return
        self._explains(ledger, under_way.told, after)
        same = all(
            before.get(field_) == after.get(field_)
            for field_ in ("currentPodHash", "currentStepHash")
        )
        if before.get("stableRS") != after.get("stableRS"):
            self._promoted(ledger, shown, before, after)
        retried = before.get("abortedAt") is not None and not before.get("abort")
        updating = before.get("stableRS") not in {None, before.get("currentPodHash")}
        if not same or retried or not updating or before.get("abort") or after.get("abort"):
            return
        was = min(before.get("currentStepIndex") or 0, len(shown.steps))
        now = after.get("currentStepIndex") or 0
        self._check("I6", now >= was, lambda: f"step {was} → {now}, of the same revision")
        if not before.get("promoteFull"):
            for index in range(was, now):
                self._passed(ledger, shown, before, index)

    def _passed(self, ledger: Ledger, shown: Shown, before: Json, index: int) -> None:
        """A step is over: was its effect there?"""
        step = shown.steps[index]
        resumed = before.get("controllerPause") and not before.get("pauseConditions")
        if "setWeight" in step:
            self._in_place(ledger, shown, step["setWeight"], f"step {index + 1} is passed")
        elif "pause" in step:
            duration = step["pause"].get("duration")
            begun = [
                parse_instant(pause["startTime"])
                for pause in before.get("pauseConditions") or ()
                if pause["reason"] == "CanaryPauseStep"
            ]
            long = None if duration is None else parse_duration(duration)
            over = long is not None and (
                not long or any(self._wall() - at >= long - _MOMENT for at in begun)
            )
            self._check("I6", bool(resumed or over), f"pause of step {index + 1} is cut short")
        else:
            self._proved(before, index, resumed=bool(resumed))

    def _proved(self, before: Json, index: int, *, resumed: bool) -> None:
        phases = [
            (found.get("status") or {}).get("phase")
            for found in self._world.cluster.versions.values()
            if found["metadata"].get("labels", {}).get("step-index") == str(index)
            and _hash(found) == before.get("currentPodHash")
        ]
        waved = resumed and "Inconclusive" in phases
        self._check(
            "I7",
            "Successful" in phases or waved,
            f"step {index + 1} is passed, its analysis is {phases[-1:] or 'not there'}",
        )

    def _in_place(self, ledger: Ledger, shown: Shown, weight: int, what: str) -> None:
        if self._unseen(ledger, shown) or self._clocks_wrong(shown):
            return
        new = shown.status.get("currentPodHash")
        does = shown.carried
        weights = {side.weight for rule in does.rules for side in rule if side.role == "canary"}
        leads = weight == 0 or does.leads("canary") == new
        self._check("I5", weights == {weight} and leads, f"{what} at {weight}, the mesh: {does}")
        pods, full = shown.available(new), shown.full
        self._check(
            "I5", pods >= -(-weight * full // 100), f"{what} at {weight} with {pods} of {full} pods"
        )

    def _promoted(self, ledger: Ledger, shown: Shown, before: Json, after: Json) -> None:
        new = after.get("stableRS")
        self._check("I6", new == after.get("currentPodHash"), f"{new} is stable, out of turn")
        pods, full = shown.available(new), shown.full
        self._check("I5", pods >= full, f"{new} is stable with {pods} of {full} pods")
        if before.get("stableRS") is None:
            return
        self._check(
            "I6",
            not before.get("abort") or before.get("currentPodHash") != new,
            "aborted, and stable",
        )
        self._in_place(ledger, shown, 100, f"{new} is promoted")

    def _explains(self, ledger: Ledger, shown: Shown, status: Json) -> None:
        """I10: what the status says is so."""
        phase, message = status.get("phase"), status.get("message") or ""
        self._check("I10", bool(message), "the status has no message")
        self._check(
            "I10",
            phase in {"Healthy", "Progressing", "Paused", "Degraded"},
            f"the status has phase {phase}",
        )
        if phase == "Paused":
            self._check("I10", bool(status.get("pauseConditions")), "Paused, and no pause")
        if phase == "Degraded":
            said = status.get("abort") or "InvalidSpec" in message or "No progress" in message
            self._check("I10", bool(said), f"Degraded, and not why: {message}")
        written = (status.get("traffic") or {}).get("written")
        if written is not None:
            self._check(
                "I10",
                written == shown.written.canary,
                f"the status says weight {written}, the route: {shown.written}",
            )
        if phase == "Healthy":
            self._healthy(ledger, shown, status)

    def _healthy(self, ledger: Ledger, shown: Shown, status: Json) -> None:
        stable = status.get("stableRS")
        self._check("I10", stable == status.get("currentPodHash"), "Healthy in the middle of it")
        if self._unseen(ledger, shown) or self._clocks_wrong(shown):
            return
        pods = shown.standing(stable)
        self._check("I10", pods >= shown.full, f"Healthy with {pods} of {shown.full} pods")
        does = shown.carried
        right = does.canary == 0 and (does.share(stable or "") == 100 or shown.full == 0)
        self._check("I10", right, f"Healthy, and the mesh: {does}")

    def _gone(self, ledger: Ledger, shown: Shown) -> None:
        """I9: who deletes a Rollout finds all traffic on stable."""
        if any(not version for version in shown.versions.values()) or self._unseen(ledger, shown):
            return
        left = self._world.written(ledger.name)
        first = shown.status.get("stableRS") is None
        self._check("I9", left.canary == 0 or first, f"the Rollout is gone, its route: {left}")

    # I7 on AnalysisRuns.

    def _run(self, change: Change) -> None:
        before = ((change.before or {}).get("status") or {}).get("phase")
        status = change.object.get("status") or {}
        ended = status.get("phase") == "Successful" and before != "Successful"
        if not ended or change.object["spec"].get("terminate"):
            return
        since = parse_instant(change.object["metadata"]["creationTimestamp"])
        begun = (since - _START).total_seconds()
        told = [
            value
            for at, template_hash, value in self._world.prometheus.told
            if template_hash == _hash(change.object) and at >= begun - _ROUNDING
        ]
        good = [value for value in told if value < GOOD_BELOW]
        allowed = self._world.setup.failure_limit
        self._check(
            "I7",
            len(told) >= _MEASUREMENTS and len(good) >= _MEASUREMENTS - allowed,
            f"{change.object['metadata']['name']} is Successful on {told}",
        )

    # I3 in time.

    def _abort_begins(self, ledger: Ledger, change: Change) -> None:
        status = change.object.get("status") or {}
        is_aborted = bool(status.get("abort")) and change.type != GONE
        if is_aborted and not ledger.is_aborted:
            ledger.aborts += 1
            self._world.loop.later(0, self._abort_in_time, ledger, ledger.aborts)
        ledger.is_aborted = is_aborted

    def _abort_in_time(self, ledger: Ledger, number: int) -> None:
        """All weight is on stable after some seconds in which nothing was in the way."""
        setup = self._world.setup
        patience = 15 + 60 * setup.latency + 12 * setup.watch_delay
        wait = max(self._well_from, self._world.now) + patience - self._world.now
        self._world.loop.later(wait, self._abort_is_over, ledger, number, self._world.now + wait)

    def _abort_is_over(self, ledger: Ledger, number: int, due: float) -> None:
        if self._well_from > due - 15:
            self._abort_in_time(ledger, number)
            return
        held = self._world.rollout(ledger.name)
        if held is None or ledger.aborts != number or not ledger.is_aborted:
            return
        status = held["status"]
        updating = status.get("stableRS") not in {None, status.get("currentPodHash")}
        if updating and held["metadata"]["generation"] == int(status["observedGeneration"]):
            left = self._world.written(ledger.name)
            self._check("I3", left.canary in {0, None}, f"aborted long since, the route: {left}")

    # Liveness.

    def at_rest(self) -> None:
        """Nothing is written any more: has every rollout come to an end that it explains?"""
        for process in self._world.processes:
            self._check("alive", not process.died, process.died)
        for name, ledger in self._ledgers.items():
            held = self._world.rollout(name)
            if held is not None:
                self._settled(ledger, held)

    def _settled(self, ledger: Ledger, held: Json) -> None:
        name, status = ledger.name, held.get("status") or {}
        phase, message = status.get("phase"), status.get("message") or ""
        where = f"rollout {name} rests at {phase}: {message}"
        self._check("liveness", "deletionTimestamp" not in held["metadata"], f"{name} isn't gone")
        self._check(
            "liveness",
            status.get("observedGeneration") == str(held["metadata"]["generation"]),
            f"{where} It hasn't seen the newest spec.",
        )
        written, does = self._world.written(name), ledger.carries
        aborted = phase == "Degraded" and status.get("abort")
        if phase == "Healthy" or aborted:
            on_stable = written.canary == 0 and does.canary == 0
            self._check("liveness", on_stable, f"{where} The route: {written}; the mesh: {does}")
            self._drained_at_rest(held, where)
            return
        overdue = phase == "Degraded" and "No progress" in message
        broken = manifests.version_of(held["spec"]["template"]).startswith("broken")
        self._check("liveness", bool(overdue and broken), where)

    def _drained_at_rest(self, held: Json, where: str) -> None:
        status, canary = held["status"], held["spec"]["strategy"]["canary"]
        kept = {status["stableRS"]}
        if status.get("abort") and not canary["abortScaleDownDelaySeconds"]:
            kept.add(status["currentPodHash"])
        for found in self._world.cluster.held(REPLICA_SET):
            if _owner(found) != held["metadata"]["name"]:
                continue
            has, is_kept = found["spec"]["replicas"], _hash(found) in kept
            wanted = held["spec"]["replicas"]
            if _hash(found) == status["stableRS"]:
                self._check("liveness", has == wanted, f"{where} stable has {has} pods")
            elif not is_kept:
                self._check("liveness", has == 0, f"{where} {_hash(found)} keeps {has} pods")

    def _wall(self) -> Any:
        return _START + timedelta(seconds=self._world.now) + self._world.wall


_START = parse_instant("2026-01-01T12:00:00Z")
_MOMENT = timedelta(seconds=_ROUNDING)


def rollout_hash(shown: Shown) -> str | None:
    """The hash of the newest template, as far as a ReplicaSet of it is there."""
    wanted = shown.rollout["spec"]["template"]
    return next(
        (name for name, found in shown.sets.items() if _user_template(found) == wanted), None
    )


def _hash(found: Json) -> str:
    return str((found["metadata"].get("labels") or {}).get(POD_TEMPLATE_HASH_LABEL, ""))


def _owner(found: Json) -> str:
    return str(found["metadata"]["name"]).partition("-")[0]


def _user_template(replica_set: Json) -> Json:
    """The template as the user wrote it: without the hash among its labels."""
    template = replica_set["spec"]["template"]
    labels = template["metadata"]["labels"]
    plain = {key: value for key, value in labels.items() if key != POD_TEMPLATE_HASH_LABEL}
    return {**template, "metadata": {**template["metadata"], "labels": plain}}
