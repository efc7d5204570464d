"""What is installed: the entry points of other packages, loaded once at the start.

One that can't be loaded is told and left out; who names it in a spec is told why.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from davy.api.errors import BrokenPlugIn
from davy.plugins.calls import Calls
from davy.plugins.contract import RouteKind

_LOAD_SECONDS: Final = 10.0
_CLOSED: Final = {("", "Secret"), ("", "Pod"), ("apps", "ReplicaSet")}
"""Kinds of which Davy holds nothing, or not all."""

Made = Callable[..., Any]


class PluginKind(StrEnum):
    """What a plugin can be."""

    ROUTER = "router"
    PROVIDER = "provider"
    STEP = "step"

    @property
    def group(self) -> str:
        """The entry point group: `davy.routers`."""
        return f"davy.{self.value}s"

    def titled(self, name: str) -> str:
        """As sentences have it: `step plugin acme/gate`."""
        return f"{self.value} plugin {name}"


@dataclass(frozen=True)
class Installed:
    """The plugins of this process."""

    found: Mapping[PluginKind, Mapping[str, Made]] = field(default_factory=dict)
    broken: Mapping[PluginKind, Mapping[str, str]] = field(default_factory=dict)
    """Why those that are installed can't be used, a sentence each."""
    kinds: Mapping[str, tuple[RouteKind, ...]] = field(default_factory=dict)
    """What each router is made of."""

    def get(self, kind: PluginKind, name: str) -> Made:
        """The plugin's own class or function.

        Raises:
            BrokenPlugIn: nobody installed it, or it is broken.
        """
        found = self.found.get(kind, {})
        if name in found:
            return found[name]
        if why := self.broken.get(kind, {}).get(name):
            raise BrokenPlugIn(why)
        known = ", ".join(sorted(found)) or "none"
        raise BrokenPlugIn(
            f"there is no {kind.titled(name)}, installed are: {known}; install the package that "
            f"has it beside Davy"
        )

    @property
    def route_kinds(self) -> tuple[RouteKind, ...]:
        """The kinds that routers declare, each once."""
        return tuple(
            dict.fromkeys(kind for name in sorted(self.kinds) for kind in self.kinds[name])
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All that can be used: `step plugin acme/gate`."""
        return tuple(kind.titled(name) for kind, made in self.found.items() for name in made)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is wrong with those that can't be used."""
        return tuple(why for kind in self.broken.values() for why in kind.values())


def load() -> Installed:
    """Every plugin of the packages that are installed beside Davy."""
    calls = Calls(most=1)
    found: dict[PluginKind, dict[str, Made]] = {}
    broken: dict[PluginKind, dict[str, str]] = {}
    kinds: dict[str, tuple[RouteKind, ...]] = {}
    for kind in PluginKind:
        entries = sorted(entry_points(group=kind.group), key=lambda entry: entry.name)
        times = Counter(entry.name for entry in entries)
        for entry in entries:
            name = f"{kind.titled(entry.name)} ({entry.value})"
            if times[entry.name] > 1:
                twice = f"{kind.titled(entry.name)} is there twice; uninstall one of its packages"
                broken.setdefault(kind, {})[entry.name] = twice
                continue
            try:
                made, own = calls.awaited(name, partial(_loaded, entry, kind), _LOAD_SECONDS)
            except BrokenPlugIn as error:
                broken.setdefault(kind, {})[entry.name] = f"{error}; mend or uninstall its package"
            else:
                found.setdefault(kind, {})[entry.name] = made
                if kind is PluginKind.ROUTER:
                    kinds[entry.name] = own
    return Installed(found, broken, kinds)


def _loaded(entry: EntryPoint, kind: PluginKind) -> tuple[Made, tuple[RouteKind, ...]]:
    """The plugin, and what its route is made of if it is a router.

    Raises:
        TypeError, ValueError: it isn't what its group asks for; its own module may raise anything.
    """
    made: object = entry.load()
    if not callable(made):
        raise TypeError(f"its entry point is a {type(made).__name__}, no class or function")
    if kind is not PluginKind.ROUTER:
        return made, ()
    kinds = getattr(made, "kinds", None)
    if not isinstance(kinds, tuple) or not all(isinstance(one, RouteKind) for one in kinds):
        raise TypeError("its `kinds` must be a tuple of RouteKind")
    for one in kinds:
        if (one.group, one.kind) in _CLOSED:
            raise ValueError(f"it names {one.kind} in `kinds`, which no router may write")
    return made, kinds
