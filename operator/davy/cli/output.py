"""Printing: consoles that know when colours are wanted, and `-o json|yaml|name`."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import click
import yaml
from rich.console import Console, RenderableType


def console() -> Console:
    """Standard output; rich leaves colours out on a pipe, with NO_COLOR and with TERM=dumb."""
    return Console(highlight=False, soft_wrap=False)


def show(drawing: RenderableType, on: Console) -> None:
    """Print a drawing: cut to a terminal's width, whole on a pipe, with no blanks at line ends."""
    if on.is_terminal:
        on.print(drawing)
        return
    wide = Console(width=_PIPE_WIDTH, color_system=None, highlight=False)
    with wide.capture() as captured:
        wide.print(drawing)
    click.echo(re.sub(r" +$", "", captured.get(), flags=re.MULTILINE), nl=False)


_PIPE_WIDTH = 500
"""A line on a pipe is a record: long messages stay on it."""


def data(value: Any) -> Any:
    """JSON types of a view: fields in camelCase, instants as RFC 3339."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_camel(f.name): data(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        from davy.api.fields import format_instant  # noqa: PLC0415 `davy version` has none

        return format_instant(value)
    if isinstance(value, Mapping):
        return {str(key): data(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [data(item) for item in value]
    return value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


class Plain(yaml.SafeDumper):
    """Repeats equal parts instead of referring to them: not every reader of YAML knows anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        """Never an anchor."""
        return True


def many(count: int, what: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def dump(value: Any, form: str, *, compact: bool = False) -> None:
    """Print JSON or YAML; `compact` makes a stream: JSON a line each, YAML begun by ---."""
    plain = data(value)
    if form == "yaml":
        start = "---\n" if compact else ""
        click.echo(start + yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), nl=False)
    else:
        click.echo(json.dumps(plain, indent=None if compact else 2, ensure_ascii=False))
