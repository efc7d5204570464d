"""`davy terminate analysisrun NAME`."""

from typing import TYPE_CHECKING, Any

import click

from davy.api.analysis import Phase
from davy.api.errors import NotFound
from davy.cli import options
from davy.cli.manifest import flag, text
from davy.cli.session import Session
from davy.cluster.kinds import Kinds

if TYPE_CHECKING:
    from davy.cli.access import Connection

_COMPLETED = frozenset(phase.value for phase in Phase if phase.completed)


@click.group(name="terminate")
def command() -> None:
    """End what is under way.

    \b
    Example:
      davy terminate analysisrun cart-5c9d7f8b6d-2 -n shop
    """


@command.command(name="analysisrun")
@click.argument("name", metavar="NAME")
@options.in_cluster
def analysis_run(session: Session, name: str) -> None:
    """End an AnalysisRun now, with what it has measured so far.

    Without a bad measurement it is Successful then: a step that waits for it is passed. Writes
    spec.terminate.

    \b
    Example:
      davy terminate analysisrun cart-5c9d7f8b6d-2 -n shop
    """
    click.echo(session.run(lambda on: _terminate(on, session, name)))


async def _terminate(connection: "Connection", session: Session, name: str) -> str:
    kind, namespace = Kinds(session.group).analysis_run, session.namespace
    who = f"analysisrun {namespace}/{name}"
    try:
        found = await connection.api.get(kind, namespace, name)
    except NotFound as error:
        hint = (
            f"{who} isn't there; kubectl get {kind.resource} -n {namespace} shows those that are."
        )
        raise click.ClickException(hint) from error
    phase = text(found, "status", "phase")
    if phase in _COMPLETED:
        return f"{who} is over already: {phase}."
    if flag(found, "spec", "terminate"):
        return f"{who} is being terminated already."
    body: dict[str, Any] = {"spec": {"terminate": True}}
    await connection.api.patch_merge(kind, namespace, name, body)
    return f"{who}: termination requested."
