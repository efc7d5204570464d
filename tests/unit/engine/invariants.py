"""I1 to I6 and what a pause by hand holds: functions over a state and its plan that raise.

Without a router there is no weight to check: the numbers of pods are checked, and I3 and I6.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from davy.api import capacity
from davy.api.conditions import ConditionType, RolloutPhase
from davy.engine import basic, canary_scale
from davy.engine import plan as plans
from davy.engine import position as positions
from davy.engine.effect import effect, may_carry
from davy.engine.position import Stage
from davy.engine.world import Pod, ReplicaSet, Role
from tests.unit.engine import argo_cd
from tests.unit.engine.cluster import SETTLE, Cluster


@dataclass
class Watcher:
    """Checks every plan against the state it was made for."""

    checked: set[str] = field(default_factory=set)

    def __call__(self, cluster: Cluster, plan: plans.Plan) -> None:
        """All invariants on one pass."""
        self._forward(cluster, plan)
        self._held(cluster, plan)
        self._health(cluster, plan)
        self._handed_over(cluster, plan)
        if cluster.rollout.spec.strategy.canary.traffic_routing is None:
            self._pods(cluster, plan)
            self._evicted_of_all(cluster, plan)
            return
        for action in plan.actions:
            match action:
                case plans.SetWeights():
                    self._weights(cluster, action)
                case plans.ScaleReplicaSet():
                    self._scaled(cluster, action)
                case plans.PointRole():
                    self._pointed(cluster, action)
                case _:
                    pass
        self._evicted(cluster, plan)
        self._abort_first(cluster, plan)

    def _health(self, cluster: Cluster, plan: plans.Plan) -> None:
        """Argo CD says what is so: Healthy where nothing is left to do, Degraded for a person."""
        spec, status = cluster.rollout.spec, plan.status
        seen = argo_cd.health(
            {
                "metadata": {"generation": cluster.rollout.generation},
                "spec": {"paused": spec.paused},
                "status": status.manifest(),
            }
        )
        if cluster.problems:
            right = "Degraded"
        elif spec.paused or status.pause_conditions:
            right = "Suspended"
        elif status.abort or "No progress for" in (status.message or ""):
            right = "Degraded"
        else:
            right = "Healthy" if status.phase is RolloutPhase.HEALTHY else "Progressing"
        assert seen == right, f"Argo CD: {seen}, not {right}: {status.message}"
        if seen == "Healthy":
            stable = cluster.sets[status.stable_rs or ""]
            assert status.stable_rs == status.current_pod_hash, "Healthy in the middle of it"
            assert stable.standing >= spec.replicas, f"Healthy with {stable}"
        self.checked.add("health")

    def _handed_over(self, cluster: Cluster, plan: plans.Plan) -> None:
        """What is wanted stays available, of the Deployment and the rollout together (I2)."""
        for action in plan.actions:
            workload = cluster.workload_now()
            if workload is None or not isinstance(action, plans.ScaleWorkload):
                continue
            full = cluster.rollout.spec.replicas
            own = sum(found.standing for found in cluster.sets.values() if found.observed)
            kept = own + min(workload.available, action.replicas)
            assert kept >= min(full, own + workload.available), f"I2: {action} beside {own}"
            assert action.replicas < workload.desired, f"brought back: {action}"
            assert not cluster.problems, f"taken in spite of {cluster.problems}"
            self.checked.add("handover")

    def _pods(self, cluster: Cluster, plan: plans.Plan) -> None:
        limits = basic.limits(cluster.rollout.spec)
        before = {found.name: found.desired for found in cluster.sets.values()}
        after = dict(before)
        for action in plan.actions:
            assert not isinstance(action, plans.SetWeights), "there is no weight to write"
            if isinstance(action, plans.ScaleReplicaSet | plans.CreateReplicaSet):
                after[action.name] = action.replicas
        for name, size in after.items():
            if size > before.get(name, 0):
                most = sum(max(size, before.get(name, 0)) for name, size in after.items())
                assert most <= limits.most, f"{most} pods, {limits}: {plan.actions}"
                self.checked.add("surge")
        workload, least = cluster.workload_now(), limits.least
        beside = workload.available if workload else 0  # the Deployment's pods serve too
        if workload and cluster.rollout.deleting:
            least = min(least, workload.desired)  # nobody but its user says how many stay
        had = beside + sum(found.standing for found in cluster.sets.values())
        kept = beside + sum(
            min(found.standing, after[found.name]) for found in cluster.sets.values()
        )
        assert kept >= min(had, least), f"{kept} left of {had}, {limits}: {plan.actions}"
        self.checked.add("availability")
        where = positions.read(cluster.rollout, cluster.workload)
        new = cluster.sets.get(where.new_hash)
        if where.stage is Stage.ABORTED and new is not None:
            assert after[new.name] <= before[new.name], f"I3: {plan.actions}"
            self.checked.add("I3")

    def _weights(self, cluster: Cluster, action: plans.SetWeights) -> None:
        assert action.stable + action.canary == cluster.route.total, "I1"
        self.checked.add("I1")
        written = cluster.route.canary_weight or 0
        self._rules(cluster, action)
        if action.canary > written:
            leads = cluster.sets[cluster.route.canary_hash or ""]
            room = capacity.of(cluster.rollout.spec).carried(leads.available)
            assert action.canary <= room, f"I2: weight {action.canary} on {leads}"
            assert leads.observed, f"I2: weight {action.canary} on an old count: {leads}"
            assert cluster.rollout.finalizer, "I9: deletion couldn't take this weight back"
            assert not cluster.problems, f"raised in spite of {cluster.problems}"
            self.checked.add("I2")
        if action.canary < written:
            self._given_back(cluster, action)

    def _given_back(self, cluster: Cluster, action: plans.SetWeights) -> None:
        """dynamicStableScale: stable gets no more than its pods take, where enough are left."""
        rollout, route = cluster.rollout, cluster.route
        where, full = positions.read(rollout), rollout.spec.replicas
        canary = cluster.sets.get(route.canary_hash or "")
        stable = cluster.sets.get(where.stable_hash or "")
        late = where.stage is not Stage.UPDATING or _is_late(cluster)
        if not rollout.spec.strategy.canary.dynamic_stable_scale or rollout.deleting or late:
            return
        if stable is None or canary in {None, stable} or route.stable_hash != stable.hash:
            return
        assert canary is not None
        if canary.standing + stable.standing >= full > 0:
            takes = -(-route.total * stable.standing // full)
            assert action.stable <= takes, f"I2: {action} on {stable.standing} of {full} pods"
            self.checked.add("I2 of stable")

    def _rules(self, cluster: Cluster, action: plans.SetWeights) -> None:
        """A managed route comes when the canary has the pods for it."""
        there = {found.name for found in cluster.route.rules}
        come = [rule for rule in action.rules if rule.name not in there]
        if not come:
            return
        leads = cluster.sets[cluster.route.canary_hash or ""]
        copied = max(getattr(rule, "percentage", 0) for rule in action.rules)
        spec = cluster.rollout.spec
        room = capacity.of(spec).carried(leads.available)
        assert min(100, action.canary + copied) <= room, f"I2: {come} on {leads}"
        scale = canary_scale.asked(spec, positions.read(cluster.rollout, cluster.workload))
        assert leads.available >= capacity.of(spec).enough(scale), f"I2: {come} on {leads}"
        assert leads.available > 0 or not cluster.rollout.spec.replicas, f"I2: {come} on {leads}"
        assert cluster.rollout.finalizer, "I9: deletion couldn't take this route away"
        assert not cluster.rollout.spec.paused, "paused, and a managed route comes"
        where = positions.read(cluster.rollout, cluster.workload)
        assert where.stage is Stage.UPDATING, f"I3: {come} at {where.stage}"
        assert leads.hash == where.new_hash, f"I3: {come} to a revision that was given up"
        self.checked.add("rules")

    def _scaled(self, cluster: Cluster, action: plans.ScaleReplicaSet) -> None:
        found = next(rs for rs in cluster.sets.values() if rs.name == action.name)
        route, full = cluster.route, cluster.rollout.spec.replicas
        goes = cluster.rollout.deleting and route.canary_weight is None  # all its pods, in any case
        if goes or action.replicas >= found.desired:
            return
        if action.replicas == 0 and full > 0:
            assert not may_carry(route, found.hash), f"I4: {found} still has weight"
            led = route.rules and route.canary_hash in {found.hash, None}
            assert not led, f"I4: {route.rules} lead to {found}"
            self.checked.add("I4")
        elif (
            found.hash
            == positions.read(cluster.rollout, cluster.workload).stable_hash
            == route.stable_hash
        ):
            left = route.total - (route.canary_weight or 0)
            least = min(full, -(-left * full // route.total))
            assert action.replicas >= least, f"I2: {action} at {route}"
        elif route.canary_hash == found.hash and route.stable_hash != found.hash:
            kept = capacity.of(cluster.rollout.spec).carried(action.replicas)
            assert kept >= min(route.canary_weight or 0, route.total), f"I2: {action} at {route}"

    def _pointed(self, cluster: Cluster, action: plans.PointRole) -> None:
        route = cluster.route
        if cluster.rollout.deleting or action.hash is None:
            return  # the pods may be gone already; nothing must keep the Rollout
        target = cluster.sets[action.hash]
        carries_all = route.canary_weight == route.total and route.canary_hash == action.hash
        anyway = carries_all or cluster.rollout.spec.replicas == 0
        assert target.available > 0 or anyway, f"I2: {action}"
        before = route.stable_hash if action.role is Role.STABLE else route.canary_hash
        if before is not None and action.role is Role.CANARY:
            took = effect(route, cluster.status, cluster.now, SETTLE)
            assert took.in_effect, f"I5: {action}, but the weight before it isn't in effect"
        weight = route.canary_weight or 0
        side = route.total - weight if action.role is Role.STABLE else weight
        if side > 0 and before is not None:
            room = capacity.of(cluster.rollout.spec).carried(target.available)
            assert room >= min(side, route.total) or action.role is Role.STABLE, (
                f"I2: {action} at {route}"
            )

    def _abort_first(self, cluster: Cluster, plan: plans.Plan) -> None:
        status = cluster.status
        where = positions.read(cluster.rollout, cluster.workload)
        reached = (cluster.route.canary_weight or 0) > 0 or cluster.route.rules
        if where.stage is not Stage.ABORTED or not reached:
            return
        if cluster.route.canary_hash == where.stable_hash != cluster.route.stable_hash:
            return  # a promotion's last weight: stable's destination is led there first
        if cluster.rollout.spec.strategy.canary.dynamic_stable_scale:
            self._abort_by_pods(cluster, plan)
            return
        assert isinstance(plan.actions[0], plans.SetWeights), f"I3: {plan.actions} for {status}"
        assert (plan.actions[0].canary, plan.actions[0].rules) == (0, ()), "I3"
        self.checked.add("I3")

    def _abort_by_pods(self, cluster: Cluster, plan: plans.Plan) -> None:
        """All that stable's pods can take is the first write; and all of them are asked for."""
        rollout, route = cluster.rollout, cluster.route
        stable = cluster.sets.get(positions.read(rollout).stable_hash or "")
        if stable is None or rollout.deleting or rollout.spec.replicas == 0:
            return
        takes = min(route.total, -(-route.total * stable.standing // rollout.spec.replicas))
        if takes > route.total - (route.canary_weight or 0):
            first = plan.actions[0]
            assert isinstance(first, plans.SetWeights), f"I3: {plan.actions}"
            assert first.stable >= takes, f"I3: {first}, and stable could take {takes}"
        if route.rules:
            first = plan.actions[0]
            assert isinstance(first, plans.SetWeights), f"I3: {plan.actions}"
            assert first.rules == (), f"I3: {first}"
        size = {
            action.name: action.replicas
            for action in plan.actions
            if isinstance(action, plans.ScaleReplicaSet)
        }
        assert size.get(stable.name, stable.desired) == rollout.spec.replicas, "I3"
        self.checked.add("I3")

    def _forward(self, cluster: Cluster, plan: plans.Plan) -> None:
        before, after = cluster.status, plan.status
        same = (before.current_pod_hash, before.current_step_hash) == (
            after.current_pod_hash,
            after.current_step_hash,
        )
        updating = bool(before.stable_rs) and not after.abort and not before.abort
        if same and updating and before.aborted_at is None:
            last = len(cluster.rollout.spec.strategy.canary.steps or ())
            was = min(before.current_step_index or 0, last)
            assert (after.current_step_index or 0) >= was, "I6"
            self.checked.add("I6")

    def _held(self, cluster: Cluster, plan: plans.Plan) -> None:
        """`spec.paused`: no step, no promotion, no weight or pods for one, no pods less."""
        spec, before, after = cluster.rollout.spec, cluster.status, plan.status
        where = positions.read(cluster.rollout, cluster.workload)
        if not spec.paused or after.abort or cluster.rollout.deleting:
            return
        if where.stage in {Stage.FIRST, Stage.UPDATING}:
            assert after.current_step_index == where.index, "paused, and a step is passed"
            assert after.stable_rs == before.stable_rs, "paused, and promoted"
        if where.stage is not Stage.UPDATING:
            return
        held = (after.traffic.held if after.traffic else None) or 0
        for action in plan.actions:
            assert not isinstance(action, plans.CreateRun), f"paused: {action}"
            if isinstance(action, plans.SetWeights):
                assert action.canary <= max(held, cluster.route.canary_weight or 0), f"{action}"
        if spec.strategy.canary.traffic_routing is None:
            self._held_pods(cluster, plan)
        else:
            self._held_sizes(cluster, plan, held)
        self.checked.add("paused")

    def _held_sizes(self, cluster: Cluster, plan: plans.Plan, held: int) -> None:
        spec, where = cluster.rollout.spec, positions.read(cluster.rollout, cluster.workload)
        rules = cluster.route.rules
        copied = [getattr(rule, "percentage", 0) for found in rules for rule in found.rules]
        load = max(held + max(copied, default=0), 1 if rules else 0)
        most = capacity.of(spec).needed(min(load, cluster.route.total))
        for action in plan.actions:
            match action:
                case plans.CreateReplicaSet(replicas=replicas):
                    assert replicas <= most, f"paused: {action}"
                case plans.ScaleReplicaSet(name=name, replicas=replicas):
                    found = next(rs for rs in cluster.sets.values() if rs.name == name)
                    assert replicas >= min(found.desired, spec.replicas), f"paused: {action}"
                    free = found.hash == where.stable_hash
                    assert free or replicas <= max(found.desired, most), f"paused: {action}"
                case _:
                    pass

    def _held_pods(self, cluster: Cluster, plan: plans.Plan) -> None:
        where = positions.read(cluster.rollout, cluster.workload)
        stable, new = (cluster.sets.get(of) for of in (where.stable_hash or "", where.new_hash))
        if stable is None:
            return
        most = basic.limits(cluster.rollout.spec).most
        too_many = stable.desired + (new.desired if new else 0) > most
        for action in plan.actions:
            if isinstance(action, plans.CreateReplicaSet):
                assert action.replicas == 0, f"paused: {action}"
            if not isinstance(action, plans.ScaleReplicaSet):
                continue
            if action.name == stable.name:
                assert too_many or action.replicas >= stable.desired, f"paused: {action}"
            if new is not None and action.name == new.name:
                assert action.replicas <= new.desired, f"paused: {action}"
                assert too_many or action.replicas == new.desired, f"paused: {action}"

    def _evicted(self, cluster: Cluster, plan: plans.Plan) -> None:
        """A restart: old pods alone, few at a time, and no weight that they carry (I2)."""
        spec = cluster.rollout.spec
        for found, mine in self._gone(cluster, plan):
            left = found.available - sum(pod.ready for pod in mine)
            if any(pod.ready for pod in mine):
                assert left >= found.desired - max(1, basic.may_be_missing(spec)), f"I2: {mine}"
            new = found.hash == plan.status.current_pod_hash != plan.status.stable_rs
            if new and plan.status.stable_rs:
                carried = capacity.of(spec).carried(max(0, left))
                assert (cluster.route.canary_weight or 0) <= carried, f"I2: {mine} of {found}"

    def _evicted_of_all(self, cluster: Cluster, plan: plans.Plan) -> None:
        """The same where the pods are the weight: enough of all together are left."""
        gone = [pod for _, mine in self._gone(cluster, plan) for pod in mine if pod.ready]
        if gone:
            spec = cluster.rollout.spec
            left = sum(found.standing for found in cluster.sets.values()) - len(gone)
            least = spec.replicas - max(1, basic.may_be_missing(spec))
            assert left >= least, f"{left} pods are left, {least} must be: {plan.actions}"
            scaled = (plans.ScaleReplicaSet, plans.CreateReplicaSet)
            assert not any(isinstance(action, scaled) for action in plan.actions), plan.actions

    def _gone(
        self, cluster: Cluster, plan: plans.Plan
    ) -> Iterator[tuple[ReplicaSet, tuple[Pod, ...]]]:
        """Each ReplicaSet of which pods are evicted, and these."""
        gone = {action.name for action in plan.actions if isinstance(action, plans.EvictPod)}
        at = cluster.rollout.spec.restart_at
        for found in cluster.sets.values():
            mine = tuple(pod for pod in found.pods or () if pod.name in gone)
            if mine:
                assert at is not None
                assert all(pod.created_at < at <= cluster.now for pod in mine)
                self.checked.add("restart")
                yield found, mine


def _is_late(cluster: Cluster) -> bool:
    """The update is past its deadline: what stable's pods can't take goes to it all the same."""
    told = cluster.status.condition(ConditionType.PROGRESSING)
    if told is None:
        return False
    length = timedelta(seconds=cluster.rollout.spec.progress_deadline_seconds)
    return told.last_update_time + length <= cluster.now
