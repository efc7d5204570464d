"""Rules that pick metrics by name: `dryRun` and `measurementRetention`.

As in Argo: a rule's `metricName` is a regular expression that may be found anywhere in a name, so a
plain name picks itself (and every name that contains it), `.*` picks all; one that picks nothing is
an error; of several retentions for one metric the last counts. A rule has no arguments.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from davy.analysis import pattern
from davy.api.analysis import AnalysisRunSpec, DryRun, MeasurementRetention
from davy.api.errors import Finding, InvalidObject

KEPT: Final = 10
"""Measurements kept of a metric without a rule."""
MOST: Final = 1000
"""Measurements of all metrics together: an object must fit into the API server's store."""


@dataclass(frozen=True)
class Chosen:
    """What the rules of a run mean for its metrics."""

    dry_run: frozenset[str]
    """Names of metrics that decide nothing."""
    limits: Mapping[str, int]
    """Measurements to keep, by name of the metrics that have a rule."""

    def kept(self, name: str) -> int:
        """Measurements of this metric that the status keeps, from 1."""
        return self.limits.get(name) or KEPT


def chosen(spec: AnalysisRunSpec) -> Chosen:
    """The metrics that a run's rules pick.

    Raises:
        InvalidObject: a rule is no regular expression, or picks nothing.
    """
    names = tuple(metric.name for metric in spec.metrics)
    wrong = [*findings(spec.dry_run or (), spec.measurement_retention or (), names)]
    if wrong:
        raise InvalidObject(wrong)
    return Chosen(
        frozenset().union(*(_picked(rule.metric_name, names) for rule in spec.dry_run or ())),
        _limits(spec.measurement_retention or (), names),
    )


def findings(
    dry_run: Sequence[DryRun],
    retention: Sequence[MeasurementRetention],
    names: tuple[str, ...] | None,
) -> Iterator[Finding]:
    """What is wrong with rules; paths begin at the object that has them.

    Args:
        dry_run: in their order.
        retention: in their order.
        names: of all metrics of the run; None: not known yet, so a rule may pick none.
    """
    readable = True
    expressions = [
        *((f"dryRun[{n}].metricName", rule.metric_name) for n, rule in enumerate(dry_run)),
        *(
            (f"measurementRetention[{n}].metricName", rule.metric_name)
            for n, rule in enumerate(retention)
        ),
    ]
    for path, expression in expressions:
        try:
            found = _picked(expression, names or ())
        except pattern.Refused as error:
            readable = False
            yield Finding(path, f"{error}; write a metric's name, or .* for all")
            continue
        if names is not None and not found:
            known = ", ".join(names)
            yield Finding(path, f"is {expression}, which no metric is called ({known})")
    if names and readable:
        limits = _limits(retention, names)
        together = sum(limits.get(name) or KEPT for name in names)
        if together > MOST:
            message = f"keeps {together} measurements of all metrics together; {MOST} fit"
            yield Finding("measurementRetention", message)


def _limits(retention: Sequence[MeasurementRetention], names: tuple[str, ...]) -> dict[str, int]:
    return {name: rule.limit for rule in retention for name in _picked(rule.metric_name, names)}


@lru_cache(maxsize=1024)
def _picked(expression: str, names: tuple[str, ...]) -> frozenset[str]:
    """The names in which the expression is found.

    Raises:
        pattern.Refused: it can't be used.
    """
    return pattern.found_in(names, expression)
