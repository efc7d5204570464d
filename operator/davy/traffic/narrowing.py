"""What a Service and a subset have in common: both are narrowed to one revision's pods by a label.

An object is claimed by an annotation that names its rollout; one that another rollout claimed is
left alone.
"""

from collections.abc import Iterable

from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.traffic.base import Json, ObjectKey, RoutedRollout
from davy.traffic.leaves import Change, Path, text_at


def owner_problem(rollout: RoutedRollout, key: ObjectKey, found: Json) -> str | None:
    """A sentence when another rollout of the namespace manages the object."""
    owner = text_at(found, _claim_path(rollout))
    if owner is None or owner == rollout.name:
        return None
    return (
        f"{key} is managed by rollout {owner} (annotation "
        f"{rollout.group.managed_by_annotation}); name another {key.kind}, or remove the "
        f"annotation if that rollout is gone."
    )


def labels_problem(rollout: RoutedRollout, subject: str, labels: object) -> str | None:
    """A sentence when these labels, the hash aside, find none of the rollout's pods.

    Args:
        rollout: whose pods are meant.
        subject: who selects by them, at the start of the sentence.
        labels: the label map as the object has it.
    """
    if not isinstance(labels, dict):
        return f"{subject} selects by something that isn't a map of labels; write key: value."
    wrong = [
        f"{name}={value if isinstance(value, str) else 'something that is no text'}"
        for name, value in labels.items()
        if name != POD_TEMPLATE_HASH_LABEL and rollout.template_labels.get(name) != value
    ]
    if not wrong:
        return None
    return (
        f"{subject} selects {', '.join(wrong)}, but the pod template has "
        f"{template_text(rollout)}; it would find no pods."
    )


def template_text(rollout: RoutedRollout) -> str:
    """The pod template's labels, for a sentence."""
    labels = [f"{name}={value}" for name, value in sorted(rollout.template_labels.items())]
    return ", ".join(labels) or "no labels"


def hash_in(found: object, labels: Path) -> str | None:
    """The revision that these labels are narrowed to; None when they aren't."""
    return text_at(found, (*labels, POD_TEMPLATE_HASH_LABEL))


def changes(
    rollout: RoutedRollout, labels: Path, identity: tuple[Path, ...], template_hash: str | None
) -> tuple[Change, Change]:
    """The two leaves of a narrowing: the hash beside the user's labels, and the claim."""
    claim = None if template_hash is None else rollout.name
    return (
        Change((*labels, POD_TEMPLATE_HASH_LABEL), template_hash, identity),
        Change(_claim_path(rollout), claim),
    )


def agreed(hashes: Iterable[str | None]) -> str | None:
    """The one hash of all; None when there is none, or they disagree."""
    distinct = set(hashes)
    return distinct.pop() if len(distinct) == 1 else None


def _claim_path(rollout: RoutedRollout) -> Path:
    return ("metadata", "annotations", rollout.group.managed_by_annotation)
