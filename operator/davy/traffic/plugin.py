"""A router of somebody else's, kept within its contract: in time, its own objects, plain data.

Its class is made anew for every question with the configuration in the Rollout, and answers in a
thread. What comes back is rebuilt from plain JSON, so that nothing of a stranger's stays behind.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, TypeVar

from davy.api import paths
from davy.api.errors import Finding
from davy.api.managed_routes import Rule
from davy.plugins.calls import Calls, words
from davy.plugins.installed import Installed, PluginKind
from davy.traffic.base import (
    Json,
    NewObject,
    NotYet,
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    Router,
    RouteState,
    Unknown,
    Verification,
    Verified,
    Write,
)

CALL_SECONDS: Final = 0.5
"""A router works on objects at hand; the operator stands still meanwhile."""
REST_SECONDS: Final = 10.0
"""A router that was late isn't asked for so long, so that the operator rarely stands still."""
_MOST: Final = 64
"""Objects of one route."""

_Answer = TypeVar("_Answer")


class PluginRouter:
    """See `Router`; every method may raise BrokenPlugIn.

    Args:
        name: of the plugin.
        installed: the plugins there are.
        config: for it, in the Rollout.
        calls: how it is called.

    Raises:
        BrokenPlugIn: it isn't there, or broken.
    """

    def __init__(self, name: str, installed: Installed, config: Json, calls: Calls) -> None:
        self._name = PluginKind.ROUTER.titled(name)
        self._made = installed.get(PluginKind.ROUTER, name)
        self._config = config
        self._calls = calls
        self._kinds = {(kind.group, kind.kind): kind for kind in installed.kinds[name]}

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """See `Router.objects`."""
        return self._asked(lambda router: self._keys(rollout, router.objects(rollout)))

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """See `Router.read`."""
        held = _copies(objects)
        total = rollout.canary.all_traffic
        return self._asked(lambda router: _state(router.read(rollout, held), total))

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),
    ) -> tuple[Write, ...]:
        """See `Router.weights`."""
        held = _copies(objects)
        return self._asked(
            lambda router: self._writes(
                rollout, router.weights(rollout, held, canary_weight, rules)
            )
        )

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """See `Router.target`."""
        held = _copies(objects)
        return self._asked(
            lambda router: tuple(
                write
                for write in self._writes(
                    rollout, router.target(rollout, held, role, template_hash)
                )
                if isinstance(write, ObjectPatch)
            )
        )

    def _asked(self, ask: Callable[[Router], _Answer]) -> _Answer:
        def call() -> _Answer:
            return ask(self._made(paths.copied(self._config)))

        return self._calls.awaited(self._name, call, CALL_SECONDS)

    def _keys(self, rollout: RoutedRollout, given: Iterable[Any]) -> tuple[ObjectKey, ...]:
        keys = tuple(self._key(rollout, key) for key in given)
        if len(keys) > _MOST:
            raise ValueError(f"it names {len(keys)} objects; at most {_MOST} make a route")
        return keys

    def _key(self, rollout: RoutedRollout, given: Any) -> ObjectKey:
        """The key, where the plugin may touch what it names.

        Raises:
            TypeError: it is none.
            ValueError: it is of another namespace, or of a kind that isn't declared.
        """
        if not isinstance(given, ObjectKey):
            raise TypeError(f"an ObjectKey was expected, it gave a {type(given).__name__}")
        key = ObjectKey(*map(str, (given.group, given.kind, given.namespace, given.name)))
        if key.namespace != rollout.namespace:
            raise ValueError(f"it names {words(key)}, outside the rollout's namespace")
        if (key.group, key.kind) not in self._kinds:
            raise ValueError(f"it names {words(key)}, of a kind that isn't in its `kinds`")
        return key

    def _writes(self, rollout: RoutedRollout, given: Iterable[Any]) -> tuple[Write, ...]:
        return tuple(self._write(rollout, write) for write in given)

    def _write(self, rollout: RoutedRollout, given: Any) -> Write:
        if not isinstance(given, ObjectPatch | NewObject):
            raise TypeError(
                f"an ObjectPatch or a NewObject was expected, it gave a {type(given).__name__}"
            )
        key = self._key(rollout, given.key)
        if isinstance(given, ObjectPatch):
            operations = _plain(list(given.operations))
            if not all(isinstance(one, dict) for one in operations):
                raise TypeError("an operation of its patch is no object")
            return ObjectPatch(key, tuple(operations))
        manifest = _plain(given.manifest)
        metadata = manifest.get("metadata") if isinstance(manifest, dict) else None
        own = (key.name, key.namespace)
        if (
            not isinstance(metadata, dict)
            or (metadata.get("name"), metadata.get("namespace")) != own
        ):
            raise ValueError(f"its manifest isn't that of {key}")
        if not self._kinds[key.group, key.kind].creates:
            raise ValueError(f"it makes {key}, of a kind that it doesn't declare to create")
        return NewObject(key, manifest)


def _copies(objects: Objects) -> Objects:
    return {key: paths.copied(held) for key, held in objects.items()}


def _plain(value: Any) -> Any:
    """The value as JSON, nothing of it shared.

    Raises:
        TypeError, ValueError: it is none.
    """
    return json.loads(json.dumps(value, allow_nan=False))


def _state(given: Any, total: int) -> RouteState:
    if not isinstance(given, RouteState):
        raise TypeError(f"a RouteState was expected, it gave a {type(given).__name__}")
    if given.rules:
        raise ValueError("it reports managed routes, which no plugin makes")
    return RouteState(
        canary_weight=_weight(given.canary_weight, total),
        stable_hash=_text(given.stable_hash),
        canary_hash=_text(given.canary_hash),
        verification=_verification(given.verification),
        problems=tuple(_finding(found) for found in given.problems),
        uneven=bool(given.uneven),
        part_weight=_weight(given.part_weight, total),
    )


def _weight(given: Any, total: int) -> int | None:
    if given is None:
        return None
    if type(given) is not int or not 0 <= given <= total:
        raise ValueError(f"it reads a weight of {words(given)}; a whole number from 0 to {total}")
    return given


def _text(given: Any) -> str | None:
    return None if given is None else words(given)


def _verification(given: Any) -> Verification:
    for kind in (Verified, NotYet, Unknown):
        if isinstance(given, kind):
            return kind(words(given.why))
    raise TypeError(f"Verified, NotYet or Unknown was expected, it gave a {type(given).__name__}")


def _finding(given: Any) -> Finding:
    if not isinstance(given, Finding):
        raise TypeError(f"a Finding was expected, it gave a {type(given).__name__}")
    return replace(given, path=words(given.path), message=words(given.message))
