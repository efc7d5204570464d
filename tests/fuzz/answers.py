"""What comes back from providers, and the expressions that are read or used on the way."""

import json
from functools import partial
from random import Random
from typing import Any, Final

from davy.analysis import jsonpath, judge, schedule, timespan
from davy.analysis.answer import Answered, Decided, Measured, NotAnswered, Value, hidden
from davy.analysis.limits import JudgeDefaults
from davy.api import errors
from davy.api.analysis import Metric
from davy.api.group import ARGO, DAVY
from davy.api.providers import MetricProvider, PrometheusMetric, RangeQuery, WebMetric
from davy.controller import runs
from davy.metrics import documents, kayenta, prometheus, web, wire
from tests.fuzz import expressions, strange
from tests.unit.analysis.runs import NOW
from tests.unit.api.documents import KAYENTA
from tests.unit.metrics.vendors import VENDORS

_ADDRESS: Final = "http://prometheus:9090"
_LONGEST: Final = 2000
"""Characters of a sentence."""


def provider(random: Random) -> None:
    """Whatever a Prometheus sends is an answer or a sentence, and is judged to a status."""
    body = _body(random)
    answer: Answered | NotAnswered
    try:
        answer = prometheus.read(body, _ADDRESS)
    except Exception as error:  # noqa: BLE001  # where the provider itself makes a sentence of it
        answer = wire.sentence(error, None, _ADDRESS, 30)
        assert "could not be asked" not in str(answer), (error, body[:200])
    judged(random, answer)


def web_answer(random: Random) -> None:
    """So is whatever another server sends; if it was sent a secret, no text of it is told."""
    path = random.choice((None, _path(random)))
    asked = WebMetric(url=_ADDRESS, json_path=path and path[:1024].replace("\ud800", ""))
    body = _body(random)
    answer = web.read(body, asked)
    told = hidden(answer)
    judged(random, random.choice((answer, told)))
    if isinstance(told, Answered):
        assert not [text for text in _texts(told.shown) if not text.startswith("***")]


def vendor_answer(random: Random) -> None:
    """So is whatever a vendor sends, in its own format or in none."""
    vendor = VENDORS[random.choice(sorted(VENDORS))]
    good = vendor.good if random.random() < 0.9 else vendor.empty
    try:
        body = _written(strange.mutated(json.loads(good), random), random)
    except ValueError:  # CSV
        body = _with_noise(good.encode(), random)
    answer: Answered | NotAnswered
    try:
        answer = vendor.read(body, _ADDRESS)
    except documents.Unreadable as error:
        assert len(str(error.answer)) < _LONGEST
        answer = error.answer
    judged(random, answer)


def judgement(random: Random) -> None:
    """Whatever Kayenta sends is an id, a score or none, or a sentence."""
    provider = MetricProvider.model_validate({"kayenta": KAYENTA}, by_alias=True, by_name=False)
    asked = provider.kayenta
    assert asked is not None
    score = {"judgeResult": {"score": {"score": 90.5}, "results": [{"classification": "Pass"}]}}
    good: strange.Json = random.choice(
        (
            {"complete": True, "status": "succeeded", "result": score},
            {kayenta.EXECUTION: "01HZX"},
            {"configs": [{"name": "latency", "id": "1"}, {"name": "b", "id": "2"}]},
        )
    )
    made = strange.mutated(good, random)
    body = _written(made.get("configs", made) if isinstance(made, dict) else made, random)
    try:
        found = kayenta.read_score(body, _ADDRESS)
        assert found is None or isinstance(kayenta.decided(found, asked), Decided)
    except documents.Unreadable as error:
        assert len(str(error.answer)) < _LONGEST
    for read in (kayenta.read_begun, partial(kayenta.read_config, asked=asked)):
        try:
            assert read(body, _ADDRESS)
        except documents.Unreadable as error:
            assert len(str(error.answer)) < _LONGEST


def json_path(random: Random) -> None:
    """A path leads to values, or a sentence says why not, in bounded time."""
    source = _path(random)
    document: Any = strange.value(random)
    if random.random() < 0.7:
        document = strange.mutated(_DOCUMENT, random, deep=False)
    try:
        assert jsonpath.found(source, document)
    except errors.JsonPathError as error:
        assert 0 < len(str(error)) < _LONGEST, error


def times(random: Random) -> None:
    """The times of a range query are instants in order, or a sentence names the field."""
    start, end = (_time(random, random.randrange(4)) for _ in range(2))
    step = random.choice(("1m", "15s", "0s", "1ns", "9000h", str(random.choice(strange.TEXTS))))
    query = RangeQuery.model_construct(start=start, end=end, step=step)
    for field, message in timespan.check(query):
        assert field in {"start", "end", "step"}
        assert 0 < len(message) < _LONGEST, message
    try:
        span = timespan.of(query, NOW)
    except errors.ConditionError as error:
        assert str(error).startswith("rangeQuery."), error
        assert len(str(error)) < _LONGEST, error
    else:
        assert (span.end - span.start) // span.step < timespan.POINTS


def foreign_provider(random: Random) -> None:
    """So is whatever a third party's provider answers."""
    value: Value = expressions.answer(random)
    warning = str(random.choice(strange.TEXTS))
    judged(random, Answered(value, (warning,)) if random.random() < 0.9 else NotAnswered(warning))


def judged(random: Random, answer: Answered | NotAnswered) -> None:
    """An answer to a metric with strange conditions ends in a status that can be written."""
    asked = PrometheusMetric(address=_ADDRESS, query="up")
    source = expressions.expression(random)[:2048].replace("\ud800", "")
    metric = Metric(
        name="m",
        provider=MetricProvider(prometheus=asked),
        success_condition=random.choice((None, "result[0] > 1", source)),
        failure_condition=random.choice((None, None, "len(result) == 0")),
    )
    run = runs.parse({"metadata": {"name": "r"}, "spec": {"metrics": [metric.manifest()]}})
    defaults = JudgeDefaults.of(random.choice((DAVY, ARGO)))
    measured = {"m": Measured(answer, NOW, NOW)}
    status = judge.record(run, measured, NOW, defaults=defaults)
    text = json.dumps(status.model_dump(mode="json", by_alias=True), allow_nan=False)
    assert len(text) < 40_000, len(text)
    judge.verdict(run.model_copy(update={"status": status}))
    schedule.due(run.model_copy(update={"status": status}), NOW, defaults=defaults)


def _path(random: Random) -> str:
    if random.random() < 0.05:
        return str(random.choice(strange.TEXTS))
    steps = "".join(random.choice(_PATH_STEPS) for _ in range(random.choice((0, 1, 2, 3, 9, 30))))
    text = "{" + random.choice(("$", "", "@", "$$")) + steps + "}"
    while random.random() < 0.2:
        at = random.randrange(len(text) + 1)
        noise = random.choice(("{", "}", "[", "]", "'", '"', "\\", "?", "(", ")", "\x00", "\ud800"))
        text = text[:at] + noise + text[at + random.choice((0, 1, 5)) :]
    return text


def _time(random: Random, depth: int) -> str:
    if depth <= 0 or random.random() < 0.1:
        return random.choice(_TIMES)
    return f"{_time(random, depth - 1)} {random.choice('+-+-*')} {_time(random, depth - 1)}"


def _texts(value: Value) -> list[str]:
    """All texts in an answer, keys too."""
    found, todo = [], [value]
    while todo:
        here = todo.pop()
        if isinstance(here, str):
            found.append(here)
        elif isinstance(here, dict):
            todo += [*here, *here.values()]
        elif isinstance(here, list):
            todo += here
    return found


def _body(random: Random) -> bytes:
    series = {"metric": {"pod": "a"}, "value": [1700000000.1, "0.5"]}
    good = {"status": "success", "data": {"resultType": "vector", "result": [series] * 2}}
    return _written(strange.mutated({**good, "warnings": ["w"]}, random), random)


def _written(made: Any, random: Random) -> bytes:
    """As JSON, with some noise."""
    try:
        text = json.dumps(made)
    except (ValueError, RecursionError):  # more digits, or levels, than Python writes
        text = '{"data": {"resultType": "vector", "result": [' + "9" * 5000 + "]}}"
    return _with_noise(text.encode(errors="surrogatepass"), random)


def _with_noise(body: bytes, random: Random) -> bytes:
    while random.random() < 0.3:
        at = random.randrange(len(body) + 1)
        noise = random.choice(
            (b"\xff", b"\x00", b"{", b"[" * 3000, b'"', b"1e999", b"NaN", b"", b"\\ud800")
        )
        body = body[:at] + noise + body[at + random.choice((0, 1, 20)) :]
    return body


_PATH_STEPS: Final = (
    *(".data", ".result", ".value", ".a", ".items", "['data']", '["a.b"]', ".a\\.b", ".é", ".-"),
    *("[0]", "[-1]", "[999999999]", "[*]", ".*", "[0:2]", "[:]", "[-1:]", "..", "..a", "..[0]"),
    *("[?(@.a)]", "[?(@.value == 'x')]", "[?(@.a>=1.5)]", "[?(@ != true)]", "[?(@.a[0] < 3)]"),
    *("[1,2]", "[::2]", "[ 0 ]", "['a','b']", "[", ".", "x"),
)
_DOCUMENT: Final[strange.Json] = {
    "data": {"result": [{"value": [1, "0.5"], "a": 1}, {"value": "x", "a": None}], "a.b": True},
    "items": [[1, 2], [3, [4, {"a": {"a": {"a": 5}}}]]],
    "a": {"a": {"a": {"b": [1, 2, 3]}}},
}
_TIMES: Final = (
    *("now()", "now()", 'duration("5m")', "duration('1h30m')", 'duration("-99999h")', "now(1)"),
    *(
        'date("2026-01-02T03:04:05Z")',
        'date("0001-01-01T00:00:00+23:59")',
        'date("x")',
        "5",
        "(now())",
    ),
    *(
        'date("9999-12-31T23:59:59Z")',
        "len(now())",
        "now",
        "result",
        "-now()",
        "(",
        "date()",
        "nil",
    ),
)
