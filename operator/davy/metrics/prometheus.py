"""Prometheus: instant queries through prometheus-api-client, in a bounded set of threads.

The library is synchronous, has no time-out of its own, retries for seconds and throws away what
came beside the data. So: threads of Davy's own; one connection object per thread and address; no
retries (the judge schedules those); a time-out on each socket operation, on the whole body and,
outside, on the wait; and a session (`wire.py`) that keeps the response, so that `warnings` and
`resultType` can be read.

A hung Prometheus occupies at most half of the threads. A thread that was given up goes on until its
socket times out, and its place stays taken until then.
"""

import asyncio
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import urllib3
from prometheus_api_client import PrometheusConnect

from davy.analysis.answer import Answered, NotAnswered, Value
from davy.api.analysis import Metric, PrometheusMetric
from davy.metrics import wire

THREADS: Final = 16
PER_ADDRESS: Final = 8
"""Queries to one address at a time."""
CONNECTIONS: Final = 32
"""Connection objects kept per thread; the least used is closed."""
GRACE: Final = 1.0
"""Seconds that the wait outlasts the HTTP time-out, so that the more telling sentence wins."""


class Prometheus:
    """The provider; one for the process, used from one event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="prometheus")
        self._local = threading.local()
        self._slots: dict[str, asyncio.Semaphore] = {}

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """The answer of one instant query; every failure is a sentence without credentials."""
        query = metric.provider.prometheus
        if query is None:
            return NotAnswered(f"metric {metric.name} names no Prometheus")
        where = wire.shown(query.address)
        seconds = float(query.timeout)
        slot = self._slots.setdefault(query.address, asyncio.Semaphore(PER_ADDRESS))
        try:
            await asyncio.wait_for(slot.acquire(), seconds)
        except TimeoutError:
            return NotAnswered(
                f"{where} wasn't asked: {PER_ADDRESS} queries to it hang for {seconds:g} s already"
            )
        try:
            asked = self._threads.submit(self._ask, query)
        except RuntimeError:
            slot.release()
            return NotAnswered(f"{where} wasn't asked: the operator is stopping")
        asked.add_done_callback(_releases(slot, asyncio.get_running_loop()))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(asked), seconds + GRACE)
        except TimeoutError:
            return NotAnswered(f"{where} did not answer within {seconds:g} s")

    async def close(self) -> None:
        """No thread takes another query; those that wait for an answer end with their time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, query: PrometheusMetric) -> Answered | NotAnswered:
        """Runs in a thread; never raises."""
        session: wire.Session | None = None
        try:
            client, session = self._client(query)
            session.start(float(query.timeout))
            client.headers = {header.key: header.value for header in query.headers or []}
            client.custom_query(
                query.query,
                params={"timeout": f"{query.timeout}s"},
                timeout=session.socket_timeouts,
            )
            return read(session.body, query.address)
        except Exception as error:  # noqa: BLE001 - the one edge where the library's errors become sentences
            return wire.sentence(error, session, query.address, query.timeout)

    def _client(self, query: PrometheusMetric) -> tuple[PrometheusConnect, wire.Session]:
        kept: OrderedDict[tuple[str, bool], tuple[PrometheusConnect, wire.Session]]
        kept = self._local.__dict__.setdefault("kept", OrderedDict())
        key = (query.address, query.insecure)
        if key not in kept:
            if query.insecure:  # the user asked for it; a warning per query helps nobody
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            session = wire.Session(verify=not query.insecure)
            client = PrometheusConnect(
                url=query.address.rstrip("/"), session=session, retry=wire.NO_RETRY
            )
            kept[key] = client, session
        kept.move_to_end(key)
        while len(kept) > CONNECTIONS:
            _, (old, _) = kept.popitem(last=False)
            old.close()
        return kept[key]


def read(body: bytes, address: str) -> Answered | NotAnswered:
    """What a 200 says: a vector as floats in its order, a scalar as a float.

    Args:
        body: the response, JSON.
        address: whom to name in a sentence.
    """
    where = wire.shown(address)
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(data := document.get("data"), dict):
        return NotAnswered(
            f"{where} answered something that isn't Prometheus' JSON: {_start(body)}"
        )
    kind, found = data.get("resultType"), data.get("result")
    warnings = tuple(wire.plain(text) for text in _texts(document.get("warnings")))
    try:
        if kind == "vector" and isinstance(found, list):
            return Answered([_sample(series) for series in found], warnings)
        if kind == "scalar" and isinstance(found, list):
            return Answered(number(found[1]), warnings)
    except (ValueError, TypeError, KeyError, IndexError):
        return NotAnswered(f"{where} answered values that aren't numbers: {_start(body)}")
    if kind in {"matrix", "string"}:
        return NotAnswered(
            f"{where} answered a {kind}; a condition needs an instant vector or a scalar"
        )
    return NotAnswered(f"{where} answered a result of unknown type {wire.plain(str(kind))!r}")


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


def _releases(
    slot: asyncio.Semaphore, loop: asyncio.AbstractEventLoop
) -> Callable[[Future[Any]], None]:
    """Frees the place when the thread is through, which may be after everybody stopped waiting."""

    def done(_: Future[Any]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(slot.release)

    return done
