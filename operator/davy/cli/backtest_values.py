"""Values of `davy backtest`'s options: an instant, a revision's hash."""

import re
from datetime import UTC, datetime
from typing import Any, Final

import click

from davy.api.fields import parse_duration, parse_instant

_HASH: Final = re.compile(r"[0-9a-z]{1,63}")


class When(click.ParamType[datetime]):
    """An instant: `2026-11-23T14:00:00Z`, or how long ago: `2h`; `now`."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The instant, aware, UTC."""
        if isinstance(value, datetime):
            return value
        text, now = str(value), datetime.now(UTC)
        if text == "now":
            return now
        try:
            return now - parse_duration(text)
        except ValueError:
            pass
        try:
            return parse_instant(text)
        except ValueError:
            message = (
                f"{text:.40} is no instant; write 2026-11-23T14:00:00Z, or how long ago: 2h, 30m."
            )
            self.fail(message, param, ctx)


class Hash(click.ParamType[str]):
    """The hash of a revision, as its pods' label has it."""

    name = "hash"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The hash."""
        if not _HASH.fullmatch(str(value)):
            message = f"{value!s:.40} is no revision's hash, such as 5c9d7f8b6d."
            self.fail(message, param, ctx)
        return str(value)
