"""`davy resume NAME`."""

import click

from davy.cli import options, report, verb, verbs_spec
from davy.cli.session import Session


@click.command(name="resume")
@options.rollout_name
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, name: str, *, form: str | None) -> None:
    """End what `davy pause` began.

    A step's own pause isn't ended by this, but by `davy promote`.

    \b
    Example:
      davy resume cart -n shop
    """
    rollout, said = verb.perform(session, name, verbs_spec.resume)
    report.done(session, rollout, said, form)
