"""What the demo draws: a live picture of the release and its traffic, and the table at the end."""

from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from davy.cli import render
from davy.cli.view import RolloutView
from tests.lab.demo_account import Row
from tests.lab.load_records import Window
from tests.lab.shop import now

WINDOW: Final = timedelta(seconds=2)
"""How far back the live rates look."""


class Screen:
    """A live picture on a terminal, a line per change elsewhere."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
        self._last = ""

    def __enter__(self) -> Self:
        self._console.print(Rule(self._title))
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, picture: RolloutView, seen: Window) -> None:
        """Draw what is so now."""
        if self._live:
            self._live.update(
                Group(render.rollout(picture, now=now()), Text(), traffic(seen)), refresh=False
            )
            return
        line = render.line(picture)
        if line != self._last:
            self._last = line
            self._console.print(line, soft_wrap=True, highlight=False)


def traffic(seen: Window) -> RenderableType:
    """Requests and errors per second and the observed share, by version, of the last seconds."""
    recent = seen.between(now() - WINDOW)
    drawn = Table(box=None, pad_edge=False)
    for name in ("VERSION", "REQUESTS/S", "ERRORS", "OBSERVED SHARE"):
        drawn.add_column(name, justify="left" if name == "VERSION" else "right")
    for version, counts in recent.versions().items():
        errors = counts.failed / counts.sent if counts.sent else 0.0
        drawn.add_row(
            version,
            f"{counts.sent / WINDOW.total_seconds():.0f}",
            Text(f"{errors:.1%}", style="red" if errors else ""),
            f"{recent.share(version).value:.1%}",
        )
    return drawn


def table(rows: list[Row], *, rate: float) -> RenderableType:
    """The account of the demo."""
    drawn = Table(title=f"{rate:g} requests a second, counted one by one", title_justify="left")
    for name in ("release", "outcome", "time", "requests", "harmed", "wanted → observed share"):
        drawn.add_column(name)
    for each in rows:
        style = "" if each.as_wanted else "red"
        requests = "\n".join(f"{name}: {counts.sent}" for name, counts in each.counts.items())
        harmed = "\n".join(f"{name}: {counts.failed}" for name, counts in each.counts.items())
        if others := each.harmed - sum(counts.failed for counts in each.counts.values()):
            harmed += f"\nno version: {others}"
        shares = "\n".join(
            f"{weight} % → {share.value:.1%} of {share.of}"
            + ("" if share.agrees(weight) else "  outside the 99.9 % interval")
            for weight, share in each.shares
            if share.of
        )
        drawn.add_row(
            each.version,
            Text(each.outcome, style=style),
            f"{each.seconds:.1f} s",
            requests,
            harmed,
            shares,
        )
    passed = all(each.passed for each in rows)
    verdict = (
        "Both releases ended as they should; no request failed outside the bad canary."
        if passed
        else "Something is not as it should be: see the table."
    )
    return Group(drawn, Text(verdict, style="green" if passed else "red"))
