"""Values of `davy judge`'s options: shares, rates, weights with their length."""

import re
from datetime import timedelta
from typing import Any, Final

import click

from davy.api.fields import parse_duration
from davy.api.harm_budget import LEAST, HarmBudget
from davy.rehearsal.plan import PERCENT, Step

_NUMBER: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(%?)")
_LEAST_SHARE: Final = 1e-9
_LEAST_RATE: Final = 0.001
_MOST_RATE: Final = 1_000_000


class Share(click.ParamType[float]):
    """A share of requests: `0.1%` or `0.001`; from 0 to 1."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The share, from 0 to 1."""
        try:
            return share_of(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


def share_of(text: str) -> float:
    """A share of requests, from 0 to 1.

    Raises:
        ValueError: it is none.
    """
    found = _NUMBER.fullmatch(text)
    share = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not (share == 0 or _LEAST_SHARE <= share <= 1):
        raise ValueError(f"{text:.40} is no share of requests; write 2% or 0.02")
    return share


class Rate(click.ParamType[float]):
    """Requests per second."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The rate, above 0."""
        found = _NUMBER.fullmatch(str(value))
        rate = float(found[1]) if found and not found[2] else 0.0
        if not _LEAST_RATE <= rate <= _MOST_RATE:
            message = f"{value!s:.40} is no rate; write requests per second, from 0.001 to 1000000."
            self.fail(message, param, ctx)
        return rate


class Budget(click.ParamType[HarmBudget]):
    """A harm budget: `50` requests, or a share of all of them, `1%`."""

    name = "budget"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> HarmBudget:
        """The budget."""
        number, whole = str(value).removesuffix("%"), not str(value).endswith("%")
        try:
            given = {"requests": int(number)} if whole else {"share": float(number) / 100}
            return HarmBudget.model_validate(given)
        except ValueError:
            message = f"{value!s:.40} is no harm budget; write requests, from {LEAST}, or 1%."
            self.fail(message, param, ctx)


class WeightStep(click.ParamType[Step]):
    """A weight and how long it is held: `10:5m`; `10` is held without end."""

    name = "weight"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Step:
        """The step."""
        weight, colon, length = str(value).partition(":")
        number = int(weight) if re.fullmatch("[0-9]{1,3}", weight) else 0
        if not 1 <= number <= PERCENT:
            self.fail(f"{value!s:.40} has no weight from 1 to 100; write 10 or 10:5m.", param, ctx)
        if not colon:
            return Step(number, None)
        try:
            held = parse_duration(length)
        except ValueError as error:
            self.fail(f"{value!s:.40}: {error}.", param, ctx)
        if held < timedelta(seconds=1):
            message = f"{value!s:.40} is shorter than a second; write 10:5m, or 10 without end."
            self.fail(message, param, ctx)
        return Step(number, held.total_seconds())
