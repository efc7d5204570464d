"""Prometheus: instant queries through prometheus-api-client, in a bounded set of threads.

The library is synchronous, has no time-out of its own, retries for seconds and throws away what
came beside the data. So: threads of Davy's own; no retries (the judge schedules those); a question
whose time is over is cut off (`line.py`), so that its thread is free again whatever the server
does; and a session that keeps the response, so that `warnings` and `resultType` can be read.

Only a look-up of a name can't be cut: it holds its thread until the resolver gives up.
"""

import asyncio
import json
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import urllib3
from prometheus_api_client import PrometheusConnect

from davy.analysis.answer import Answered, NotAnswered, Value
from davy.api.analysis import Metric, PrometheusMetric
from davy.metrics import wire
from davy.metrics.addresses import Addresses
from davy.metrics.line import CONNECT_SECONDS, NO_RETRY, Line, Session

THREADS: Final = 32
SERIES: Final = 10_000
"""The most that an answer may have: a condition looks at each one."""


class Prometheus:
    """The provider; one for the process, used from one event loop.

    Args:
        addresses: that may be called.
    """

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="prometheus")

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """The answer of one instant query; every failure is a sentence without credentials."""
        query = metric.provider.prometheus
        if query is None:
            return NotAnswered(f"metric {metric.name} names no Prometheus")
        where, line = wire.shown(query.address), Line(self._addresses)
        try:
            asked = self._threads.submit(self._ask, query, line)
        except RuntimeError:
            return NotAnswered(f"{where} wasn't asked: the operator is stopping")
        try:
            async with asyncio.timeout(query.timeout):
                return await asyncio.wrap_future(asked)
        except TimeoutError:
            line.cut()
            await asyncio.wait({asyncio.wrap_future(asked)})  # who asks holds a place till then
            if line.begun:
                return NotAnswered(f"{where} did not answer within {query.timeout} s")
            return NotAnswered(f"{where} wasn't asked: {THREADS} questions are under way already")
        finally:
            line.cut()

    async def close(self) -> None:
        """No thread takes another query; those that wait for an answer are cut off."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, query: PrometheusMetric, line: Line) -> Answered | NotAnswered:
        """Runs in a thread; never raises."""
        line.begun = True
        session: Session | None = None
        try:
            if query.insecure:  # the user asked for it; a warning per query helps nobody
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            session = Session(query.address, self._addresses, line, verify=not query.insecure)
            headers = {header.key: header.value for header in query.headers or []}
            address = query.address.rstrip("/")
            client = PrometheusConnect(address, headers, retry=NO_RETRY, session=session)
            client.custom_query(
                query.query,
                params={"timeout": f"{query.timeout}s"},
                timeout=(min(query.timeout, CONNECT_SECONDS), query.timeout),
            )
            return read(session.body, query.address)
        except Exception as error:  # noqa: BLE001 - the one edge where the library's errors become sentences
            return wire.sentence(error, session, query.address, query.timeout)
        finally:
            if session is not None:
                session.close()


def read(body: bytes, address: str) -> Answered | NotAnswered:
    """What a 200 says: a vector as floats in its order, a scalar as a float.

    Args:
        body: the response, JSON.
        address: whom to name in a sentence.
    """
    where = wire.shown(address)
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(data := document.get("data"), dict):
        return NotAnswered(f"{where} answered something that isn't Prometheus' JSON", _start(body))
    kind, found = data.get("resultType"), data.get("result")
    if kind in {"matrix", "string"}:
        return NotAnswered(
            f"{where} answered a {kind}; a condition needs an instant vector or a scalar"
        )
    if kind not in {"vector", "scalar"} or not isinstance(found, list):
        return NotAnswered(f"{where} answered a result of unknown type", wire.plain(str(kind)))
    if len(found) > SERIES:
        return NotAnswered(f"{where} answered {len(found)} series; at most {SERIES} are read")
    try:
        value = [_sample(series) for series in found] if kind == "vector" else number(found[1])
    except (ValueError, TypeError, KeyError, IndexError):
        return NotAnswered(f"{where} answered values that aren't numbers", _start(body))
    return Answered(value, tuple(wire.plain(text) for text in _texts(document.get("warnings"))))


def number(text: object) -> float:
    """The float of a sample's text: `0.5`, `NaN`, `+Inf`, `-Inf`.

    Raises:
        ValueError: it is no number.
    """
    if not isinstance(text, str) or "_" in text:
        raise ValueError(f"{text!r} is not a sample")
    value = float(text)
    return math.nan if math.isnan(value) else value


def _sample(series: Mapping[str, Any]) -> Value:
    if "value" not in series:
        raise ValueError("a histogram has no single value")
    return number(series["value"][1])


def _texts(warnings: object) -> list[str]:
    return (
        [text for text in warnings if isinstance(text, str)] if isinstance(warnings, list) else []
    )


def _start(body: bytes) -> str:
    return wire.plain(body[: wire.BODY_SHOWN * 4].decode(errors="replace"))
