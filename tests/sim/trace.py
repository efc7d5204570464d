"""A run's history as a person reads it: when, who, what, and what changed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tests.sim.schedule import Schedule
from tests.sim.world import Record, Result

_NOISE: Final = frozenset(
    {"metadata.resourceVersion", "metadata.generation", "status.conditions", "status.selector"}
)
_LONG: Final = 160


def render(result: Result) -> Iterator[str]:
    """Line by line: the schedule, what happened, and how it ended."""
    yield from _schedule(result.schedule)
    yield ""
    for record in result.history:
        yield from _record(record)
    yield ""
    yield f"broken: {result.found}" if result.found else "nothing is broken"


def _schedule(schedule: Schedule) -> Iterator[str]:
    yield f"seed {schedule.seed}, {len(schedule.entries)} entries"
    plain = type(schedule.setup)()
    for name, value in vars(schedule.setup).items():
        if value != getattr(plain, name):
            yield f"  {name} = {value}"
    yield from (str(entry) for entry in schedule.entries)


def _record(record: Record) -> Iterator[str]:
    changes = [*_changes(record.before, record.after)] if record.after else []
    yield f"{record.at:9.3f}  {record.who:<21} {record.what}"
    yield from (f"{'':33}{change}" for change in changes)


def _changes(before: Any, after: Any) -> Iterator[str]:
    if before is None:
        return
    for path in _paths(before, after, ""):
        if not path.partition(": ")[0].startswith(tuple(_NOISE)):
            yield path if len(path) <= _LONG else f"{path[: _LONG - 1]}…"


def _paths(before: Any, after: Any, path: str) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            place = f"{path}.{key}" if path else str(key)
            yield from _paths(before.get(key), after.get(key), place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _paths(old, new, f"{path}[{index}]")
    else:
        yield f"{path}: {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def text(lines: Iterable[str]) -> str:
    """All of it."""
    return "\n".join(lines)
