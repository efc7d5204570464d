"""`davy get ro NAME`: one rollout as a tree, once or followed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console, RenderableType
from rich.live import Live

from davy.cli import access, options, output, render
from davy.cli.session import Session
from davy.cli.view import RolloutView

if TYPE_CHECKING:
    from davy.cli.access import Connection


@click.command(name="get")
@click.argument("kind", type=click.Choice(options.KINDS), metavar="ro")
@options.rollout_name
@click.option("-w", "--watch", is_flag=True, help="Follow it until Ctrl-C.")
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, kind: str, name: str, *, watch: bool, form: str | None) -> None:
    """Show a rollout: steps, weights, revisions, pods and analysis.

    The weight bar is the canary's share of the traffic: solid where the route says so and the mesh
    has taken it, shaded where it is on its way, light where the operator wants to go.

    With -w the picture is kept up to date on a terminal; on a pipe each change is a line.
    -o json and -o yaml print the same facts as data; for the object itself use kubectl get.

    \b
    Examples:
      davy get ro cart
      davy get ro cart -n shop -w
      davy get ro cart -o json | jq .headline.weight
    """
    del kind  # there is only one; the word is there for hands used to kubectl
    if form == "name":
        session.run(lambda on: access.rollout(on.api, session.group, session.namespace, name))
        click.echo(f"rollout.{session.group.name}/{name}")
    elif watch:
        session.run(lambda on: _follow(on, session, name, form))
    else:
        view = session.run(lambda on: access.view(on, session.group, session.namespace, name))
        _print(view, form, compact=False)


def _print(view: RolloutView, form: str | None, *, compact: bool) -> None:
    if form is not None:
        output.dump(view, form, compact=compact)
        return
    console = output.console()
    output.show(render.rollout(view, now=datetime.now(UTC), glyphs=render.glyphs(console)), console)


async def _follow(connection: "Connection", session: Session, name: str, form: str | None) -> None:
    views = access.follow(connection, session.group, session.namespace, name)
    console = output.console()
    if form is not None:
        async for view in views:
            _print(view, form, compact=True)
    elif console.is_terminal:
        picture = _Picture(console)
        with Live(picture, console=console, refresh_per_second=4) as live:
            async for view in views:
                picture.view = view
                live.refresh()
    else:
        said = ""
        async for view in views:
            line = render.line(view)
            if line != said:
                said = line
                click.echo(f"{datetime.now(UTC):%H:%M:%SZ}  {line}")


class _Picture:
    """The newest view, drawn anew several times a second so that ages and countdowns go on."""

    def __init__(self, console: Console) -> None:
        self.view: RolloutView | None = None
        self._glyphs = render.glyphs(console)

    def __rich__(self) -> RenderableType:
        if self.view is None:
            return ""
        return render.rollout(self.view, now=datetime.now(UTC), glyphs=self._glyphs)
