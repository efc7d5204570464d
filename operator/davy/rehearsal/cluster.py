"""A cluster that does what plans say: pods start, the route takes a weight, nothing fails.

A pod is ready some time after it was asked for, and available `minReadySeconds` later; the mesh
follows the route at once. Pods that aren't needed any more are gone at once.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from davy.api.rollout import CanaryStrategy, RolloutSpec
from davy.api.status import RolloutStatus
from davy.engine import plan as plans
from davy.engine import position, swap
from davy.engine.world import ReplicaSet, Role, Rollout, Route, Run, World, WrittenRule


@dataclass
class Cluster:
    """One rollout, its ReplicaSets and its route.

    Args:
        rollout: as its user wrote it.
        ready_after: how long a pod takes to be ready.
    """

    rollout: Rollout
    ready_after: timedelta
    route: Route = field(init=False)
    weight_changed_at: datetime | None = field(init=False, default=None)
    """The canary's weight, last; None: it is as it was made."""
    _sets: dict[str, ReplicaSet] = field(default_factory=dict)
    """By name."""
    _pods: dict[str, list[datetime]] = field(default_factory=dict)
    """By name of their ReplicaSet: when each is, or was, ready."""

    def __post_init__(self) -> None:
        """The route as its user made it: all traffic to stable."""
        self.route = _route(self.rollout.spec.strategy.canary)

    def world(self, runs: tuple[Run, ...], now: datetime) -> World:
        """What is seen now."""
        sets = tuple(self._seen(found, now) for found in self._sets.values())
        return World(replica_sets=sets, route=self.route, runs=runs)

    def share(self, template_hash: str, now: datetime) -> float:
        """Of all requests that a revision gets, from 0 to 1."""
        if self.rollout.spec.strategy.canary.traffic_routing is None:
            there = {found.hash: self._seen(found, now).available for found in self._sets.values()}
            return there.get(template_hash, 0) / (sum(there.values()) or 1)
        route, weight = self.route, self.route.canary_weight or 0
        to_canary = weight if route.canary_hash == template_hash else 0
        to_stable = route.total - weight if route.stable_hash == template_hash else 0
        return (to_canary + to_stable) / route.total

    def next_pod_at(self, now: datetime) -> datetime | None:
        """When the next pod becomes ready or available; None: none is on its way."""
        moments = (
            at
            for name, pods in self._pods.items()
            for ready_at in pods
            for at in (ready_at, ready_at + self._least(name))
        )
        return min((at for at in moments if at > now), default=None)

    def write_status(self, status: RolloutStatus) -> None:
        """As a pass leaves it; Services that swap have the roles that it says."""
        self.rollout = replace(self.rollout, status=status)
        self.route = swap.after(self.route, position.read(self.rollout))

    def begin(self, spec: RolloutSpec, template_hash: str) -> None:
        """The user applies another template."""
        generation = self.rollout.generation + 1
        self.rollout = replace(self.rollout, spec=spec, hash=template_hash, generation=generation)

    def act(self, action: plans.Action, now: datetime) -> None:
        """Do what a plan says; runs are no matter of the cluster."""
        match action:
            case plans.SetWeights(canary=canary, rules=rules):
                if canary != self.route.canary_weight:
                    self.weight_changed_at = now
                there = tuple(WrittenRule(rule.name, (rule,)) for rule in rules)
                self.route = replace(self.route, canary_weight=canary, rules=there, written_at=now)
            case plans.PointRole(role=Role.STABLE, hash=template_hash):
                self.route = replace(self.route, stable_hash=template_hash, written_at=now)
            case plans.PointRole(hash=template_hash):
                self.route = replace(self.route, canary_hash=template_hash, written_at=now)
            case plans.MarkRollout(finalizer=finalizer, revision=revision):
                self.rollout = replace(self.rollout, finalizer=finalizer, revision=revision)
            case plans.CreateReplicaSet():
                self._create(action, now)
            case plans.DeleteReplicaSet(name=name):
                del self._sets[name]
                del self._pods[name]
            case (
                plans.ScaleReplicaSet()
                | plans.SetMinReadySeconds()
                | plans.MarkReplicaSet()
                | plans.AddToReplicaSet()
                | plans.SetApart()
            ):
                self._change(action, now)
            case _:
                pass  # labels of pods, evictions: nothing here shows them

    def _create(self, action: plans.CreateReplicaSet, now: datetime) -> None:
        self._pods[action.name] = []
        self._sets[action.name] = ReplicaSet(
            name=action.name,
            hash=action.hash,
            revision=action.revision,
            desired=0,
            min_ready_seconds=self.rollout.spec.min_ready_seconds,
            created_at=now,
            added=action.added or None,
            apart=action.apart,
        )
        self._scale(action.name, action.replicas, now)

    def _change(
        self,
        action: (
            plans.ScaleReplicaSet
            | plans.SetMinReadySeconds
            | plans.MarkReplicaSet
            | plans.AddToReplicaSet
            | plans.SetApart
        ),
        now: datetime,
    ) -> None:
        changes: dict[str, Any] = {}
        match action:
            case plans.ScaleReplicaSet(name=name, replicas=replicas):
                self._scale(name, replicas, now)
                changes = {"scale_down_at": None}
            case plans.SetMinReadySeconds(seconds=seconds):
                changes = {"min_ready_seconds": seconds}
            case plans.MarkReplicaSet(revision=revision, scale_down_at=at):
                changes = {"revision": revision, "scale_down_at": at}
            case plans.AddToReplicaSet(added=added):
                changes = {"added": added}
            case plans.SetApart(apart=apart):
                changes = {"apart": apart}
        self._sets[action.name] = replace(self._sets[action.name], **changes)

    def _scale(self, name: str, replicas: int, now: datetime) -> None:
        """More pods start now; of fewer the youngest go."""
        pods = self._pods[name]
        del pods[replicas:]
        pods += [now + self.ready_after] * (replicas - len(pods))
        self._sets[name] = replace(self._sets[name], desired=replicas)

    def _seen(self, found: ReplicaSet, now: datetime) -> ReplicaSet:
        pods, least = self._pods[found.name], self._least(found.name)
        return replace(
            found,
            current=len(pods),
            ready=sum(at <= now for at in pods),
            available=sum(at + least <= now for at in pods),
        )

    def _least(self, name: str) -> timedelta:
        return timedelta(seconds=self._sets[name].min_ready_seconds)


def _route(canary: CanaryStrategy) -> Route:
    by_weight = canary.traffic_routing is not None
    services = canary.stable_service, canary.canary_service
    if canary.ping_pong is not None:
        services = canary.ping_pong.names
    return Route(
        canary_weight=0 if by_weight else None,
        stable_service=services[0],
        canary_service=services[1],
        swaps=canary.ping_pong is not None,
        total=canary.all_traffic,
    )
