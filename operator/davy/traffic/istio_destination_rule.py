"""DestinationRule: the two subsets that stand for stable and canary, narrowed by their labels.

Owned: the pod template hash in the two subsets' labels, and the annotation that names the rollout.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from davy.api.errors import Finding
from davy.api.mesh_routers import IstioDestinationRule
from davy.traffic import narrowing, services
from davy.traffic.base import Json, ObjectKey, ObjectPatch, RoleName, RoutedRollout
from davy.traffic.istio_hosts import is_service, namespace_of, qualified
from davy.traffic.leaves import ABSENT, Path, list_at, patch, text_at, value_at

PATH: Final = f"{services.CANARY}.trafficRouting.istio.destinationRule"
_SUBSETS: Final[Path] = ("spec", "subsets")


@dataclass(frozen=True)
class Subsets:
    """A DestinationRule as a rollout uses it."""

    key: ObjectKey
    spec: IstioDestinationRule
    found: Json | None
    """The object; None: it isn't there."""

    def name(self, role: RoleName) -> str:
        """The name of the role's subset."""
        return self.spec.stable_subset_name if role == "stable" else self.spec.canary_subset_name

    @property
    def host(self) -> str | None:
        """The qualified host whose traffic the rule governs; None when it has none."""
        host = text_at(self.found, ("spec", "host"))
        return qualified(host, self.key.namespace) if host else None

    def hash_of(self, role: RoleName) -> str | None:
        """The revision that the role's subset is narrowed to; None when it isn't."""
        indices = self._indices(self.name(role))
        return narrowing.agreed(narrowing.hash_in(self.found, _labels(i)) for i in indices)

    def problems(self, rollout: RoutedRollout) -> Iterable[Finding]:
        """What keeps the subsets from standing for one revision each."""
        if self._same:
            sentence = (
                f"is {self.spec.canary_subset_name}, as stableSubsetName; weights need two subsets."
            )
            yield Finding(f"{PATH}.canarySubsetName", sentence)
        elif self.found is None:
            sentence = (
                f"{self.key} doesn't exist; create it for the route's host, with the subsets "
                f"{self.spec.stable_subset_name} and {self.spec.canary_subset_name}."
            )
            yield Finding(f"{PATH}.name", sentence)
        else:
            if wrong := narrowing.owner_problem(rollout, self.key, self.found):
                yield Finding(f"{PATH}.name", wrong)
            yield from self._host_problems(rollout)
            for role in services.ROLES:
                yield from self._subset_problems(rollout, role)
            for index, name in enumerate(self.spec.additional_subset_names or ()):
                if not self._indices(name):
                    path = f"{PATH}.additionalSubsetNames[{index}]"
                    yield Finding(path, self._without(name))

    def target(
        self, rollout: RoutedRollout, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """The patch that narrows the role's subset; none when it is so, or can't be."""
        if (
            self.found is None
            or self._same
            or self._foreign
            or narrowing.owner_problem(rollout, self.key, self.found)
            or (template_hash is not None and any(self._subset_problems(rollout, role)))
            or len(self._indices(self.name(role))) != 1
        ):
            return ()
        [index] = self._indices(self.name(role))
        identity: Path = (*_SUBSETS, index, "name")
        changes = narrowing.changes(rollout, _labels(index), (identity,), template_hash)
        return patch(self.key, self.found, changes)

    @property
    def _same(self) -> bool:
        return self.spec.canary_subset_name == self.spec.stable_subset_name

    @property
    def _foreign(self) -> str | None:
        """The namespace of the Service that the rule is for, where it isn't the rollout's own.

        Its subsets would be narrowed to pods that aren't there.
        """
        host = text_at(self.found, ("spec", "host"))
        space = namespace_of(host, self.key.namespace) if host else None
        return space if space != self.key.namespace else None

    def _host_problems(self, rollout: RoutedRollout) -> Iterable[Finding]:
        host = text_at(self.found, ("spec", "host"))
        if not host:
            yield Finding(f"{PATH}.name", f"{self.key} has no host; write the host of the route.")
            return
        if self._foreign:
            sentence = (
                f"{self.key} is for host {host}, a Service of namespace {self._foreign}; a "
                f"rollout moves the traffic of its own namespace, {self.key.namespace}, only."
            )
            yield Finding(f"{PATH}.name", sentence)
        for role in services.ROLES:
            service = services.key(rollout, role)
            if service is not None and is_service(host, self.key.namespace, service):
                sentence = (
                    f"{service} is narrowed to the {role} pods, but {self.key} splits it into "
                    f"subsets, one of which would be empty; unset it, or name another Service."
                )
                yield Finding(f"{services.CANARY}.{role}Service", sentence)

    def _subset_problems(self, rollout: RoutedRollout, role: RoleName) -> Iterable[Finding]:
        name = self.name(role)
        path = f"{PATH}.{role}SubsetName"
        indices = self._indices(name)
        if not indices:
            yield Finding(path, self._without(name))
        elif len(indices) > 1:
            yield Finding(path, f"{self.key} has {len(indices)} subsets named {name}; leave one.")
        else:
            labels = value_at(self.found, _labels(indices[0]))
            if labels is None or labels is ABSENT:
                return
            subject = f"subset {name} of {self.key}"
            if sentence := narrowing.labels_problem(rollout, subject, labels):
                yield Finding(path, sentence)

    def _without(self, name: str) -> str:
        names = [text_at(subset, ("name",)) for subset in list_at(self.found, _SUBSETS)]
        listed = ", ".join(other for other in names if other) or "none"
        return f"{self.key} has no subset {name}; it has: {listed}."

    def _indices(self, name: str) -> list[int]:
        return [
            index
            for index, subset in enumerate(list_at(self.found, _SUBSETS))
            if text_at(subset, ("name",)) == name
        ]


def _labels(index: int) -> Path:
    return (*_SUBSETS, index, "labels")
