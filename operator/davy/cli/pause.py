"""`davy pause NAME`."""

import click

from davy.cli import options, report, verb, verbs_spec
from davy.cli.session import Session


@click.command(name="pause")
@options.rollout_name
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, name: str, *, form: str | None) -> None:
    """Hold an update where it is.

    No step goes on, no weight rises and no pods are started or removed for the update; an abort
    still takes all traffic back at once. `davy resume` ends it. Writes spec.paused: where the
    manifest is kept in Git, set it there.

    \b
    Example:
      davy pause cart -n shop
    """
    rollout, said = verb.perform(session, name, verbs_spec.pause)
    report.done(session, rollout, said, form)
