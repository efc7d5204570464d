"""`davy list`: the rollouts of a namespace, or of all, a line each."""

import click

from davy.cli import access, options, output, render
from davy.cli.session import Session
from davy.cli.view import headline


@click.command(name="list")
@click.argument("kind", type=click.Choice(options.KINDS), metavar="[ro]", default="ro")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Of every namespace.")
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, kind: str, *, everywhere: bool, form: str | None) -> None:
    """List rollouts: phase, step, canary weight, ready pods and what each waits for.

    WEIGHT is the canary's; 10→50 means that the route says 10 and the operator wants 50.
    READY counts stable and canary pods together.

    \b
    Examples:
      davy list
      davy list ro -n shop
      davy list -A -o json
    """
    del kind
    namespace = None if everywhere else session.namespace
    found = session.run(lambda on: access.rollouts(on.api, session.group, namespace))
    rows = [headline(manifest) for manifest in found]
    if form == "name":
        for row in rows:
            click.echo(f"rollout.{session.group.name}/{row.name}")
    elif form is not None:
        output.dump(rows, form)
    elif rows:
        console = output.console()
        drawn = render.rollouts(rows, with_namespace=everywhere, glyphs=render.glyphs(console))
        output.show(drawn, console)
    else:
        where = f"in namespace {namespace}" if namespace else "in any namespace"
        click.echo(f"No rollouts of {session.group.name} {where}.", err=True)
