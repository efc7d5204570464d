"""Draws what was planned of a release: a table of bad ones, one of good ones, and sentences."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from davy.analysis.compare import Asked
from davy.analysis.words import lasting, rounded
from davy.api.harm_budget import HarmBudget
from davy.cli import render
from davy.rehearsal.budget import LONGEST_SECONDS
from davy.rehearsal.plan import MOST, PERCENT, Budget, Expected, Harm, Plan, Step
from davy.rehearsal.play import Service

_NEVER = f"> {lasting(LONGEST_SECONDS)}"


def drawn(plan: Plan, service: Service, bad: float, notes: Sequence[str]) -> RenderableType:
    """All of it."""
    return Group(
        Text(f"A bad release: {percent(bad)} of errors, {percent(service.baseline)} before."),
        _bad(plan.steps),
        Text(),
        Text(f"A good release: {percent(service.baseline)} of errors."),
        _good(plan.steps),
        *(Text(f"\n{note}") for note in notes),
    )


def percent(share: float) -> str:
    """`0.1 %`, `99.5 %`."""
    return f"{100 * share:.3g} %"


def sentences(
    plan: Plan,
    service: Service,
    bad: float,
    asked: Asked,
    plays: int,
    *,
    budget: HarmBudget | None = None,
) -> Iterator[str]:
    """What a reader of the tables should know or do."""
    if bad <= asked.abort_ratio * service.baseline:
        yield (
            f"{percent(bad)} of errors is at most {asked.abort_ratio:g} times "
            f"{percent(service.baseline)}: the judge aborts nobody for that (abortRatio)."
        )
    if bad <= asked.accept:
        yield (
            f"{percent(bad)} of errors is at most {percent(asked.accept)}, which nobody minds "
            "(accept): a step that waits for a pass may pass such a canary before it is aborted."
        )
    for number, one in enumerate(plan.steps, 1):
        if one.short:
            yield _short(f"Step {number} of {len(plan.steps)}", one, bad)
    yield _together(plan)
    if plan.budget is not None and budget is not None:
        yield _spared(plan.budget, budget, bad)
    yield (
        f"{plays} releases of each kind were played; 0 % means below {percent(3 / plays)}. "
        "Errors that come in bursts take longer to tell."
    )


def _spared(plan: Budget, budget: HarmBudget, bad: float) -> str:
    """What the budget is worth and what it costs."""

    def harm(found: Harm) -> str:
        return f"{rounded(found.mean)} requests (at most {rounded(found.most)} in {percent(MOST)})"

    half, most = plan.longer.median, plan.longer.most
    if half is None:
        takes = f"half of the good releases never reach their weights in {lasting(LONGEST_SECONDS)}"
    else:
        at_most = "without end" if most is None else lasting(most)
        takes = (
            f"a good release takes {lasting(half)} longer ({percent(MOST)}: {at_most}), and "
            f"{percent(plan.good_aborted)} of them are aborted"
        )
    return (
        f"With the harm budget of {budget} a release that always fails costs "
        f"{harm(plan.total_harm)}, one of {percent(bad)} {harm(plan.bad_harm)}, of which "
        f"{percent(plan.bad_aborted)} are aborted; {takes}."
    )


def _short(where: str, one: Expected, bad: float) -> str:
    step = one.step
    aborts = f"aborts {percent(one.aborted)} of the bad releases"
    if one.requests is None:
        return f"{where} (weight {_weight(step)}, no end) {aborts} in {lasting(LONGEST_SECONDS)}."
    needs = f"{percent(bad)} of errors needs"
    if one.abort_seconds.most is None or one.abort_requests.most is None:
        more = f"{needs} more than {lasting(LONGEST_SECONDS)}"
    else:
        wanted = rounded(one.abort_requests.most)
        more = f"{needs} about {wanted}: {lasting(one.abort_seconds.most)}"
    return (
        f"{where} (weight {_weight(step)}, {_length(step)}) is too short: it sees "
        f"{rounded(one.requests)} canary requests and {aborts}; {more}."
    )


def _together(plan: Plan) -> str:
    half, most = (
        None if seconds is None else lasting(seconds)
        for seconds in (plan.abort_seconds.median, plan.abort_seconds.most)
    )
    if half is None:
        when = ""
    elif most is None:
        when = f", half within {half}"
    else:
        when = f", half within {half}, {percent(MOST)} within {most}"
    aborted, passed = percent(plan.good_aborted), percent(plan.good_passed)
    return (
        "All steps as one release, as spec.strategy.canary.judge has it: "
        f"{percent(plan.aborted)} of the bad ones are aborted{when}, {rounded(plan.harm.mean)} "
        f"requests fail (at most {rounded(plan.harm.most)} in {percent(MOST)}); of the good ones "
        f"{aborted} are aborted, {passed} are shown not to be worse."
    )


def _bad(steps: Sequence[Expected]) -> Table:
    table = render.plain_table()
    for name in ("STEP", "WEIGHT", "LENGTH", "REQUESTS", "ABORTED AFTER", "95 % WITHIN"):
        table.add_column(name, no_wrap=True)
    for name in ("ABORTED", "SO FAR", "HARMED", "95 %"):
        table.add_column(name, no_wrap=True, justify="right")
    for number, one in enumerate(steps, 1):
        cells = [
            *_head(number, one),
            _needs(one.abort_seconds.median, one.abort_requests.median),
            _needs(one.abort_seconds.most, one.abort_requests.most),
        ]
        table.add_row(
            *map(Text, cells),
            Text(percent(one.aborted), style="bold red" if one.short else ""),
            Text(percent(one.aborted_by_end)),
            Text(rounded(one.harm.mean)),
            Text(rounded(one.harm.most)),
        )
    return table


def _good(steps: Sequence[Expected]) -> Table:
    table = render.plain_table()
    for name in ("STEP", "WEIGHT", "LENGTH", "REQUESTS", "PASSED AFTER", "95 % WITHIN"):
        table.add_column(name, no_wrap=True)
    for name in ("PASSED", "ABORTED"):
        table.add_column(name, no_wrap=True, justify="right")
    for number, one in enumerate(steps, 1):
        cells = [
            *_head(number, one),
            *("-" if each is None else lasting(each) for each in _both(one)),
            percent(one.good_passed),
            percent(one.good_aborted),
        ]
        table.add_row(*map(Text, cells))
    return table


def _both(one: Expected) -> tuple[float | None, float | None]:
    return one.pass_seconds.median, one.pass_seconds.most


def _head(number: int, one: Expected) -> list[str]:
    requests = "-" if one.requests is None else rounded(one.requests)
    return [str(number), _weight(one.step), _length(one.step), requests]


def _weight(step: Step) -> str:
    return str(step.weight) if step.whole == PERCENT else f"{step.weight}/{step.whole}"


def _length(step: Step) -> str:
    return "no end" if step.seconds is None else lasting(step.seconds)


def _needs(seconds: float | None, requests: float | None) -> str:
    if seconds is None or requests is None:
        return _NEVER
    return f"{lasting(seconds)}, {rounded(requests)}"
