"""Which provider answers which metric: one line per provider; `plugin` asks other people's."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from davy.api.analysis import Metric
from davy.api.providers import MetricProvider
from davy.metrics import cloudwatch, datadog, graphite, influxdb, new_relic, skywalking, wavefront
from davy.metrics.addresses import Addresses
from davy.metrics.base import Provider
from davy.metrics.clock import Now
from davy.metrics.counts import PrometheusCounts
from davy.metrics.kayenta import Kayenta
from davy.metrics.one_request import OneRequest
from davy.metrics.plugin import PluginProvider
from davy.metrics.web import Web
from davy.plugins.installed import Installed

BUILT_IN: Final[Mapping[str, Callable[[Addresses, Now], Provider]]] = {
    "prometheus": PrometheusCounts,
    "web": Web,
    "graphite": partial(OneRequest, "graphite", graphite.request),
    "influxdb": partial(OneRequest, "influxdb", influxdb.request),
    "datadog": partial(OneRequest, "datadog", datadog.request),
    "newRelic": partial(OneRequest, "new-relic", new_relic.request),
    "wavefront": partial(OneRequest, "wavefront", wavefront.request),
    "cloudWatch": partial(OneRequest, "cloudwatch", cloudwatch.request),
    "kayenta": Kayenta,
    "skywalking": partial(OneRequest, "skywalking", skywalking.request),
}


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Registry:
    """The providers of one process, made when first asked for, closed together.

    Args:
        providers: makers by name; None: all that there are.
        addresses: that those of Davy's own may call.
        now: the present, UTC.
        installed: plugins of other packages.
    """

    def __init__(
        self,
        providers: Mapping[str, Callable[[], Provider]] | None = None,
        addresses: Addresses | None = None,
        now: Now = _wall_clock,
        installed: Installed | None = None,
    ) -> None:
        self._makers = dict(
            _makers(addresses or Addresses(), now, installed or Installed())
            if providers is None
            else providers
        )
        self._made: dict[str, Provider] = {}

    def provider_for(self, metric: Metric) -> Provider:
        """Who answers this metric.

        Raises:
            KeyError: nobody does; the message names the metric and the providers there are.
        """
        name = kind(metric.provider)
        if name not in self._makers:
            known = ", ".join(sorted(self._makers))
            raise KeyError(f"metric {metric.name}: no provider {name!r}; there are {known}")
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    async def close(self) -> None:
        """Closes every provider that was asked."""
        made, self._made = self._made, {}
        for provider in made.values():
            await provider.close()


def kind(provider: MetricProvider) -> str:
    """The key that is set under `metric.provider`."""
    return next(iter(provider.manifest()), "")


def _makers(
    addresses: Addresses, now: Now, installed: Installed
) -> dict[str, Callable[[], Provider]]:
    own = {name: partial(maker, addresses, now) for name, maker in BUILT_IN.items()}
    return {**own, "plugin": partial(PluginProvider, installed)}
