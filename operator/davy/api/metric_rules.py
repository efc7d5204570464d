"""What metrics must hold beyond their fields, in templates, in runs, and where a step waits."""

from collections.abc import Iterator, Sequence
from typing import Final

from davy.api import compare_rules, job_rules, lengths, provider_rules, vendor_rules
from davy.api.analysis import (
    AnalysisRef,
    AnalysisRunSpec,
    AnalysisTemplateSpec,
    Metric,
    TemplateArg,
)
from davy.api.arguments import (
    is_placeholder,
    placeholder_problems,
    template_args,
)
from davy.api.errors import Finding
from davy.api.fields import IntOrText
from davy.api.findings import shown

_LEAST: Final = {
    "count": 0,
    "failureLimit": -1,
    "inconclusiveLimit": 0,
    "consecutiveErrorLimit": 0,
    "consecutiveSuccessLimit": 0,
}


_DECIDES: Final = {
    "job": "a Job is judged by how it ends",
    "kayenta": "Kayenta's score decides",
}


def findings(spec: AnalysisTemplateSpec | AnalysisRunSpec) -> list[Finding]:
    """Everything wrong in a template's or a run's spec that could be read."""
    args = spec.args or []
    names = [metric.name for metric in spec.metrics]
    found = list(template_args(args, "spec.args"))
    if isinstance(spec, AnalysisTemplateSpec):
        found += _made_of(spec)
    else:
        found += _unfilled(args)
    for index, metric in enumerate(spec.metrics):
        path = f"spec.metrics[{index}]"
        if metric.name in names[:index]:
            found.append(
                Finding(f"{path}.name", f"is {metric.name} a second time; names must differ")
            )
        found += metric_findings(metric, path)
        found += placeholder_problems(metric.manifest(), [arg.name for arg in args], path)
    found += repeated_rules(spec, "spec")
    return found


def _made_of(spec: AnalysisTemplateSpec) -> Iterator[Finding]:
    """A template has metrics, or names templates that have some, each once."""
    if not spec.metrics and not spec.templates:
        yield Finding("spec.metrics", "is empty; write at least 1, or name templates that have one")
    refs = spec.templates or []
    for index, ref in enumerate(refs):
        if ref in refs[:index]:
            path = f"spec.templates[{index}].templateName"
            yield Finding(path, f"names {ref.template_name} a second time; once is enough")


def _unfilled(args: Sequence[TemplateArg]) -> Iterator[Finding]:
    """Arguments that nobody will fill in: a run is measured as it is."""
    for index, arg in enumerate(args):
        if arg.value_from is not None and arg.value_from.field_ref is not None:
            message = "is of a rollout, which a run doesn't read; give a value"
            yield Finding(f"spec.args[{index}].valueFrom.fieldRef", message)
        elif arg.value is None and arg.value_from is None:
            message = "has no value; give a value, or a secretKeyRef"
            yield Finding(f"spec.args[{index}]", message)


def repeated_rules(
    spec: AnalysisTemplateSpec | AnalysisRunSpec | AnalysisRef, path: str
) -> Iterator[Finding]:
    """Rules for metrics that are there twice, as in Argo an error."""
    at = f"{path}." if path else ""
    for field, names in (
        ("dryRun", [rule.metric_name for rule in spec.dry_run or ()]),
        ("measurementRetention", [rule.metric_name for rule in spec.measurement_retention or ()]),
    ):
        for index, name in enumerate(names):
            if name in names[:index]:
                where = f"{at}{field}[{index}].metricName"
                yield Finding(where, f"is {name} a second time; one rule for it is enough")


def doubts(spec: AnalysisTemplateSpec | AnalysisRunSpec) -> list[Finding]:
    """What is allowed and yet looks like a slip; for `davy lint`, never a refusal."""
    found: list[Finding] = []
    for index, metric in enumerate(spec.metrics):
        path = f"spec.metrics[{index}]"
        if metric.provider.job is not None:
            found += job_rules.doubts(metric.provider.job, f"{path}.provider.job")
            continue
        found += vendor_rules.doubts(metric.provider, f"{path}.provider")
        conditions = metric.success_condition or metric.failure_condition
        if not (conditions or metric.compare or metric.provider.decides):
            message = (
                "has neither successCondition nor failureCondition, so every answer is a success"
            )
            found.append(Finding(path, message))
    return found


def inline_findings(metrics: Sequence[Metric], path: str) -> list[Finding]:
    """Metrics that an analysis step would wait for without end; background analysis may have them.

    Args:
        metrics: resolved: templates merged, arguments filled in.
        path: of the step's analysis in the Rollout.
    """
    return [
        Finding(
            path,
            f"waits for metric {metric.name}, which has an interval and no count and so never "
            "ends; give it a count, or use the template in canary.analysis",
        )
        for metric in metrics
        if endless(metric)
    ]


def endless(metric: Metric) -> bool:
    """Nothing ends it: it is measured until the run is told to stop."""
    if metric.compare is not None:
        return metric.compare.deadline is None
    counted = metric.count is not None and _number(metric.count) != 0
    return bool(metric.interval) and not counted and _number(metric.consecutive_success_limit) == 0


def metric_findings(metric: Metric, path: str) -> Iterator[Finding]:
    """What is wrong in one metric."""
    numbers = {
        "count": metric.count,
        "failureLimit": metric.failure_limit,
        "inconclusiveLimit": metric.inconclusive_limit,
        "consecutiveErrorLimit": metric.consecutive_error_limit,
        "consecutiveSuccessLimit": metric.consecutive_success_limit,
    }
    for field, given in numbers.items():
        yield from _whole_number(given, _LEAST[field], f"{path}.{field}")
    if metric.on_provider_error is not None and metric.consecutive_error_limit is not None:
        message = "stands beside consecutiveErrorLimit; give one of them"
        yield Finding(f"{path}.onProviderError", message)
    yield from lengths.above_nothing(metric.interval, f"{path}.interval", "30s")
    yield from lengths.readable(metric.initial_delay, f"{path}.initialDelay")
    yield from lengths.above_nothing(metric.warmup, f"{path}.warmup", "30s")
    yield from _min_requests(metric, f"{path}.minRequests")
    yield from _limits(metric, path)
    yield from _conditions(metric, path)
    yield from provider_rules.findings(metric.provider, f"{path}.provider")
    yield from vendor_rules.times(metric, f"{path}.provider")
    yield from compare_rules.in_metric(metric, path)


def _min_requests(metric: Metric, path: str) -> Iterator[Finding]:
    """A metric can't know the canary's requests but from a query of their own."""
    given = metric.provider.given
    if metric.min_requests is None or len(given) != 1:
        return
    if metric.compare is not None:
        yield Finding(path, "stands beside compare, which counts requests; use compare.minRequests")
    elif getattr(getattr(metric.provider, given[0]), "query", None) is None:
        yield Finding(
            path,
            f"asks in place of the provider's query, and {given[0]} has none; use a provider with "
            "a query, such as prometheus, or let the condition look at the number of requests",
        )


def _conditions(metric: Metric, path: str) -> Iterator[Finding]:
    if (decides := metric.provider.decides) is None:
        return
    what = _DECIDES[decides]
    for field, given in (
        ("successCondition", metric.success_condition),
        ("failureCondition", metric.failure_condition),
    ):
        if given is not None:
            message = f"stands beside provider.{decides}; {what}: remove it"
            yield Finding(f"{path}.{field}", message)


def _whole_number(given: IntOrText | None, least: int, path: str) -> Iterator[Finding]:
    if isinstance(given, str) and is_placeholder(given):
        return
    number = _number(given)
    if given is not None and number is None:
        yield Finding(path, f"is {shown(given)}; write a whole number or {{{{args.name}}}}")
    elif number is not None and number < least:
        yield Finding(path, f"is {number}; write a whole number from {least}")


def _limits(metric: Metric, path: str) -> Iterator[Finding]:
    count = _number(metric.count)
    if count is not None and count > 1 and not metric.interval:
        yield Finding(
            f"{path}.interval",
            f"is missing; count is {count}, so say how long to wait between two measurements",
        )
    failures, successes = _number(metric.failure_limit), _number(metric.consecutive_success_limit)
    if failures == -1 and successes == 0:
        yield Finding(
            f"{path}.failureLimit",
            f"is {failures}, so the metric never fails; with it, consecutiveSuccessLimit says when "
            "it succeeds",
        )
    if count is None or count <= 0:
        return
    for field, limit in (
        ("failureLimit", failures),
        ("inconclusiveLimit", _number(metric.inconclusive_limit)),
        ("consecutiveSuccessLimit", successes),
    ):
        if limit is not None and limit > count:
            yield Finding(
                f"{path}.{field}", f"is {limit}, more than count ({count}): it is never reached"
            )


def _number(given: IntOrText | None) -> int | None:
    """The number, also when it is written as a text; None when there is none (yet)."""
    if isinstance(given, int):
        return given
    try:
        return int(given) if given else None
    except ValueError:
        return None
