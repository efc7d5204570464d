"""What a Prometheus remembers: samples of counters, and answers to queries."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.analysis.runs import NOW

QUERY = re.compile(r"(last_over_time|count_over_time)?\(?(.*)\[(\w+)\]\)?", re.DOTALL)


class Memory:
    """A Prometheus of few words: a selector is the name of a metric, its series have pods.

    Any other query is one of `values`.
    """

    def __init__(self) -> None:
        self.samples: dict[tuple[str, str], list[tuple[datetime, Any]]] = {}
        self.values: dict[str, Callable[[datetime], float | None]] = {}
        """What a query has at an instant; None: nothing."""
        self.refuse: dict[str, tuple[int, str]] = {}
        """Status and error text, by a part of the query."""
        self.warnings: list[str] = []
        self.limit = 10**9
        """The most points of an answer in one test."""

    def scraped(self, name: str, after: float, value: object, pod: str = "a") -> None:
        """A sample so many seconds after NOW."""
        moment = NOW + timedelta(seconds=after)
        self.samples.setdefault((name, pod), []).append((moment, str(value)))

    def took(self, name: str, after: float, *buckets: tuple[str, str, int]) -> None:
        """A sample that is a native histogram."""
        moment = NOW + timedelta(seconds=after)
        total = str(sum(number for *_, number in buckets))
        shown = [[0, left, right, str(number)] for left, right, number in buckets]
        sample = {"count": total, "sum": "1", "buckets": shown}
        self.samples.setdefault((name, "a"), []).append((moment, sample))

    def answer(self, asked: dict[str, str]) -> tuple[int, bytes]:
        for part, (status, error) in self.refuse.items():
            if part in asked["query"]:
                return status, json.dumps({"status": "error", "error": error}).encode()
        if asked["query"] in self.values:
            return 200, _vector(asked, self.values[asked["query"]])
        found = QUERY.fullmatch(asked["query"])
        assert found is not None, asked["query"]
        function, selector, length = found.groups()
        end = float(asked["time"])
        start = end - (3600 if length == "1h" else int(length.removesuffix("ms")) / 1000)
        result: list[dict[str, Any]] = []
        for (name, pod), samples in self.samples.items():
            within: list[list[Any]] = [
                [round(at.timestamp(), 3), value]
                for at, value in samples
                if start <= round(at.timestamp(), 3) <= end  # closed, as before Prometheus 3
            ]
            labels = (
                {"pod": pod} if function == "count_over_time" else {"pod": pod, "__name__": name}
            )
            if name != selector or not within:
                continue
            native = "histogram" if isinstance(within[-1][1], dict) else "value"
            if function is None:
                result.append({"metric": labels, f"{native}s": within})
            elif function == "last_over_time":
                result.append({"metric": labels, native: [end, within[-1][1]]})
            else:
                result.append({"metric": labels, "value": [end, str(len(within))]})
        kind = "vector" if function else "matrix"
        data = {"resultType": kind, "result": result}
        return 200, json.dumps(
            {"status": "success", "data": data, "warnings": self.warnings}
        ).encode()


def _vector(asked: dict[str, str], value: Callable[[datetime], float | None]) -> bytes:
    at = float(asked["time"])
    found = value(datetime.fromtimestamp(at, UTC))
    result = [] if found is None else [{"metric": {}, "value": [at, str(found)]}]
    data = {"resultType": "vector", "result": result}
    return json.dumps({"status": "success", "data": data}).encode()
