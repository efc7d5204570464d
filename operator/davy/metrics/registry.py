"""Which provider answers which metric: one line per provider, and entry points for other people's.

A third party names its provider in the entry point group `davy.providers`: the key under
`metric.provider` on the left, a class without arguments that is a `Provider` on the right. One that
can't be loaded stops the start: a provider that vanished silently would be a metric that never
answers.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import entry_points
from typing import Final

from davy.api.analysis import Metric
from davy.api.errors import BrokenPlugIn
from davy.api.providers import MetricProvider
from davy.metrics.addresses import Addresses
from davy.metrics.base import Provider
from davy.metrics.login import Now
from davy.metrics.prometheus import Prometheus
from davy.metrics.web import Web

GROUP: Final = "davy.providers"

BUILT_IN: Final[Mapping[str, Callable[[Addresses, Now], Provider]]] = {
    "prometheus": Prometheus,
    "web": Web,
}


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Registry:
    """The providers of one process, made when first asked for, closed together.

    Args:
        providers: makers by name; None: all that there are.
        addresses: that those of Davy's own may call.
        now: the present, UTC.
    """

    def __init__(
        self,
        providers: Mapping[str, Callable[[], Provider]] | None = None,
        addresses: Addresses | None = None,
        now: Now = _wall_clock,
    ) -> None:
        found = discovered(addresses or Addresses(), now) if providers is None else providers
        self._makers = dict(found)
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


def discovered(addresses: Addresses, now: Now) -> dict[str, Callable[[], Provider]]:
    """Davy's own providers and those of installed packages; a package can't take a built-in name.

    Args:
        addresses: that Davy's own may call; those of packages look after themselves.
        now: the present, UTC, for Davy's own.

    Raises:
        BrokenPlugIn: an entry point names something that can't be loaded or called.
    """
    others: dict[str, Callable[[], Provider]] = {}
    for found in entry_points(group=GROUP):
        try:
            maker = found.load()
        except Exception as error:  # whatever a stranger's module raises
            raise BrokenPlugIn(f"provider {found.name} ({found.value}): {error}") from error
        if not callable(maker):
            raise BrokenPlugIn(f"provider {found.name} ({found.value}) is no class or function")
        others[found.name] = maker
    own = {name: partial(maker, addresses, now) for name, maker in BUILT_IN.items()}
    return {**others, **own}
