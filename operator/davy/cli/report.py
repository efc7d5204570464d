"""What a verb prints: one sentence, or the rollout as it is after."""

from typing import Any

import click

from davy.cli import output
from davy.cli.session import Session


def done(session: Session, rollout: dict[str, Any], said: str, form: str | None) -> None:
    """Print the outcome of a verb."""
    if form is None:
        click.echo(said)
    elif form == "name":
        click.echo(f"rollout.{session.group.name}/{rollout['metadata']['name']}")
    else:
        output.dump(rollout, form)
