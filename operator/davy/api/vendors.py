"""The providers that vendors and projects have: what each is asked, and which Secret logs it in.

Fields are Argo's. None of them holds a credential: those are keys of a Secret in the run's own
namespace, of names that Argo has, and the Secret says itself, by its keys, where they go.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr

from davy.api.fields import BY_NAME, IntOrText, Model, ObjectName

Query = Annotated[str, Field(min_length=1, max_length=8192)]
"""A question in the provider's own language; may hold `{{args.name}}`."""
Url = Annotated[str, Field(min_length=1, max_length=2048)]
Name = Annotated[str, Field(min_length=1, max_length=253)]
ShortText = Annotated[str, Field(max_length=253)]
"""May be empty, as unset."""
Window = Annotated[str, Field(min_length=1, max_length=64)]
"""A length of time."""


@dataclass(frozen=True)
class LoginSecret:
    """A Secret of the run's namespace by which a question logs in."""

    name: str
    credentials: tuple[str, ...]
    """Keys that it must have, and whose values are told to nobody but the provider."""
    needed: tuple[str, ...] = ()
    """Further keys that it must have: where to ask, and for whom."""
    optional: tuple[str, ...] = ()
    """Those that it may have."""


class LoggedIn(Model):
    """A provider that logs in by a Secret."""

    _login: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def login(self) -> dict[str, str]:
        """Values of the Secret by key, for one question: never stored, shown or written."""
        return self._login

    def logged_in(self, values: dict[str, str]) -> Self:
        """The same question with the Secret's values by key."""
        made = self.model_copy()
        made._login = values  # noqa: SLF001  # its own
        return made

    @property
    def secret(self) -> LoginSecret:
        """The Secret that this question needs."""
        raise NotImplementedError


class GraphiteMetric(Model):
    """A question to Graphite's render API; `result` is the list of the first series' values."""

    address: Url = Field(
        description="Base URL, e.g. http://graphite.monitoring:8080; may hold `{{args.name}}`."
    )
    query: Query = Field(
        description="Parameters of the render API: `target=…&from=-5min`; without `from` Graphite "
        "answers for a whole day. May hold `{{args.name}}`."
    )


class InfluxdbMetric(LoggedIn):
    """A Flux query; `result` is the list of all records' `_value`."""

    profile: ObjectName | None = Field(
        None,
        description="Secret of the run's namespace with the keys address, authToken and org. "
        "Unset: influxdb.",
    )
    query: Query = Field(description="Flux; may hold `{{args.name}}`.")

    @property
    def secret(self) -> LoginSecret:
        """See `LoggedIn`."""
        return LoginSecret(self.profile or "influxdb", ("authToken",), needed=("address", "org"))


class DatadogSecretRef(Model):
    """The Secret with Datadog's keys."""

    name: ObjectName | None = Field(None, description="Its name. Unset: datadog.")
    namespaced: bool = Field(
        default=False,
        description="Must be true beside a name: the Secret is one of the run's own namespace.",
    )


class DatadogMetric(LoggedIn):
    """A metrics query; `result` is a number, or nil where Datadog has none."""

    interval: Window = Field("5m", description="How far back from now is asked (5m, 90s).")
    query: Query | None = Field(
        None, description="One metrics query; may hold `{{args.name}}`. Not beside queries."
    )
    queries: dict[str, Query] | None = Field(
        None,
        min_length=1,
        max_length=16,
        description="Metrics queries by the names that formula uses; apiVersion v2.",
    )
    formula: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None, description="What is made of the queries, e.g. `errors / requests`."
    )
    api_version: Literal["v1", "v2"] = Field("v1", description="Datadog's API that is asked.")
    aggregator: (
        Literal["avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area"] | None
    ) = Field(
        None,
        description="How v2 makes one number of the interval. Unset: last. v1 takes the last "
        "point.",
    )
    secret_ref: DatadogSecretRef | None = Field(
        None,
        description="The Secret with the keys api-key and app-key, and address unless it is "
        "https://api.datadoghq.com. Unset: datadog of the run's namespace.",
    )

    @property
    def secret(self) -> LoginSecret:
        """See `LoggedIn`."""
        name = self.secret_ref.name if self.secret_ref else None
        return LoginSecret(name or "datadog", ("api-key", "app-key"), optional=("address",))


class NewRelicMetric(LoggedIn):
    """An NRQL query; `result` is the one map that it has, or the list of several."""

    profile: ObjectName | None = Field(
        None,
        description="Secret of the run's namespace with the keys personal-api-key and account-id, "
        "region where it is eu, and base-url-nerdgraph behind a proxy. Unset: newrelic.",
    )
    query: Query = Field(description="NRQL; may hold `{{args.name}}`.")
    timeout: int = Field(
        5, ge=1, le=120, description="Seconds that New Relic takes for the query at most."
    )

    @property
    def secret(self) -> LoginSecret:
        """See `LoggedIn`."""
        return LoginSecret(
            self.profile or "newrelic",
            ("personal-api-key",),
            needed=("account-id",),
            optional=("region", "base-url-nerdgraph"),
        )


class WavefrontMetric(LoggedIn):
    """A `ts()` query; `result` is the latest value, or the list of those of several series."""

    address: Name = Field(
        description="Host of the cluster, e.g. example.wavefront.com: the key of its token in the "
        "Secret wavefront-api-tokens of the run's namespace. May hold `{{args.name}}`."
    )
    query: Query = Field(description="May hold `{{args.name}}`.")

    @property
    def secret(self) -> LoginSecret:
        """See `LoggedIn`."""
        return LoginSecret("wavefront-api-tokens", (self.address,))


class SkyWalkingMetric(Model):
    """A GraphQL query; `result` is its `data`."""

    address: Url = Field(
        description="Base URL of the OAP server, e.g. http://oap.skywalking:12800; may hold "
        "`{{args.name}}`."
    )
    query: Query = Field(
        description="GraphQL with the variable `$duration: Duration!`; may hold `{{args.name}}`."
    )
    interval: Window = Field("5m", description="How far back from now `$duration` goes (5m).")


class CloudWatchDimension(Model):
    """One of the names and values that tell a metric from others of its name."""

    name: Annotated[str, Field(min_length=1, max_length=255)] = Field(description="Its name.")
    value: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="Its value; may hold `{{args.name}}`."
    )


class CloudWatchMetricName(Model):
    """Which metric."""

    namespace: Name | None = Field(None, description="Its namespace, e.g. AWS/ApplicationELB.")
    metric_name: Name = Field(description="Its name.")
    dimensions: list[CloudWatchDimension] | None = Field(
        None, max_length=30, description="Its dimensions; all that it has."
    )


class CloudWatchStat(Model):
    """A metric, and the statistic that is made of each period."""

    metric: CloudWatchMetricName = Field(description="Which metric.")
    period: IntOrText = Field(description="Seconds of a period: 1, 5, 10, 20, 30 or 60, 120 …")
    stat: Name = Field(description="Sum, Average, SampleCount, p99 …")
    unit: Annotated[str, Field(min_length=1, max_length=32)] | None = Field(
        None, description="Only values in this unit. Unset: any."
    )


class CloudWatchQuery(Model):
    """One of the queries of a GetMetricData."""

    id: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        description="Its name in expressions: a lower case letter, then letters, digits and _."
    )
    expression: Annotated[str, Field(min_length=1, max_length=2048)] | None = Field(
        None, description="Metric math over other queries, e.g. `errors / requests`."
    )
    label: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, description="A name for people."
    )
    metric_stat: CloudWatchStat | None = Field(
        None, description="A metric's statistic; not beside expression."
    )
    period: IntOrText | None = Field(None, description="Seconds of a period of an expression.")
    return_data: bool | None = Field(
        None, description="false: only other queries' expressions see it. Unset: true."
    )


class CloudWatchMetric(Model):
    """GetMetricData; `result` is a list with a map for each query that returns data."""

    interval: Window = Field("5m", description="How far back from now is asked (5m, 15m).")
    metric_data_queries: list[CloudWatchQuery] = Field(
        min_length=1,
        max_length=32,
        description="As in GetMetricData; texts may hold `{{args.name}}`.",
    )


class KayentaThreshold(Model):
    """What a score means."""

    pass_: int = Field(alias="pass", ge=0, le=100, description="From this score on a success.")
    marginal: int = Field(
        ge=0, le=100, description="From this score on inconclusive; below it a failure."
    )


class KayentaScopeDetail(Model):
    """One side: which pods, and when."""

    scope: Url = Field(
        description="In the terms of the metric source, e.g. a label query; may hold "
        "`{{args.name}}`."
    )
    region: ShortText = Field("", description="Of the metric source, where it has some.")
    step: int = Field(ge=1, le=86_400, description="Seconds between two values.")
    start: ShortText = Field(
        "",
        description="An instant (2026-01-02T03:04:05Z). Unset: the metric's interval before now.",
    )
    end: ShortText = Field("", description="An instant. Unset: now.")


class KayentaScope(Model):
    """What is compared with what."""

    name: Name = Field(description="As the canary config has it, e.g. default.")
    control_scope: KayentaScopeDetail = Field(description="The stable side, or a baseline.")
    experiment_scope: KayentaScopeDetail = Field(description="The canary.")


class KayentaMetric(Model):
    """A judgement by Kayenta, begun and looked at until it has a score; no condition is asked."""

    address: Url = Field(
        description="Base URL, e.g. http://kayenta.spinnaker:8090; may hold `{{args.name}}`."
    )
    application: Name = Field(description="Of Spinnaker, that the canary config belongs to.")
    canary_config_name: Name = Field(description="Name of the canary config.")
    metrics_account_name: Name = Field(description="Account of the metric source.")
    configuration_account_name: Name = Field(description="Account that has the canary config.")
    storage_account_name: Name = Field(description="Account that keeps the result.")
    threshold: KayentaThreshold = Field(description="What a score means.")
    scopes: list[KayentaScope] = Field(
        min_length=1, max_length=16, json_schema_extra=BY_NAME, description="What is compared."
    )
