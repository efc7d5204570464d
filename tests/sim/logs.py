"""What the operator logs as an error: a pass that raised is a defect, whatever came of it."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from logging import ERROR
from typing import Any

import structlog

_heard: list[str] = []


@contextmanager
def heard() -> Iterator[list[str]]:
    """The errors that are logged inside the block, as they come; nothing else is kept."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, _hear],
        wrapper_class=structlog.make_filtering_bound_logger(ERROR),
        cache_logger_on_first_use=False,
    )
    _heard.clear()
    try:
        yield _heard
    finally:
        structlog.configure(**before)


def _hear(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    _heard.append(f"{event['event']}: {event.get('exception', '')}")
    raise structlog.DropEvent
