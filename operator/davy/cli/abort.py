"""`davy abort NAME`."""

import click

from davy.cli import options, report, verb, verbs
from davy.cli.session import Session


@click.command(name="abort")
@options.rollout_name
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, name: str, *, form: str | None) -> None:
    """Give an update up: all traffic goes back to stable at once.

    The spec still names the new version: apply the old one to make peace with it, or take the
    update up again with `davy retry`.

    \b
    Example:
      davy abort cart -n shop
    """
    rollout, said = verb.perform(session, name, verbs.abort)
    report.done(session, rollout, said, form)
