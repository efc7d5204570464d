"""A length of time as an option's value."""

from datetime import timedelta
from typing import Any

import click

from davy.api.fields import parse_duration


class Length(click.ParamType[timedelta]):
    """A length of time: `1s`, `500ms`, `5m`."""

    name = "length"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The length."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
