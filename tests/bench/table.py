"""The table that `make bench` prints: a column per size, a row per figure."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from rich.table import Table

from tests.bench.account import Idle, Phase, Size, Start, quantile

Figure = Callable[[Size], str]


def table(sizes: Iterable[Size]) -> Table:
    """The figures of all sizes, side by side."""
    found = list(sizes)
    drawn = Table(title="What rollouts cost", title_justify="left")
    drawn.add_column("rollouts")
    for size in found:
        drawn.add_column(str(size.rollouts), justify="right")
    for name, figure in _WHOLE:
        drawn.add_row(name, *(figure(size) for size in found))
    for name, phases in (
        ("create", [size.create for size in found]),
        ("update", [size.update for size in found]),
    ):
        drawn.add_section()
        for row in _phase_rows(name, [phase for phase in phases if phase]):
            drawn.add_row(*row)
    return drawn


def _phase_rows(name: str, phases: list[Phase]) -> Iterator[list[str]]:
    yield [f"{name}: at once", *(f"{phase.rollouts}" for phase in phases)]
    yield [
        f"{name}: s until all are Healthy (until the last was sent)",
        *(f"{phase.seconds:.1f} ({phase.asked_seconds:.1f})" for phase in phases),
    ]
    yield [f"{name}: CPU ms per rollout", *(f"{phase.cpu_ms:.1f}" for phase in phases)]
    yield [f"{name}: passes per rollout", *(f"{phase.passes:.1f}" for phase in phases)]
    yield [
        f"{name}: edit → first write, ms p50 / p99",
        *(f"{phase.latency_p50_ms:.0f} / {phase.latency_p99_ms:.0f}" for phase in phases),
    ]
    totals = [sum(phase.requests.values()) for phase in phases]
    yield [f"{name}: requests per rollout", *(f"{total:.1f}" for total in totals)]
    purposes = dict.fromkeys(what for phase in phases for what in phase.requests)
    for what in purposes:
        yield [f"    {what}", *(f"{phase.requests.get(what, 0.0):.2f}" for phase in phases)]
    yield [
        f"{name}: requests refused (conflicts) / events dropped",
        *(f"{phase.refused} / {phase.events_dropped}" for phase in phases),
    ]


def _idle(size: Size) -> Idle:
    assert size.idle is not None
    return size.idle


def _start(size: Size) -> Start:
    assert size.start is not None
    return size.start


def _both(start: Start) -> str:
    return f"{start.seconds:.1f} ({start.cpu_seconds:.1f})"


def _alone(size: Size) -> str:
    return f"{quantile(size.alone_ms, 0.5):.0f} / {quantile(size.alone_ms, 0.99):.0f}"


def _listed(requests: dict[str, float]) -> str:
    return "\n".join(f"{what}: {count:g}" for what, count in requests.items()) or "0"


_WHOLE: Final[tuple[tuple[str, Figure], ...]] = (
    ("memory before the first rollout, MB", lambda size: f"{size.empty_mb:.0f}"),
    ("memory idle, MB", lambda size: f"{_idle(size).memory_mb:.0f}"),
    ("memory after a restart, MB", lambda size: f"{_start(size).memory_mb:.0f}"),
    ("memory after the updates, MB", lambda size: f"{size.peak_mb:.0f}"),
    ("start: caches whole, s", lambda size: f"{_start(size).ready_seconds:.1f}"),
    ("start: all looked at, s (CPU s)", lambda size: _both(_start(size))),
    ("start: writes", lambda size: f"{_start(size).writes}"),
    ("idle: requests a minute", lambda size: _listed(_idle(size).requests)),
    ("idle: CPU, % of a core", lambda size: f"{_idle(size).cpu_percent:.2f}"),
    ("edit → first write, alone, ms p50 / p99", _alone),
)
