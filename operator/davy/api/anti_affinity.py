"""Pods of a canary apart from stable's: the strategy's field, and the rule that pods get for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field

from davy.api.fields import Model
from davy.api.group import POD_TEMPLATE_HASH_LABEL

Json = dict[str, Any]

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_TEXT: Final = re.compile(r"(?P<hash>[0-9a-z]{1,63})( (?P<weight>[1-9][0-9]{0,2}))?")


class Preferred(Model):
    """The scheduler tries."""

    weight: int = Field(
        ge=1, le=100, description="How much it counts beside the scheduler's other wishes."
    )


class Required(Model):
    """The scheduler leaves a pod pending rather than break it."""


class AntiAffinity(Model):
    """Keeps the canary's new pods off nodes that run stable's; exactly one of the two."""

    preferred_during_scheduling_ignored_during_execution: Preferred | None = Field(
        None, description="As far as the nodes allow."
    )
    required_during_scheduling_ignored_during_execution: Required | None = Field(
        None, description="Always: a pod for which there is no other node stays pending."
    )

    def from_(self, template_hash: str) -> "Apart":
        """Apart from the pods of this revision."""
        preferred = self.preferred_during_scheduling_ignored_during_execution
        return Apart(template_hash, preferred.weight if preferred else None)


@dataclass(frozen=True)
class Apart:
    """Pods that are scheduled apart from another revision's."""

    hash: str
    """Of the other revision."""
    weight: int | None
    """1 to 100, a wish; None: a must."""

    def __str__(self) -> str:
        return self.hash if self.weight is None else f"{self.hash} {self.weight}"


def read(text: str) -> Apart | None:
    """What `str` made of it; None for what nobody of Davy's wrote."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    return Apart(found["hash"], int(found["weight"]) if found["weight"] else None)


def changed(pod_spec: Mapping[str, Any], before: Apart | None, after: Apart | None) -> Any:
    """The pod spec's affinity with one rule in place of another; the user's own terms stay.

    One that isn't an affinity stays as it is, for the API server to refuse.

    Args:
        pod_spec: of a ReplicaSet's template.
        before: what Davy put there; None: nothing.
        after: what it should have.
    """
    given = pod_spec.get("affinity") or {}
    if not _is_affinity(given):
        return given
    affinity = dict(given)
    held = dict(affinity.pop("podAntiAffinity", None) or {})
    for kind in (_REQUIRED, _PREFERRED):
        terms = list(held.pop(kind, None) or ())
        if before is not None and (own := _term(before)) in terms:
            terms.remove(own)
        if after is not None and (after.weight is None) == (kind == _REQUIRED):
            terms.append(_term(after))
        if terms:
            held[kind] = terms
    return {**affinity, "podAntiAffinity": held} if held else affinity


def _is_affinity(given: Any) -> bool:
    held = (given.get("podAntiAffinity") or {}) if isinstance(given, dict) else None
    return isinstance(held, dict) and all(
        isinstance(held.get(kind) or [], list) for kind in (_REQUIRED, _PREFERRED)
    )


def _term(apart: Apart) -> Json:
    chosen = {"key": POD_TEMPLATE_HASH_LABEL, "operator": "In", "values": [apart.hash]}
    term: Json = {
        "labelSelector": {"matchExpressions": [chosen]},
        "topologyKey": "kubernetes.io/hostname",
    }
    return term if apart.weight is None else {"weight": apart.weight, "podAffinityTerm": term}
