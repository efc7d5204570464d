"""`davy promote NAME [--full | --skip-current-step | --skip-all-steps]`."""

import click

from davy.cli import options, report, verb, verbs
from davy.cli.session import Session


@click.command(name="promote")
@options.rollout_name
@click.option("--full", is_flag=True, help="Pass all remaining steps, pauses and analysis.")
@click.option(
    "-c", "--skip-current-step", is_flag=True, help="Pass the step under way, pause or not."
)
@click.option("-a", "--skip-all-steps", is_flag=True, help="Pass all remaining steps.")
@options.output("json", "yaml", "name")
@options.in_cluster
def command(
    session: Session,
    name: str,
    *,
    full: bool,
    skip_current_step: bool,
    skip_all_steps: bool,
    form: str | None,
) -> None:
    """End a rollout's pause, so that it goes on with the next step.

    A rollout that isn't paused goes on by itself: then nothing is changed and the answer says what
    it is doing. With --full the new version gets all traffic as soon as it has the pods for it;
    --skip-current-step passes one step without waiting for what it waits for, a verdict included.
    No weight runs ahead of its pods, whatever is skipped.

    \b
    Examples:
      davy promote cart -n shop
      davy promote cart -n shop --full
    """
    chosen = [
        wanted
        for given, wanted in (
            (full, verbs.promote_full),
            (skip_current_step, verbs.skip_current_step),
            (skip_all_steps, verbs.skip_all_steps),
        )
        if given
    ]
    if len(chosen) > 1:
        message = "--full, --skip-current-step and --skip-all-steps exclude each other; give one."
        raise click.UsageError(message)
    rollout, said = verb.perform(session, name, chosen[0] if chosen else verbs.promote)
    report.done(session, rollout, said, form)
