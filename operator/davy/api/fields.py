"""Scalars that several kinds share: durations, instants, and the base of every model."""

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

_UNIT_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_DURATION: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+")
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")
DURATION_PATTERN: Final = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"
_DURATION_OR_SECONDS_PATTERN: Final = (
    r"^([0-9]+|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$"  # "30", as Argo reads it, is seconds
)
_LONGEST: Final = timedelta(days=3650)
_INSTANTS: Final = 4096
"""Instants remembered with their text: a status says the same ones pass after pass."""

INT32: Final = 2**31 - 1
"""The largest number that the built-in workloads take for replicas and seconds."""

NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
"""How the API server lets objects be called (a DNS subdomain)."""

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=NAME_PATTERN)]

IntOrText = Annotated[int | str, WithJsonSchema({"x-kubernetes-int-or-string": True})]
"""A whole number, or a text such as `{{args.count}}` that becomes one when args are filled in."""

BY_NAME: Final[JsonDict] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}
"""`json_schema_extra` of a list whose items are told apart by `name`: server-side apply merges them
one by one, and the API server refuses two of the same name."""

BY_METRIC_NAME: Final[JsonDict] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["metricName"],
}
"""The same for items that are told apart by `metricName`."""

ALL_DIFFERENT: Final[JsonDict] = {"x-kubernetes-list-type": "set"}
"""`json_schema_extra` of a list of texts that must all differ."""


class Model(BaseModel):
    """A frozen object with camelCase JSON names; a field it doesn't know is an error.

    Strict: as for the API server, `"5"`, `5.0` and `true` are not the number 5.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=True
    )

    def manifest(self) -> dict[str, Any]:
        """The JSON form: camelCase names, unset (None) fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def parse_duration(text: str | int) -> timedelta:
    """The length of `"1h30m"`, `"500ms"`, `"30"` or `30`; a bare number is seconds.

    Raises:
        ValueError: not a duration, or one of more than ten years.
    """
    if isinstance(text, bool) or not isinstance(text, int | str):
        raise ValueError(_not_a_duration(text))  # noqa: TRY004 - pydantic reports ValueErrors
    if isinstance(text, int) and text < 0:
        message = f"{text} is negative; write seconds from 0"
        raise ValueError(message)
    if isinstance(text, int) or (text.isascii() and text.isdecimal()):
        seconds = float(min(int(text), 10**12))  # float() of a longer number may overflow
    elif _DURATION.fullmatch(text):
        seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(text))
    else:
        raise ValueError(_not_a_duration(text))
    if seconds > _LONGEST.total_seconds():
        message = f"{text!s:.40} is longer than ten years; leave it out to wait without end"
        raise ValueError(message)
    return timedelta(seconds=seconds)


def _not_a_duration(text: object) -> str:
    return f"{text!r:.40} is not a duration; write seconds (30) or a length such as 30s, 5m, 1h30m"


def _checked_duration(value: Any) -> Any:
    parse_duration(value)
    return value


Duration = Annotated[
    str, BeforeValidator(_checked_duration), Field(pattern=DURATION_PATTERN, max_length=32)
]
"""A length of time with a unit, as Go writes it: `30s`, `5m`, `1h30m`."""

DurationOrSeconds = Annotated[
    int | str,
    BeforeValidator(_checked_duration),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "minimum": 0,
            "maxLength": 32,
            "pattern": _DURATION_OR_SECONDS_PATTERN,
        }
    ),
]
"""A length of time: `30` is seconds, `"30s"`, `"5m"`, `"1h30m"` carry their unit."""


_PERCENT: Final = re.compile(r"[0-9]{1,6}%")
_PERCENT_PATTERN: Final = r"^[0-9]{1,6}%$"


def _checked_part(value: Any) -> Any:
    number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= INT32
    if number or (isinstance(value, str) and _PERCENT.fullmatch(value)):
        return value
    message = f"{value!r:.40} is no number of pods; write a whole number (2) or a percentage (25%)"
    raise ValueError(message)


IntOrPercent = Annotated[
    int | str,
    BeforeValidator(_checked_part),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "minimum": 0,
            "maximum": INT32,
            "maxLength": 7,
            "pattern": _PERCENT_PATTERN,
        }
    ),
]
"""Pods: a number of them, or percent of all: `2`, `25%`."""


def part_of(value: int | str, total: int, *, up: bool) -> int:
    """The pods that an IntOrPercent stands for: `part_of("25%", 10, up=True) == 3`.

    Args:
        value: as it was checked.
        total: pods that are 100 %, >= 0.
        up: rounds up; False: down.
    """
    if isinstance(value, int):
        return value
    hundredths = int(value.removesuffix("%")) * total
    return -(-hundredths // 100) if up else hundredths // 100


@functools.lru_cache(_INSTANTS)
def parse_instant(text: str) -> datetime:
    """The aware UTC instant of an RFC 3339 text.

    Raises:
        ValueError: not an instant, or one without a zone.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        message = f"{text!r} has no time zone"
        raise ValueError(message)
    return instant.astimezone(UTC)


@functools.lru_cache(_INSTANTS)
def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: a pause must not end up to a second early."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_written(instant: datetime) -> datetime:
    """As precise as it is written: what is read back must compare equal."""
    utc = instant.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


Instant = Annotated[
    datetime,
    BeforeValidator(lambda value: parse_instant(value) if isinstance(value, str) else value),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant, RFC 3339, UTC."""
