"""`davy retry NAME`."""

import click

from davy.cli import options, report, verb, verbs
from davy.cli.session import Session


@click.command(name="retry")
@options.rollout_name_after_kind
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, name: str, *, form: str | None) -> None:
    """Take an aborted update up again, from its first step and with new analysis.

    \b
    Example:
      davy retry cart -n shop
    """
    rollout, said = verb.perform(session, name, verbs.retry)
    report.done(session, rollout, said, form)
