"""What is wrong with the objects of some files, each by itself and with one another."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, Literal

from davy.analysis import resolve, rules
from davy.analysis import templates as nesting
from davy.api import metric_rules, rollout_rules, validate, workload
from davy.api.analysis import AnalysisRef, AnalysisRunSpec, AnalysisTemplateSpec, TemplateRef
from davy.api.errors import Finding, InvalidObject
from davy.api.group import ARGO, DAVY, VERSION, ApiGroup
from davy.api.rollout import RolloutSpec
from davy.cli.documents import Document
from davy.plugins import missing
from davy.plugins.installed import Installed
from davy.traffic import istio
from davy.traffic.base import RoutedRollout

_PARSE: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "Rollout": validate.parse_rollout,
    "AnalysisTemplate": validate.parse_analysis_template,
    "ClusterAnalysisTemplate": validate.parse_analysis_template,
    "AnalysisRun": validate.parse_analysis_run,
}
_UNBUILT_KINDS: Final = {
    "Experiment": "experiments are not built yet; use an analysis step at a small setWeight",
}
_HASH: Final = "0000000000"
"""Stands for a revision's hash where a template's arguments are tried."""

Severity = Literal["error", "note"]


@dataclass(frozen=True)
class Remark:
    """One line of the report."""

    file: str
    line: int
    kind: str
    namespace: str | None
    name: str
    severity: Severity
    """A note is allowed and looks like a slip, or can't be decided from the files given."""
    finding: Finding

    @property
    def named(self) -> str:
        """`namespace/name`, or the name where the file doesn't say a namespace."""
        name = self.name or "(no name)"
        return f"{self.namespace}/{name}" if self.namespace else name


@dataclass(frozen=True)
class _Checked:
    document: Document
    spec: Any
    """None: something is wrong."""
    wrong: list[Finding]


def check(
    found: Sequence[Document], api_group: str, plugins: Installed
) -> tuple[list[Remark], int]:
    """All remarks in the order of the files, and how many objects were looked at.

    Args:
        found: all documents; other kinds and groups are passed over.
        api_group: a further group whose objects are Davy's, beside its own and Argo's.
        plugins: that are here.
    """
    checked = _checked(found, api_group)
    templates = [one for one in checked if isinstance(one.spec, AnalysisTemplateSpec)]
    named = {(one.document.kind, one.document.name) for one in checked}
    remarks: list[Remark] = []
    for one in checked:
        of_one = [_remark(one.document, "error", finding) for finding in one.wrong]
        notes = [*_doubts(one.spec), *_unknown_here(one.spec, plugins)]
        of_one += [_remark(one.document, "note", finding) for finding in notes]
        if isinstance(one.spec, RolloutSpec):
            of_one += _references(one.document, one.spec, templates, named)
            of_one += _workload(one.document, one.spec, found)
            of_one += _elsewhere(one.document, one.spec, found)
        remarks += sorted(of_one, key=lambda remark: remark.line)
    return remarks, len(checked)


def finder(found: Sequence[Document], near: Document, api_group: str) -> nesting.Find:
    """Finds the templates that a rollout names, in some files; one that has findings isn't used.

    Args:
        found: all documents.
        near: the rollout.
        api_group: a further group whose objects are Davy's, beside its own and Argo's.
    """
    checked = _checked(found, api_group)

    def find(ref: TemplateRef) -> nesting.Template | None:
        broken = [one for one in checked if one.wrong and _is(one.document, ref)]
        if broken:
            named = f"{broken[0].document.kind} {ref.template_name}"
            raise InvalidObject([Finding(named, str(wrong)) for wrong in broken[0].wrong])
        return _find([one for one in checked if one.spec is not None], ref, near)

    return find


def _checked(found: Sequence[Document], api_group: str) -> list[_Checked]:
    groups = {DAVY, ARGO, api_group}
    return [
        _Checked(document, *_alone(document))
        for document in found
        if document.api_version.partition("/")[0] in groups
        and document.kind in {*_PARSE, *_UNBUILT_KINDS}
    ]


def _is(document: Document, ref: TemplateRef) -> bool:
    kind = nesting.kind_of(cluster_scope=ref.cluster_scope)
    return (document.kind, document.name) == (kind, ref.template_name)


def _remark(document: Document, severity: Severity, finding: Finding) -> Remark:
    return Remark(
        file=document.file,
        line=document.line(finding.path),
        kind=document.kind.lower(),
        namespace=document.namespace,
        name=document.name,
        severity=severity,
        finding=finding,
    )


def _alone(document: Document) -> tuple[Any, list[Finding]]:
    """The spec, None when something is wrong, and what."""
    if document.kind in _UNBUILT_KINDS:
        return None, [Finding("kind", _UNBUILT_KINDS[document.kind])]
    wrong = list(document.repeated)
    version = document.api_version.partition("/")[2]
    if version != VERSION:
        wrong.append(Finding("apiVersion", f"is {document.api_version}; write {VERSION}"))
    if not document.name:
        wrong.append(Finding("metadata.name", "is missing; every object has a name"))
    try:
        spec = _PARSE[document.kind](document.content)
    except InvalidObject as error:
        return None, wrong + list(error.findings)
    if isinstance(spec, AnalysisTemplateSpec | AnalysisRunSpec):
        for index, metric in enumerate(spec.metrics):
            wrong += resolve.expression_findings(metric, f"spec.metrics[{index}]")
        wrong += _rules(spec)
    if isinstance(spec, AnalysisRunSpec) and not wrong:
        wrong += _unmeasurable(spec)
    return (None if wrong else spec), wrong


def _unmeasurable(spec: AnalysisRunSpec) -> Sequence[Finding]:
    """What is wrong in a run once its arguments are filled in."""
    try:
        resolve.run_filled(spec)
    except InvalidObject as error:
        return error.findings
    return ()


def _rules(spec: AnalysisTemplateSpec | AnalysisRunSpec) -> Iterator[Finding]:
    """Rules that can't be read; those of a template may pick metrics of another."""
    whole = isinstance(spec, AnalysisRunSpec)
    names = tuple(metric.name for metric in spec.metrics) if whole else None
    for finding in rules.findings(spec.dry_run or (), spec.measurement_retention or (), names):
        yield Finding(f"spec.{finding.path}", finding.message)


def _doubts(spec: Any) -> list[Finding]:
    if isinstance(spec, RolloutSpec):
        return rollout_rules.doubts(spec)
    if isinstance(spec, AnalysisTemplateSpec | AnalysisRunSpec):
        return metric_rules.doubts(spec)
    return []


def _unknown_here(spec: Any, plugins: Installed) -> Iterator[Finding]:
    """Plugins that aren't installed beside this program; the operator's machine may have them."""
    if isinstance(spec, RolloutSpec):
        yield from missing.in_rollout(plugins, spec)
    if isinstance(spec, AnalysisTemplateSpec | AnalysisRunSpec):
        yield from missing.in_metrics(plugins, spec.metrics, "spec.metrics")


def _references(
    document: Document,
    spec: RolloutSpec,
    templates: Sequence[_Checked],
    named: Collection[tuple[str, str]],
) -> Iterator[Remark]:
    """Whether the templates that a rollout names can be merged and get all their arguments."""
    for path, analysis in spec.strategy.canary.analyses:
        nest = nesting.flattened(
            analysis.templates or (), lambda ref: _find(templates, ref, document)
        )
        for absent in nest.absent:
            kind = nesting.kind_of(cluster_scope=absent.ref.cluster_scope)
            if (kind, absent.ref.template_name) in named:
                continue
            message = f"names the {kind} {absent.ref.template_name}, which isn't in these files"
            nested = not absent.path.startswith("templates[")
            finding = (
                Finding(path, f"{absent.path}: {message}")
                if nested
                else Finding(f"{path}.{absent.path}", message)
            )
            yield _remark(document, "note", finding)
        wrong: Sequence[Finding] = nest.findings
        if not wrong and not nest.absent:
            wrong = _merged(document, nest.templates, analysis, inline=".steps[" in path)
        for finding in wrong:
            yield _remark(document, "error", Finding(path, str(finding)))


def _workload(document: Document, spec: RolloutSpec, found: Sequence[Document]) -> Iterator[Remark]:
    """Whether the pod template that a rollout refers to fits it, where it is in these files."""
    referred = spec.workload_ref
    if referred is None:
        return
    nearest = workload_of(document, spec, found)
    if nearest is None:
        finding = Finding("spec.workloadRef", f"names the {referred}, which isn't in these files")
        yield _remark(document, "note", finding)
        return
    for finding in workload.resolved(spec, nearest.content).problems:
        yield _remark(document, "error", finding)


def workload_of(
    document: Document, spec: RolloutSpec, found: Sequence[Document]
) -> Document | None:
    """What a rollout takes its pod template from; None: it isn't in these files, or has its own."""
    referred = spec.workload_ref
    if referred is None:
        return None
    fitting = [
        other
        for other in found
        if (other.api_version, other.kind, other.name)
        == (referred.api_version, referred.kind, referred.name)
        and (None in {document.namespace, other.namespace} or document.namespace == other.namespace)
    ]
    return min(fitting, key=lambda other: _distance(other, document), default=None)


def _elsewhere(
    document: Document, spec: RolloutSpec, found: Sequence[Document]
) -> Iterator[Remark]:
    """Whether VirtualServices of other namespaces allow it, where they are in these files."""
    if document.namespace is None or not spec.strategy.canary.routing.istio:
        return
    rollout = RoutedRollout(
        namespace=document.namespace,
        name=document.name,
        canary=spec.strategy.canary,
        template_labels={},
        group=ApiGroup(document.api_version.partition("/")[0]),
    )
    for path, key, guest in istio.guests(rollout):
        named = (key.group, key.kind, key.namespace, key.name)
        there = [
            other.content
            for other in found
            if (other.api_version.partition("/")[0], other.kind, other.namespace, other.name)
            == named
        ]
        if not there:
            message = f"names {key}, which isn't in these files; {guest.remedy}"
            yield _remark(document, "note", Finding(path, message))
        elif not any(guest.may_write(content) for content in there):
            yield _remark(document, "error", Finding(path, guest.refusal(key)))
    for finding in istio.rules_elsewhere(rollout):
        yield _remark(document, "error", finding)


def _find(
    templates: Sequence[_Checked], ref: TemplateRef, near: Document
) -> nesting.Template | None:
    """The template of that name, the one nearest to the rollout's file if there are several.

    Files often leave the namespace to whoever applies them, and folders repeat names.
    """
    fitting = [
        one
        for one in templates
        if _is(one.document, ref)
        and (
            ref.cluster_scope
            or None in {near.namespace, one.document.namespace}
            or near.namespace == one.document.namespace
        )
    ]
    nearest = min(fitting, key=lambda one: _distance(one.document, near), default=None)
    if nearest is None:
        return None
    return nesting.Template(ref.template_name, nearest.spec, ref.cluster_scope)


def _distance(one: Document, other: Document) -> int:
    """0 in the same file, 1 in the same folder, 2 elsewhere."""
    if one.file == other.file:
        return 0
    return 1 if PurePath(one.file).parent == PurePath(other.file).parent else 2


def _merged(
    document: Document, used: Sequence[nesting.Template], analysis: AnalysisRef, *, inline: bool
) -> tuple[Finding, ...]:
    metadata = {"namespace": "default", **document.content["metadata"]}
    try:
        resolve.run_spec(
            used,
            analysis,
            manifest={**document.content, "metadata": metadata},
            stable_hash=_HASH,
            latest_hash=_HASH,
            inline=inline,
        )
    except InvalidObject as error:
        return error.findings
    return ()
