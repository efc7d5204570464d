"""`davy promote NAME [--full]`."""

import click

from davy.cli import options, report, verb, verbs
from davy.cli.session import Session


@click.command(name="promote")
@options.rollout_name
@click.option("--full", is_flag=True, help="Pass all remaining steps, pauses and analysis.")
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, name: str, *, full: bool, form: str | None) -> None:
    r"""End a rollout's pause, so that it goes on with the next step.

    A rollout that isn't paused goes on by itself: then nothing is changed and the answer says what
    it is doing. With --full the new version gets all traffic as soon as it has the pods for it.

    \b
    Examples:
      davy promote cart -n shop
      davy promote cart -n shop --full
    """
    wanted = verbs.promote_full if full else verbs.promote
    rollout, said = verb.perform(session, name, wanted)
    report.done(session, rollout, said, form)
