"""The workload that a Rollout refers to, as the cache has it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from davy.api import workload
from davy.api.errors import Finding
from davy.api.rollout import RolloutSpec
from davy.cluster.cache import Json, uid_of, version_of
from davy.cluster.kinds import DEPLOYMENT, FOREIGN_REPLICA_SET, WORKLOADS
from davy.controller.interest import Reference
from davy.engine import world
from davy.engine.plan import Plan

READ_AGAIN_SECONDS: Final = 60.0
"""How old what is known of a workload may be that isn't watched."""


def reference(spec: RolloutSpec, namespace: str) -> Reference | None:
    """Which object it is; None: the Rollout has its own template."""
    referred = spec.workload_ref
    return None if referred is None else (WORKLOADS[referred.kind], namespace, referred.name)


def is_watched(referred: Reference) -> bool:
    """Its changes are told; else it is read now and then."""
    return referred[0] != FOREIGN_REPLICA_SET


def filled(spec: RolloutSpec, found: Json | None) -> tuple[RolloutSpec, tuple[Finding, ...]]:
    """The spec with its workload's template and selector, and what is wrong with them."""
    made = workload.resolved(spec, found)
    return made.spec, made.problems


def template(spec: RolloutSpec, found: Json) -> Json | None:
    """The pod template of a workload."""
    referred = spec.workload_ref
    return None if referred is None else workload.template_of(referred, found)


def observed(spec: RolloutSpec, found: Json | None) -> world.Workload | None:
    """The workload for the engine; None: there is none."""
    referred = spec.workload_ref
    if referred is None or found is None:
        return None
    seen = world.Workload(
        kind=referred.kind,
        name=referred.name,
        uid=uid_of(found),
        generation=_generation(found),
    )
    return _with_pods(seen, found) if referred.kind == DEPLOYMENT.kind else seen


def as_of(before: world.Workload | None, now: world.Workload | None) -> world.Workload | None:
    """The workload as it is now, with the template that it had before."""
    if before is None or now is None or now.uid != before.uid:
        return now
    return replace(now, generation=before.generation, unchanged=before.unchanged)


def _generation(found: Json) -> int:
    """What changes when the template does; the resourceVersion, where a server counts no other."""
    generation = found["metadata"].get("generation")
    if isinstance(generation, int):
        return generation
    return int(version_of(found)) if version_of(found).isdecimal() else 0


def _with_pods(seen: world.Workload, found: Json) -> world.Workload:
    status = found.get("status") or {}
    return replace(
        seen,
        desired=found["spec"].get("replicas", 1),
        available=status.get("availableReplicas") or 0,
        observed=status.get("observedGeneration", 0) >= seen.generation,
        updating=(status.get("updatedReplicas") or 0) < (status.get("replicas") or 0),
    )


def read_again(decided: Plan, referred: Reference | None, now: datetime) -> Plan:
    """The plan, which looks again at a workload whose changes nobody tells."""
    if referred is None or is_watched(referred):
        return decided
    at = now + timedelta(seconds=READ_AGAIN_SECONDS)
    return replace(decided, wake_at=min(decided.wake_at or at, at))
