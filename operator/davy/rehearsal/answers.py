"""What a metric without `compare` is answered, when nobody is there to be asked.

PromQL can't be asked of invented requests: its user says what comes back, or by which rule.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from davy.analysis import min_requests
from davy.analysis.answer import Answered, Decided, Held, NotAnswered, Value
from davy.analysis.counters import Counts
from davy.api.analysis import Metric, Phase
from davy.api.errors import Finding, InvalidObject
from davy.api.fields import parse_duration

Ended = Phase
"""How a Job ends: Successful, Failed or Inconclusive."""


class Rule(Enum):
    """An answer that follows from the requests of the last minute."""

    ERRORS = "errors"
    """The canary's share of errors, from 0 to 1; NaN without requests."""
    SUCCESS = "success"
    """The other share."""


@dataclass(frozen=True)
class Fixed:
    """The same answer each time; of Prometheus a number is one series, `result[0]`."""

    value: Value


Given = Rule | Fixed | Ended
RECENT: Final = timedelta(minutes=1)
"""What a `Rule` looks back."""
_TEXT: Final = re.compile(r"""([\"'])(?:\\.|(?!\1).)*\1|`[^`]*`""", re.DOTALL)
"""A string of PromQL."""
_MOVED: Final = re.compile(r"\boffset\b|@|\[[^]]*:[^]]*\]")
"""What counts other requests than the last ones."""
_RANGE: Final = re.compile(r"\[\s*([^]]*?)\s*\]")
_WAYS: Final = "a number, JSON, errors or success"
_ENDS: Final = {
    Phase.SUCCESSFUL: Decided(Phase.SUCCESSFUL, "as --answer says"),
    Phase.FAILED: Decided(Phase.FAILED, "as --answer says"),
    Phase.INCONCLUSIVE: Decided(Phase.INCONCLUSIVE, "as --answer says"),
}
DOWN: Final = NotAnswered("Prometheus refused the connection")


def problems(metrics: Mapping[str, Sequence[Metric]], given: Mapping[str, Given]) -> list[Finding]:
    """The metrics that have no answer, or one that they can't have, and answers to nobody.

    Args:
        metrics: of each analysis, by its path in the Rollout, arguments filled in.
        given: by metric name.
    """
    found: dict[str, Finding] = {}
    asked = {metric.name for several in metrics.values() for metric in several}
    for path, several in metrics.items():
        for metric in several:
            message = _problem(metric, given.get(metric.name))
            if message and metric.name not in found:
                found[metric.name] = Finding(f"{path}: metric {metric.name}", message)
    for name in given.keys() - asked:
        known = ", ".join(sorted(asked)) or "none"
        found[name] = Finding(f"--answer {name}", f"names no metric of this Rollout ({known})")
    return list(found.values())


def answer(
    metric: Metric, given: Given, served: Callable[[timedelta], Counts], *, down: bool
) -> Answered | NotAnswered | Decided | Held:
    """What comes back.

    Args:
        metric: that is asked.
        given: what its user says; it has no `problems`.
        served: in so long a time, up to now.
        down: Prometheus doesn't answer.
    """
    if down and metric.provider.prometheus is not None:
        return min_requests.lacking(metric, DOWN) or DOWN
    if isinstance(given, Phase):
        return _ENDS[given]
    if metric.min_requests is not None:
        requests = served(_looks_back(metric.min_requests.query)).canary
        too_few = min_requests.lacking(metric, Answered(requests))
        if too_few is not None:
            return too_few
    if isinstance(given, Fixed):
        value = given.value
    else:
        recent = served(RECENT)
        share = recent.canary_errors / recent.canary if recent.canary else math.nan
        value = share if given is Rule.ERRORS else 1 - share
    is_series = metric.provider.prometheus is not None and isinstance(value, int | float)
    return Answered([value] if is_series else value)


def _looks_back(query: str) -> timedelta:
    """The time whose requests a query of minRequests counts.

    Raises:
        ValueError: it can't be seen in the query.
    """
    bare = _TEXT.sub("", query)
    ranges = {*_RANGE.findall(bare)}
    if _MOVED.search(bare) or len(ranges) != 1:
        raise ValueError("it has no one range such as [5m], up to now")
    return parse_duration(ranges.pop())


def _uncounted(metric: Metric) -> str:
    """Why the canary's requests aren't known as minRequests would count them; "": they are."""
    if metric.min_requests is None:
        return ""
    try:
        if metric.provider.prometheus is None:
            raise ValueError("it is no PromQL")  # noqa: TRY301 one way to tell it
        _looks_back(metric.min_requests.query)
    except ValueError as error:
        return f"its minRequests.query can't be played: {error}; leave minRequests out to simulate"
    return ""


def _problem(metric: Metric, given: Given | None) -> str:
    if metric.compare is not None:
        return "compares, and is played with counters; it takes no --answer" if given else ""
    if metric.provider.job is not None:
        ends = ", ".join(_ENDS)
        fits = given in _ENDS
        return (
            "" if fits else f"is a Job, which isn't run; give --answer {metric.name}= one of {ends}"
        )
    if given is None:
        return (
            "can't be asked of requests that nobody sent; say what comes back: "
            f"--answer {metric.name}=VALUE ({_WAYS}: the canary's share of the last minute)"
        )
    if isinstance(given, Phase):
        return f"is no Job; give --answer {metric.name}=VALUE ({_WAYS})"
    return _uncounted(metric)


def sure(metrics: Mapping[str, Sequence[Metric]], given: Mapping[str, Given]) -> None:
    """Every metric has an answer.

    Raises:
        InvalidObject: with every finding.
    """
    wrong = problems(metrics, given)
    if wrong:
        raise InvalidObject(wrong)
