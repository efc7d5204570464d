"""A canary Ingress of ingress-nginx: what it should be, what it says, how it is mended.

The object is Davy's own, so patches may set whole fields; only its identity and the weight that was
seen are tested. Rules: ingress-nginx, annotations, section Canary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import Any, Final

from davy.api.routers import NginxRouting
from davy.traffic.base import Json, ObjectKey, ObjectPatch
from davy.traffic.leaves import ABSENT, Path, list_at, number_at, pointer, text_at, value_at
from davy.traffic.split import FULL

_CLASS: Final = "kubernetes.io/ingress.class"
_ANNOTATIONS: Final[Path] = ("metadata", "annotations")
_RULES: Final[Path] = ("spec", "rules")
_PATHS: Final[Path] = ("http", "paths")
_SERVICE: Final[Path] = ("backend", "service", "name")
_PORT: Final[Path] = ("backend", "service", "port")
_LONGEST_WEIGHT: Final = 3
_PLAIN: Final = frozenset(f"{ascii_letters}{digits}-")
"""Characters that the API server compares as they are written, see `leaves`."""


@dataclass(frozen=True)
class Wanted:
    """A canary Ingress, its weight aside."""

    annotations: dict[str, str]
    spec: Json


def wanted(
    routing: NginxRouting, subject: str, stable: Json, stable_service: str, canary_service: str
) -> Wanted | str:
    """What the canary Ingress should be, or a sentence: the stable Ingress doesn't say.

    Args:
        routing: what the user asks for.
        subject: the stable Ingress, for the sentence.
        stable: the stable Ingress.
        stable_service: whose paths are split.
        canary_service: who gets the canary's share of them.
    """
    rules = [*_rules(stable, stable_service, canary_service)]
    if not rules:
        return (
            f"{subject} has no path to Service {stable_service}; add one: the canary gets its "
            f"share of those paths."
        )
    spec: Json = {"rules": rules}
    if list_at(stable, ("spec", "tls")):
        spec["tls"] = stable["spec"]["tls"]
    annotations = dict(routing.annotations)
    if name := text_at(stable, ("spec", "ingressClassName")):
        spec["ingressClassName"] = name
    if name := text_at(stable, (*_ANNOTATIONS, _CLASS)):
        annotations[_CLASS] = name
    annotations[_name(routing, "canary")] = "true"
    return Wanted(annotations, spec)


def flaws(
    routing: NginxRouting, subject: str, stable: Json, canary_service: str | None
) -> Iterator[str]:
    """Why the stable Ingress can't be split as asked."""
    if text_at(stable, (*_ANNOTATIONS, _name(routing, "canary"))) == "true":
        yield f"{subject} is itself a canary Ingress; name the one that users reach."
    if canary_service and any(_places(stable, canary_service)):
        yield (
            f"{subject} has a path to Service {canary_service}; ingress-nginx doesn't weight a "
            f"Service that has a path of its own: remove it."
        )
    asked = routing.annotations
    sticky = text_at(stable, (*_ANNOTATIONS, _name(routing, "affinity"))) or asked.get(
        _name(routing, "affinity")
    )
    if sticky and asked.get(_name(routing, "affinity-canary-behavior")) != "legacy":
        yield (
            f"{subject} has session affinity, which keeps a user on an aborted canary even at "
            f"weight 0; add affinity-canary-behavior: legacy to additionalIngressAnnotations."
        )


def places(stable: Json | None, service: str) -> frozenset[tuple[str, str]]:
    """Hosts and paths of an Ingress that lead to a Service."""
    return frozenset(_places(stable, service))


def ports(stable: Json, service: str) -> tuple[int | str, ...]:
    """The ports, each once, to which an Ingress leads of a Service."""
    found = [
        port
        for rule in list_at(stable, _RULES)
        for path in list_at(rule, _PATHS)
        if text_at(path, _SERVICE) == service
        for port in (number_at(path, (*_PORT, "number")), text_at(path, (*_PORT, "name")))
        if port is not None
    ]
    return tuple(dict.fromkeys(found))


def state(routing: NginxRouting, canary: Json, asked: Wanted | str) -> tuple[int, str]:
    """The weight of a canary Ingress, and what of it isn't as asked ("": nothing).

    What can't be read as a weight may be any: it counts as all, so that it is lowered first (I4).
    """
    weight = _weight(routing, canary)
    if weight is None:
        return FULL, "has no weight that can be read"
    if isinstance(asked, str):
        return weight, ""
    differs = [*_annotation_changes(routing, canary, asked), *_spec_changes(canary, asked)]
    names = ", ".join(sorted({str(path[-1]) for path, _ in differs}))
    return (
        weight,
        f"doesn't follow the rollout and the stable Ingress yet: {names}" if names else "",
    )


def manifest(routing: NginxRouting, key: ObjectKey, asked: Wanted, weight: int) -> Json:
    """A new canary Ingress."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "annotations": {**asked.annotations, _name(routing, "canary-weight"): str(weight)},
        },
        "spec": asked.spec,
    }


def patches(
    routing: NginxRouting, key: ObjectKey, canary: Json, asked: Wanted | str, weight: int
) -> tuple[ObjectPatch, ...]:
    """One patch that gives the canary Ingress this weight and all else that is asked.

    Where the stable Ingress doesn't say what the rest should be, the weight alone, and what makes
    it one (I3).
    """
    path: Path = (*_ANNOTATIONS, _name(routing, "canary-weight"))
    changes: list[_Change] = []
    if value_at(canary, path) != str(weight):
        changes.append((path, str(weight)))
    if isinstance(asked, str):
        changes += _as_weight(routing, canary)
    else:
        changes += [*_annotation_changes(routing, canary, asked), *_spec_changes(canary, asked)]
    return (ObjectPatch(key, _operations(canary, path, changes)),) if changes else ()


_Change = tuple[Path, object]
"""A place in the canary Ingress and what it should hold; ABSENT: nothing."""


def _operations(canary: Json, weight: Path, changes: Sequence[_Change]) -> tuple[Json, ...]:
    """Tests of who it is and of the weight that was seen, then the changes."""
    tests = [
        {"op": "test", "path": pointer(path), "value": seen}
        for path in (("metadata", "uid"), weight)
        if (seen := text_at(canary, path)) is not None and set(seen) <= _PLAIN
    ]
    missing = {path[:-1]: None for path, _ in changes}
    containers = [
        {"op": "add", "path": pointer(path), "value": {}}
        for path in missing
        if not isinstance(value_at(canary, path), dict)
    ]
    writes = [
        {"op": "remove", "path": pointer(path)}
        if value is ABSENT
        else {"op": "add", "path": pointer(path), "value": value}
        for path, value in changes
    ]
    return (*tests, *containers, *writes)


def _annotation_changes(routing: NginxRouting, canary: Json, asked: Wanted) -> Iterator[_Change]:
    for name, value in asked.annotations.items():
        if value_at(canary, (*_ANNOTATIONS, name)) != value:
            yield (*_ANNOTATIONS, name), value
    held = value_at(canary, _ANNOTATIONS)
    own = {*asked.annotations, _name(routing, "canary-weight")}
    for name in held if isinstance(held, dict) else ():
        if name.startswith(_name(routing, "")) and name not in own:
            yield (*_ANNOTATIONS, name), ABSENT


def _as_weight(routing: NginxRouting, canary: Json) -> Iterator[_Change]:
    """What is missing for `_weight` to read the annotation as it is written."""
    for name, value in (("canary", "true"), ("canary-weight-total", ABSENT)):
        path: Path = (*_ANNOTATIONS, _name(routing, name))
        if value_at(canary, path) != value:
            yield path, value


def _spec_changes(canary: Json, asked: Wanted) -> Iterator[_Change]:
    for field, value in asked.spec.items():
        if value_at(canary, ("spec", field)) != value:
            yield ("spec", field), value
    if "tls" not in asked.spec and list_at(canary, ("spec", "tls")):
        yield ("spec", "tls"), ABSENT


def _weight(routing: NginxRouting, canary: Json) -> int | None:
    """0 to 100, as ingress-nginx takes it; None: it may be any."""
    text = value_at(canary, (*_ANNOTATIONS, _name(routing, "canary-weight")))
    total = value_at(canary, (*_ANNOTATIONS, _name(routing, "canary-weight-total")))
    is_canary = value_at(canary, (*_ANNOTATIONS, _name(routing, "canary"))) == "true"
    if not is_canary or total is not ABSENT:
        return None
    if not isinstance(text, str):
        return 0 if text is ABSENT else None
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_WEIGHT
    return int(text) if is_number and int(text) <= FULL else None


def _rules(stable: Json, stable_service: str, canary_service: str) -> Iterator[Json]:
    """The stable Ingress's rules with the paths that are split, leading to the canary."""
    for rule in list_at(stable, _RULES):
        paths = [
            _led_to(path, canary_service)
            for path in list_at(rule, _PATHS)
            if text_at(path, _SERVICE) == stable_service
        ]
        if paths and isinstance(rule, dict):
            yield {**rule, "http": {"paths": paths}}


def _led_to(path: Any, service: str) -> Json:
    backend = path["backend"]
    return {**path, "backend": {**backend, "service": {**backend["service"], "name": service}}}


def _places(stable: Json | None, service: str) -> Iterator[tuple[str, str]]:
    for rule in list_at(stable, _RULES):
        for path in list_at(rule, _PATHS):
            if text_at(path, _SERVICE) == service:
                yield text_at(rule, ("host",)) or "", text_at(path, ("path",)) or "/"


def _name(routing: NginxRouting, name: str) -> str:
    """The whole name of one of ingress-nginx's annotations."""
    return f"{routing.annotation_prefix}/{name}"
