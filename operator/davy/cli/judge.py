"""`davy judge …`: what the judge would do, without a cluster."""

import click

from davy.cli.judge_plan import plan


@click.group(name="judge")
def command() -> None:
    """Ask what the judge of canary and stable would do; no cluster is asked.

    \b
    Example:
      davy judge plan --rate 200 --baseline 0.1% --bad 2% --weight 10:5m
    """


command.add_command(plan)
