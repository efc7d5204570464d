"""`davy analysis NAME`: every measurement of an analysis, once or followed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console, RenderableType
from rich.live import Live

from davy.cli import access_analysis, options, output, render, render_analysis
from davy.cli.access_analysis import Subject, Wanted
from davy.cli.session import Session

if TYPE_CHECKING:
    from davy.cli.access import Connection
    from davy.cli.view_analysis import AnalysesView

_KINDS: Final = {
    "": None,
    **dict.fromkeys(options.KINDS, Subject.ROLLOUT),
    **dict.fromkeys(("ar", "analysisrun", "analysisruns"), Subject.RUN),
}


class _Name(click.ParamType[Wanted]):
    """A rollout's or a run's name; `ro/cart` and `ar/cart-5c9d7f8b6d-2` say which."""

    name = "name"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Wanted:
        """What is named.

        Raises:
            click.BadParameter: another kind, or no name.
        """
        if isinstance(value, Wanted):
            return value
        kind, _, name = str(value).rpartition("/")
        short = kind.split(".")[0]
        if short not in _KINDS:
            self.fail(f"{value} has no analysis; write a name, ro/NAME or ar/NAME.", param, ctx)
        if not name:
            self.fail("the name of a rollout or an AnalysisRun is missing.", param, ctx)
        return Wanted(name, _KINDS[short])


@click.command(name="analysis")
@click.argument("wanted", type=_Name(), metavar="NAME")
@click.option("-w", "--watch", is_flag=True, help="Follow it until Ctrl-C.")
@options.output("json", "yaml")
@options.in_cluster
def command(session: Session, wanted: Wanted, *, watch: bool, form: str | None) -> None:
    """Show an analysis measurement by measurement.

    NAME is an AnalysisRun, or a Rollout: then the runs of its current update are shown, or of its
    last one. A rollout comes first where both have the name; ro/NAME and ar/NAME say which.

    Each measurement that the run keeps is a row. Of a comparison it shows the errors and requests
    of both sides since the row before (in the first row since the run began), and how near the
    evidence is to an abort and to a pass; of other metrics the value. Below are bars, the oldest
    first: the error rates of both sides on one scale, or the values.

    With -w the picture is kept up to date on a terminal; on a pipe each measurement is a line.

    \b
    Examples:
      davy analysis cart -n shop
      davy analysis cart -n shop -w
      davy analysis ar/cart-5c9d7f8b6d-2 -n shop
      davy analysis cart -o json | jq '.runs[].metrics[].measurements[-1]'
    """
    if watch:
        session.run(lambda on: _follow(on, session, wanted, form))
        return
    view = session.run(
        lambda on: access_analysis.view(on, session.group, session.namespace, wanted)
    )
    if form is not None:
        output.dump(view, form)
        return
    console = output.console()
    drawn = render_analysis.analyses(view, now=datetime.now(UTC), glyphs=render.glyphs(console))
    output.show(drawn, console)


async def _follow(
    connection: "Connection", session: Session, wanted: Wanted, form: str | None
) -> None:
    views = access_analysis.follow(connection, session.group, session.namespace, wanted)
    console = output.console()
    if form is not None:
        async for view in views:
            output.dump(view, form, compact=True)
    elif console.is_terminal:
        picture = _Picture(console)
        with Live(picture, console=console, auto_refresh=False) as live:
            async for view in views:
                picture.view = view
                live.refresh()
    else:
        said: set[str] = set()
        async for view in views:
            told = [*render_analysis.lines(view)]
            for line in told:
                if line not in said:
                    click.echo(line)
            said = {*told}


class _Picture:
    """The newest view, as much of it as the terminal has lines for."""

    def __init__(self, console: Console) -> None:
        self.view: AnalysesView | None = None
        self._console = console

    def __rich__(self) -> RenderableType:
        if self.view is None:
            return ""
        return render_analysis.analyses(
            self.view,
            now=datetime.now(UTC),
            height=self._console.height,
            glyphs=render.glyphs(self._console),
        )
