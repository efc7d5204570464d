"""The one Rollout of some files, with the templates and the workload that it names."""

from collections.abc import Sequence

import click

from davy.api import validate, workload
from davy.api.errors import InvalidObject, together
from davy.api.group import ARGO, DAVY
from davy.api.rollout import RolloutSpec
from davy.cli import check
from davy.cli.documents import Document, documents, expanded, text_of
from davy.rehearsal.release import Release

_NAMESPACE = "default"
"""Of a Rollout whose file doesn't say."""


def read(files: Sequence[str], api_group: str) -> tuple[Release, tuple[str, ...]]:
    """The release, and sentences on what of it isn't played.

    Args:
        files: names of files and folders; - is standard input.
        api_group: a further group whose objects are Davy's, beside its own and Argo's.

    Raises:
        davy.cli.documents.UnreadableFileError: a file can't be read.
        click.ClickException: there is no Rollout, or more than one, or it has findings.
    """
    found = [document for name in expanded(files) for document in documents(name, text_of(name))]
    return release(only_rollout(found, ", ".join(files), api_group), found, api_group)


def release(
    rollout: Document, found: Sequence[Document], api_group: str
) -> tuple[Release, tuple[str, ...]]:
    """The release of a Rollout among other documents, and what of it isn't played.

    Raises:
        click.ClickException: it has findings.
    """
    spec, notes = _spec(rollout, found)
    metadata = {"namespace": _NAMESPACE, **rollout.content["metadata"]}
    made = Release.coming(
        manifest={**rollout.content, "metadata": metadata},
        spec=spec.model_copy(update={"workload_ref": None, "restart_at": None}),
        find=check.finder(found, rollout, api_group),
    )
    return made, notes


def _spec(rollout: Document, found: Sequence[Document]) -> tuple[RolloutSpec, tuple[str, ...]]:
    """The spec with its workload's template, and what of it isn't played."""
    where = f"{rollout.file}: rollout {rollout.name}"
    try:
        spec = validate.parse_rollout(rollout.content)
    except InvalidObject as error:
        raise click.ClickException(f"{where}: {error}") from error
    nearest = check.workload_of(rollout, spec, found)
    resolved = workload.resolved(spec, nearest.content if nearest else None)
    if resolved.problems:
        raise click.ClickException(f"{where}: {together(resolved.problems)}")
    return resolved.spec, tuple(_notes(spec))


def only_rollout(found: Sequence[Document], named: str, api_group: str) -> Document:
    """The one Rollout of some documents.

    Raises:
        click.ClickException: there is none, or more than one.
    """
    groups = {DAVY, ARGO, api_group}
    rollouts = [
        document
        for document in found
        if document.kind == "Rollout" and document.api_version.partition("/")[0] in groups
    ]
    if len(rollouts) != 1:
        names = ", ".join(document.name for document in rollouts)
        has = f"{len(rollouts)} Rollouts ({names:.80})" if rollouts else "no Rollout"
        raise click.ClickException(f"{named} has {has}; give a file with one.")
    return rollouts[0]


def _notes(spec: RolloutSpec) -> list[str]:
    steps = spec.strategy.canary.steps or ()
    notes = [
        f"spec.strategy.canary.steps[{at}].{kind}: requests that it brings aren't played."
        for at, step in enumerate(steps)
        for kind in step.kinds
        if kind in {"setHeaderRoute", "setMirrorRoute"}
    ]
    if spec.workload_ref is not None:
        notes.append("spec.workloadRef: the template is played, a handover of pods isn't.")
    if spec.restart_at is not None:
        notes.append("spec.restartAt isn't played.")
    return notes
