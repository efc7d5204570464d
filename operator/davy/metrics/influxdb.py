"""InfluxDB 2 and its successors that speak Flux: POST /api/v2/query, which answers annotated CSV.

Tables are apart by blank lines; in front of each stand rows that begin with `#`, of which
`#datatype` says how a cell is read and `#default` what an empty one means. An error that comes
after the answer has begun is a table with the columns `error` and `reference`. InfluxData describes
it as "Annotated CSV".
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from davy.analysis.answer import Answered, NotAnswered, Value
from davy.api.analysis import Metric
from davy.metrics import documents, wire
from davy.metrics.one_request import Request

_SECONDS: Final = 30
_VALUE: Final = "_value"
_ERROR: Final = "error"
_NUMBERS: Final = frozenset({"double", "long", "unsignedLong"})
_TRUTHS: Final = {"true": True, "false": False}


def request(metric: Metric, now: datetime) -> Request | NotAnswered:
    """What a metric asks; a query has its own times."""
    del now
    asked = metric.provider.influxdb
    if asked is None:
        return NotAnswered(f"metric {metric.name} names no InfluxDB")
    return Request(
        url=f"{asked.login['address'].rstrip('/')}/api/v2/query",
        seconds=_SECONDS,
        read=read,
        params=(("org", asked.login["org"]),),
        headers={
            "Authorization": f"Token {asked.login['authToken']}",
            "Accept": "application/csv",
        },
        json={
            "query": asked.query,
            "type": "flux",
            "dialect": {"header": True, "annotations": ["datatype", "group", "default"]},
        },
    )


@dataclass(frozen=True)
class _Table:
    """How the rows of one table are read."""

    kinds: list[str]
    """Types of the columns."""
    defaults: list[str]
    names: list[str]


def read(body: bytes, address: str) -> Answered:
    """What a 200 says: `_value` of all records of all tables, in their order; NaN where null."""
    where = wire.shown(address)
    try:
        values = [*_values(body.decode(), where)]
    except (UnicodeDecodeError, csv.Error, ValueError):
        why = f"{where} answered something that isn't annotated CSV"
        raise documents.Unreadable(why, wire.start(body)) from None
    if len(values) > documents.POINTS:
        raise documents.Unreadable(
            f"{where} answered {len(values)} records; at most {documents.POINTS} are read, so let "
            "the query aggregate them"
        )
    return Answered(values)


def _values(text: str, where: str) -> Iterator[Value]:
    notes: dict[str, list[str]] = {}
    table: _Table | None = None
    for row in csv.reader(io.StringIO(text, newline=""), strict=True):
        if not row:
            notes, table = {}, None
        elif row[0].startswith("#"):
            notes = {**(notes if table is None else {}), row[0]: row}
            table = None
        elif table is None:
            table = _Table(notes.get("#datatype", []), notes.get("#default", []), row)
            _check(table, where)
        else:
            cells = dict(zip(table.names, row, strict=True))
            if _ERROR in cells and _VALUE not in cells:
                raise documents.refused(where, cells[_ERROR])
            yield _value(table, cells)


def _check(table: _Table, where: str) -> None:
    if _ERROR in table.names and _VALUE not in table.names:
        return
    if len(table.kinds) != len(table.names):
        raise ValueError("no types")
    if _VALUE not in table.names:
        why = f"{where} answered a table without the column {_VALUE}; let the query keep it"
        raise documents.Unreadable(why)


def _value(table: _Table, cells: Mapping[str, str]) -> Value:
    place = table.names.index(_VALUE)
    kind, cell = table.kinds[place], cells[_VALUE]
    if not cell and place < len(table.defaults):
        cell = table.defaults[place]
    if kind in _NUMBERS:
        return _number(cell)
    if kind == "boolean":
        return _TRUTHS.get(cell)
    return cell


def _number(cell: str) -> float:
    """NaN: it is null.

    Raises:
        ValueError: it is no number.
    """
    if "_" in cell:
        raise ValueError(cell)
    return float(cell) if cell else math.nan
