"""Who answers a metric, one model a provider: where it is asked, what, and how Davy logs in.

Those of vendors are in `vendors`.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, WithJsonSchema

from davy.api.fields import Model
from davy.api.vendors import (
    CloudWatchMetric,
    DatadogMetric,
    GraphiteMetric,
    InfluxdbMetric,
    KayentaMetric,
    LoggedIn,
    NewRelicMetric,
    SkyWalkingMetric,
    WavefrontMetric,
)

Text = Annotated[str, Field(min_length=1, max_length=2048)]
"""A part of a question; may hold `{{args.name}}`."""

Credential = Annotated[str, Field(min_length=1, max_length=4096)]
"""A text that may be a secret: `{{args.name}}` of a secretKeyRef is filled in for one question."""

JsonObject = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
"""Any JSON object; its texts may hold `{{args.name}}`."""


class Header(Model):
    """An HTTP header."""

    key: str = Field(min_length=1, max_length=256, description="Name of the header.")
    value: str = Field(max_length=4096, description="Its value; may hold `{{args.name}}`.")


class OAuth2(Model):
    """OAuth 2 client credentials (RFC 6749, section 4.4)."""

    token_url: Text = Field(
        description="Where the token is fetched, http:// or https://; kept until it expires."
    )
    client_id: Credential = Field(description="Name of the client.")
    client_secret: Credential = Field(
        description="Its secret, `{{args.name}}` of a secretKeyRef argument."
    )
    scopes: list[Annotated[str, Field(min_length=1, max_length=256)]] | None = Field(
        None, max_length=32, description="Scopes to ask for."
    )


class BasicAuth(Model):
    """HTTP basic authentication."""

    username: Credential = Field(description="May be `{{args.name}}` of a secretKeyRef argument.")
    password: Credential = Field(description="`{{args.name}}` of a secretKeyRef argument.")


class SigV4(Model):
    """Davy's own AWS credentials, by Signature Version 4, where an administrator allows it."""

    region: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        None, description="Region of AWS that is asked. Unset: AWS_REGION of Davy's machine."
    )


class Authentication(Model):
    """How Davy logs in; exactly one."""

    oauth2: OAuth2 | None = Field(None, description="A token by client credentials.")
    basic_auth: BasicAuth | None = Field(None, description="User and password.")
    sigv4: SigV4 | None = Field(None, description="Signed for AWS.")

    @property
    def given(self) -> tuple[str, ...]:
        """The ways that are named."""
        return tuple(self.manifest())


class RangeQuery(Model):
    """The times of a range query; `result` is then all points of all series in one list."""

    start: Text = Field(
        description='An instant, e.g. `now() - duration("5m")` or `date("2026-01-02T03:04:05Z")`.'
    )
    end: Text = Field(description="An instant, e.g. `now()`; not before the start.")
    step: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="Time between two points (15s, 1m)."
    )


class PrometheusMetric(Model):
    """An instant query, or with rangeQuery a range query."""

    address: str = Field(
        min_length=1,
        max_length=2048,
        description="Base URL, e.g. http://prometheus.monitoring:9090; may hold `{{args.name}}`.",
    )
    query: Annotated[str, Field(min_length=1, max_length=8192)] | None = Field(
        None, description="PromQL; may hold `{{args.name}}`. Only a metric with compare has none."
    )
    timeout: int = Field(30, ge=1, le=300, description="Seconds to wait for the answer.")
    insecure: bool = Field(default=False, description="true: don't check the TLS certificate.")
    ca_cert: Annotated[str, Field(min_length=1, max_length=65_536)] | None = Field(
        None,
        description="Certificates of authorities, PEM, that are trusted at `address` beside those "
        "of Davy's machine; may hold `{{args.name}}`. Not for the login's tokenUrl.",
    )
    headers: list[Header] | None = Field(None, max_length=16, description="Sent with every query.")
    authentication: Authentication | None = Field(None, description="How to log in.")
    range_query: RangeQuery | None = Field(
        None, description="Asks for points over a time instead of for the present."
    )


class WebMetric(Model):
    """An HTTP question whose answer is JSON."""

    url: str = Field(
        min_length=1, max_length=2048, description="What is asked; may hold `{{args.name}}`."
    )
    method: Literal["GET", "POST", "PUT"] = Field("GET", description="POST and PUT have a body.")
    headers: list[Header] | None = Field(
        None, max_length=16, description="Sent with every question."
    )
    body: str | None = Field(
        None, max_length=16_384, description="Sent as it is; not beside jsonBody."
    )
    json_body: JsonObject | None = Field(
        None, description="Sent as JSON, with its Content-Type; not beside body."
    )
    timeout_seconds: int = Field(10, ge=1, le=300, description="Seconds to wait for the answer.")
    json_path: str | None = Field(
        None,
        max_length=1024,
        description="Which part of the answer `result` is, e.g. `{$.data.ok}`; the first where "
        "there are several. Unset: the whole answer.",
    )
    insecure: bool = Field(default=False, description="true: don't check the TLS certificate.")
    authentication: Authentication | None = Field(None, description="How to log in.")


class JobMetadata(Model):
    """Labels and annotations of the Jobs that are made, beside Davy's own."""

    labels: dict[str, Annotated[str, Field(max_length=253)]] | None = Field(
        None, max_length=32, description="Labels of the Job; may hold `{{args.name}}`."
    )
    annotations: dict[str, Annotated[str, Field(max_length=4096)]] | None = Field(
        None, max_length=32, description="Annotations of the Job; may hold `{{args.name}}`."
    )


class JobMetric(Model):
    """A Kubernetes Job for each measurement: Complete is a success, Failed a failure."""

    metadata: JobMetadata | None = Field(
        None, description="Labels and annotations of the Jobs that are made."
    )
    spec: JsonObject = Field(
        description="The spec of a Job; texts may hold `{{args.name}}`, but no secret."
    )


class MetricProvider(Model):
    """Who answers; exactly one."""

    prometheus: PrometheusMetric | None = Field(None, description="A Prometheus server.")
    web: WebMetric | None = Field(None, description="Any HTTP server that answers with JSON.")
    job: JobMetric | None = Field(
        None,
        description="A Kubernetes Job of the run's namespace; an administrator must allow its "
        "service account.",
    )
    plugin: dict[str, JsonObject] | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="A provider by its plugin's name, installed beside Davy, with any object as "
        "configuration; its texts may hold `{{args.name}}`, but no secret's.",
    )
    graphite: GraphiteMetric | None = Field(None, description="Graphite, by its render API.")
    influxdb: InfluxdbMetric | None = Field(None, description="InfluxDB, by Flux.")
    datadog: DatadogMetric | None = Field(None, description="Datadog.")
    new_relic: NewRelicMetric | None = Field(None, description="New Relic, by NRQL.")
    wavefront: WavefrontMetric | None = Field(
        None, description="Wavefront, by now Operations for Applications."
    )
    cloud_watch: CloudWatchMetric | None = Field(
        None, description="Amazon CloudWatch, where an administrator allows it."
    )
    skywalking: SkyWalkingMetric | None = Field(None, description="Apache SkyWalking, by GraphQL.")
    kayenta: KayentaMetric | None = Field(
        None, description="Kayenta, Spinnaker's canary judge; its score decides."
    )

    @property
    def decides(self) -> str | None:
        """Name of the provider, if it decides by itself and no condition is asked; else None."""
        return next((name for name in self.given if name in DECIDING), None)

    @property
    def logged_in(self) -> tuple[str, LoggedIn] | None:
        """The field of the provider that logs in by a Secret, and the provider; None: none does."""
        for field in type(self).model_fields:
            if isinstance(asked := getattr(self, field), LoggedIn):
                return field, asked
        return None

    @property
    def given(self) -> tuple[str, ...]:
        """Who is named."""
        return tuple(self.manifest())


DECIDING: Final = ("job", "kayenta")
"""Providers that decide by themselves; no condition is asked."""

PROVIDERS: Final = tuple(info.alias or name for name, info in MetricProvider.model_fields.items())
"""Names of all providers, as users write them."""
