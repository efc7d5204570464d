"""What is asked of the past: a Rollout's analyses, or a template's, of files or of a cluster."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from davy.analysis import resolve, rules, templates
from davy.analysis.comparisons import Around
from davy.analysis.limits import JudgeDefaults
from davy.api import validate
from davy.api.analysis import AnalysisRef, AnalysisRunSpec, Metric, RunArg, TemplateRef
from davy.api.errors import ApiFailure, Finding, InvalidObject
from davy.api.group import ARGO, DAVY, RUN_TYPE_LABEL, STEP_INDEX_LABEL, ApiGroup
from davy.cli import access, access_templates, check, release_files, run_args, view_history
from davy.cli.documents import Document, documents, expanded, text_of
from davy.cli.manifest import Json, at, text
from davy.cluster.kinds import DESTINATION_RULE
from davy.engine.world import RunKind
from davy.rehearsal.release import Release

if TYPE_CHECKING:
    from davy.cluster.client import Api

_CANARY: Final = "canaryhashunknown"
_STABLE: Final = "stablehashunknown"
"""Stand for a revision's hash that nobody gave."""
_HOST: Final = "hostunknown"
"""Stands for that of a DestinationRule that isn't there."""
_PROMOTED: Final = {"Promoted", "FastPromoted"}


@dataclass(frozen=True)
class Given:
    """What the command line says."""

    template: str | None
    """Only this one's metrics; None: all."""
    args: tuple[RunArg, ...]
    canary_hash: str | None
    stable_hash: str | None
    prometheus: str
    """Asked in place of all others; "": each as it is written."""


@dataclass(frozen=True)
class Part:
    """One analysis."""

    name: str
    labels: Mapping[str, str]
    """As its AnalysisRun would have: they say what it judges."""
    spec: AnalysisRunSpec
    """Metrics of Prometheus alone."""


@dataclass(frozen=True)
class Subject:
    """What is asked of the past."""

    of: str
    """`rollout shop/cart`, `template error-rate`."""
    parts: tuple[Part, ...]
    """At least one."""
    defaults: JudgeDefaults
    notes: tuple[str, ...]
    """What is left out."""
    began_at: datetime | None = None
    """When the rollout's last update did; None: it isn't known."""
    ended_at: datetime | None = None


def of_files(files: Sequence[str], api_group: str, given: Given) -> Subject:
    """The analyses of the one Rollout in some files, or one of their templates.

    Raises:
        davy.cli.documents.UnreadableFileError: a file can't be read.
        click.ClickException: there is no such thing, or more than one, or it has findings.
    """
    found = [document for name in expanded(files) for document in documents(name, text_of(name))]
    named, groups = ", ".join(files), {DAVY, ARGO, api_group}
    ours = [one for one in found if one.api_version.partition("/")[0] in groups]
    if any(one.kind == "Rollout" for one in ours):
        rollout = release_files.only_rollout(found, named, api_group)
        release = Release(
            manifest=release_files.manifest_of(rollout),
            spec=release_files.parsed(rollout),
            find=check.finder(found, rollout, api_group),
            stable_hash=_STABLE,
            canary_hash=_CANARY,
            around=replace(_around(given), host=_host_of_files(rollout, found)),
        )
        return _of_release(release, given)
    chosen = [
        one
        for one in ours
        if one.kind.endswith("AnalysisTemplate") and given.template in {None, one.name}
    ]
    if len(chosen) != 1:
        names = ", ".join(sorted({one.name for one in chosen}))
        has = f"{len(chosen)} templates ({names:.80})" if chosen else "no Rollout and no template"
        wanted = f" {given.template}" if given.template and not chosen else ""
        raise click.ClickException(f"{named} has {has}{wanted}; name one with --template.")
    return _of_template(chosen[0], found, api_group, given)


async def of_cluster(
    api: "Api", group: ApiGroup, namespace: str, name: str, given: Given
) -> Subject:
    """The analyses of a Rollout's last update.

    Raises:
        davy.api.errors.ApiFailure: the server said no, or can't be reached.
        click.ClickException: the Rollout has nothing to ask for.
    """
    manifest = await access.rollout(api, group, namespace, name)
    where = f"rollout {namespace}/{name}"
    try:
        spec = validate.parse_rollout(manifest)
        refs = [
            ref for _, analysis in spec.strategy.canary.analyses for ref in analysis.templates or ()
        ]
        read = await access_templates.read(api, group, namespace, refs)
    except InvalidObject as error:
        raise click.ClickException(f"{where}: {error}") from error
    update = next(view_history.updates(manifest), None)
    canary, stable = _hashes(manifest)
    release = Release(
        manifest=manifest,
        spec=spec,
        find=read.get,
        stable_hash=stable,
        canary_hash=canary,
        around=replace(_around(given), host=await _host_of_cluster(api, namespace, manifest)),
        where=f"in namespace {namespace}",
    )
    return replace(
        _of_release(release, given),
        began_at=update.started_at if update else None,
        ended_at=update.finished_at if update else None,
    )


def _around(given: Given) -> Around:
    return Around(prometheus=given.prometheus)


def _of_release(release: Release, given: Given) -> Subject:
    """Raises click.ClickException, with the Rollout's name."""
    release = replace(
        release,
        given=given.args,
        canary_hash=given.canary_hash or release.canary_hash,
        stable_hash=given.stable_hash or release.stable_hash,
    )
    where = f"rollout {release}"
    analyses = [*_chosen(release, given.template)]
    if not analyses:
        raise click.ClickException(f"{where} has no analysis{_named(release, given)}.")
    parts, notes = [], []
    try:
        known = [template for _, each in analyses for template in _templates(release, each)]
        run_args.check(given.args, known, where)
        for path, analysis in analyses:
            _has_address(path, analysis, given)
            inline = ".steps[" in path
            spec = _at(path, release, analysis, inline=inline)
            spec, left_out = _askable(spec, given, path)
            notes += left_out
            parts.append(Part(release.name, _labels(path), spec))
    except InvalidObject as error:
        raise click.ClickException(f"{where}: {error}") from error
    parts = [part for part in parts if part.spec.metrics]
    if not parts:
        raise click.ClickException(f"{where} asks no Prometheus: {' '.join(notes)}")
    defaults = JudgeDefaults.of(release.group.name)
    return Subject(where, tuple(parts), defaults, tuple(dict.fromkeys(notes)))


def _of_template(
    document: Document, found: Sequence[Document], api_group: str, given: Given
) -> Subject:
    ref = TemplateRef(
        template_name=document.name, cluster_scope=document.kind.startswith("Cluster")
    )
    where = f"template {document.name}"
    try:
        nest = templates.flattened([ref], check.finder(found, document, api_group))
        absent = [
            Finding(one.path, f"{one.ref.template_name} isn't in the files given")
            for one in nest.absent
        ]
        if nest.findings or absent:
            raise InvalidObject([*nest.findings, *absent])  # noqa: TRY301 one way to tell it
        run_args.check(given.args, nest.templates, where)
        made = resolve.run_spec(
            nest.templates,
            AnalysisRef(templates=[ref], args=[*given.args] or None),
            manifest={},
            stable_hash=given.stable_hash or _STABLE,
            latest_hash=given.canary_hash or _CANARY,
            inline=False,
            around=_around(given),
        )
        spec, notes = _askable(made, given, "spec")
    except InvalidObject as error:
        raise click.ClickException(f"{document.file}: {where}: {error}") from error
    if not spec.metrics:
        raise click.ClickException(f"{document.file}: {where} asks no Prometheus.")
    group = document.api_version.partition("/")[0]
    part = Part(document.name, {}, spec)
    return Subject(where, (part,), JudgeDefaults.of(group), tuple(notes))


def _chosen(release: Release, template: str | None) -> Iterator[tuple[str, AnalysisRef]]:
    """The analyses by path; of one template alone, the first that names it."""
    for path, analysis in release.spec.strategy.canary.analyses:
        if template is None:
            yield path, analysis
            continue
        refs = [ref for ref in analysis.templates or () if ref.template_name == template]
        if refs:
            yield path, analysis.model_copy(update={"templates": refs, "compare": None})
            return


def _named(release: Release, given: Given) -> str:
    if given.template is None:
        return ""
    names = {
        ref.template_name
        for _, analysis in release.spec.strategy.canary.analyses
        for ref in analysis.templates or ()
    }
    has = ", ".join(sorted(names)) or "none"
    return f" that names the template {given.template}; it names {has}"


def _templates(release: Release, analysis: AnalysisRef) -> list[templates.Template]:
    return templates.flattened(analysis.templates or (), release.find).templates


def _at(path: str, release: Release, analysis: AnalysisRef, *, inline: bool) -> AnalysisRunSpec:
    try:
        return release.run_spec(analysis, inline=inline)
    except InvalidObject as error:
        raise InvalidObject([Finding(path, str(one)) for one in error.findings]) from None


def _has_address(path: str, analysis: AnalysisRef, given: Given) -> None:
    """Nothing, if somebody says which Prometheus a comparison without a template asks."""
    if (
        analysis.compare is not None
        and analysis.compare.prometheus is None
        and not given.prometheus
    ):
        message = (
            "names no Prometheus, and what the operator asks isn't known here; give --prometheus"
        )
        raise InvalidObject([Finding(path, message)])


def _labels(path: str) -> dict[str, str]:
    index = path.partition(".steps[")[2].partition("]")[0]
    if not index:
        return {RUN_TYPE_LABEL: RunKind.BACKGROUND.value}
    return {RUN_TYPE_LABEL: RunKind.STEP.value, STEP_INDEX_LABEL: index}


def _askable(spec: AnalysisRunSpec, given: Given, path: str) -> tuple[AnalysisRunSpec, list[str]]:
    """The metrics of Prometheus, to be asked where the command line says; what is left out.

    Raises:
        InvalidObject: something isn't known that is part of a question.
    """
    asked = [metric for metric in spec.metrics if metric.provider.prometheus is not None]
    notes = [
        f"{path}: metric {metric.name} isn't asked: its provider has no past."
        for metric in spec.metrics
        if metric not in asked
    ]
    wrong = [
        Finding(f"{path}: {name}", message)
        for metric in asked
        for name, message in _unknown(metric)
    ]
    wrong += [
        Finding(f"{path}: args[{name}]", f"is a key of a Secret; give --arg {name}=VALUE")
        for name in resolve.secret_refs(spec)
        if any(f"args.{name}" in json.dumps(metric.manifest()) for metric in asked)
    ]
    if wrong:
        raise InvalidObject(wrong)
    names = tuple(metric.name for metric in asked)
    kept = spec.model_copy(
        update={
            "metrics": [_asked_at(metric, given.prometheus) for metric in asked],
            "dry_run": [
                rule for rule in spec.dry_run or () if not [*rules.findings([rule], (), names)]
            ]
            or None,
            "measurement_retention": None,
        }
    )
    return kept, notes


def _unknown(metric: Metric) -> Iterator[tuple[str, str]]:
    """What nobody said, of what the metric's question has in it."""
    written = json.dumps(metric.manifest())
    for mark, option in ((_CANARY, "--canary-hash"), (_STABLE, "--stable-hash")):
        if mark in written:
            message = (
                f"asks for a revision by its hash; give {option}, the label "
                "rollouts-pod-template-hash of its pods"
            )
            yield f"metric {metric.name}", message
    if _HOST in written:
        message = "goes by the host of the DestinationRule, which isn't there; give its file too"
        yield f"metric {metric.name}", message


def _asked_at(metric: Metric, address: str) -> Metric:
    prometheus = metric.provider.prometheus
    if not address or prometheus is None:
        return metric
    there = prometheus.model_copy(update={"address": address})
    provider = metric.provider.model_copy(update={"prometheus": there})
    return metric.model_copy(update={"provider": provider})


def _hashes(manifest: Json) -> tuple[str, str]:
    """Canary's and stable's of the last update, as far as the status says."""
    current, stable = (
        text(manifest, "status", "currentPodHash"),
        text(manifest, "status", "stableRS"),
    )
    updates = [*view_history.updates(manifest)]
    canary = updates[0].hash if updates else current
    if canary == stable:
        before = (one.hash for one in updates[1:] if one.outcome in _PROMOTED)
        stable = next(before, None)
    return canary or _CANARY, stable or _STABLE


def _rule_of(manifest: Json) -> str | None:
    path = ("spec", "strategy", "canary", "trafficRouting", "istio", "destinationRule", "name")
    return text(manifest, *path)


def _host_of_files(rollout: Document, found: Sequence[Document]) -> str:
    name = _rule_of(rollout.content)
    hosts = [
        text(one.content, "spec", "host")
        for one in found
        if one.kind == DESTINATION_RULE.kind and one.name == name
    ]
    return next(filter(None, hosts), _HOST)


async def _host_of_cluster(api: "Api", namespace: str, manifest: dict[str, Any]) -> str:
    name = _rule_of(manifest)
    if name is None:
        return _HOST
    try:
        found = await api.get(DESTINATION_RULE, namespace, name)
    except ApiFailure:
        return _HOST
    return str(at(found, "spec", "host") or _HOST)
