"""Templates and the rollout's arguments -> the spec of one AnalysisRun, and a run's secrets.

Argo's rules. Templates are merged: a metric name may occur once; one argument may not have two
different defaults, a text goes before a reference. The rollout's rules for metrics (`rules.py`)
come before the templates'; one may not be there twice. An argument's value is the rollout's, else
the template's default; every declared argument needs one, used or not; arguments of the rollout
that no template declares are left out (several templates share a list). Values come from a text,
from the hash of a revision, or from a field of the Rollout. A `secretKeyRef` stays a reference in
the run's spec and its `{{args.name}}` stays in a credential: it is filled in there and nowhere
else, just before a measurement (`credentials`), lives no longer than that, and is taken out of
every message (`redact`).
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, quote_plus

from pydantic import ValidationError

from davy.analysis import comparisons, condition, jsonpath, rules, substitute, timespan
from davy.analysis.comparisons import Around
from davy.analysis.presets import Seen
from davy.analysis.templates import Template
from davy.api import findings as api_findings
from davy.api import metric_rules
from davy.api.analysis import (
    AnalysisRef,
    AnalysisRunSpec,
    AnalysisTemplateSpec,
    Metric,
    RunArg,
    RunArgValueFrom,
    SecretKeyRef,
    TemplateArg,
    TemplateArgValueFrom,
)
from davy.api.arguments import has_placeholder
from davy.api.errors import ConditionError, Finding, InvalidObject, JsonPathError

REDACTED: Final = "***"
_FIELD: Final = re.compile(r"\.?([^.\[\]]+)|\[['\"]([^'\"]*)['\"]\]|\[(\d+)\]")


def run_spec(
    templates: Sequence[Template],
    analysis: AnalysisRef,
    *,
    manifest: Mapping[str, Any],
    stable_hash: str,
    latest_hash: str,
    inline: bool,
    around: Around | None = None,
) -> AnalysisRunSpec:
    """What one run measures.

    Args:
        templates: in the rollout's order.
        analysis: the rollout's own: arguments and rules.
        manifest: the Rollout object, for fieldRef.
        stable_hash: pod-template-hash of stable.
        latest_hash: pod-template-hash of the canary.
        inline: the run belongs to a step, so it must have an end.
        around: what comparisons need to know; None: only files are checked.

    Raises:
        InvalidObject: with everything that is wrong; paths name template, metric and argument.
    """
    findings: list[Finding] = []
    merged = _merged_args(templates, findings)
    given = {arg.name: arg for arg in analysis.args or ()}
    resolved: list[TemplateArg] = []
    for name, (arg, template) in merged.items():
        filled = _argument(arg, given.get(name), manifest, stable_hash, latest_hash)
        if isinstance(filled, str):
            findings.append(Finding(f"{template}: args[{name}]", filled))
        else:
            resolved.append(filled)
    sources = {str(template): template.spec.metrics for template in templates}
    around = around or Around(prometheus="http://prometheus")
    if analysis.compare is not None:
        sources["compare"] = comparisons.own(analysis, around)
    into = _Into(comparisons.seen(manifest, stable_hash, latest_hash, around), inline=inline)
    metrics = _metrics(sources, resolved, set(merged), into, findings)
    if findings:
        raise InvalidObject(findings)
    specs: tuple[AnalysisRef | AnalysisTemplateSpec, ...]
    specs = (analysis, *(template.spec for template in templates))
    try:
        spec = AnalysisRunSpec(
            metrics=metrics,
            args=resolved or None,
            dry_run=[rule for each in specs for rule in each.dry_run or ()] or None,
            measurement_retention=[
                rule for each in specs for rule in each.measurement_retention or ()
            ]
            or None,
        )
    except ValidationError as error:  # each template has room for 64 metrics, and so has the run
        together = ", ".join(map(str, templates))
        raise InvalidObject(api_findings.of(error, AnalysisRunSpec, together)) from None
    if twice := [*metric_rules.repeated_rules(spec, "")]:
        raise InvalidObject(twice)
    run_filled(spec)
    if left := metric_rules.findings(spec):  # braces in the value of an argument
        raise InvalidObject(left)
    return spec


def run_filled(spec: AnalysisRunSpec) -> AnalysisRunSpec:
    """A run's spec, its arguments filled in but for secrets; of Davy's own they are already.

    Args:
        spec: without findings of validation, so that each argument has a value or a secret.

    Raises:
        InvalidObject: with everything that is wrong.
    """
    findings: list[Finding] = []
    into = _Into(None, inline=False)
    metrics = _metrics({"spec": spec.metrics}, spec.args or (), (), into, findings)
    if findings:
        raise InvalidObject(findings)
    filled = spec.model_copy(update={"metrics": metrics})
    rules.chosen(filled)
    return filled


def secret_refs(spec: AnalysisRunSpec) -> dict[str, SecretKeyRef]:
    """The run's arguments that are keys of Secrets, by argument name."""
    return {
        arg.name: arg.value_from.secret_key_ref
        for arg in spec.args or []
        if arg.value_from is not None and arg.value_from.secret_key_ref is not None
    }


def redact(text: str, values: Collection[str]) -> str:
    """The text without these secrets, in plain, URL-quoted or JSON-escaped form."""
    forms = set()
    for secret in values:
        if secret:
            forms |= {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text


def _merged_args(
    templates: Sequence[Template], findings: list[Finding]
) -> dict[str, tuple[TemplateArg, Template]]:
    merged: dict[str, tuple[TemplateArg, Template]] = {}
    for template in templates:
        for arg in template.spec.args or []:
            if arg.name not in merged:
                merged[arg.name] = arg, template
                continue
            known, other = merged[arg.name]
            if _rank(arg) > _rank(known):
                merged[arg.name] = arg, template
            elif _rank(arg) == _rank(known) and arg != known:
                path = f"{template}: args[{arg.name}]"
                message = f"has another default than in {other}; give one of them no value"
                findings.append(Finding(path, message))
    return merged


def _rank(arg: TemplateArg) -> int:
    """Of several defaults for one argument the highest counts: a text, a reference, none."""
    return 2 if arg.value is not None else 1 if arg.value_from is not None else 0


def _unset(arg: TemplateArg | RunArg) -> bool:
    return arg.value is None and arg.value_from is None


def _argument(
    arg: TemplateArg,
    given: RunArg | None,
    manifest: Mapping[str, Any],
    stable_hash: str,
    latest_hash: str,
) -> TemplateArg | str:
    """The argument with its value or its secret; or the sentence that says why it has none."""
    source = arg if given is None or _unset(given) else given
    value, ref = source.value, source.value_from
    if value is None and isinstance(ref, RunArgValueFrom) and ref.pod_template_hash_value:
        value = stable_hash if ref.pod_template_hash_value == "Stable" else latest_hash
    if value is not None:
        return TemplateArg(name=arg.name, value=value)
    if ref is not None and ref.field_ref is not None:
        return _field(arg.name, ref.field_ref.field_path, manifest)
    if isinstance(ref, TemplateArgValueFrom) and (secret := ref.secret_key_ref) is not None:
        return TemplateArg(name=arg.name, value_from=TemplateArgValueFrom(secret_key_ref=secret))
    return "has no value; give it a default here or a value in the rollout's analysis args"


def _field(name: str, path: str, manifest: Mapping[str, Any]) -> TemplateArg | str:
    try:
        value = field(manifest, path)
    except LookupError as error:
        return f"fieldRef {path}: {error.args[0]}"
    try:
        return TemplateArg(name=name, value=value)
    except ValidationError:
        return f"fieldRef {path}: is {len(value)} characters long; 4096 fit into an argument"


def field(manifest: Mapping[str, Any], path: str) -> str:
    """A field of an object as text: `metadata.labels['region']`, `spec.replicas`, `a.b[0].c`.

    Raises:
        LookupError: it isn't there, or is an object or a list; the message is a sentence.
    """
    here: Any = manifest
    position = 0
    while position < len(path):
        found = _FIELD.match(path, position)
        if found is None:
            raise LookupError(f"can't be read at character {position}; write e.g. spec.replicas")
        name, quoted, index = found.groups()
        key: Any = int(index) if index is not None else name if name is not None else quoted
        try:
            here = here[key]
        except (LookupError, TypeError):
            raise LookupError(f"the rollout has no {path[: found.end()]}") from None
        position = found.end()
    if isinstance(here, bool):
        return "true" if here else "false"
    if isinstance(here, str | int | float):
        return str(here)
    raise LookupError("isn't a text or a number")


@dataclass(frozen=True)
class _Into:
    """The run that metrics are made for."""

    rollout: Seen | None
    """None: nobody's, it was made by hand."""
    inline: bool


def _metrics(
    sources: Mapping[str, Sequence[Metric]],
    args: Sequence[TemplateArg],
    declared: Collection[str],
    into: "_Into",
    findings: list[Finding],
) -> list[Metric]:
    values = {arg.name: arg.value for arg in args if arg.value is not None}
    secret = {arg.name for arg in args if arg.value is None}
    unresolved = set(declared) - values.keys() - secret  # these have a finding of their own
    seen: dict[str, str] = {}
    metrics = []
    for source, found in sources.items():
        for metric in found:
            if metric.name in seen:
                message = f"is in {seen[metric.name]} too; a run's metrics need different names"
                findings.append(Finding(f"{source}: metrics[{metric.name}]", message))
                continue
            seen[metric.name] = source
            if unresolved & substitute.names(metric.manifest()):
                continue
            ready, wrong = substitute.filled(metric, values, secret, source)
            findings.extend(wrong)
            if ready is not None:
                path = f"{source}: metrics[{metric.name}]"
                findings.extend(_checked(ready, path))
                try:
                    ready = comparisons.ready(ready, into.rollout, inline=into.inline)
                except ValueError as error:
                    findings.append(Finding(f"{path}.compare", str(error)))
                if into.inline:
                    findings.extend(metric_rules.inline_findings([ready], source))
                metrics.append(ready)
    return metrics


def _checked(metric: Metric, path: str) -> list[Finding]:
    return [*metric_rules.metric_findings(metric, path), *expression_findings(metric, path)]


def expression_findings(metric: Metric, path: str) -> Iterator[Finding]:
    """Expressions that can't be read; one with arguments is tried when these are filled in."""
    for name, source in (
        ("successCondition", metric.success_condition),
        ("failureCondition", metric.failure_condition),
    ):
        if source and not has_placeholder(source):
            try:
                condition.check(source)
            except ConditionError as error:
                yield Finding(f"{path}.{name}", str(error))
    prometheus, web = metric.provider.prometheus, metric.provider.web
    times = prometheus and prometheus.range_query
    if times and not any(map(has_placeholder, (times.start, times.end, times.step))):
        for name, message in timespan.check(times):
            yield Finding(f"{path}.provider.prometheus.rangeQuery.{name}", message)
    if web and web.json_path and not has_placeholder(web.json_path):
        try:
            jsonpath.parse(web.json_path)
        except JsonPathError as error:
            yield Finding(f"{path}.provider.web.jsonPath", str(error))
