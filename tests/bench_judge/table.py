"""The operating characteristics as Markdown: a row per place, and what the rows add up to."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median, stdev
from typing import Final

from tests.bench_judge.play import Score, Scores
from tests.bench_judge.rules import RULES
from tests.bench_judge.traffic import RATIOS, Place

GOOD: Final = 1
"""The ratio of a good canary."""
Row = Mapping[int, Scores]
"""By ratio."""


class Result(StrEnum):
    """Davy's requests harmed beside those of the best rule that aborts no more good releases."""

    FEWER = "fewer"
    SAME = "as many"
    MORE = "more"
    ALONE = "no such rule"


@dataclass(frozen=True)
class Duel:
    """Davy and the best such rule, at one place and ratio."""

    davy: Score
    rule: str
    score: Score | None

    @property
    def result(self) -> Result:
        """Fewer or more, where the difference is beyond two standard errors."""
        if self.score is None:
            return Result.ALONE
        differences = [a - b for a, b in zip(self.davy.harms, self.score.harms, strict=True)]
        error = stdev(differences) / math.sqrt(len(differences))
        mean = fmean(differences)
        if abs(mean) <= 2 * error or mean == 0:
            return Result.SAME
        return Result.MORE if mean > 0 else Result.FEWER


def duel(row: Row, ratio: int) -> Duel:
    """Davy against the rule that harms fewest of those that abort no more good releases."""
    good, bad = row[GOOD], row[ratio]
    fair = [
        (score.harmed, rule.code, score)
        for rule, harmless, score in zip(RULES, good.rules, bad.rules, strict=True)
        if harmless.aborted <= good.davy.aborted
    ]
    if not fair:
        return Duel(bad.davy, "", None)
    _, code, score = min(fair, key=lambda each: each[:2])
    return Duel(bad.davy, code, score)


def markdown(rows: Mapping[Place, Row]) -> Iterator[str]:
    """The lines: what the rows add up to, then each row."""
    yield from _summary(rows)
    yield ""
    yield from _whole(rows)


def _summary(rows: Mapping[Place, Row]) -> Iterator[str]:
    good = [row[GOOD] for row in rows.values()]
    yield "| good canaries | aborted, mean | at the worst place | passed within 5 min |"
    yield "|---|---|---|---|"
    davy = [each.davy for each in good]
    yield _line("Davy", *_aborted(davy), _percent(fmean(each.passed for each in davy)))
    for at, rule in enumerate(RULES):
        yield _line(rule.name, *_aborted([each.rules[at] for each in good]), "")
    yield ""
    results = "requests harmed, Davy beside the best rule that aborts no more good ones"
    yield _line(f"bad canaries: {results}", *Result, "Davy aborted", "after", "Davy passed")
    yield "|" + "---|" * 8
    for ratio in RATIOS:
        duels = [duel(row, ratio) for row in rows.values()]
        counts = Counter(each.result for each in duels)
        scores = [each.davy for each in duels]
        after = [each.abort_seconds for each in scores if each.abort_seconds is not None]
        yield _line(
            f"{ratio} times as many errors",
            *(str(counts[result]) for result in Result),
            _percent(fmean(each.aborted for each in scores)),
            f"{median(after):.0f} s" if after else "",
            _percent(fmean(each.passed for each in scores)),
        )


def _whole(rows: Mapping[Place, Row]) -> Iterator[str]:
    heads = [f"{ratio} times: Davy | rule" for ratio in RATIOS]
    yield _line("stable errs", "req/s", "weight", "noise", "good: aborted", "passed", *heads)
    yield "|" + "---|" * (6 + 2 * len(RATIOS))
    for place, row in rows.items():
        good = row[GOOD].davy
        yield _line(
            _percent(place.base),
            str(place.rate),
            str(place.weight),
            place.noise,
            _percent(good.aborted),
            f"{_percent(good.passed)}{_within(good.pass_seconds)}",
            *(part for ratio in RATIOS for part in _cells(duel(row, ratio))),
        )


def _cells(found: Duel) -> tuple[str, str]:
    davy = found.davy
    told = f"{_number(davy.harmed)} ({_percent(davy.aborted)}{_within(davy.abort_seconds)})"
    if found.score is None:
        return told, "-"
    if found.result is Result.MORE:
        told = f"**{told}**"
    rule = f"{found.rule}, {_percent(found.score.aborted)}"
    return told, f"{_number(found.score.harmed)} ({rule})"


def _aborted(scores: Sequence[Score]) -> tuple[str, str]:
    return (
        _percent(fmean(each.aborted for each in scores)),
        _percent(max(each.aborted for each in scores)),
    )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _within(seconds: float | None) -> str:
    return "" if seconds is None else f", {seconds:.0f} s"


def _number(mean: float) -> str:
    return f"{mean:.1f}" if mean < 100 else f"{mean:.0f}"
