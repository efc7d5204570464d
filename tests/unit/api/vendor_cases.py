"""Bad specs: the questions to vendors' providers."""

from typing import Final

from tests.unit.api.bad import ONLY_VALIDATION, Bad, bad
from tests.unit.api.documents import REMOVE

_GRAPHITE: Final = "spec.metrics[5].provider.graphite"
_DATADOG: Final = "spec.metrics[6].provider.datadog"
_WAVEFRONT: Final = "spec.metrics[7].provider.wavefront"
_SKYWALKING: Final = "spec.metrics[8].provider.skywalking"
_KAYENTA: Final = "spec.metrics[12].provider.kayenta"
_NEW_RELIC: Final = "spec.metrics[11].provider.newRelic"
_QUERIES: Final = "spec.metrics[9].provider.cloudWatch.metricDataQueries"

VENDORS: Final[tuple[Bad, ...]] = (
    *(
        bad(
            f"{what} has no scheme",
            "template",
            path,
            "example.com",
            "is example.com; write http:// or https://, host and port",
            "is not a URL; write http:// or https://, host and port",
        )
        for what, path in (
            ("Graphite's address", f"{_GRAPHITE}.address"),
            ("SkyWalking's address", f"{_SKYWALKING}.address"),
        )
    ),
    bad(
        "Graphite is asked for no target",
        "template",
        f"{_GRAPHITE}.query",
        "sumSeries(app.errors)&from=-5min",
        "has no target; write the parameters of the render API",
        ONLY_VALIDATION,
    ),
    bad(
        "Datadog is asked nothing",
        "template",
        f"{_DATADOG}.queries",
        REMOVE,
        "has neither query nor queries; give exactly one",
        "has exactly one of query and queries",
        at=_DATADOG,
    ),
    bad(
        "Datadog is asked in two ways",
        "run",
        f"{_DATADOG}.query",
        "avg:errors{*}",
        "has both query and queries; give exactly one",
        "has exactly one of query and queries",
        at=_DATADOG,
    ),
    bad(
        "Datadog's older API is asked several queries",
        "template",
        f"{_DATADOG}.apiVersion",
        "v1",
        "is v1, which has no queries and no aggregator; write v2",
        "is v1, which has neither queries nor aggregator; write v2",
    ),
    Bad(
        "Datadog's older API is to aggregate",
        "template",
        {
            f"{_DATADOG}.apiVersion": REMOVE,
            f"{_DATADOG}.queries": REMOVE,
            f"{_DATADOG}.formula": REMOVE,
            f"{_DATADOG}.query": "avg:errors{*}",
        },
        f"{_DATADOG}.apiVersion",
        "is v1, which has no aggregator; write v2",
        "is v1, which has neither queries nor aggregator; write v2",
    ),
    bad(
        "several queries have no formula",
        "template",
        f"{_DATADOG}.formula",
        REMOVE,
        "is missing; say what is made of the queries",
        ONLY_VALIDATION,
    ),
    Bad(
        "a formula has no queries",
        "template",
        {f"{_DATADOG}.queries": REMOVE, f"{_DATADOG}.query": "avg:errors{*}"},
        f"{_DATADOG}.formula",
        "has no queries to work on; name them in queries",
        ONLY_VALIDATION,
    ),
    bad(
        "Datadog's version is none",
        "template",
        f"{_DATADOG}.apiVersion",
        "v3",
        "is \"v3\"; write one of 'v1' or 'v2'",
        'supported values: "v1", "v2"',
    ),
    bad(
        "Datadog's Secret is the operator's",
        "template",
        f"{_DATADOG}.secretRef",
        {"name": "datadog"},
        "must be true: a Secret of Davy's own namespace isn't for tenants",
        "must be true: a Secret of Davy's own namespace isn't for tenants",
        at=f"{_DATADOG}.secretRef.namespaced",
    ),
    *(
        bad(
            f"{what} is asked about no time",
            "template",
            f"{path}.interval",
            "0s",
            "is 0s; write more than nothing, such as 5m",
            ONLY_VALIDATION,
        )
        for what, path in (("Datadog", _DATADOG), ("SkyWalking", _SKYWALKING))
    ),
    bad(
        "Wavefront's address is a URL",
        "template",
        f"{_WAVEFRONT}.address",
        "https://example.wavefront.com",
        "is https://example.wavefront.com; write the host alone",
        ONLY_VALIDATION,
    ),
    bad(
        "CloudWatch is asked nothing",
        "template",
        _QUERIES,
        [],
        "is empty; write at least 1",
        "should have at least 1 items",
    ),
    bad(
        "a query of CloudWatch asks nothing",
        "template",
        f"{_QUERIES}[0].expression",
        REMOVE,
        "has neither expression nor metricStat; give exactly one",
        "a query has exactly one of expression and metricStat",
        at=f"{_QUERIES}[0]",
    ),
    bad(
        "a query of CloudWatch asks two things",
        "template",
        f"{_QUERIES}[1].expression",
        "rate * 100",
        "has both expression and metricStat; give exactly one",
        "a query has exactly one of expression and metricStat",
        at=f"{_QUERIES}[1]",
    ),
    bad(
        "two queries of CloudWatch have one id",
        "template",
        f"{_QUERIES}[1].id",
        "rate",
        "is rate a second time; ids must differ",
        ONLY_VALIDATION,
    ),
    bad(
        "an id of CloudWatch begins with a capital",
        "template",
        f"{_QUERIES}[0].id",
        "Rate",
        'is "Rate"; write a lower case letter, then letters, digits and _',
        ONLY_VALIDATION,
    ),
    *(
        bad(
            f"a period of CloudWatch is {value!s:.9}",
            "template",
            f"{_QUERIES}[0].period",
            value,
            "; write seconds, such as 60",
            ONLY_VALIDATION,
        )
        for value in ("1m", -60, "9" * 5000)
    ),
    bad(
        "a metric's period is nothing",
        "template",
        f"{_QUERIES}[1].metricStat.period",
        0,
        "is 0; write seconds, such as 60",
        ONLY_VALIDATION,
    ),
    bad(
        "nothing of CloudWatch comes back",
        "template",
        f"{_QUERIES}[0].returnData",
        False,
        "all say returnData: false, so nothing would come back",
        ONLY_VALIDATION,
        at=_QUERIES,
    ),
    bad(
        "Kayenta's address has no scheme",
        "template",
        f"{_KAYENTA}.address",
        "kayenta:8090",
        "is kayenta:8090; write http:// or https://, host and port",
        "is not a URL; write http:// or https://, host and port",
    ),
    bad(
        "Kayenta has a condition",
        "template",
        "spec.metrics[12].successCondition",
        "result > 90",
        "stands beside provider.kayenta; Kayenta's score decides: remove it",
        "Kayenta's score decides; remove successCondition and failureCondition",
    ),
    bad(
        "marginal is above pass",
        "template",
        f"{_KAYENTA}.threshold.marginal",
        95,
        "is 95, above pass (90); give a lower one",
        "is above pass; give a lower one",
    ),
    bad(
        "a threshold is above all scores",
        "template",
        f"{_KAYENTA}.threshold.pass",
        101,
        "write a whole number from 0 to 100",
        "should be less than or equal to 100",
    ),
    bad(
        "Kayenta compares nothing",
        "template",
        f"{_KAYENTA}.scopes",
        [],
        "is empty; write at least 1",
        "should have at least 1 items",
    ),
    bad(
        "two scopes have one name",
        "template",
        f"{_KAYENTA}.scopes",
        [
            {
                "name": "default",
                "controlScope": {"scope": "a", "step": 60},
                "experimentScope": {"scope": "b", "step": 60},
            }
        ]
        * 2,
        "is default a second time; names must differ",
        "Duplicate value",
        at=f"{_KAYENTA}.scopes[1].name",
    ),
    bad(
        "a start is no instant",
        "template",
        f"{_KAYENTA}.scopes[0].controlScope.start",
        "yesterday",
        'is "yesterday"; write an instant such as 2026-01-02T03:04:05Z',
        ONLY_VALIDATION,
    ),
    Bad(
        "a start is missing where there is no interval",
        "template",
        {
            "spec.metrics[12].interval": REMOVE,
            f"{_KAYENTA}.scopes[0].controlScope.start": "2026-01-02T03:04:05Z",
        },
        f"{_KAYENTA}.scopes[0].experimentScope.start",
        "is missing, and the metric has no interval to look back by; give one of them",
        ONLY_VALIDATION,
    ),
    bad(
        "New Relic takes too long",
        "template",
        f"{_NEW_RELIC}.timeout",
        121,
        "write a whole number from 1 to 120",
        "should be less than or equal to 120",
    ),
)
