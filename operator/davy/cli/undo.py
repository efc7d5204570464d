"""`davy undo NAME [--to-revision N]`."""

from typing import TYPE_CHECKING, Any

import click

from davy.cli import access, options, report, revisions, verb, verbs_spec
from davy.cli.session import Session
from davy.cluster.kinds import REPLICA_SET

if TYPE_CHECKING:
    from davy.cli.access import Connection


@click.command(name="undo")
@options.rollout_name
@click.option(
    "--to-revision",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="The revision to go back to; 0 (default): the newest but one.",
)
@options.output("json", "yaml", "name")
@options.in_cluster
def command(session: Session, name: str, *, to_revision: int, form: str | None) -> None:
    """Put an older revision's template back.

    In the middle of an update the revision before is the stable one: all traffic goes back to it at
    once. An older one passes all steps, as any template does, unless spec.rollbackWindow reaches
    back to it. `davy get ro NAME` shows which are kept. Writes spec.template: where the manifest is
    kept in Git, put the old one back there.

    \b
    Examples:
      davy undo cart -n shop
      davy undo cart -n shop --to-revision 3
    """

    async def work(connection: "Connection") -> tuple[dict[str, Any], str]:
        api, group, namespace = connection.api, session.group, session.namespace
        found = await access.rollout(api, group, namespace, name)
        listing = await api.list(REPLICA_SET, namespace)
        kept = revisions.kept(found, listing.items, group)
        wanted = verbs_spec.undo(kept, to_revision)
        return await verb.carry_out(api, group, namespace, name, wanted)

    rollout, said = session.run(work)
    report.done(session, rollout, said, form)
