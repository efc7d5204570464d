"""A provider whose measurement is one HTTP request: what it asks, and how the answer is read.

Vendors have clients of their own; none is used. There is one way to ask, so that every question has
the same list of addresses that may be called, the same bounds and the same sentences.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

import requests

from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from davy.api.providers import Authentication
from davy.metrics import documents, wire
from davy.metrics.addresses import Addresses
from davy.metrics.asking import Asker, Question
from davy.metrics.clock import Now
from davy.metrics.line import Session, Timeout

_SUCCESS: Final = range(200, 300)


def _nothing(body: bytes) -> str:
    del body
    return ""


@dataclass(frozen=True)
class Request:
    """What is sent, and to whom."""

    url: str
    seconds: int
    """To wait for the answer."""
    read: Callable[[bytes, str], Answered]
    """What a 2xx says, of its body and of its URL; raises `documents.Unreadable`."""
    params: tuple[tuple[str, str], ...] = ()
    """Of the query."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """May hold credentials."""
    json: Mapping[str, Any] | None = None
    """Posted; None: it is a GET."""
    authentication: Authentication | None = None
    refusal: Callable[[bytes], str] = _nothing
    """What to do about an error, in Davy's words, of its body; "": nobody knows."""


class OneRequest:
    """The provider; one for the process, used from one event loop.

    Args:
        name: of its threads.
        request: what a metric asks at this moment; or the sentence that says why it can't.
        addresses: that may be called.
        now: the present, UTC.
    """

    def __init__(
        self,
        name: str,
        request: Callable[[Metric, datetime], Request | NotAnswered],
        addresses: Addresses,
        now: Now,
    ) -> None:
        self._request = request
        self._now = now
        self._asker = Asker(addresses, now, name)

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """What the provider answers; every failure is a sentence without credentials."""
        asked = self._request(metric, self._now())
        if isinstance(asked, NotAnswered):
            return asked
        return await self._asker.ask(
            Question(
                address=asked.url,
                seconds=asked.seconds,
                insecure=False,
                ca_cert=None,
                authentication=asked.authentication,
                put=partial(_put, asked),
            )
        )

    async def close(self) -> None:
        """See `Asker.close`."""
        await self._asker.close()


def _put(asked: Request, session: Session, timeout: Timeout) -> Answered | NotAnswered:
    session.request(
        "GET" if asked.json is None else "POST",
        asked.url,
        params=asked.params,
        headers=dict(asked.headers),
        json=asked.json,
        timeout=timeout,
    )
    if session.status not in _SUCCESS:
        if why := asked.refusal(session.body):
            return NotAnswered(f"{wire.shown(asked.url)} answered {session.status}: {why}")
        raise requests.HTTPError
    try:
        return asked.read(session.body, asked.url)
    except documents.Unreadable as error:
        return error.answer
