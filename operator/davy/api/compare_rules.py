"""What a comparison must hold beyond its fields."""

from collections.abc import Iterator
from typing import Final

from davy.api import lengths, paths
from davy.api.analysis import Metric
from davy.api.compare import Compare, Judge
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
        says = [] if side is None else [each for each in _FAILED if getattr(side, each) is not None]
        if side is not None and len(says) != 1:
            has = " and ".join(says) or f"none of {', '.join(_FAILED)}"
            yield Finding(f"{path}.{name}", f"has {has}; give exactly one")
    if compare.latency is not None and compare.preset is None:
        message = "is for presets; with counters of your own name the bucket in good, or give bound"
        yield Finding(f"{path}.latency", message)
    yield from ratios(compare, path)
    times = {"deadline": compare.deadline}
    if compare.latency is not None:
        times["latency.slowerThan"] = compare.latency.slower_than
    for field, time in times.items():
        yield from lengths.above_nothing(time, f"{path}.{field}", "5m")


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
