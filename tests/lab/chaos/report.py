"""The account of a run: a table for people, the same as plain data, and whether it passed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tests.lab.chaos import blame, invariants, outcomes
from tests.lab.chaos.blame import Cause
from tests.lab.chaos.history import Fault, FaultKind, History, Lost
from tests.lab.chaos.invariants import Verdict
from tests.lab.chaos.outcomes import Outcome
from tests.lab.chaos.replica import Exit
from tests.lab.chaos.users import Kind, Release
from tests.lab.load_records import at_quantile

_SHOWN = 20
"""So many breaks are printed; all are in the JSON."""


@dataclass(frozen=True)
class ToZero:
    """From an abort in the status to weight 0 in the route."""

    took: timedelta
    undisturbed: timedelta
    """Of that, the time in which API server, etcd, istiod and operator were all there."""


@dataclass(frozen=True)
class Report:
    """What a run came to."""

    seed: str
    minutes: float
    replicas: int
    outcomes: Sequence[Outcome]
    verdicts: Sequence[Verdict]
    lost: Sequence[tuple[Lost, Cause]]
    sent: int
    faults: Sequence[Fault]
    exits: Sequence[Exit]
    """Ends of the operator that nobody caused on purpose."""
    crashes: Sequence[Exit]
    """Those that no fault explains."""
    unattended: int
    """Requests that a bad canary failed while nobody could have aborted it."""
    to_zero: Sequence[ToZero]
    """Of each abort that reached the route."""
    idle_writes: int
    """Davy's writes after all was over and settled: there is nothing to write."""
    astray: int
    """Answers then that weren't the stable version's."""
    undrained: int
    """Shops then with pods of more than one revision."""

    @property
    def breaks(self) -> list[str]:
        """Everything that must not be, a sentence each."""
        return [
            *(
                f"{each.release.namespace} {each.release.version} ({each.release.kind}): expected "
                f"{each.expected}, was {each.seen}. {each.release.message}".rstrip()
                for each in self.outcomes
                if not each.as_expected
            ),
            *(
                f"{lost.namespace}: no fault explains {lost.request} {lost.flags} {lost.address}"
                for lost, cause in self.lost
                if cause is Cause.UNEXPLAINED
            ),
            *(f"{each.name} {broken}" for each in self.verdicts for broken in each.breaks),
            *(
                f"{each.name} was never put to the test: {each.says}"
                for each in self.verdicts
                if not each.checked
            ),
            *(
                f"{each.replica} ended by itself at {each.at:%H:%M:%S} with code {each.code}"
                for each in self.crashes
            ),
            *(
                [f"Davy made {self.idle_writes} writes after everything had settled."]
                if self.idle_writes
                else []
            ),
            *(
                [f"{self.astray} requests at the end weren't answered by the stable version."]
                if self.astray
                else []
            ),
            *(
                [f"{self.undrained} shops have pods of several revisions at the end."]
                if self.undrained
                else []
            ),
        ]

    @property
    def passed(self) -> bool:
        """Whether nothing broke."""
        return not self.breaks

    @property
    def replay(self) -> str:
        """How to play it again."""
        return f"make chaos SEED={self.seed} MINUTES={self.minutes:g} REPLICAS={self.replicas}"


@dataclass(frozen=True)
class Record:
    """What a run leaves to its judges."""

    history: History
    releases: Sequence[Release]
    seed: str
    minutes: float
    replicas: int
    exits: Sequence[Exit]
    idle_writes: int
    astray: int
    undrained: int


def report(record: Record) -> Report:
    """The judges' findings."""
    history = record.history
    bad = frozenset(
        (each.namespace, each.version) for each in record.releases if each.kind is Kind.BAD
    )
    lost, disturbed = list(blame.causes(history, bad)), blame.disturbed(history)
    return Report(
        seed=record.seed,
        minutes=record.minutes,
        replicas=record.replicas,
        outcomes=list(outcomes.outcomes(history, record.releases)),
        verdicts=invariants.judge(history),
        lost=lost,
        sent=history.sent,
        faults=history.faults,
        exits=record.exits,
        crashes=blame.unexplained_exits(history, record.exits),
        unattended=sum(
            cause is Cause.BAD_CANARY and blame.within(disturbed, each.ended_at)
            for each, cause in lost
        ),
        to_zero=list(_to_zero(history)),
        idle_writes=record.idle_writes,
        astray=record.astray,
        undrained=record.undrained,
    )


def _to_zero(history: History) -> Iterator[ToZero]:
    disturbed = blame.disturbed(history)
    for begun, _, given_up in invariants.aborts(history):
        took = invariants.time_to_zero(history, begun, given_up)
        if took is not None:
            yield ToZero(took, blame.undisturbed(disturbed, begun.at, begun.at + took))


def as_json(found: Report) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "passed": found.passed,
        "seed": found.seed,
        "minutes": found.minutes,
        "replicas": found.replicas,
        "replay": found.replay,
        "releases": [
            {
                "namespace": each.release.namespace,
                "router": str(each.release.router),
                "kind": str(each.release.kind),
                "version": each.release.version,
                "errorRate": each.release.error_rate,
                "expected": each.expected,
                "seen": each.seen,
                "seconds": each.seconds,
            }
            for each in found.outcomes
        ],
        "faults": _counted(found.faults),
        "faultsInOrder": [str(fault) for fault in found.faults],
        "operatorEndedByItself": [
            {"replica": each.replica, "at": each.at.isoformat(), "code": each.code}
            for each in found.exits
        ],
        "requests": {
            "sent": found.sent,
            "failed": len(found.lost),
            "byBadCanariesThatNobodyCouldAbort": found.unattended,
            "byCause": {
                str(cause): sum(each is cause for _, each in found.lost) for cause in Cause
            },
        },
        "invariants": {
            each.name: {
                "says": each.says,
                "checked": each.checked,
                "breaks": [str(broken) for broken in each.breaks],
            }
            for each in found.verdicts
        },
        "secondsFromAbortToWeight0": [
            {
                "took": each.took.total_seconds(),
                "undisturbed": each.undisturbed.total_seconds(),
            }
            for each in found.to_zero
        ],
        "writesWhenSettled": found.idle_writes,
        "answersAstrayWhenSettled": found.astray,
        "shopsNotDrainedWhenSettled": found.undrained,
        "breaks": found.breaks,
    }


def show(console: Console, found: Report) -> None:
    """Print the tables and the verdict."""
    console.print(
        Group(
            _releases(found), _faults(found), _requests(found), _invariants(found), _verdict(found)
        )
    )


def _releases(found: Report) -> RenderableType:
    table = _table("releases", "expected", "seen as expected", "of", "seconds: median, longest")
    for kind in Kind:
        of_kind = [each for each in found.outcomes if each.release.kind is kind]
        if not of_kind:
            continue
        right = sum(each.as_expected for each in of_kind)
        took = [each.seconds for each in of_kind if each.seconds is not None]
        style = "" if right == len(of_kind) else "red"
        table.add_row(
            str(kind),
            of_kind[0].expected,
            Text(str(right), style=style),
            str(len(of_kind)),
            f"{at_quantile(took, 0.5):.0f}, {max(took, default=0):.0f}",
        )
    return table


def _counted(faults: Iterable[Fault]) -> dict[str, int]:
    names = (
        f"{fault.kind} {fault.target}" if fault.kind is FaultKind.OUTAGE else str(fault.kind)
        for fault in faults
    )
    return dict(sorted(Counter(names).items()))


def _faults(found: Report) -> RenderableType:
    table = _table("faults", "count")
    for name, count in _counted(found.faults).items():
        table.add_row(name, str(count))
    table.add_row("(the operator ended, its API server away)", str(len(found.exits)))
    return table


def _requests(found: Report) -> RenderableType:
    table = _table("requests", "count")
    table.add_row("sent", str(found.sent))
    for cause in Cause:
        count = sum(each is cause for _, each in found.lost)
        style = "red" if count and cause is Cause.UNEXPLAINED else ""
        table.add_row(f"failed: {cause}", Text(str(count), style=style))
        if cause is Cause.BAD_CANARY:
            table.add_row("  while nobody could abort it", str(found.unattended))
    return table


def _invariants(found: Report) -> RenderableType:
    table = _table("invariant", "checked", "broken", "")
    for each in found.verdicts:
        style = "red" if each.breaks or not each.checked else ""
        table.add_row(
            each.name, str(each.checked), Text(str(len(each.breaks)), style=style), each.says
        )
    return table


def _verdict(found: Report) -> RenderableType:
    lines = [
        f"From abort to weight 0 ({len(found.to_zero)} aborts): "
        + _spread([each.undisturbed for each in found.to_zero])
        + " without disturbance; "
        + _spread([each.took for each in found.to_zero])
        + " in all.",
        f"Again: {found.replay}",
    ]
    if found.passed:
        return Group(*lines, Text("Nothing broke.", style="green"))
    shown = found.breaks[:_SHOWN]
    more = len(found.breaks) - len(shown)
    return Group(
        *lines,
        Text(f"{len(found.breaks)} things broke:", style="red"),
        *(Text(f"  {each}") for each in shown),
        *([f"  and {more} more, see the JSON"] if more else []),
    )


def _spread(times: Sequence[timedelta]) -> str:
    seconds = [each.total_seconds() for each in times]
    return f"median {at_quantile(seconds, 0.5):.2f} s, longest {max(seconds, default=0.0):.2f} s"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, title_justify="left")
    for name in columns:
        table.add_column(name, justify="left")
    table.add_section()
    return table
