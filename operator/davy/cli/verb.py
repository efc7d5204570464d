"""Carrying a verb out: read, decide, write what was decided on exactly what was read.

`metadata.resourceVersion` goes with each write, so a status that the operator changed in between is
a conflict; then everything is read and decided again.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import click

from davy.api.errors import Conflict
from davy.api.group import ApiGroup
from davy.cli import access
from davy.cli.session import Session
from davy.cli.verbs import Already, Refuse, Verb, Write
from davy.cli.view import unobserved
from davy.cluster.kinds import Kinds

if TYPE_CHECKING:  # the client imports `kubernetes`, which takes a second
    from davy.cli.access import Connection
    from davy.cluster.client import Api

ATTEMPTS: Final = 8
"""Reads of one verb: more conflicts in a row than this are a sentence, not patience."""
PATIENCE_SECONDS: Final = 5.0
"""How long a verb waits for the operator to see a spec that was applied just before."""
_PAUSE_SECONDS: Final = 0.5


async def carry_out(
    api: "Api", group: ApiGroup, namespace: str, name: str, verb: Verb
) -> tuple[dict[str, Any], str]:
    """The rollout after the verb, and a sentence on what was done or found.

    What rests on a status older than the spec (`kubectl apply` a moment ago) is decided again until
    the operator has seen the spec, or PATIENCE_SECONDS have passed: an abort before that would be
    the old revision's, which is over when the new one begins.

    Raises:
        click.ClickException: the verb makes no sense on this rollout, or it changes too fast.
        davy.api.errors.ApiFailure: the server said no, or can't be reached.
    """
    conflicts = 0
    waited = 0.0
    while True:
        found = await access.rollout(api, group, namespace, name)
        decision = verb(found, group)
        if isinstance(decision, Already):
            return found, decision.said
        rests = decision.of_status if isinstance(decision, Refuse) else bool(decision.status)
        waiting = unobserved(found) if rests else None
        if waiting is not None and waited < PATIENCE_SECONDS:
            await asyncio.sleep(_PAUSE_SECONDS)
            waited += _PAUSE_SECONDS
            continue
        if isinstance(decision, Refuse):
            raise click.ClickException(decision.said)
        said = decision.said if waiting is None else f"{decision.said} But {waiting}."
        try:
            return await _write(api, group, found, decision), said
        except Conflict:
            conflicts += 1
            if conflicts >= ATTEMPTS:
                raise click.ClickException(
                    f"rollout {namespace}/{name} changed each time it was read ({ATTEMPTS} times); "
                    "nothing was written. Try again."
                ) from None


async def _write(
    api: "Api", group: ApiGroup, found: dict[str, Any], decision: Write
) -> dict[str, Any]:
    kind = Kinds(group).rollout
    for part, subresource in (
        ({"spec": decision.spec}, ""),
        ({"status": decision.status}, "status"),
    ):
        if not any(part.values()):
            continue
        metadata = found["metadata"]
        body = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, **part}
        found = await api.patch_merge(
            kind, metadata["namespace"], metadata["name"], body, subresource=subresource
        )
    return found


def perform(session: Session, name: str, verb: Verb) -> tuple[dict[str, Any], str]:
    """`carry_out` with a connection of its own."""

    async def work(connection: "Connection") -> tuple[dict[str, Any], str]:
        return await carry_out(connection.api, session.group, session.namespace, name, verb)

    return session.run(work)
