"""Draws a plan as SVG: over time the share of bad releases aborted, and the requests harmed."""

from collections.abc import Callable, Iterable, Iterator
from html import escape
from itertools import accumulate
from typing import Final

from davy.analysis.words import lasting, rounded
from davy.rehearsal.plan import Plan, Point

_WIDTH: Final = 720
_LEFT: Final = 60
_RIGHT: Final = 30
_PANEL: Final = 170
_TOPS: Final = (60, 290)
_HEIGHT: Final = 520
_TICKS: Final = 4
_GREY: Final = "#888"
_BLUE: Final = "#1763a6"
_RED: Final = "#b3261e"
_HEAD: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
    'font-family="sans-serif" font-size="12">'
)


def svg(plan: Plan, title: str) -> str:
    """The drawing, as a file's text; `title` says what was asked."""
    end = plan.course[-1].seconds
    most = max(1.0, *(point.harm.most for point in plan.course))
    aborted, harmed = _TOPS
    lines = [
        _HEAD,
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, 24, f"A bad release: {title}", size=15),
        _text(_LEFT, aborted - 10, "bad releases aborted"),
        *_panel(aborted, end, 1.0, lambda value: f"{rounded(100 * value)} %"),
        *_steps(plan, end, aborted, named=True),
        _curve(aborted, _parts(plan, 1.0, lambda point: point.aborted), _BLUE),
        _text(_LEFT, harmed - 10, "requests harmed: on average, and (dashed) 95 % have no more"),
        *_panel(harmed, end, most, rounded),
        *_steps(plan, end, harmed, named=False),
        _curve(harmed, _parts(plan, most, lambda point: point.harm.mean), _RED),
        _curve(harmed, _parts(plan, most, lambda point: point.harm.most), _RED, dashed=True),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _panel(top: int, end: float, most: float, label: Callable[[float], str]) -> Iterator[str]:
    """The axes, from 0 to the end of time and to the most of a value."""
    for at in range(_TICKS + 1):
        part = at / _TICKS
        y, x = _y(top, part), _x(part)
        yield _line(_LEFT, y, _WIDTH - _RIGHT, y, "#ddd")
        yield _text(_LEFT - 6, y + 4, label(part * most), anchor="end")
        yield _text(x, top + _PANEL + 18, lasting(part * end) if at else "0", anchor="middle")


def _steps(plan: Plan, end: float, top: int, *, named: bool) -> Iterator[str]:
    """A line where each step begins, and its weight."""
    begins = accumulate((one.step.played_seconds for one in plan.steps), initial=0.0)
    for one, begin in zip(plan.steps, begins, strict=False):
        if begin < end:
            x = _x(begin / end)
            yield _line(x, top, x, top + _PANEL, _GREY)
            if named:
                yield _text(x + 3, top + _PANEL - 5, f"weight {one.step.weight}", fill=_GREY)


def _parts(
    plan: Plan, most: float, value: Callable[[Point], float]
) -> Iterator[tuple[float, float]]:
    """The course as parts of the time and of the most of a value."""
    end = plan.course[-1].seconds
    for point in plan.course:
        yield point.seconds / end, value(point) / most


def _curve(
    top: int, parts: Iterable[tuple[float, float]], colour: str, *, dashed: bool = False
) -> str:
    points = " ".join(f"{_x(across):.1f},{_y(top, up):.1f}" for across, up in parts)
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'


def _x(part: float) -> float:
    return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)


def _y(top: int, part: float) -> float:
    return top + (1 - part) * _PANEL


def _line(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}"/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", fill: str = "#222", size: int = 12
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" '
        f'font-size="{size}">{escape(text)}</text>'
    )
