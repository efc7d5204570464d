"""`davy lint`: what the API server and the controller would say, before anything is applied."""

from typing import Final

import click

from davy.cli import options, output
from davy.cli.check import Remark, check
from davy.cli.documents import Document, UnreadableFileError, documents, expanded, text_of
from davy.cli.session import Session
from davy.plugins import installed

FINDINGS: Final = 1
UNREADABLE: Final = 2
"""Exit codes; 0 is nothing found."""


@click.command(name="lint", short_help="Check manifests before they are applied.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@options.output("json", "yaml")
@click.pass_context
def command(ctx: click.Context, *, files: tuple[str, ...], form: str | None) -> None:
    """Check rollouts and analysis templates in YAML files, without a cluster.

    FILE is a file, a folder (its .yaml and .yml files, and those of folders in it) or - for
    standard input. The rules are those of the API server and of the controller; beside each
    object, lint checks that the templates it names fit, where they are in the files given.
    Other kinds are passed over. Exit code 1: findings; 2: a file can't be read.

    \b
    Examples:
      davy lint rollout.yaml
      kustomize build overlays/prod | davy lint -
      davy lint -o json manifests/
    """
    session: Session = ctx.obj or Session()
    found: list[Document] = []
    unreadable = False
    read = 0
    for name in expanded(files):
        try:
            found += documents(name, text_of(name))
            read += 1
        except UnreadableFileError as error:
            click.echo(f"error: {error}", err=True)
            unreadable = True
    plugins = installed.load()
    for sentence in plugins.sentences:
        click.echo(f"warning: {sentence}.", err=True)
    remarks, checked = check(found, session.api_group, plugins)
    if form:
        output.dump([_record(remark) for remark in remarks], form)
    else:
        for remark in remarks:
            click.echo(_line(remark))
    wrong = sum(remark.severity == "error" for remark in remarks)
    click.echo(
        f"{output.many(checked, 'object')} in {output.many(read, 'file')}: "
        f"{output.many(wrong, 'finding')}, {output.many(len(remarks) - wrong, 'note')}.",
        err=True,
    )
    ctx.exit(UNREADABLE if unreadable else FINDINGS if wrong else 0)


def _line(remark: Remark) -> str:
    note = "note: " if remark.severity == "note" else ""
    where = f"{remark.file}:{remark.line} {remark.kind} {remark.named}"
    return f"{where}: {note}{remark.finding}"


def _record(remark: Remark) -> dict[str, str | int | None]:
    return {
        "file": remark.file,
        "line": remark.line,
        "kind": remark.kind,
        "namespace": remark.namespace,
        "name": remark.name,
        "severity": remark.severity,
        "path": remark.finding.path,
        "message": remark.finding.message,
    }
