"""Log lines: constant messages, values as keys; rollout, revision and step on each of a pass."""

import logging
import sys
from typing import Any, Final

import structlog

from davy.controller.settings import LogFormat

_KOPF_REQUESTS: Final = tuple(
    f"kopf._cogs.clients.{module}" for module in ("watching", "fetching", "scanning", "api")
)
_SHORT: Final = 300


def configure(form: LogFormat, level: str) -> None:
    """All log lines of the process, the libraries' too, go to standard error in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    ends: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form is LogFormat.JSON
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ends],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for told in ("kubernetes", "urllib3"):  # Davy says it in a sentence, without what was sent
        logging.getLogger(told).setLevel(logging.CRITICAL)
    for name in _KOPF_REQUESTS:
        logging.getLogger(name).addFilter(_short)
    for noisy in ("kopf", "asyncio", "aiohttp"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _short(record: logging.LogRecord) -> bool:
    """Failed requests of kopf: they are tried again, so a warning, without the whole answer."""
    record.levelno, record.levelname = logging.WARNING, "WARNING"
    text = record.getMessage()
    record.msg, record.args = (text if len(text) <= _SHORT else text[:_SHORT] + "…"), ()
    return True
