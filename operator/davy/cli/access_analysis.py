"""Reads AnalysisRuns: one by its name, or those of a rollout's current update."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from davy.api.errors import NotFound
from davy.api.group import ApiGroup
from davy.cli import access, view_analysis
from davy.cli.access import Connection, Mirror
from davy.cli.view_analysis import AnalysesView
from davy.cluster.kinds import Kinds

if TYPE_CHECKING:
    from davy.cluster.client import Api


class Subject(Enum):
    """What a name is of."""

    ROLLOUT = "rollout"
    RUN = "analysisrun"


@dataclass(frozen=True)
class Wanted:
    """What a person named."""

    name: str
    subject: Subject | None = None
    """None: a rollout, or else a run."""


async def view(
    connection: Connection, group: ApiGroup, namespace: str, wanted: Wanted
) -> AnalysesView:
    """The runs, now.

    Raises:
        NotFound: there is nothing of this name.
        ApiFailure: the server said no, or can't be reached.
    """
    api = connection.api
    subject, found = await _named(api, group, namespace, wanted)
    if subject is Subject.RUN:
        return view_analysis.of_run(found)
    listing = await api.list(Kinds(group).analysis_run, namespace)
    return view_analysis.of_rollout(found, listing.items)


async def follow(
    connection: Connection, group: ApiGroup, namespace: str, wanted: Wanted
) -> AsyncGenerator[AnalysesView, None]:
    """The same at each change, beginning with now.

    Raises:
        NotFound: there is nothing of this name, or it was deleted meanwhile.
        ApiFailure: the first read failed.
    """
    subject, _ = await _named(connection.api, group, namespace, wanted)
    kinds = Kinds(group)
    runs = Mirror(kinds.analysis_run, required=True)
    own = runs if subject is Subject.RUN else Mirror(kinds.rollout, required=True)

    def shown() -> AnalysesView:
        current = own.named(wanted.name)
        if current is None:
            raise NotFound(f"{subject.value} {namespace}/{wanted.name} was deleted.")
        notes = [said for said in dict.fromkeys((own.note, runs.note)) if said]
        if subject is Subject.RUN:
            return view_analysis.of_run(current, notes)
        return view_analysis.of_rollout(current, runs.items.values(), notes)

    mirrors = (runs,) if own is runs else (own, runs)
    async with aclosing(access.kept_up(connection, namespace, mirrors, shown)) as views:
        async for found in views:
            yield found


async def _named(
    api: "Api", group: ApiGroup, namespace: str, wanted: Wanted
) -> tuple[Subject, dict[str, Any]]:
    """What the name is of, and its manifest."""
    kinds = Kinds(group)
    if wanted.subject is not Subject.RUN:
        try:
            return Subject.ROLLOUT, await access.rollout(api, group, namespace, wanted.name)
        except NotFound:
            if wanted.subject is Subject.ROLLOUT:
                raise
    try:
        return Subject.RUN, await api.get(kinds.analysis_run, namespace, wanted.name)
    except NotFound as error:
        who = f"{Subject.RUN.value} {namespace}/{wanted.name} isn't there"
        if wanted.subject is None:
            who = f"there is neither a rollout nor an analysisrun {namespace}/{wanted.name}"
        hint = f"{who}; kubectl get {kinds.analysis_run.resource} -n {namespace} shows the runs."
        raise NotFound(hint) from error
