"""`davy restart NAME [--in LENGTH]`."""

from datetime import UTC, datetime, timedelta

import click

from davy.cli import options, report, verb, verbs_spec
from davy.cli.length import Length
from davy.cli.session import Session


@click.command(name="restart")
@options.rollout_name
@click.option(
    "-i",
    "--in",
    "wait",
    type=Length(),
    default="0s",
    metavar="LENGTH",
    help="Not now but in 30s, 5m.",
)
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, name: str, *, wait: timedelta, form: str | None) -> None:
    """Replace a rollout's pods, maxUnavailable of them at a time, with the same template.

    Old pods are evicted, so their disruption budgets count; the next go when those before are
    replaced and available. Writes spec.restartAt.

    \b
    Examples:
      davy restart cart -n shop
      davy restart cart -n shop --in 10m
    """
    at = datetime.now(UTC) + wait
    rollout, said = verb.perform(session, name, verbs_spec.restart(at))
    report.done(session, rollout, said, form)
