"""The smallest schedule that still breaks the same invariant, as far as patience goes."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, Final

from tests.sim.schedule import Entry, Schedule, Setup

_RUNS: Final = 150
"""A run takes some 100 ms: this is a quarter of a minute."""

Breaks = Callable[[Schedule], bool]


class _Tired(Exception):
    """Enough runs."""


def shrink(schedule: Schedule, breaks: Breaks, runs: int = _RUNS) -> Schedule:
    """A schedule with fewer and shorter entries in a plainer world, for which `breaks` holds."""
    left = runs

    def still(candidate: Schedule) -> bool:
        nonlocal left
        if not left:
            raise _Tired
        left -= 1
        return breaks(candidate)

    try:
        smaller = True
        while smaller:
            smaller = False
            for candidate in _smaller(schedule):
                if still(candidate):
                    schedule, smaller = candidate, True
                    break
    except _Tired:
        pass
    return schedule


def _smaller(schedule: Schedule) -> Iterator[Schedule]:
    """Candidates, the boldest first."""
    entries = schedule.entries
    size = len(entries) // 2
    while size:
        for start in range(0, len(entries), size):
            yield replace(schedule, entries=entries[:start] + entries[start + size :])
        size //= 2
    plain = Setup()
    for field_ in fields(Setup):
        value: Any = getattr(plain, field_.name)
        if getattr(schedule.setup, field_.name) != value and field_.name != "steps":
            setup = replace(schedule.setup, **{field_.name: value})
            yield replace(schedule, setup=setup)
    steps = schedule.setup.steps
    for index in range(len(steps)):
        setup = replace(schedule.setup, steps=steps[:index] + steps[index + 1 :])
        yield replace(schedule, setup=setup)
    for index, entry in enumerate(entries):
        shorter = _shorter(entry)
        if shorter is not None:
            yield replace(schedule, entries=(*entries[:index], shorter, *entries[index + 1 :]))


def _shorter(entry: Entry) -> Entry | None:
    """The entry with half of its length; None: it has none, or is short already."""
    seconds = float(entry.args.get("seconds", 0))
    if seconds < 1:
        return None
    return replace(entry, args={**entry.args, "seconds": round(seconds / 2, 2)})
