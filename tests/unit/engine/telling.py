"""A release as a text: what each pass did, told and wrote, one line a change, with its second.

The texts are in `golden/`. After a change that is meant:
`DAVY_WRITE_GOLDEN=1 python -m pytest tests/unit/engine`, and read what git shows.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from davy.api.status import Condition, RolloutStatus
from davy.engine import plan as plans
from tests.unit.engine.cluster import START, Cluster
from tests.unit.engine.invariants import Watcher

_FOLDER = Path(__file__).parent / "golden"
_IF_ANY = {"added", "apart", "rules", "workload_generation"}
"""Told of an action only where there is something."""


class Telling:
    """Writes down the passes of a cluster, and checks the invariants on each."""

    def __init__(self, cluster: Cluster) -> None:
        self._watcher = Watcher()
        self.lines: list[str] = []
        cluster.check = self.passed

    def chapter(self, title: str) -> None:
        """What the test does next."""
        self.lines.append(f"\n# {title}")

    def passed(self, cluster: Cluster, plan: plans.Plan) -> None:
        """One pass; it leaves no line when nothing changes."""
        self._watcher(cluster, plan)
        before, after = _told(cluster, cluster.status), _told(cluster, plan.status)
        changed = [
            *(f"{type(action).__name__}: {_action(action)}" for action in plan.actions),
            *(_event(event) for event in plan.events),
            *(
                f"{name} = {after.get(name, 'gone')}"
                for name in [*after, *(each for each in before if each not in after)]
                if before.get(name) != after.get(name)
            ),
        ]
        at = _second(cluster.now)
        for number, text in enumerate(changed):
            self.lines.append(f"{at if number == 0 else '':>6}  {text}")

    def check(self, name: str) -> None:
        """Assert that all this is the text in `golden/NAME.txt`."""
        path = _FOLDER / f"{name}.txt"
        told = "\n".join(self.lines).lstrip("\n") + "\n"
        if os.environ.get("DAVY_WRITE_GOLDEN"):
            path.write_text(told, encoding="utf-8")
        assert told == path.read_text(encoding="utf-8")


def _action(action: plans.Action) -> str:
    fields = (
        f"{name} {getattr(value, 'value', value)}"
        for name, value in vars(action).items()
        if name not in {"why", "analysis"} and (value or name not in _IF_ANY)
    )
    return f"{', '.join(fields)} ({action.why})"


def _event(event: plans.Event) -> str:
    kind = "Warning" if event.warning else "Event"
    return f"{kind} {event.reason}: {event.message}"


def _told(cluster: Cluster, status: RolloutStatus) -> dict[str, str]:
    """A status as names and texts; a condition is one line."""
    held = status.manifest()
    held |= {
        f"history {number}": ", ".join(f"{value}" for value in past.values())
        for number, past in enumerate(reversed(held.pop("history", [])), start=1)
    }
    conditions = {
        found.type: ", ".join(_condition(cluster, status, found))
        for found in status.conditions or ()
    }
    return _flat({name: value for name, value in held.items() if name != "conditions"}) | conditions


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if not isinstance(value, dict):
        return {path: str(value)}
    return {
        name: text
        for key, item in value.items()
        for name, text in _flat(item, f"{path}.{key}" if path else key).items()
    }


def _condition(cluster: Cluster, status: RolloutStatus, told: Condition) -> Iterator[str]:
    yield f"{told.status} {told.reason} since {_second(told.last_transition_time)}"
    if told.last_update_time != told.last_transition_time:
        yield f"updated {_second(told.last_update_time)}"
    if told.observed_generation != cluster.rollout.generation:
        yield f"generation {told.observed_generation}"
    if told.message:
        yield "the message" if told.message == status.message else told.message


def _second(instant: datetime | None) -> str:
    return "never" if instant is None else f"{(instant - START).total_seconds():g}"
