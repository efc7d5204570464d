"""`davy status NAME`: one line per change, and an exit code that scripts can use."""

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from davy.cli import access, options
from davy.cli.length import Length
from davy.cli.session import Session
from davy.cli.view import Headline, headline
from davy.cli.view_workload import Mood

if TYPE_CHECKING:
    from davy.cli.access import Connection

_SPELLED = {
    f"{name}={value}": option
    for name in ("-w", "--watch")
    for value, option in (("true", "--watch"), ("false", "--no-watch"))
}


class _GoFlags(click.Command):
    """Reads `--watch=false` too, as Argo's command line spells it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        return super().parse_args(ctx, [_SPELLED.get(each, each) for each in args])


@click.command(name="status", cls=_GoFlags)
@options.rollout_name
@click.option(
    "-w/-W",
    "--watch/--no-watch",
    default=True,
    help="Wait until it is Healthy or Degraded (the default), or say what is so now.",
)
@click.option(
    "-t",
    "--timeout",
    type=Length(),
    default="0s",
    metavar="LENGTH",
    help="How long to wait, such as 60s or 10m; 0s (default): for ever.",
)
@options.in_cluster
def command(session: Session, name: str, *, watch: bool, timeout: timedelta) -> None:
    """Wait until a rollout is done, for scripts.

    Exit code 0: it is Healthy (with --no-watch: it isn't Degraded). 1: it is Degraded, which an
    aborted one is; or the time is over, it was deleted, the cluster can't be asked. A pause is
    waited for: the line says until when, or for whom.

    \b
    Examples:
      davy status cart -n shop --timeout 10m
      davy status cart -n shop --no-watch
    """
    if not watch:
        found = session.run(
            lambda on: access.rollout(on.api, session.group, session.namespace, name)
        )
        _tell(headline(found))
        return
    session.run(lambda on: _wait(on, session, name, timeout.total_seconds() or None))


def _tell(shown: Headline) -> bool:
    """Print the line; whether the rollout is done.

    Raises:
        click.ClickException: it is Degraded.
    """
    click.echo(f"{shown.phase} - {shown.message}" if shown.message else shown.phase)
    if shown.mood is Mood.BAD:
        raise click.ClickException(f"rollout {shown.namespace}/{shown.name} is {shown.phase}.")
    return shown.mood is Mood.GOOD


async def _wait(
    connection: "Connection", session: Session, name: str, seconds: float | None
) -> None:
    namespace = session.namespace
    views = access.follow(connection, session.group, namespace, name, with_parts=False)
    said: tuple[str, str] | None = None
    shown: Headline | None = None
    try:
        async with asyncio.timeout(seconds), aclosing(views):
            async for view in views:
                shown = view.headline
                if said != (shown.phase, shown.message) and _tell(shown):
                    return
                said = (shown.phase, shown.message)
    except TimeoutError:
        now = f"{shown.phase}: {shown.message}" if shown else "nothing was heard of it."
        message = f"rollout {namespace}/{name} isn't done after {seconds:g} s: {now}"
        raise click.ClickException(message) from None
