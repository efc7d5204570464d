"""What the question to a vendor's provider must hold beyond its fields."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

from davy.api import lengths, urls
from davy.api.analysis import Metric
from davy.api.arguments import has_placeholder, is_placeholder
from davy.api.errors import Finding
from davy.api.fields import IntOrText, parse_instant
from davy.api.findings import shown
from davy.api.providers import MetricProvider
from davy.api.vendors import (
    CloudWatchMetric,
    DatadogMetric,
    GraphiteMetric,
    KayentaMetric,
    KayentaScopeDetail,
    WavefrontMetric,
)

_SECONDS: Final = re.compile(r"[1-9][0-9]{0,8}")
_ID: Final = re.compile(r"[a-z][A-Za-z0-9_]*")
"""As CloudWatch has them."""


def findings(provider: MetricProvider, path: str) -> Iterator[Finding]:
    """Everything wrong in the question."""
    if provider.graphite is not None:
        at = f"{path}.graphite"
        yield from urls.findings(provider.graphite.address, f"{at}.address")
        yield from _graphite(provider.graphite, at)
    elif provider.datadog is not None:
        yield from _datadog(provider.datadog, f"{path}.datadog")
    elif provider.wavefront is not None:
        yield from _wavefront(provider.wavefront, f"{path}.wavefront")
    elif provider.cloud_watch is not None:
        yield from _cloud_watch(provider.cloud_watch, f"{path}.cloudWatch")
    elif provider.kayenta is not None:
        at = f"{path}.kayenta"
        yield from urls.findings(provider.kayenta.address, f"{at}.address")
        yield from _kayenta(provider.kayenta, at)
    elif provider.skywalking is not None:
        at = f"{path}.skywalking"
        yield from urls.findings(provider.skywalking.address, f"{at}.address")
        yield from lengths.above_nothing(provider.skywalking.interval, f"{at}.interval", "5m")


def doubts(provider: MetricProvider, path: str) -> Iterator[Finding]:
    """What is allowed and yet looks like a slip."""
    asked = provider.graphite
    if asked is not None and not any(name == "from" for name, _ in _parameters(asked.query)):
        message = "has no from, so Graphite answers for a whole day; add &from=-5min"
        yield Finding(f"{path}.graphite.query", message)


def times(metric: Metric, path: str) -> Iterator[Finding]:
    """What is wrong in the times of a judgement by Kayenta, which rest on the metric's interval."""
    for at, scope in _scopes(metric.provider.kayenta, f"{path}.kayenta"):
        if not scope.start and metric.interval is None:
            message = "is missing, and the metric has no interval to look back by; give one of them"
            yield Finding(f"{at}.start", message)
        for name, given in (("start", scope.start), ("end", scope.end)):
            if given and not has_placeholder(given):
                try:
                    parse_instant(given)
                except ValueError:
                    message = f"is {shown(given)}; write an instant such as 2026-01-02T03:04:05Z"
                    yield Finding(f"{at}.{name}", message)


def _scopes(asked: KayentaMetric | None, path: str) -> Iterator[tuple[str, KayentaScopeDetail]]:
    for index, scope in enumerate(asked.scopes if asked else ()):
        at = f"{path}.scopes[{index}]"
        yield f"{at}.controlScope", scope.control_scope
        yield f"{at}.experimentScope", scope.experiment_scope


def _kayenta(asked: KayentaMetric, path: str) -> Iterator[Finding]:
    limits, names = asked.threshold, [scope.name for scope in asked.scopes]
    if limits.marginal > limits.pass_:
        message = f"is {limits.marginal}, above pass ({limits.pass_}); give a lower one"
        yield Finding(f"{path}.threshold.marginal", message)
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f"is {name} a second time; names must differ"
            yield Finding(f"{path}.scopes[{index}].name", message)


def _graphite(asked: GraphiteMetric, path: str) -> Iterator[Finding]:
    names = [name for name, _ in _parameters(asked.query)]
    if "target" not in names and not has_placeholder(asked.query):
        message = "has no target; write the parameters of the render API: target=…&from=-5min"
        yield Finding(f"{path}.query", message)


def _parameters(query: str) -> list[tuple[str, str]]:
    return parse_qsl(" ".join(query.split()), keep_blank_values=True)


def _datadog(asked: DatadogMetric, path: str) -> Iterator[Finding]:
    yield from lengths.above_nothing(asked.interval, f"{path}.interval", "5m")
    if (asked.query is None) == (asked.queries is None):
        has = "neither query nor" if asked.query is None else "both query and"
        yield Finding(path, f"has {has} queries; give exactly one")
    elif asked.formula is None and len(asked.queries or {}) > 1:
        yield Finding(f"{path}.formula", "is missing; say what is made of the queries, e.g. a / b")
    elif asked.formula is not None and asked.queries is None:
        yield Finding(f"{path}.formula", "has no queries to work on; name them in queries")
    newer = [name for name in ("queries", "aggregator") if getattr(asked, name) is not None]
    if newer and asked.api_version != "v2":
        yield Finding(
            f"{path}.apiVersion", f"is v1, which has no {' and no '.join(newer)}; write v2"
        )
    ref = asked.secret_ref
    if ref is not None and ref.name is not None and not ref.namespaced:
        yield Finding(
            f"{path}.secretRef.namespaced",
            "must be true: a Secret of Davy's own namespace isn't for tenants; put it into the "
            "run's namespace",
        )


def _cloud_watch(asked: CloudWatchMetric, path: str) -> Iterator[Finding]:
    yield from lengths.above_nothing(asked.interval, f"{path}.interval", "5m")
    queries = asked.metric_data_queries
    for index, query in enumerate(queries):
        at = f"{path}.metricDataQueries[{index}]"
        if not has_placeholder(query.id) and not _ID.fullmatch(query.id):
            right = "write a lower case letter, then letters, digits and _"
            yield Finding(f"{at}.id", f"is {shown(query.id)}; {right}")
        if query.id in [other.id for other in queries[:index]]:
            yield Finding(f"{at}.id", f"is {query.id} a second time; ids must differ")
        if (query.expression is None) == (query.metric_stat is None):
            has = "neither expression nor" if query.expression is None else "both expression and"
            yield Finding(at, f"has {has} metricStat; give exactly one")
        yield from _period(query.period, f"{at}.period")
        if query.metric_stat is not None:
            yield from _period(query.metric_stat.period, f"{at}.metricStat.period")
    if all(query.return_data is False for query in queries):
        message = "all say returnData: false, so nothing would come back; remove it from one"
        yield Finding(f"{path}.metricDataQueries", message)


def _period(given: IntOrText | None, path: str) -> Iterator[Finding]:
    if given is None or (isinstance(given, str) and is_placeholder(given)):
        return
    if not _SECONDS.fullmatch(str(given)):
        yield Finding(path, f"is {shown(given)}; write seconds, such as 60")


def _wavefront(asked: WavefrontMetric, path: str) -> Iterator[Finding]:
    if not has_placeholder(asked.address) and not urls.HOST.fullmatch(asked.address):
        message = (
            f"is {asked.address}; write the host alone, such as example.wavefront.com, the key of "
            "its token in the Secret"
        )
        yield Finding(f"{path}.address", message)
