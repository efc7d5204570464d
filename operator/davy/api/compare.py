"""A metric that compares canary with stable, instead of conditions on one number."""

from typing import Annotated, Final, Literal

from pydantic import Field

from davy.api.evidence import Warmup
from davy.api.fields import BY_NAME, Model

JUDGE: Final = "judge"
"""The metric that `compare` of an analysis, or a rollout's `judge`, becomes."""
DEADLINE: Final = "10m"
"""How long a step waits for a comparison that says nothing of it."""
_SHARED: Final = {"alpha", "deadline"}
"""What a further comparison has from the first."""

Preset = Literal[
    "app",
    "contour",
    "envoy",
    "istio",
    "istio-waypoint",
    "linkerd",
    "linkerd-smi",
    "nginx",
    "traefik",
]

CounterText = Annotated[str, Field(min_length=1, max_length=2048)]
"""A PromQL selector of counters, e.g. `http_requests_total{pod=~"cart-.*"}`."""

Ratio = Annotated[float, Field(allow_inf_nan=False)]

Counter = Annotated[list[CounterText], Field(min_length=1, max_length=8)]


class Side(Model):
    """The counters of one side; exactly one of errors, good and bound is set."""

    requests: Counter = Field(
        description="Selectors of counters without range or function; their series are added up."
    )
    errors: Counter | None = Field(None, description="The same for requests that failed.")
    good: Counter | None = Field(
        None,
        description="The same for requests that were good; all others failed. For latency a "
        'histogram\'s bucket: `…_bucket{le="0.5"}`.',
    )
    bound: Ratio | None = Field(
        None,
        ge=0.000001,
        description="requests are native histograms, and what is above this bound of their buckets "
        "failed; in their own unit: 0.5.",
    )


class Latency(Model):
    """Slow requests are bad ones; exactly one of slowerThan and quantile is set."""

    slower_than: str | None = Field(
        None,
        max_length=64,
        description="The limit (500ms, 2s); it must be a bound of the histogram's buckets.",
    )
    quantile: Ratio | None = Field(
        None,
        ge=0.5,
        le=0.9999,
        description="The limit is stable's own: the lowest bound of the buckets that this share of "
        "its requests (0.99) didn't exceed in the hour before the run. It is chosen once, when the "
        "run begins.",
    )
    histogram: Literal["classic", "native"] = Field(
        "classic",
        description="native: Prometheus has it as one series with buckets of its own, at any "
        "resolution with bounds at powers of two of its unit (250ms, 500ms, 1s; 256ms, 512ms where "
        "it counts ms), or with those that the application chose.",
    )


class Counted(Model):
    """What is compared, and how great a difference matters."""

    preset: Preset | None = Field(
        None,
        description="Whose counters: of a proxy, or of the application itself (app). Instead of "
        "canary and stable.",
    )
    canary: Side | None = Field(None, description="The canary's counters; with stable.")
    stable: Side | None = Field(None, description="Stable's counters; with canary.")
    latency: Latency | None = Field(
        None,
        description="Compare the requests that were slower than a limit, instead of those that "
        "failed. Beside canary and stable only with a quantile: good then names all buckets of a "
        "classic histogram, without le, or requests a native one.",
    )
    abort_ratio: Ratio = Field(
        1.25, ge=1, le=100, description="Shown to fail more than so many times as often: abort."
    )
    tolerate_ratio: Ratio = Field(
        2.0, ge=1.01, le=1000, description="Shown to fail less than so many times as often: pass."
    )
    accept: Ratio = Field(
        0.01,
        ge=0,
        le=0.5,
        description="A share of errors that nobody minds: what is shown to be below it passes, "
        "also where stable never fails or gets no traffic.",
    )
    min_requests: int = Field(
        50, ge=1, le=1_000_000, description="Requests of the canary before anything is passed."
    )


class Compare(Counted):
    """Canary against stable, from counters over the same time.

    The rollout aborts as soon as it is shown that the canary fails more than abortRatio times as
    often as stable, whenever that is looked at; it is passed when it is shown that it fails less
    than tolerateRatio times as often.
    """

    alpha: Ratio = Field(
        0.05,
        ge=0.000001,
        le=0.5,
        description="The chance that a good release is aborted, at most, of all comparisons of a "
        "run together; what is measured is far below it.",
    )
    deadline: str | None = Field(
        None,
        max_length=64,
        description="How long to compare (10m); then the metric is Inconclusive, and it is "
        "Successful as soon as it is passed. Unset: 10m in a step, and without end beside the "
        "steps.",
    )


class Further(Counted):
    """One more comparison of the same run; its alpha and deadline are the first one's."""

    name: str = Field(
        min_length=1,
        max_length=63,
        description="Of its metric in the run: what the status calls it, e.g. latency.",
    )


class Server(Model):
    """Where Prometheus is."""

    address: str = Field(
        min_length=1,
        max_length=2048,
        description="Base URL, e.g. http://prometheus.monitoring:9090.",
    )


class Judge(Compare):
    """A comparison without a template."""

    prometheus: Server | None = Field(
        None, description="Unset: the server that `davy run --prometheus` names."
    )
    warmup: Warmup = None
    also: list[Further] | None = Field(
        None,
        min_length=1,
        max_length=7,
        json_schema_extra=BY_NAME,
        description="Further comparisons, e.g. of latency beside errors: each one may abort, a "
        "pass needs all, and they share alpha. The preset is this one's where they name neither "
        "one nor counters; ratios, accept and minRequests are their own.",
    )

    @property
    def all(self) -> list[tuple[str, Compare]]:
        """Every comparison that is asked for, with its metric's name; the first is `judge`."""
        own = {
            name: getattr(self, name) for name in self.model_fields_set & {*Compare.model_fields}
        }
        return [(JUDGE, Compare(**own)), *((one.name, self._full(one)) for one in self.also or ())]

    def _full(self, one: Further) -> Compare:
        """A further comparison with what it has from the first."""
        shared = {name: getattr(self, name) for name in self.model_fields_set & _SHARED}
        given = {name: getattr(one, name) for name in one.model_fields_set - {"name"}}
        if one.preset is None and one.canary is None and one.stable is None:
            given["preset"] = self.preset
        return Compare(**shared, **given)
