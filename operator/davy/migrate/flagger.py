"""Flagger's Canary: the Deployment it steers becomes a Rollout, with all that Flagger generates.

Flagger keeps two Deployments, `cart` for the canary and `cart-primary` for the version that
serves; a Rollout keeps both versions itself. So the objects made here have names of their own
(`cart-stable`, a route `cart-rollout`) and can lie beside Flagger's until the traffic is moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from davy.api import unbuilt
from davy.migrate import flagger_managed, flagger_metrics, flagger_routes, flagger_steps, objects
from davy.migrate.reader import Reader
from davy.migrate.result import Json, Manifest, Notes, Options, refusal

GROUP: Final = "flagger.app"
VERSION: Final = "v1beta1"
_LEFT: Final = "has no counterpart; neither Davy nor this mesh's route has a place for it"
_ENDED: Final = (None, "Initializing", "Initialized", "Succeeded")
_BLUE_GREEN: Final = refusal(unbuilt.ROLLOUT, "spec.strategy", "blueGreen")
_PAUSED: Final = (
    "is true; a Rollout that is paused before it has pods gets none: `davy pause` it once it is "
    "Healthy"
)
_FULL: Final = 100
_DEADLINE_SECONDS: Final = 600


@dataclass(frozen=True)
class Translated:
    """What a Canary became."""

    manifests: tuple[Json, ...] = ()
    deployment: str = ""
    """The Deployment that became a Rollout; "": none did."""


def canary(
    manifest: Manifest, manifests: Sequence[Manifest], options: Options, notes: Notes
) -> Translated:
    """The objects that take the Canary's place; none where something essential can't be said."""
    if manifest.get("apiVersion") != f"{GROUP}/{VERSION}":
        notes.lost("apiVersion", f"is {manifest.get('apiVersion')}; write {GROUP}/{VERSION}")
        return Translated()
    spec = Reader(manifest.get("spec"), "spec", notes)
    where = objects.namespace(manifest)
    target = spec.inner("targetRef")
    deployment = _deployment(target, manifests, where, notes)
    provider = spec.text("provider") or options.mesh
    analysis = spec.inner("analysis" if spec.has("analysis") else "canaryAnalysis")
    mesh = flagger_routes.mesh(provider)
    if mesh is None:
        told = _BLUE_GREEN if provider == "kubernetes" else "Davy has no router for it"
        message = f"is {provider}: {told}; Davy weights Istio's routes and Gateway API's"
        notes.lost("spec.provider", message)
    if deployment is None or mesh is None:
        return Translated()
    test = flagger_managed.ab_test(analysis, mesh)
    if test is None:
        return Translated()
    _unfinished(manifest, notes)
    skipped = spec.flag("skipAnalysis")
    if skipped:
        notes.note("spec.skipAnalysis", "is true, so weights and checks are left out: no steps")
    service = spec.inner("service")
    name = objects.name(deployment)
    ports = flagger_routes.container_ports(deployment)
    route = flagger_routes.route(
        service, mesh, name, where=where, labels=_labels(deployment), container=ports
    )
    if route is None:
        return Translated()
    checks = flagger_metrics.checks(
        analysis,
        flagger_metrics.Subject(objects.name(manifest), where, name, route.names.service, mesh),
        spec.text("metricsServer"),
        manifests,
        options,
    )
    steps = flagger_steps.steps(analysis, checks, test, route.split, skipped=skipped)
    scaled = _autoscaler(spec.inner("autoscalerRef"), manifests, where)
    rollout = _rollout(deployment, manifests, spec, options, notes, scaled=scaled)
    if steps is None:
        return Translated()
    managed = flagger_managed.names(steps)
    strategy: Json = {
        "stableService": route.names.stable,
        "canaryService": route.names.canary,
        "trafficRouting": route.routing | ({"managedRoutes": managed} if managed else {}),
    }
    enough = _enough(analysis)
    if enough is not None:
        strategy["replicaProgressThreshold"] = {"type": "Percent", "value": enough}
    rollout["spec"]["strategy"] = {"canary": strategy | ({"steps": steps} if steps else {})}
    rollout["metadata"] = _metadata(manifest, deployment, notes)
    _rest(spec, analysis, target)
    notes.note("", _way(objects.name(manifest), name, route.names.service))
    template = [checks.template] if checks.template and steps else []
    return Translated((rollout, *template, *route.manifests), name)


def _way(canary_name: str, name: str, service: str) -> str:
    """In which order the traffic is moved."""
    return (
        f"first kubectl delete canary {canary_name} --cascade=orphan: Flagger stops and its "
        f"primary serves on; apply all but Service {service}; when the Rollout is Healthy, delete "
        f"Flagger's route {service}, apply Service {service} and delete Deployments {name} and "
        f"{name}-primary (docs/argo-rollouts.md has the steps)"
    )


def alert_provider(notes: Notes) -> None:
    """Flagger's AlertProvider has no counterpart."""
    notes.lost("", "alerts are not built; forward the Rollout's events, or alert on its metrics")


def _deployment(
    target: Reader, manifests: Sequence[Manifest], where: str | None, notes: Notes
) -> Manifest | None:
    kind, name = target.text("kind") or "Deployment", target.text("name") or ""
    target.take("apiVersion")
    if kind != "Deployment":
        notes.lost("spec.targetRef.kind", f"is {kind}; a Rollout replaces a Deployment only")
        return None
    found = objects.find(manifests, "apps", "Deployment", where, name)
    if found is None:
        notes.lost(
            "spec.targetRef.name",
            f"names the Deployment {name}, which isn't in these files; give its file too: its pod "
            "template becomes the Rollout's",
        )
    return found


def _enough(analysis: Reader) -> int | None:
    """Percent of the canary's pods that are enough to go on; None: all."""
    percent = analysis.number("canaryReadyThreshold")
    if percent is None or percent == _FULL:
        return None
    if percent not in range(1, _FULL):
        path = analysis.at("canaryReadyThreshold")
        analysis.notes.lost(path, f"is {percent}; a Rollout's threshold is percent from 1 to 100")
        return None
    return percent


def _unfinished(manifest: Manifest, notes: Notes) -> None:
    phase = objects.mapping(manifest.get("status")).get("phase")
    if phase == "Failed":
        notes.lost(
            "status.phase",
            "is Failed: the Deployment's template is the version that was taken back; put the good "
            "one in before you apply it",
        )
    elif phase not in _ENDED:
        notes.lost(
            "status.phase", f"is {phase}: an update is under way; let it end and migrate again"
        )


def _rollout(
    deployment: Manifest,
    manifests: Sequence[Manifest],
    canary_spec: Reader,
    options: Options,
    notes: Notes,
    *,
    scaled: bool,
) -> Json:
    """The Rollout but for its strategy, in the order in which people write it."""
    path = f"Deployment {objects.name(deployment)}: spec"
    found = Reader(deployment.get("spec"), path, notes)
    spec: Json = {}
    replicas = _replicas(found, deployment, manifests, scaled=scaled)
    if replicas is not None:
        spec["replicas"] = replicas
    spec["selector"] = found.mapping("selector")
    for field in ("minReadySeconds", "revisionHistoryLimit"):
        value = found.number(field)
        if value is not None:
            spec[field] = value
    found.take("progressDeadlineSeconds")
    deadline = canary_spec.number("progressDeadlineSeconds")
    spec["progressDeadlineSeconds"] = _DEADLINE_SECONDS if deadline is None else deadline
    spec["progressDeadlineAbort"] = True
    for one in ((canary_spec, "suspend"), (found, "paused")):
        one[0].lose(one[1], _PAUSED)
    found.note("strategy", "says how a Deployment replaces pods; the Rollout's steps say it now")
    spec["strategy"] = {}
    spec["template"] = found.mapping("template")
    found.close("has no counterpart in a Rollout")
    return {
        "apiVersion": options.group.api_version,
        "kind": "Rollout",
        "metadata": {},
        "spec": spec,
    }


def _autoscaler(ref: Reader, manifests: Sequence[Manifest], where: str | None) -> bool:
    """Whether an autoscaler says the number of pods; one that isn't in the files is told."""
    named = ref.text("name")
    kind = ref.text("kind") or "HorizontalPodAutoscaler"
    for field in ("apiVersion", "namespace"):
        ref.take(field)
    for field in ("primaryScalerQueries", "primaryScalerReplicas"):
        ref.lose(field, "has no counterpart: there is no second autoscaler for a primary")
    known = any(
        (found.get("kind"), objects.name(found)) == (kind, named)
        and objects.same_namespace(objects.namespace(found), where)
        for found in manifests
    )
    if named and not known:
        ref.notes.lost(
            ref.path,
            f"names the {kind} {named}, which isn't in these files; give its file, or let it scale "
            "the Rollout yourself",
        )
    return bool(named)


def _replicas(
    found: Reader, deployment: Manifest, manifests: Sequence[Manifest], *, scaled: bool
) -> int | None:
    """The pods wanted; Flagger keeps the Deployment at 0, and an autoscaler says it itself."""
    replicas = found.number("replicas")
    if replicas != 0:
        return replicas
    if scaled:
        return None
    name = f"{objects.name(deployment)}-primary"
    where = objects.namespace(deployment)
    primary = objects.find(manifests, "apps", "Deployment", where, name)
    serving = objects.mapping((primary or {}).get("spec")).get("replicas")
    if not isinstance(serving, int) or isinstance(serving, bool):
        found.notes.lost(
            found.at("replicas"), "is 0, where Flagger keeps it; write the number of pods you want"
        )
        return 0
    found.notes.note(found.at("replicas"), f"is 0, where Flagger keeps it; {name} has {serving}")
    return serving


def _labels(deployment: Manifest) -> Json:
    """The labels by which a Service finds the Deployment's pods."""
    spec = objects.mapping(deployment.get("spec"))
    labels = objects.mapping(spec, "selector", "matchLabels")
    return labels or objects.mapping(spec, "template", "metadata", "labels")


def _metadata(manifest: Manifest, deployment: Manifest, notes: Notes) -> Json:
    """The Deployment's, and beside it what the Canary has."""
    made, more = objects.metadata(deployment, notes), objects.metadata(manifest, notes)
    for field in ("labels", "annotations"):
        both = more.get(field, {}) | made.get(field, {})
        if both:
            made[field] = both
    return made


def _rest(spec: Reader, analysis: Reader, target: Reader) -> None:
    """Fields that say nothing to Davy, or that it can't do; then all that nobody took."""
    analysis.lose("primaryReadyThreshold", "has no counterpart: no step waits for stable's pods")
    analysis.note("stepWeightPromotion", "isn't needed: a promotion copies nothing to a primary")
    spec.note(
        "revertOnDeletion",
        "isn't needed: a deleted Rollout leaves its route on stable; set it to false before the "
        "Canary is deleted, or Flagger takes its route away",
    )
    for field in ("ingressRef", "routeRef", "upstreamRef"):
        spec.lose(field, "is of a router that Davy doesn't have")
    target.take("namespace")
    spec.close(_LEFT)
