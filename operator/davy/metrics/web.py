"""Any HTTP server that answers with JSON: Argo's web metric.

Where Argo takes a body that isn't JSON for a success, Davy takes it for no answer: a login page is
no evidence.
"""

import json
from functools import partial
from typing import Final

import requests
from requests.structures import CaseInsensitiveDict

from davy.analysis import jsonpath
from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from davy.api.errors import JsonPathError
from davy.api.providers import WebMetric
from davy.metrics import documents, wire
from davy.metrics.addresses import Addresses
from davy.metrics.asking import Asker, Question
from davy.metrics.clock import Now
from davy.metrics.line import Session, Timeout

_SUCCESS: Final = range(200, 300)


class Web:
    """The provider; one for the process, used from one event loop.

    Args:
        addresses: that may be called.
        now: the present, UTC.
    """

    def __init__(self, addresses: Addresses, now: Now) -> None:
        self._asker = Asker(addresses, now, "web")

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """What jsonPath leads to in the answer; every failure is a sentence without credentials."""
        asked = metric.provider.web
        if asked is None:
            return NotAnswered(f"metric {metric.name} names no web address")
        return await self._asker.ask(
            Question(
                address=asked.url,
                seconds=asked.timeout_seconds,
                insecure=asked.insecure,
                ca_cert=None,
                authentication=asked.authentication,
                put=partial(_put, asked),
            )
        )

    async def close(self) -> None:
        """See `Asker.close`."""
        await self._asker.close()


def _put(asked: WebMetric, session: Session, timeout: Timeout) -> Answered | NotAnswered:
    headers = CaseInsensitiveDict({header.key: header.value for header in asked.headers or ()})
    body = None if asked.body is None else asked.body.encode(errors="replace")
    if asked.json_body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(asked.json_body).encode()
    session.request(asked.method, asked.url, headers=headers, data=body, timeout=timeout)
    if session.status not in _SUCCESS:
        raise requests.HTTPError
    return read(session.body, asked)


def read(body: bytes, asked: WebMetric) -> Answered | NotAnswered:
    """What a 2xx says: the first value that jsonPath leads to.

    Args:
        body: the response.
        asked: the question; says whom to name in a sentence.
    """
    where, path = wire.shown(asked.url), asked.json_path or jsonpath.WHOLE
    try:
        found = jsonpath.found(path, documents.parsed(body, where))
    except documents.Unreadable as error:
        return error.answer
    except JsonPathError as error:
        return NotAnswered(f"{where}: jsonPath {error}")
    several = f"jsonPath {path:.100} leads to {len(found)} values; the first is judged"
    return Answered(found[0], (several,) if len(found) > 1 else ())
