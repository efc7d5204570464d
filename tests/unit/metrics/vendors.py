"""Metrics of vendors' providers, and the providers with every address turned to a local server."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from davy.analysis import credentials
from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from davy.api.providers import MetricProvider
from davy.metrics import cloudwatch, datadog, graphite, influxdb, new_relic, skywalking, wavefront
from davy.metrics.addresses import Addresses
from davy.metrics.one_request import OneRequest, Request
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import Server

TOKEN: Final = "t0p-secret-t0ken"


@dataclass(frozen=True)
class Vendor:
    """A provider, and a metric of it."""

    module: Any
    """Its `request` is what is tested."""
    read: Callable[[bytes, str], Answered]
    """What the module makes of an answer to this metric."""
    asked: Mapping[str, Any]
    secret: Mapping[str, str]
    """Of the Secret that logs it in."""
    good: str
    """A body that has one value."""
    value: Any
    """Of the good body, as `result` is."""
    empty: str
    """A body without any."""
    nothing: Any
    """As `result` is then."""
    hides: bool = False
    """Texts of its answers aren't told, as Davy's own login is in the question."""


VENDORS: Final[Mapping[str, Vendor]] = {
    "graphite": Vendor(
        graphite,
        graphite.read,
        {"address": "http://graphite:8080/", "query": "target=app.errors&from=-5min"},
        {},
        '[{"target": "app.errors", "datapoints": [[null, 1700000000], [0.5, 1700000060]]}]',
        [0.5],
        "[]",
        [],
    ),
    "influxdb": Vendor(
        influxdb,
        influxdb.read,
        {"query": 'from(bucket: "app")'},
        {"address": "http://influx:8086", "authToken": TOKEN, "org": "shop"},
        "#datatype,string,long,double\r\n#default,_result,,\r\n,result,table,_value\r\n,,0,0.5\r\n",
        [0.5],
        "\r\n",
        [],
    ),
    "datadog": Vendor(
        datadog,
        datadog.read_v1,
        {"query": "avg:errors{*}"},
        {"api-key": "an-api-key", "app-key": TOKEN},
        '{"status": "ok", "series": [{"pointlist": [[1.7e12, 0.25], [1.70006e12, 0.5]]}]}',
        0.5,
        '{"status": "ok", "series": []}',
        None,
    ),
    "newRelic": Vendor(
        new_relic,
        new_relic.read,
        {"query": "SELECT percentage(count(*), WHERE error) AS bad FROM Transaction"},
        {"personal-api-key": TOKEN, "account-id": "123"},
        '{"data": {"actor": {"account": {"nrql": {"results": [{"bad": 0.5}]}}}}}',
        {"bad": 0.5},
        '{"data": {"actor": {"account": {"nrql": {"results": []}}}}}',
        [],
    ),
    "wavefront": Vendor(
        wavefront,
        partial(wavefront.read, now=NOW),
        {"address": "example.wavefront.com", "query": 'ts("errors")'},
        {"example.wavefront.com": TOKEN},
        f'{{"query": "ts", "timeseries": [{{"data": [[{NOW.timestamp() - 30}, 0.5]]}}]}}',
        0.5,
        '{"query": "ts", "timeseries": []}',
        None,
    ),
    "cloudWatch": Vendor(
        cloudwatch,
        cloudwatch.read,
        {"metricDataQueries": [{"id": "rate", "expression": "errors / requests"}]},
        {},
        '{"MetricDataResults": [{"Id": "rate", "Label": "r", "StatusCode": "Complete", '
        '"Timestamps": [1.7e9], "Values": [0.5]}]}',
        [
            {
                "Id": "rate",
                "Label": "r",
                "StatusCode": "Complete",
                "Timestamps": [1.7e9],
                "Values": [0.5],
            }
        ],
        '{"MetricDataResults": [{"Id": "rate", "StatusCode": "Complete", "Timestamps": [], '
        '"Values": []}], "Messages": []}',
        [],
        hides=True,
    ),
    "skywalking": Vendor(
        skywalking,
        skywalking.read,
        {"address": "http://oap:12800", "query": "query q($duration: Duration!) { a }"},
        {},
        '{"data": {"apdex": {"values": {"values": [{"value": 9900, "isEmptyValue": false}]}}}}',
        {"apdex": {"values": {"values": [{"value": 9900, "isEmptyValue": False}]}}},
        '{"data": {"apdex": {"values": {"values": []}}}}',
        None,
    ),
}


def a_metric(
    name: str, *, secret: Mapping[str, str] | None = None, without: str = "", **fields: Any
) -> Metric:
    """The vendor's metric, with its Secret, and with these fields.

    Args:
        name: the provider's.
        secret: values in place of the vendor's own, or beside them.
        without: a field that is left out.
        fields: of the question.
    """
    vendor = VENDORS[name]
    asked = {key: value for key, value in {**vendor.asked, **fields}.items() if key != without}
    provider = MetricProvider.model_validate({name: asked}, by_alias=True, by_name=False)
    metric = Metric(name="errors", provider=provider)
    return credentials.logged_in(metric, {**vendor.secret, **(secret or {})})


def asked(metric: Metric, module: Any) -> Request:
    """What the metric asks now."""
    found = module.request(metric, NOW)
    assert isinstance(found, Request), found
    return found


@asynccontextmanager
async def asking(
    name: str, server: Server, listed: Sequence[str] = ("127.0.0.0/8",)
) -> AsyncIterator[OneRequest]:
    """The provider; whatever host it means, this server is asked.

    Args:
        name: of the provider.
        server: that is asked.
        listed: addresses that may be called; any other, where there is none.
    """

    def turned(metric: Metric, now: datetime) -> Request | NotAnswered:
        found: Request | NotAnswered = VENDORS[name].module.request(metric, now)
        if isinstance(found, NotAnswered):
            return found
        return replace(found, url=server.address + urlsplit(found.url).path)

    addresses = Addresses.of(listed, signed=[f"monitoring={server.address}"])
    made = OneRequest(name, turned, addresses, lambda: NOW)
    yield made
    await made.close()


async def answer(name: str, server: Server, metric: Metric | None = None) -> Answered | NotAnswered:
    """What the provider makes of the server's answer to this metric, or to the vendor's own."""
    async with asking(name, server) as provider:
        return await provider.measure(metric or a_metric(name))
