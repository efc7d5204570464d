"""`davy restart NAME [--in LENGTH]`."""

from datetime import UTC, datetime

import click

from davy.api.fields import parse_duration
from davy.cli import options, report, verb, verbs_spec
from davy.cli.session import Session


@click.command(name="restart")
@options.rollout_name
@click.option("-i", "--in", "wait", default="0s", metavar="LENGTH", help="Not now but in 30s, 5m.")
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, name: str, *, wait: str, form: str | None) -> None:
    r"""Replace a rollout's pods, maxUnavailable of them at a time, with the same template.

    Old pods are evicted, so their disruption budgets count; the next go when those before are
    replaced and available. Writes spec.restartAt.

    \b
    Examples:
      davy restart cart -n shop
      davy restart cart -n shop --in 10m
    """
    try:
        at = datetime.now(UTC) + parse_duration(wait)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--in") from None
    rollout, said = verb.perform(session, name, verbs_spec.restart(at))
    report.done(session, rollout, said, form)
