"""`davy set image NAME CONTAINER=IMAGE…`."""

import click

from davy.cli import options, report, verb, verbs_spec
from davy.cli.session import Session


@click.group(name="set")
def command() -> None:
    """Set a field of a rollout's pod template.

    \b
    Example:
      davy set image cart app=shop/cart:2 -n shop
    """


@command.command(name="image")
@options.rollout_name
@click.argument("images", nargs=-1, required=True, metavar="CONTAINER=IMAGE...")
@options.output("json", "yaml", "name")
@options.in_cluster
def image(session: Session, name: str, *, images: tuple[str, ...], form: str | None) -> None:
    """Give containers other images, which begins an update; `*=IMAGE` is every container.

    Init containers are meant too. Writes spec.template: where the manifest is kept in Git, change
    it there.

    \b
    Examples:
      davy set image cart app=shop/cart:2 -n shop
      davy set image cart app=shop/cart:2 proxy=shop/proxy:7
    """
    wanted: dict[str, str] = {}
    for text in images:
        container, equals, value = text.partition("=")
        if not (container and equals and value):
            message = f"{text} isn't CONTAINER=IMAGE, such as app=shop/cart:2."
            raise click.UsageError(message)
        if wanted.setdefault(container, value) != value:
            raise click.UsageError(f"{container} is given two images; give it one.")
    rollout, said = verb.perform(session, name, verbs_spec.set_image(wanted))
    report.done(session, rollout, said, form)
