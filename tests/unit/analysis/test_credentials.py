"""Which texts of a question may hold a secret, and who learns of it."""

from typing import Any

import pytest

from davy.analysis import credentials, substitute
from davy.api.analysis import Metric

ADDRESS, TOKENS = "https://metrics", "https://login/token"
HEADERS = [{"key": "X-Token", "value": "Bearer {{args.a}}"}]
OAUTH2 = {"oauth2": {"tokenUrl": TOKENS, "clientId": "{{args.b}}", "clientSecret": "{{ args.c }}"}}
BASIC = {"basicAuth": {"username": "{{args.b}}", "password": "{{args.c}}{{args.a}}"}}

FILLED = {"basicAuth": {"username": "2", "password": "31"}}


def a_metric(kind: str, **asked: Any) -> Metric:
    """Of Prometheus or web."""
    where = {"address": ADDRESS, "query": "up"} if kind == "prometheus" else {"url": ADDRESS}
    return Metric.model_validate({"name": "m", "provider": {kind: {**where, **asked}}})


@pytest.mark.parametrize("kind", ["prometheus", "web"])
@pytest.mark.parametrize(
    ("login", "learn"),
    [
        (None, {"a": {ADDRESS}}),
        (OAUTH2, {"a": {ADDRESS}, "b": {TOKENS, ADDRESS}, "c": {TOKENS, ADDRESS}}),
        (BASIC, {"a": {ADDRESS}, "b": {ADDRESS}, "c": {ADDRESS}}),
    ],
)
def test_who_learns_of_a_secret(kind: str, login: Any, learn: dict[str, set[str]]) -> None:
    """A client's secret goes to tokenUrl, and the token that it buys to the address."""
    metric = a_metric(kind, headers=HEADERS, authentication=login)
    assert credentials.uses(metric) == learn


@pytest.mark.parametrize("kind", ["prometheus", "web"])
def test_a_question_may_have_no_headers(kind: str) -> None:
    """Or nothing at all that holds a secret."""
    bare = a_metric(kind)
    assert credentials.uses(bare) == {}
    assert credentials.filled(bare, {"a": "1"}) == bare
    asked = credentials.filled(a_metric(kind, authentication=BASIC), {"a": "1", "b": "2", "c": "3"})
    assert (asked.provider.prometheus or asked.provider.web) == (
        getattr(a_metric(kind, authentication=FILLED).provider, kind)
    )


@pytest.mark.parametrize("kind", ["prometheus", "web"])
@pytest.mark.parametrize("login", [OAUTH2, BASIC])
def test_what_may_hold_a_secret_is_what_is_filled_in(kind: str, login: Any) -> None:
    """Else a placeholder would be sent as it stands, or a secret be refused where it may be."""
    metric = a_metric(kind, headers=HEADERS, authentication=login)
    kept, wrong = substitute.filled(metric, {}, {"a", "b", "c"}, "AnalysisTemplate t")
    assert (kept, wrong) == (metric, [])
    asked = credentials.filled(metric, {"a": "1", "b": "2", "c": "3"})
    assert substitute.names(asked.manifest()) == frozenset()
    assert substitute.names(metric.manifest()) == {"a", "b", "c"}
    assert credentials.filled(metric, {}) is metric


@pytest.mark.parametrize(
    ("kind", "asked", "path"),
    [
        ("web", {"url": "https://x/{{args.a}}"}, "url"),
        ("web", {"method": "POST", "body": "{{args.a}}"}, "body"),
        (
            "web",
            {"method": "POST", "jsonBody": {"headers": [{"value": "{{args.a}}"}]}},
            "jsonBody.headers[0].value",
        ),
        (
            "web",
            {"jsonBody": {"x": {"provider": {"web": {"headers": [{"value": "{{args.a}}"}]}}}}},
            "jsonBody.x.provider.web.headers[0].value",
        ),
        ("web", {"jsonPath": "{$.{{args.a}}}"}, "jsonPath"),
        ("web", {"headers": [{"key": "{{args.a}}", "value": "x"}]}, "headers[0].key"),
        ("prometheus", {"query": "vector({{args.a}})"}, "query"),
        (
            "prometheus",
            {"rangeQuery": {"start": "{{args.a}}", "end": "now()", "step": "1m"}},
            "rangeQuery.start",
        ),
        (
            "prometheus",
            {"authentication": {"oauth2": {**OAUTH2["oauth2"], "tokenUrl": "https://{{args.a}}"}}},
            "authentication.oauth2.tokenUrl",
        ),
    ],
)
def test_nothing_else_may_hold_a_secret(kind: str, asked: Any, path: str) -> None:
    """A body comes back in logs of servers, a path of a URL in everybody's."""
    _, (wrong,) = substitute.filled(
        a_metric(kind, **asked), {}, {"a", "b", "c"}, "AnalysisTemplate t"
    )
    assert wrong.path == f"AnalysisTemplate t: metrics[m].provider.{kind}.{path}"
    assert wrong.message == (
        "uses {{args.a}}, a secret; only values of headers and of authentication may hold one"
    )
