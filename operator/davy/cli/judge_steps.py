"""A Rollout's steps as weights that are held for a time, and what its judge is to show."""

from collections.abc import Iterator
from dataclasses import dataclass

import click

from davy.api import validate
from davy.api.compare import Compare
from davy.api.harm_budget import HarmBudget
from davy.api.rollout import CanaryStrategy
from davy.cli.documents import documents, text_of
from davy.cli.release_files import only_rollout
from davy.rehearsal.plan import Step


@dataclass(frozen=True)
class Written:
    """What a file says of a release."""

    steps: tuple[Step, ...]
    """At least one."""
    compare: Compare
    """Of the rollout's judge, else of the first step that compares; without either Davy's own."""
    together: int
    """Comparisons of the same run, which share alpha; those of templates aren't known."""
    budget: HarmBudget | None
    """Of the rollout."""
    notes: tuple[str, ...]
    """Sentences on what isn't played."""


def read(file: str, api_group: str) -> Written:
    """The steps of the one Rollout in a file.

    Args:
        file: its name; - is standard input.
        api_group: a further group whose objects are Davy's, beside its own and Argo's.

    Raises:
        davy.cli.documents.UnreadableFileError: it can't be read.
        davy.api.errors.InvalidObject: the Rollout has findings.
        click.ClickException: there is no Rollout or more than one, or none of its steps takes time.
    """
    rollout = only_rollout([*documents(file, text_of(file))], file, api_group)
    canary = validate.parse_rollout(rollout.content).strategy.canary
    steps = tuple(_steps(canary))
    if not steps:
        message = (
            f"{file}: rollout {rollout.name} holds no weight for a time; give a setWeight above 0 "
            "and a pause in spec.strategy.canary.steps, or use --weight."
        )
        raise click.ClickException(message)
    notes = [
        f"spec.strategy.canary.steps[{at}].{kind} isn't played: how long it takes isn't known."
        for at, step in enumerate(canary.steps or ())
        for kind in step.kinds
        if kind in {"analysis", "plugin"}
    ]
    return Written(steps, *_compare(canary), canary.harm_budget, tuple(notes))


def _steps(canary: CanaryStrategy) -> Iterator[Step]:
    """The weights above 0 that pauses hold, pauses at the same weight together."""
    weight, seconds, endless = 0, 0.0, False
    for step in canary.steps or ():
        if step.set_weight is not None and step.set_weight != weight:
            yield from _held(weight, seconds, canary.all_traffic, endless=endless)
            weight, seconds, endless = step.set_weight, 0.0, False
        if step.pause is not None:
            length = step.pause.length
            endless = endless or length is None
            seconds += length.total_seconds() if length is not None else 0.0
    yield from _held(weight, seconds, canary.all_traffic, endless=endless)


def _held(weight: int, seconds: float, whole: int, *, endless: bool) -> Iterator[Step]:
    if weight and (endless or seconds):
        yield Step(weight, None if endless else seconds, whole)


def _compare(canary: CanaryStrategy) -> tuple[Compare, int]:
    """What is compared first, and how many comparisons of its run share its alpha."""
    beside = canary.background
    asked = [beside.compare if beside else None]
    asked += [step.analysis.compare for step in canary.steps or () if step.analysis]
    found = next((judge for judge in asked if judge is not None), None)
    return (found, len(found.all)) if found is not None else (Compare(), 1)
