"""A rollout and what belongs to it, from manifests to the data that is drawn. Pure.

Everything that `davy get` and `davy list` show is decided here, with nothing drawn yet: the same
data is what `-o json` prints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from davy.api.mesh_routers import BUILT_IN_PLUGINS, CONTOUR_PLUGIN, GATEWAY_API_PLUGIN
from davy.cli import view_history, view_runs, view_steps, view_workload
from davy.cli.manifest import Json, at, flag, instant, name_of, number, objects, owned_by, text
from davy.cli.view_history import PastView
from davy.cli.view_runs import RunView
from davy.cli.view_steps import StepView
from davy.cli.view_workload import Mood, ReplicaSetView

_TOTAL: Final = ("spec", "strategy", "canary", "trafficRouting", "maxTrafficWeight")


@dataclass(frozen=True)
class WeightView:
    """The canary's weight as three answers; None: not known."""

    wanted: int | None
    """What the operator wants."""
    written: int | None
    """What the route says."""
    verified: int | None
    """What the mesh took."""
    total: int = 100
    """The weight that is all traffic."""

    @property
    def is_known(self) -> bool:
        """One of the three is."""
        return any(found is not None for found in (self.wanted, self.written, self.verified))


@dataclass(frozen=True)
class ReplicasView:
    """Pods, stable and canary together."""

    desired: int
    """`spec.replicas`: pods that carry all traffic."""
    current: int
    updated: int
    ready: int
    available: int


@dataclass(frozen=True)
class ConditionView:
    """A condition that says something is wrong or awaited."""

    type: str
    status: str
    reason: str
    message: str
    mood: Mood


@dataclass(frozen=True)
class RevisionView:
    """One revision: its ReplicaSet and the analysis of it."""

    number: int | None
    """From 1; None: the ReplicaSet doesn't say."""
    role: str
    """`stable`, `canary`, `aborted canary`, or empty for an older one."""
    replica_set: ReplicaSetView | None
    """None: only its runs are left."""
    runs: tuple[RunView, ...]


@dataclass(frozen=True)
class Headline:
    """A rollout on one line."""

    namespace: str
    name: str
    strategy: str
    phase: str
    mood: Mood
    step: str
    """`3/5`; empty without steps."""
    weight: WeightView
    replicas: ReplicasView
    message: str
    created_at: datetime | None


@dataclass(frozen=True)
class RolloutView:
    """A rollout with all that belongs to it."""

    headline: Headline
    router: str
    """The route that carries the weights, in words."""
    steps: tuple[StepView, ...]
    verdict: str
    """The last verdict of an analysis with its numbers; empty when there is none."""
    conditions: tuple[ConditionView, ...]
    revisions: tuple[RevisionView, ...]
    """Newest first; scaled-down ones without a role are in `older`."""
    older: tuple[int, ...]
    """Revisions without pods that are kept to go back to, newest first."""
    notes: tuple[str, ...]
    """What could not be read, and so isn't shown."""
    history: tuple[PastView, ...] = ()
    """Updates that are over, the newest first."""


def headline(rollout: Json) -> Headline:
    """The rollout on one line."""
    phase, mood, message = _phase(rollout)
    return Headline(
        namespace=text(rollout, "metadata", "namespace") or "",
        name=name_of(rollout),
        strategy=_strategy(rollout),
        phase=phase,
        mood=mood,
        step=view_steps.position(rollout),
        weight=weight(rollout),
        replicas=_replicas(rollout),
        message=message,
        created_at=instant(rollout, "metadata", "creationTimestamp"),
    )


def rollout_view(
    rollout: Json,
    *,
    revision_annotation: str,
    replica_sets: Sequence[Json] = (),
    pods: Sequence[Json] = (),
    runs: Sequence[Json] = (),
    notes: Sequence[str] = (),
) -> RolloutView:
    """The tree of a rollout; objects of other rollouts are left out, by owner reference.

    Args:
        rollout: the Rollout's manifest.
        revision_annotation: where a ReplicaSet says its revision, see `ApiGroup`.
        replica_sets: those of the namespace, any order.
        pods: those of the namespace, any order.
        runs: AnalysisRuns of the namespace, any order.
        notes: what could not be read.
    """
    own_runs = [view_runs.run(found) for found in runs if owned_by(found, rollout)]
    revisions = [
        RevisionView(
            number=_revision(found, revision_annotation),
            role=_role(rollout, shown.hash),
            replica_set=shown,
            runs=_runs_of(own_runs, shown.hash),
        )
        for found in replica_sets
        if owned_by(found, rollout)
        for shown in (view_workload.replica_set(found, list(pods)),)
    ]
    revisions.sort(key=lambda revision: revision.number or 0, reverse=True)
    known = {revision.replica_set.hash for revision in revisions if revision.replica_set}
    orphans = tuple(found for found in own_runs if found.hash not in known)
    if orphans:
        revisions.append(RevisionView(number=None, role="", replica_set=None, runs=orphans))
    head = headline(rollout)
    return RolloutView(
        headline=head,
        router=_router(rollout),
        steps=view_steps.steps(rollout),
        verdict=text(rollout, "status", "verdict") or "",
        conditions=_conditions(rollout, head.message),
        revisions=tuple(revision for revision in revisions if _shown(revision)),
        older=tuple(
            revision.number
            for revision in revisions
            if not _shown(revision) and revision.number is not None
        ),
        notes=tuple(notes),
        history=tuple(found for found in view_history.updates(rollout) if found.outcome),
    )


def weight(rollout: Json) -> WeightView:
    """The canary's weight; where Argo's controller wrote the status, what it wanted isn't known."""
    total = number(rollout, *_TOTAL) or WeightView.total
    if at(rollout, "status", "traffic") is not None:
        return WeightView(
            wanted=number(rollout, "status", "traffic", "wanted"),
            written=number(rollout, "status", "traffic", "written"),
            verified=number(rollout, "status", "traffic", "verified"),
            total=total,
        )
    written = number(rollout, "status", "canary", "weights", "canary", "weight")
    proved = flag(rollout, "status", "canary", "weights", "verified")
    return WeightView(
        wanted=None, written=written, verified=written if proved else None, total=total
    )


def unobserved(rollout: Json) -> str | None:
    """Why the status doesn't speak of the newest spec, as a clause; None when it does."""
    seen = text(rollout, "status", "observedGeneration")
    newest = number(rollout, "metadata", "generation")
    if text(rollout, "status", "phase") is None and seen is None:
        return "no operator has looked at it (is one running for this namespace and API group?)"
    if seen is None or not seen.isdecimal() or newest is None or int(seen) >= newest:
        return None
    return f"the operator has yet to see the newest spec (generation {newest}; seen: {seen})"


_PHASES = {
    "Healthy": Mood.GOOD,
    "Progressing": Mood.BUSY,
    "Paused": Mood.PAUSED,
    "Degraded": Mood.BAD,
}


def _phase(rollout: Json) -> tuple[str, Mood, str]:
    phase = text(rollout, "status", "phase")
    message = text(rollout, "status", "message") or ""
    if at(rollout, "metadata", "deletionTimestamp"):
        return "Deleting", Mood.IDLE, message
    waiting = unobserved(rollout)
    if waiting is not None:
        waits = f"{waiting[0].upper()}{waiting[1:]}"
        return ("Progressing" if phase else "Unknown"), Mood.BUSY, waits
    return phase or "Unknown", _PHASES.get(phase or "", Mood.BUSY), message


def _strategy(rollout: Json) -> str:
    kinds = at(rollout, "spec", "strategy")
    names = {"canary": "Canary", "blueGreen": "BlueGreen"}
    return next((names[key] for key in names if key in kinds), "") if kinds else ""


def _router(rollout: Json) -> str:
    routing = at(rollout, "spec", "strategy", "canary", "trafficRouting")
    plugins = at(routing, "plugins")
    gateway = at(routing, "gatewayAPI"), at(plugins, GATEWAY_API_PLUGIN)
    named: tuple[tuple[str, list[str | None]], ...] = (
        ("VirtualService", _names(at(routing, "istio"), "virtualService")),
        *(
            (kind, [name for routes in gateway for name in _names(routes, field)])
            for kind, field in (
                ("HTTPRoute", "httpRoute"),
                ("GRPCRoute", "grpcRoute"),
                ("TCPRoute", "tcpRoute"),
                ("TLSRoute", "tlsRoute"),
            )
        ),
        (
            "Ingress",
            [
                *_ingresses(at(routing, "nginx"), "stableIngress"),
                *_ingresses(at(routing, "alb"), "ingress"),
            ],
        ),
        ("TraefikService", [text(routing, "traefik", "weightedTraefikServiceName")]),
        ("ApisixRoute", [text(routing, "apisix", "route", "name")]),
        (
            "HTTPProxy",
            [
                name
                for held in (at(routing, "contour"), at(plugins, CONTOUR_PLUGIN))
                for name in _texts(held, "httpProxies")
            ],
        ),
        ("plugin", _others(plugins)),
    )
    known = {kind: [name for name in names if name] for kind, names in named}
    words = [f"{kind} {', '.join(names)}" for kind, names in known.items() if names]
    return ", ".join(words or [str(key) for key in routing or ()])


def _others(plugins: Any) -> list[str | None]:
    """Plugins of other packages."""
    named = plugins if isinstance(plugins, Mapping) else ()
    return [str(name) for name in named if name not in BUILT_IN_PLUGINS]


def _names(routing: Any, field: str) -> list[str | None]:
    """Of routes named one by one, by text or as an object, and as a list."""
    several = [text(route, "name") for route in objects(routing, f"{field}s")]
    return [text(routing, field), text(routing, field, "name"), *several]


def _ingresses(routing: Any, field: str) -> list[str | None]:
    return [text(routing, field), *_texts(routing, f"{field}es")]


def _texts(routing: Any, field: str) -> list[str]:
    several = at(routing, field)
    return [name for name in several if isinstance(name, str)] if isinstance(several, list) else []


def _replicas(rollout: Json) -> ReplicasView:
    desired = number(rollout, "spec", "replicas")
    return ReplicasView(
        desired=1 if desired is None else desired,
        current=number(rollout, "status", "replicas") or 0,
        updated=number(rollout, "status", "updatedReplicas") or 0,
        ready=number(rollout, "status", "readyReplicas") or 0,
        available=number(rollout, "status", "availableReplicas") or 0,
    )


_TROUBLE = {
    ("InvalidSpec", "True"): Mood.BAD,
    ("ReplicaFailure", "True"): Mood.BAD,
    ("Stalled", "True"): Mood.BAD,
    ("Progressing", "False"): Mood.BAD,
    ("Available", "False"): Mood.BUSY,
    ("TrafficVerified", "False"): Mood.BUSY,
}
"""Conditions that say something is wrong or awaited; the others repeat phase and message."""


def _conditions(rollout: Json, message: str) -> tuple[ConditionView, ...]:
    """Conditions that matter and say more than the message above them, each sentence once."""
    said = {message}
    found: list[ConditionView] = []
    for condition in objects(rollout, "status", "conditions"):
        kind = text(condition, "type") or ""
        status = text(condition, "status") or ""
        words = text(condition, "message") or ""
        mood = _TROUBLE.get((kind, status))
        if mood is None or (words and any(words in sentence for sentence in said)):
            continue
        said.add(words)
        reason = text(condition, "reason") or ""
        found.append(
            ConditionView(type=kind, status=status, reason=reason, message=words, mood=mood)
        )
    return tuple(found)


def _role(rollout: Json, template_hash: str) -> str:
    if template_hash and template_hash == text(rollout, "status", "stableRS"):
        return "stable"
    if template_hash and template_hash == text(rollout, "status", "currentPodHash"):
        return "aborted canary" if flag(rollout, "status", "abort") else "canary"
    return ""


def _revision(manifest: Json, annotation: str) -> int | None:
    written = text(manifest, "metadata", "annotations", annotation)
    return int(written) if written is not None and written.isdecimal() else None


def _runs_of(runs: Sequence[RunView], template_hash: str) -> tuple[RunView, ...]:
    own = [found for found in runs if found.hash == template_hash]
    return tuple(sorted(own, key=lambda found: (str(found.created_at), found.name)))


def _shown(revision: RevisionView) -> bool:
    """Whether a revision has a role, pods, or runs without a ReplicaSet: the rest is history."""
    held = revision.replica_set
    return bool(revision.role) or held is None or held.mood is not Mood.IDLE or bool(held.pods)
