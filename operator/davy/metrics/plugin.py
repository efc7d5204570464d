"""Providers of somebody else's: a function from a metric's configuration to its result."""

import json
from typing import Final

from davy.analysis.answer import Answered, NotAnswered, Value
from davy.api import paths
from davy.api.analysis import Metric
from davy.api.errors import BrokenPlugIn
from davy.plugins.calls import Calls
from davy.plugins.installed import Installed, PluginKind

CALL_SECONDS: Final = 30.0
_MOST: Final = 8
"""Questions of one plugin that are under way at the same time."""
_LONGEST: Final = 1_000_000
"""Characters of an answer as JSON."""


class PluginProvider:
    """See `Provider`.

    Args:
        installed: the plugins there are.
    """

    def __init__(self, installed: Installed) -> None:
        self._installed = installed
        self._calls = Calls(_MOST)

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """See `Provider.measure`. A plugin is never given a secret: `substitute` refuses that."""
        ((name, config),) = (metric.provider.plugin or {}).items()
        try:
            made = self._installed.get(PluginKind.PROVIDER, name)
            value = await self._calls.answer(
                PluginKind.PROVIDER.titled(name),
                lambda: _plain(made(paths.copied(config))),
                CALL_SECONDS,
            )
        except BrokenPlugIn as error:
            return NotAnswered(str(error))
        return Answered(value)

    async def close(self) -> None:
        """Nothing is held; threads that are late end with the process."""


def _plain(value: object) -> Value:
    """The value as the judge takes it.

    Raises:
        TypeError, ValueError: it isn't JSON with NaN and the infinities, or too long.
    """
    text = json.dumps(value)
    if len(text) > _LONGEST:
        raise ValueError(f"its answer is {len(text)} characters long; at most {_LONGEST}")
    plain: Value = json.loads(text)
    return plain
