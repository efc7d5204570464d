"""Who answers which metric."""

import pytest

from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from davy.api.providers import MetricProvider, PrometheusMetric, WebMetric
from davy.metrics.prometheus import Prometheus
from davy.metrics.registry import Registry
from davy.metrics.web import Web


def a_metric(provider: MetricProvider | None = None) -> Metric:
    """A metric for Prometheus, unless told otherwise."""
    asked = PrometheusMetric(address="http://prometheus:9090", query="up")
    return Metric(name="error-rate", provider=provider or MetricProvider(prometheus=asked))


class Fake:
    """A provider that remembers whether it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """One, always."""
        del metric
        return Answered([1.0])

    async def close(self) -> None:
        """Count."""
        self.closed += 1


async def test_prometheus_is_built_in() -> None:
    """One provider for all its metrics, made when first asked for."""
    providers = Registry()
    found = providers.provider_for(a_metric())
    assert isinstance(found, Prometheus)
    assert providers.provider_for(a_metric()) is found
    await providers.close()


async def test_web_is_built_in() -> None:
    """The other one."""
    providers = Registry()
    found = providers.provider_for(a_metric(MetricProvider(web=WebMetric(url="http://health"))))
    assert isinstance(found, Web)
    await providers.close()


async def test_each_provider_is_closed_once() -> None:
    """Those that were asked; none twice."""
    fake = Fake()
    providers = Registry({"prometheus": lambda: fake})
    assert providers.provider_for(a_metric()) is fake
    await providers.close()
    await providers.close()
    assert fake.closed == 1


def test_a_metric_that_nobody_answers() -> None:
    """The message names the metric and who there is."""
    with pytest.raises(
        KeyError, match=r"metric error-rate: no provider ''; there are cloudWatch, .*, plugin, "
    ):
        Registry().provider_for(a_metric(MetricProvider()))
