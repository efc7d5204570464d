"""What the log says."""

import io
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from davy.controller import logs
from davy.controller.settings import LogFormat

_SET = ("kubernetes", "urllib3", "kopf", "asyncio", "aiohttp")


@pytest.fixture
def told() -> Iterator[Callable[[], str]]:
    """Everything that was logged, by Davy and by libraries, at DEBUG."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in _SET}
    logs.configure(LogFormat.JSON, "DEBUG")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    text = io.StringIO()
    handler.setStream(text)
    yield text.getvalue
    root.handlers[:], level = before
    root.setLevel(level)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()
