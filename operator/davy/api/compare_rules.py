"""What a comparison must hold beyond its fields."""

from collections.abc import Iterator
from typing import Final

from davy.api import lengths, paths
from davy.api.analysis import Metric
from davy.api.compare import Compare, Judge, Latency, Side
from davy.api.errors import Finding

_FAILED: Final = ("errors", "good", "bound")
"""Each says which of a side's requests failed."""
_SAY_NOTHING: Final = (
    "success_condition",
    "failure_condition",
    "count",
    "failure_limit",
    "inconclusive_limit",
    "consecutive_error_limit",
    "consecutive_success_limit",
)


def judge(judge: Judge, path: str) -> Iterator[Finding]:
    """Everything wrong in comparisons without a template."""
    yield from findings(judge, path)
    yield from lengths.above_nothing(judge.warmup, f"{path}.warmup", "30s")
    (first, own), *further = judge.all
    names, known = {first}, {_what(own): first}
    for at, (name, compare) in enumerate(further):
        here = f"{path}.also[{at}]"
        if name in names:
            message = f"is {name}, as another comparison is called; names must differ"
            yield Finding(f"{here}.name", message)
        elif (same := known.get(_what(compare))) is not None:
            yield Finding(here, f"compares the same as {same}; say latency, or other counters")
        names.add(name)
        known.setdefault(_what(compare), name)
        yield from findings(compare, here)


def _what(compare: Compare) -> str:
    """What is counted, whatever is made of it."""
    return compare.model_dump_json(include={"preset", "canary", "stable", "latency"})


def findings(compare: Compare, path: str) -> Iterator[Finding]:
    """Everything wrong in a comparison."""
    own = {"canary": compare.canary, "stable": compare.stable}
    given = [name for name, side in own.items() if side is not None]
    if compare.preset is not None and given:
        yield Finding(f"{path}.{given[0]}", "stands beside preset, which says it; give one of them")
    elif compare.preset is None and len(given) < len(own):
        yield Finding(path, "has neither a preset nor counters of its own (canary and stable)")
    for name, side in own.items():
        if side is not None:
            yield from _side(side, compare.latency, f"{path}.{name}")
    if compare.latency is not None:
        yield from _latency(compare.latency, f"{path}.latency", own=compare.preset is None)
    yield from ratios(compare, path)
    yield from lengths.above_nothing(compare.deadline, f"{path}.deadline", "5m")


def _side(side: Side, latency: Latency | None, path: str) -> Iterator[Finding]:
    """Which of a side's requests failed, is said once; a quantile says it itself."""
    says = [each for each in _FAILED if getattr(side, each) is not None]
    if latency is None or latency.quantile is None:
        if len(says) != 1:
            has = " and ".join(says) or f"none of {', '.join(_FAILED)}"
            yield Finding(path, f"has {has}; give exactly one")
    elif latency.histogram == "native" and says:
        yield Finding(f"{path}.{says[0]}", "stands beside a quantile, which says it; remove it")
    elif latency.histogram == "classic" and says != ["good"]:
        yield Finding(path, "needs good: all buckets of the histogram, without le, for a quantile")


def _latency(latency: Latency, path: str, *, own: bool) -> Iterator[Finding]:
    """What is wrong in a limit; `own`: beside counters of its own."""
    if (latency.slower_than is None) == (latency.quantile is None):
        has = "both" if latency.quantile else "neither"
        yield Finding(path, f"has {has} of slowerThan and quantile; give exactly one")
    elif own and latency.slower_than is not None:
        message = "is for presets; with counters of your own name the bucket in good, or give bound"
        yield Finding(path, message)
    yield from lengths.above_nothing(latency.slower_than, f"{path}.slowerThan", "5m")


def ratios(compare: Compare, path: str) -> Iterator[Finding]:
    """What is wrong between the two ratios."""
    if compare.tolerate_ratio <= compare.abort_ratio:
        yield Finding(
            paths.child(path, "tolerateRatio"),
            f"is {compare.tolerate_ratio:g}, not more than abortRatio ({compare.abort_ratio:g}): "
            "nothing would lie between passed and aborted",
        )


def in_metric(metric: Metric, path: str) -> Iterator[Finding]:
    """What stands beside `compare` in a metric and says nothing there, or is missing."""
    prometheus = metric.provider.prometheus
    if metric.compare is None:
        if prometheus is not None and prometheus.query is None:
            message = "is missing; only a metric with compare has none"
            yield Finding(f"{path}.provider.prometheus.query", message)
        return
    yield from findings(metric.compare, f"{path}.compare")
    if prometheus is None:
        message = "must be prometheus where compare is: it alone has the counters"
        yield Finding(f"{path}.provider", message)
    else:
        for field in ("query", "rangeQuery"):
            if field in prometheus.manifest():
                message = "stands beside compare, which says what is asked; remove it"
                yield Finding(f"{path}.provider.prometheus.{field}", message)
    for name in _SAY_NOTHING:
        if name in metric.model_fields_set and getattr(metric, name) not in {None, 0}:
            field = Metric.model_fields[name].alias or name
            yield Finding(f"{path}.{field}", "says nothing beside compare; remove it")
