"""Values of `davy simulate`'s options: a scenario, an answer to a metric."""

import json
from datetime import timedelta
from typing import Any, Final, NamedTuple

import click

from davy.api.analysis import Phase
from davy.api.fields import parse_duration
from davy.cli.judge_values import share_of
from davy.rehearsal.answers import Fixed, Given, Rule
from davy.rehearsal.scenario import Scenario

SCENARIOS: Final = "good|bad:SHARE|slow:TIMESx|no-traffic|prometheus-down[:LENGTH]"
_OUTAGE: Final = timedelta(minutes=1)
_SLOWEST: Final = 1000.0


class Played(click.ParamType[Scenario]):
    """A scenario: `good`, `bad:5%`, `slow:3x`, `no-traffic`, `prometheus-down:60s`."""

    name = "scenario"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Scenario:
        """The scenario."""
        if isinstance(value, Scenario):
            return value
        text = str(value)
        try:
            found = _read(text)
        except ValueError as error:
            self.fail(f"{text:.40}: {error}.", param, ctx)
        if found is None:
            self.fail(f"{text:.40} is no scenario; there are {SCENARIOS}.", param, ctx)
        return found


def _read(text: str) -> Scenario | None:
    """The scenario; None: there is none of that name.

    Raises:
        ValueError: its size can't be read.
    """
    name, colon, size = text.partition(":")
    match name, bool(colon):
        case "good", False:
            return Scenario(text)
        case "no-traffic", False:
            return Scenario(text, silent=True)
        case "bad", True:
            return Scenario(text, errors=_above_zero(share_of(size)))
        case "slow", True:
            return Scenario(text, slower=_times(size))
        case "prometheus-down", given:
            return Scenario(text, outage=_above_none(parse_duration(size) if given else _OUTAGE))
    return None


class MetricAnswer(NamedTuple):
    """What a metric is answered."""

    name: str
    given: Given


class Answering(click.ParamType[MetricAnswer]):
    """`NAME=VALUE`: a number, JSON, `errors`, `success`, or how a Job ends."""

    name = "answer"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> MetricAnswer:
        """The metric's name and what it is answered."""
        name, equals, text = str(value).partition("=")
        if not name or not equals or not text:
            self.fail(f"{value!s:.40} isn't NAME=VALUE.", param, ctx)
        words: dict[str, Given] = {rule.value: rule for rule in Rule}
        words |= {phase.value: phase for phase in Phase if phase.completed}
        if text in words:
            return MetricAnswer(name, words[text])
        try:
            found = json.loads(text)
        except ValueError:
            message = (
                f"{value!s:.40}: {text:.20} is no number and no JSON, nor one of "
                f"{', '.join(words)}."
            )
            self.fail(message, param, ctx)
        return MetricAnswer(name, Fixed(found))


def _above_zero(share: float) -> float:
    if not share:
        raise ValueError("a bad canary fails in more than 0 % of its requests")
    return share


def _times(text: str) -> float:
    """`3x`."""
    number = text.removesuffix("x")
    try:
        times = float(number)
    except ValueError:
        times = 0.0
    if not 1 < times <= _SLOWEST or number == text:
        raise ValueError("write how many times as slow, such as slow:3x; more than 1")
    return times


def _above_none(length: timedelta) -> timedelta:
    if not length:
        raise ValueError("an outage lasts longer than nothing")
    return length
