"""Whether every parent of a route took its newest spec, by the route's own status.

A parent (Gateway, Service of a mesh) took it when a controller reports Accepted and ResolvedRefs,
both true and of this generation, and no PartiallyInvalid: with that one a controller may go on with
an older rule. This runs ahead of the proxies by some tenths of a second: a settle time follows.
Rules: Gateway API, `RouteParentStatus` and `ParentReference`.
"""

from dataclasses import dataclass
from typing import Final

from davy.traffic import conditions
from davy.traffic.base import NotYet, ObjectKey, Verified
from davy.traffic.leaves import list_at, number_at, text_at, value_at

_NEEDED: Final = ("Accepted", "ResolvedRefs")
_PARTIAL: Final = "PartiallyInvalid"


@dataclass(frozen=True)
class Parent:
    """What a parentRef refers to, its defaults filled in."""

    group: str
    kind: str
    namespace: str
    name: str
    section: str | None
    """A listener's name; None: all of them."""
    port: int | None

    def __str__(self) -> str:
        section = f" listener {self.section}" if self.section else ""
        port = f" port {self.port}" if self.port is not None else ""
        return f"{self.kind} {self.namespace}/{self.name}{section}{port}"


def verification(key: ObjectKey, found: object) -> Verified | NotYet:
    """Verified when every parent took this generation, else what the first one lacks."""
    generation = number_at(found, ("metadata", "generation"))
    if generation is None:
        return NotYet(f"{key} has no metadata.generation")
    references = list_at(found, ("spec", "parentRefs"))
    if not references:
        return NotYet(f"{key} has no parentRefs")
    parents = list(dict.fromkeys(_parent(reference, key) for reference in references))
    entries = list_at(found, ("status", "parents"))
    for parent in parents:
        lacks = _lacks(parent, entries, key, generation)
        if lacks is not None:
            return NotYet(f"{key}: {parent}: {lacks}")
    named = ", ".join(str(parent) for parent in parents)
    return Verified(f"{key}: generation {generation} is accepted by {named}")


def _parent(reference: object, key: ObjectKey) -> Parent:
    def text(name: str, default: str) -> str:
        found = text_at(reference, (name,))
        return default if found is None else found

    return Parent(
        group=text("group", "gateway.networking.k8s.io"),
        kind=text("kind", "Gateway"),
        namespace=text("namespace", key.namespace),
        name=text("name", ""),
        section=text_at(reference, ("sectionName",)) or None,
        port=number_at(reference, ("port",)),
    )


def _lacks(parent: Parent, entries: list[object], key: ObjectKey, generation: int) -> str | None:
    """What every controller that speaks for the parent lacks; None when one lacks nothing."""
    answers = [
        _entry_lacks(entry, generation)
        for entry in entries
        if _parent(value_at(entry, ("parentRef",)), key) == parent
    ]
    if not answers:
        return "no controller has reported on it"
    return None if None in answers else answers[0]


def _entry_lacks(entry: object, generation: int) -> str | None:
    reported = {
        text_at(condition, ("type",)): condition for condition in list_at(entry, ("conditions",))
    }
    for name in _NEEDED:
        condition = reported.get(name)
        if condition is None:
            return f"{name} isn't reported"
        if old := conditions.behind(condition, name, generation):
            return old
        if text_at(condition, ("status",)) != "True":
            return _sentence(name, condition)
    partial = reported.get(_PARTIAL)
    if text_at(partial, ("status",)) == "True":
        return _sentence(_PARTIAL, partial)
    return None


def _sentence(name: str, condition: object) -> str:
    state = text_at(condition, ("status",)) or "not said"
    return f"{name} is {state} ({conditions.why(condition)})"
