"""`davy crds`: the CustomResourceDefinitions, to apply or to commit."""

from pathlib import Path

import click
import yaml

from davy.api.crd import crds
from davy.api.group import DAVY, ApiGroup
from davy.cli import output as printing
from davy.cli.session import Session


@click.command(name="crds", short_help="Print the CustomResourceDefinitions.")
@click.option(
    "--api-group",
    metavar="GROUP",
    help=f"The API group to serve. Default: {DAVY}; argoproj.io for Argo Rollouts' objects.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write a file per kind into this folder instead of printing them all.",
)
@click.pass_obj
def command(session: Session | None, *, api_group: str | None, output: Path | None) -> None:
    """Print the CustomResourceDefinitions of all kinds, made from the models that Davy reads.

    \b
    Examples:
      davy crds | kubectl apply --server-side -f -
      davy crds --output crds
    """
    texts = files(ApiGroup(api_group or (session or Session()).api_group))
    if output is None:
        click.echo("---\n".join(texts.values()), nl=False)
        return
    output.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (output / name).write_text(text, encoding="utf-8")
        click.echo(f"wrote {output / name}", err=True)


def files(group: ApiGroup) -> dict[str, str]:
    """File name to YAML, one file a kind."""
    return {
        f"{crd['spec']['names']['plural']}.yaml": yaml.dump(
            crd, Dumper=printing.Plain, sort_keys=False, allow_unicode=True, width=100
        )
        for crd in crds(group)
    }
