"""What is kept of a release that was played, as JSON and as a line."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from tests.bench_harm.play import Played
from tests.bench_harm.rows import Figure

Json = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """One release."""

    row: str
    """A key of `ROWS`."""
    commit: str
    """Of the sources that were played."""
    at: str
    """When it was over."""
    figures: dict[Figure, float]
    said: str
    busy: float
    """Share of the machine's time that was used, by whatever program."""
    waiting: float
    """Share of the time in which a program waited for a core."""
    cores: int
    late_ms: float
    """How late the generator sent, of 99 % of the requests."""
    timeline: list[tuple[float, str]] = field(default_factory=list)
    """Seconds from the first bad answer (or what the row counts from), and what was written."""
    failed: list[str] = field(default_factory=list)
    """Requests that no app answered, the first of them."""

    @classmethod
    def of(cls, row: str, commit: str, played: Played) -> Self:
        """The result of a release that is over now."""
        machine = played.machine
        return cls(
            row=row,
            commit=commit,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            figures=played.figures,
            said=played.said,
            busy=machine.busy,
            waiting=machine.waiting,
            cores=machine.cores,
            late_ms=played.late_ms,
            timeline=played.timeline,
            failed=played.failed,
        )

    @classmethod
    def from_json(cls, held: Json) -> Self:
        """The result that `as_json` wrote."""
        figures = {Figure(name): value for name, value in held["figures"].items()}
        return cls(**{**held, "figures": figures})

    def as_json(self) -> Json:
        """For `from_json`, and for whoever compares."""
        return asdict(self)

    def line(self) -> str:
        """For whoever waits."""
        figures = ", ".join(f"{name}: {value:g}" for name, value in self.figures.items())
        machine = f"busy {self.busy:.0%}, late {self.late_ms} ms"
        return "; ".join([f"{self.row}: {figures}", machine, self.said, *self.failed])
