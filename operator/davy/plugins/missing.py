"""Plugins that a spec names and that aren't here, or are broken: a finding each."""

from collections.abc import Iterator, Sequence
from typing import Final

from davy.api import paths
from davy.api.analysis import Metric
from davy.api.errors import BrokenPlugIn, Finding
from davy.api.rollout import RolloutSpec
from davy.plugins.installed import Installed, PluginKind

_CANARY: Final = "spec.strategy.canary"
PLUGINS: Final = f"{_CANARY}.trafficRouting.plugins"


def in_rollout(installed: Installed, spec: RolloutSpec) -> Iterator[Finding]:
    """The router's and the steps'."""
    canary = spec.strategy.canary
    named = canary.routing.plugins.others if canary.routing.plugins else {}
    for name in named:
        yield from _missing(installed, PluginKind.ROUTER, name, paths.child(PLUGINS, name))
    for index, step in enumerate(canary.steps or ()):
        if step.plugin:
            path = f"{_CANARY}.steps[{index}].plugin.name"
            yield from _missing(installed, PluginKind.STEP, step.plugin.name, path)


def in_metrics(installed: Installed, metrics: Sequence[Metric], path: str) -> Iterator[Finding]:
    """The providers'; `path` is that of the list."""
    for index, metric in enumerate(metrics):
        for name in metric.provider.plugin or ():
            at = paths.child(f"{path}[{index}].provider.plugin", name)
            yield from _missing(installed, PluginKind.PROVIDER, name, at)


def _missing(installed: Installed, kind: PluginKind, name: str, path: str) -> Iterator[Finding]:
    try:
        installed.get(kind, name)
    except BrokenPlugIn as error:
        yield Finding(path, f"{error}.")
