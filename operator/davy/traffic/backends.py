"""A list of weighted backends, as several kinds of route have it: whose each is, and its weight."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from davy.api.errors import Finding
from davy.traffic import services
from davy.traffic.base import RoleName, RoutedRollout
from davy.traffic.leaves import ABSENT, Path, list_at, number_at, text_at, value_at
from davy.traffic.split import Reading, Share, Split


@dataclass(frozen=True)
class Form:
    """How a kind of route writes its backends."""

    plural: str
    """Name of the list: `backendRefs`."""
    singular: str
    """One of them, in sentences: `backendRef`."""
    name: str
    """The field that has the Service's name."""
    default_weight: int
    """Of a backend without a weight, as the proxies take it."""


def both(rollout: RoutedRollout) -> str:
    """The two Services, for a sentence."""
    keys = {role: services.key(rollout, role) for role in services.ROLES}
    return " and ".join(key.name if key else f"{role}Service" for role, key in keys.items())


def split(
    found: object,
    rule: Path,
    form: Form,
    role_of: Callable[[object], RoleName | None],
    full: int,
) -> Split | str:
    """A rule's backends by role; a string says why they can't be read.

    Args:
        found: the whole object.
        rule: path of what has the list.
        form: how a backend is written.
        role_of: from a backend, whose it is; None: neither's.
        full: the weight that is all traffic.
    """
    shares: dict[RoleName | None, list[Share]] = {"stable": [], "canary": [], None: []}
    backends: Path = (*rule, form.plural)
    for position, backend in enumerate(list_at(found, backends)):
        weight = _weight(backend, form)
        if weight is None:
            return (
                f"has a weight that isn't a whole number from 0 ({form.plural}[{position}]); "
                f"write 0."
            )
        path: Path = (*backends, position)
        share = Share((*path, "weight"), weight, ((*path, form.name),))
        shares[role_of(backend)].append(share)
    return Split(tuple(shares["stable"]), tuple(shares["canary"]), tuple(shares[None]), full=full)


def reading(
    found: object,
    rule: Path,
    form: Form,
    role_of: Callable[[object], RoleName | None],
    rollout: RoutedRollout,
    *,
    subject: str,
    field: str,
) -> Reading:
    """A rule that must be split between the two Services: its split, and what keeps it from one.

    Args:
        found: the whole object.
        rule: path of what has the list.
        form: how a backend is written.
        role_of: from a backend, whose it is; None: neither's.
        rollout: that names the Services.
        subject: the rule, at the start of a sentence.
        field: path of the findings.
    """
    parts = split(found, rule, form, role_of, rollout.canary.all_traffic)
    if isinstance(parts, str):
        return Reading(problems=(Finding(field, f"{subject} {parts}"),), readable=False)
    missing = [
        f"has no destination for {role}; its {form.plural} must be {both(rollout)}."
        for role, shares in (("stable", parts.stable), ("canary", parts.canary))
        if not shares
    ]
    wrong = [*missing, *flaws(found, form, parts, rollout)]
    return Reading(
        splits=(parts,),
        problems=tuple(Finding(field, f"{subject} {flaw}") for flaw in wrong),
        # A backend that isn't known may be the canary under another name.
        readable=bool(parts.canary) or bool(parts.stable and not parts.others),
    )


def flaws(found: object, form: Form, split: Split, rollout: RoutedRollout) -> Iterable[str]:
    """Why a rule that refers to both Services can't be given a weight."""
    for shares, role in ((split.stable, "stable"), (split.canary, "canary")):
        if len(shares) > 1:
            yield (f"refers to the {role} Service {len(shares)} times; leave one {form.singular}.")
    for share in split.others:
        name = text_at(found, (*share.path[:-1], form.name))
        yield f"has another backend beside {both(rollout)}: {name}; remove it."


def _weight(backend: object, form: Form) -> int | None:
    """The weight as the mesh takes it; None: malformed."""
    if value_at(backend, ("weight",)) in (ABSENT, None):
        return form.default_weight
    weight = number_at(backend, ("weight",))
    return weight if weight is not None and weight >= 0 else None
