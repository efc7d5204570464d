"""Flagger's analysis as steps: a weight, then checks until one of each passes, then the next.

Flagger checks every `interval`, raises the weight after a check that passed and gives up at the
`threshold`th that failed. As a step: an analysis whose metrics are asked every interval from one
interval on, succeed at the first success, and fail at that failure. Flagger adds the failures of
all weights and metrics together; here each metric has its own count at each weight.
"""

from dataclasses import dataclass
from typing import Any, Final

from davy.migrate import flagger_managed
from davy.migrate.flagger_managed import AbTest
from davy.migrate.flagger_metrics import Checks
from davy.migrate.reader import Reader
from davy.migrate.result import Json

_FULL: Final = 100
_PERSON: Final = (
    "calls a webhook, which is not built; a pause stands in its place, which `davy promote` ends, "
    "by hand or from a program"
)
_NOBODY: Final = (
    "calls a webhook, which is not built; watch the Rollout's events and status, and steer it with "
    "`davy promote` and `davy abort`"
)
_LOAD: Final = (
    "calls a webhook, which is not built; make load in another way, such as a Job, and judge what "
    "it finds by a metric"
)
_GATES: Final = {
    "confirm-rollout": _PERSON,
    "pre-rollout": _PERSON,
    "confirm-traffic-increase": _PERSON,
    "confirm-promotion": _PERSON,
    "rollout": _LOAD,
    "": _LOAD,
}


def steps(
    analysis: Reader, checks: Checks, test: AbTest, route: Json, *, skipped: bool
) -> list[Json] | None:
    """The steps; empty: straight to the new version; None: there are no weights, which is told.

    Args:
        analysis: the Canary's.
        checks: what is asked at each weight.
        test: the A/B test that it is, if it is one.
        route: its VirtualService or HTTPRoute.
        skipped: the Canary has skipAnalysis.
    """
    gates = _gates(analysis)
    wait: Json = {"pause": {"duration": checks.interval}}
    check = checks.step or wait
    stages = [] if test.match else _stages(analysis, route, check, wait)
    analysis.lose("sessionAffinity", "sticky canaries are not built; remove it")
    analysis.lose("alerts", "alerts are not built; forward the Rollout's events")
    if skipped:
        return []
    if not stages and not test.match:
        message = "names no weights; write stepWeight and maxWeight, or stepWeights"
        analysis.notes.lost(analysis.path, message)
        return None
    made: list[Json] = []
    if gates & {"confirm-rollout", "pre-rollout"}:
        made.append({"pause": {}})
    if test.match:
        made += [*test.routes, *[check] * test.iterations]
    for stage in stages:
        if "confirm-traffic-increase" in gates and stage.asks and made[-1:] != [{"pause": {}}]:
            made.append({"pause": {}})
        made += stage.steps
    if "confirm-promotion" in gates:
        made.append({"pause": {}})
    return made


@dataclass(frozen=True)
class _Stage:
    """What a release does until Flagger's next turn."""

    steps: list[Json]
    asks: bool = True
    """confirm-traffic-increase is called before it."""


def _stages(analysis: Reader, route: Json, check: Json, wait: Json) -> list[_Stage]:
    """The weights, mirrored requests before them; empty: there are no weights."""
    weights = [[{"setWeight": weight}, check] for weight in _weights(analysis)]
    mirror = flagger_managed.mirror(analysis, route)
    if not mirror or not weights:
        return [_Stage(weight) for weight in weights]
    end = {"setMirrorRoute": {"name": flagger_managed.MIRROR}}
    first = _Stage([end, *weights[0]], asks=False)
    return [_Stage([*mirror, wait]), first, *(_Stage(weight) for weight in weights[1:])]


def _weights(analysis: Reader) -> list[Any]:
    """The canary's weights in order, as Flagger comes to them."""
    named = analysis.items("stepWeights")
    step, most = analysis.number("stepWeight"), analysis.number("maxWeight")
    if named or step is None or step <= 0:
        return named
    most = _FULL if most is None or not 0 < most <= _FULL else most
    return [min(step * count, _FULL) for count in range(1, -(-most // step) + 1)]


def _gates(analysis: Reader) -> set[str]:
    """Kinds of webhooks; each is told."""
    kinds: set[str] = set()
    for index, hook in enumerate(analysis.items("webhooks")):
        found = hook if isinstance(hook, dict) else {}
        kind = str(found.get("type") or "")
        kinds.add(kind)
        path = f"{analysis.at('webhooks')}[{index}]"
        named = f"({kind or 'rollout'} {found.get('name', '')}) "
        analysis.notes.lost(path, named + _GATES.get(kind, _NOBODY))
    return kinds
