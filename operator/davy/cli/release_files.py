"""The one Rollout of some files, with the templates and the workload that it names."""

from collections.abc import Sequence
from typing import Any

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
    rollout = only_rollout(found, ", ".join(files), api_group)
    written = parsed(rollout)
    nearest = check.workload_of(rollout, written, found)
    resolved = workload.resolved(written, nearest.content if nearest else None)
    if resolved.problems:
        problems = together(resolved.problems)
        raise click.ClickException(f"{rollout.file}: rollout {rollout.name}: {problems}")
    release = Release.coming(
        manifest=manifest_of(rollout),
        spec=resolved.spec.model_copy(update={"workload_ref": None, "restart_at": None}),
        find=check.finder(found, rollout, api_group),
    )
    return release, tuple(_notes(written))


def parsed(rollout: Document) -> RolloutSpec:
    """The spec.

    Raises:
        click.ClickException: it has findings.
    """
    try:
        return validate.parse_rollout(rollout.content)
    except InvalidObject as error:
        message = f"{rollout.file}: rollout {rollout.name}: {error}"
        raise click.ClickException(message) from error


def manifest_of(rollout: Document) -> dict[str, Any]:
    """As it is written, with a namespace."""
    metadata = {"namespace": _NAMESPACE, **rollout.content["metadata"]}
    return {**rollout.content, "metadata": metadata}


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
