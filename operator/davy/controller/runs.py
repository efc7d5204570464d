"""AnalysisRuns: those of a rollout, what is wrong with new ones, manifests, what a run measures."""

import json
from collections.abc import Iterator
from datetime import datetime

from pydantic import ValidationError

from davy.analysis import comparisons, judge, resolve, templates
from davy.analysis.comparisons import Around
from davy.api import errors, fields, findings, group, validate
from davy.api.analysis import (
    AnalysisRef,
    AnalysisRunSpec,
    AnalysisRunStatus,
    AnalysisTemplateSpec,
    Phase,
    RunManifest,
    TemplateRef,
)
from davy.api.errors import Finding
from davy.api.metadata import Metadata
from davy.api.rollout import RolloutSpec
from davy.cluster import apply
from davy.cluster.cache import Cache, Json, controller_of, uid_of, version_of
from davy.cluster.kinds import DESTINATION_RULE, Kind, Kinds
from davy.controller.interest import Reference
from davy.engine import plan, world
from davy.plugins import missing
from davy.plugins.installed import Installed

_UNKNOWN_HASH = "0000000000"
"""Stands for a revision's hash where only the templates are checked."""
_ANOTHER_HASH = "1111111111"


def references(
    cache: Cache, kinds: Kinds, namespace: str, spec: RolloutSpec
) -> Iterator[Reference]:
    """The templates that a rollout's analyses name, and those that these name, there or not."""
    for _, analysis in spec.strategy.canary.analyses:
        for wanted in _nest(cache, kinds, namespace, analysis).asked:
            kind = _template_kind(kinds, cluster_scope=wanted.cluster_scope)
            yield (kind, namespace if kind.namespaced else "", wanted.template_name)


def problems(
    cache: Cache,
    kinds: Kinds,
    raw: Json,
    spec: RolloutSpec,
    plugins: Installed,
    *,
    prometheus: str,
) -> Iterator[Finding]:
    """What keeps analyses from being made: absent templates or plugins, args that don't fit."""
    for path, analysis in spec.strategy.canary.analyses:
        inline = ".steps[" in path
        try:
            made = _spec(
                cache,
                kinds,
                raw,
                analysis,
                prometheus=prometheus,
                stable=_UNKNOWN_HASH,
                latest=_ANOTHER_HASH,
                inline=inline,
            )
            for finding in missing.in_metrics(plugins, made.metrics, "metrics"):
                yield Finding(path, str(finding))
        except errors.InvalidObject as error:
            for finding in error.findings:
                yield Finding(path, str(finding))


def stamp(cache: Cache, kinds: Kinds, raw: Json, spec: RolloutSpec) -> tuple[str, ...]:
    """Equal for all states of a Rollout and its templates in which `problems` finds the same.

    The whole Rollout counts only where an argument takes a field of it.
    """
    namespace = raw["metadata"]["namespace"]
    versions = [str(raw["metadata"].get("generation", 0))]
    for _, analysis in spec.strategy.canary.analyses:
        if any(arg.value_from and arg.value_from.field_ref for arg in analysis.args or ()):
            versions.append(version_of(raw))
        versions.append(_host(cache, raw))
        for wanted in _nest(cache, kinds, namespace, analysis).asked:
            kind = _template_kind(kinds, cluster_scope=wanted.cluster_scope)
            found = cache.get(kind, namespace, wanted.template_name)
            versions.append(f"{uid_of(found)} {version_of(found)}" if found else "")
            if found and "fieldRef" in str((found.get("spec") or {}).get("args")):
                versions.append(version_of(raw))
    return tuple(versions)


def observed(cache: Cache, kinds: Kinds, raw: Json) -> Iterator[world.Run]:
    """The runs that a rollout owns; others' labels and ones that can't be read are left out."""
    for found in cache.owned(kinds.analysis_run, raw):
        run = _run(cache, found, kinds)
        if run is not None:
            yield run


def manifest(
    cache: Cache,
    kinds: Kinds,
    owner: apply.Owner,
    raw: Json,
    wanted: plan.CreateRun,
    *,
    prometheus: str,
    route: world.Route,
) -> Json:
    """The AnalysisRun that a plan wants.

    Args:
        cache: with its templates.
        kinds: Davy's own.
        owner: the Rollout.
        raw: the Rollout.
        wanted: by the plan.
        prometheus: the server that is asked where a comparison names none.
        route: as it was observed: it knows which Service is the canary's now.

    Raises:
        InvalidObject: its templates don't make one.
    """
    spec = _spec(
        cache,
        kinds,
        raw,
        wanted.analysis,
        prometheus=prometheus,
        stable=wanted.stable_hash,
        latest=wanted.hash,
        inline=wanted.kind is world.RunKind.STEP,
        route=route,
    )
    given = wanted.analysis.analysis_run_metadata or Metadata()
    labels = {
        **(given.labels or {}),
        group.POD_TEMPLATE_HASH_LABEL: wanted.hash,
        group.RUN_TYPE_LABEL: wanted.kind.value,
    }
    annotations = dict(given.annotations or {})
    annotations[kinds.api_group.revision_annotation] = str(wanted.revision)
    budget = raw["spec"]["strategy"]["canary"].get("harmBudget")
    if budget and wanted.kind is world.RunKind.BACKGROUND:
        annotations[group.HARM_BUDGET] = json.dumps(budget)
    if wanted.step_index is not None:
        labels[group.STEP_INDEX_LABEL] = str(wanted.step_index)
    return {
        "apiVersion": kinds.analysis_run.api_version,
        "kind": kinds.analysis_run.kind,
        "metadata": {
            "name": wanted.name,
            "namespace": owner.namespace,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner.reference()],
        },
        "spec": spec.manifest(),
    }


def ended(found: Json) -> bool:
    """The run is finished, whatever else its status says."""
    try:
        return Phase(str((found.get("status") or {}).get("phase"))).completed
    except ValueError:
        return False


def status(found: Json) -> AnalysisRunStatus | None:
    """The run's status, {} before the first; None: it can't be read."""
    try:
        return AnalysisRunStatus.model_validate(found.get("status") or {})
    except ValidationError:
        return None


def measured(cache: Cache, found: Json) -> RunManifest:
    """The run as the judge reads it.

    One made by hand, or by Argo, was checked by nobody but the API server, and has its arguments to
    be filled in; one that Davy made passes here, as `resolve.run_spec` sees to it. One that is
    being deleted, and is held by somebody's finalizer, ends as if it had been told to terminate.

    Raises:
        InvalidObject: it can't be measured, with everything that is wrong.
    """
    version = found["metadata"].get("generation") or version_of(found)
    spec = cache.made(_measurable, found, version)
    if "deletionTimestamp" in found["metadata"]:
        spec = spec.model_copy(update={"terminate": True})
    try:
        status = AnalysisRunStatus.model_validate(found.get("status") or {})
    except ValidationError as error:
        raise errors.InvalidObject(findings.of(error, AnalysisRunStatus, "status")) from None
    return RunManifest(metadata=found["metadata"], spec=spec, status=status)


def changed_at(
    cache: Cache, kinds: Kinds, run: Json, started_at: datetime | None
) -> datetime | None:
    """When the canary's weight changed last, as far as a run has to know; None: nobody knows.

    It is what the Rollout's status says. A run beside the steps begins with a weight, of which the
    status may not tell yet; and without a Rollout its start is all that is known.

    Args:
        cache: with the Rollout.
        kinds: Davy's own.
        run: the AnalysisRun.
        started_at: when it began.
    """
    told = _weight_changed_at(cache, kinds, run)
    kind = (run["metadata"].get("labels") or {}).get(group.RUN_TYPE_LABEL)
    if told is None or started_at is None:
        return told or started_at
    return max(told, started_at) if kind == world.RunKind.BACKGROUND.value else told


def _weight_changed_at(cache: Cache, kinds: Kinds, run: Json) -> datetime | None:
    owner = controller_of(run)
    if owner is None:
        return None
    rollout = cache.get(kinds.rollout, run["metadata"]["namespace"], owner["name"])
    if rollout is None or uid_of(rollout) != owner["uid"]:
        return None
    try:
        told = (rollout.get("status") or {}).get("traffic") or {}
        return fields.parse_instant(told["changedAt"])
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _measurable(found: Json) -> AnalysisRunSpec:
    return resolve.run_filled(validate.parse_analysis_run(found))


def parse(found: Json) -> RunManifest:
    """The AnalysisRun as it was written.

    Raises:
        ValidationError: it isn't one.
    """
    return RunManifest.model_validate(
        {name: found[name] for name in ("metadata", "spec", "status") if name in found}
    )


def _run(cache: Cache, found: Json, kinds: Kinds) -> world.Run | None:
    metadata = found["metadata"]
    labels = metadata.get("labels") or {}
    annotations = metadata.get("annotations") or {}
    try:
        kind = world.RunKind(labels.get(group.RUN_TYPE_LABEL))
        run = cache.made(parse, found, version_of(found))
        value = comparisons.counted(run)
        step, created = labels.get(group.STEP_INDEX_LABEL), metadata.get("creationTimestamp")
        return world.Run(
            name=metadata["name"],
            kind=kind,
            hash=labels.get(group.POD_TEMPLATE_HASH_LABEL, ""),
            revision=int(annotations.get(kinds.api_group.revision_annotation, 0)),
            phase=run.status.phase,
            step_index=None if step is None else int(step),
            message=run.status.message or "",
            verdict=judge.verdict(run),
            lacks=judge.lacks(run.status),
            terminating=run.spec.terminate or "deletionTimestamp" in metadata,
            created_at=fields.parse_instant(created) if created else None,
            counted=world.Counted.of(value),
            allowance=world.Allowance.of(value),
        )
    except (ValidationError, ValueError):
        return None


def _spec(
    cache: Cache,
    kinds: Kinds,
    raw: Json,
    analysis: AnalysisRef,
    *,
    prometheus: str,
    stable: str,
    latest: str,
    inline: bool,
    route: world.Route | None = None,
) -> AnalysisRunSpec:
    """The run's spec; without a route it is for a check alone.

    Raises:
        InvalidObject: a template is absent or can't be read, or they don't fit together.
    """
    namespace = raw["metadata"]["namespace"]
    nest = _nest(cache, kinds, namespace, analysis)
    wrong = list(nest.findings)
    for absent in nest.absent:
        kind = _template_kind(kinds, cluster_scope=absent.ref.cluster_scope)
        place = f" in namespace {namespace}" if kind.namespaced else ""
        message = f"there is no {kind.kind} {absent.ref.template_name}{place}; create it."
        wrong.append(Finding(absent.path, message))
    if wrong:
        raise errors.InvalidObject(wrong)
    return resolve.run_spec(
        nest.templates,
        analysis,
        manifest=raw,
        stable_hash=stable,
        latest_hash=latest or stable,
        inline=inline,
        around=Around(
            prometheus,
            _host(cache, raw),
            canary_service=route.canary_service if route else None,
            stable_service=route.stable_service if route else None,
        ),
    )


def _host(cache: Cache, raw: Json) -> str:
    """Of the DestinationRule that a Rollout names; "": it names none, or that isn't there."""
    found = _destination_rule(cache, raw)
    return str((found or {}).get("spec", {}).get("host", ""))


def _destination_rule(cache: Cache, raw: Json) -> Json | None:
    canary = raw["spec"].get("strategy", {}).get("canary", {})
    istio = (canary.get("trafficRouting") or {}).get("istio") or {}
    name = (istio.get("destinationRule") or {}).get("name")
    return cache.get(DESTINATION_RULE, raw["metadata"]["namespace"], name) if name else None


def _nest(cache: Cache, kinds: Kinds, namespace: str, analysis: AnalysisRef) -> templates.Nest:
    """The templates that an analysis names, and those that these name."""

    def find(ref: TemplateRef) -> templates.Template | None:
        kind = _template_kind(kinds, cluster_scope=ref.cluster_scope)
        found = cache.get(kind, namespace, ref.template_name)
        if found is None:
            return None
        try:
            spec = cache.made(_template, found, version_of(found))
        except ValidationError as error:
            unreadable = Finding(f"{kind.kind} {ref.template_name}", _first(error))
            raise errors.InvalidObject([unreadable]) from None
        return templates.Template(ref.template_name, spec, ref.cluster_scope)

    return templates.flattened(analysis.templates or (), find)


def _template(found: Json) -> AnalysisTemplateSpec:
    return AnalysisTemplateSpec.model_validate(found.get("spec") or {})


def _template_kind(kinds: Kinds, *, cluster_scope: bool) -> Kind:
    return kinds.cluster_analysis_template if cluster_scope else kinds.analysis_template


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    path = ".".join(str(part) for part in found["loc"])
    return f"{path or 'spec'}: {found['msg']}."
