"""`davy migrate`: Davy's manifests from Argo Rollouts' and Flagger's, and what couldn't come."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click
import yaml

from davy.analysis import words
from davy.api.errors import ApiFailure
from davy.cli import options, output
from davy.cli.check import check
from davy.cli.documents import Document, UnreadableFileError, documents, expanded, text_of
from davy.cli.migrate_cluster import Sources, sources
from davy.cli.session import Session
from davy.migrate.result import DEFAULT_MESH, Made, Options, Remark
from davy.migrate.translate import translate
from davy.plugins.installed import Installed

LOST: Final = 1
UNREADABLE: Final = 2
"""Exit codes; 0 is all carried over."""


@click.command(name="migrate", short_help="Turn Argo's and Flagger's manifests into Davy's.")
@click.argument("files", nargs=-1, metavar="[FILE…]")
@click.option("--cluster", is_flag=True, help="Read the objects of the cluster; write none.")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Of every namespace.")
@click.option("--prometheus", metavar="URL", help="Where metrics are asked that name no server.")
@click.option(
    "--mesh-provider",
    "mesh",
    metavar="NAME",
    default=DEFAULT_MESH,
    help=f"Flagger's flag: the provider of Canaries that name none. Default: {DEFAULT_MESH}.",
)
@options.in_cluster
@click.pass_context
def command(
    ctx: click.Context,
    /,
    session: Session,
    *,
    files: tuple[str, ...],
    cluster: bool,
    everywhere: bool,
    prometheus: str | None,
    mesh: str,
) -> None:
    """Print Davy's manifests for Argo Rollouts' and Flagger's.

    FILE is a file, a folder or - for standard input. Rollouts, AnalysisTemplates and
    ClusterAnalysisTemplates of argoproj.io, Canaries and MetricTemplates of flagger.app become
    objects of Davy's group; give a Canary's Deployment and autoscaler too. What couldn't be
    carried over is a comment at its object and a line on standard error that says what to do.
    Objects of other kinds aren't printed: they stay as they are.

    An object that `davy lint` refuses is printed as a comment. Exit code 0: all was carried
    over; 1: something wasn't; 2: a file or a kind in the cluster can't be read.

    \b
    Examples:
      davy migrate rollout.yaml analysis.yaml > davy.yaml
      davy migrate -A --cluster --prometheus http://prometheus.monitoring:9090
      davy migrate deployment.yaml canary.yaml --mesh-provider gatewayapi:v1
    """
    if cluster == bool(files):
        raise click.UsageError("give files, or --cluster.", ctx)
    found = _cluster(session, everywhere=everywhere) if cluster else _files(files)
    for error in found.errors:
        click.echo(f"error: {error}", err=True)
    translation = translate(
        [document.content for document in found.documents],
        Options(group=session.group, prometheus=prometheus, mesh=mesh),
    )
    written, refused = _checked(translation.made, session.api_group)
    remarks = sorted(
        dict.fromkeys(
            [
                *translation.remarks,
                *_further(refused, translation.remarks),
                *_repeated(found.documents, {one.source for one in translation.made}),
            ]
        ),
        key=lambda one: (one.source, found.documents[one.source].line(one.path)),
    )
    for index, document in enumerate(found.documents):
        of_one = [remark for remark in remarks if remark.source == index]
        _print(document, of_one, [piece for piece in written if piece.source == index])
    for remark in remarks:
        click.echo(_line(found.documents[remark.source], remark), err=True)
    lost = sum(remark.lost for remark in remarks)
    whole = sum(piece.whole for piece in written)
    others = "" if cluster else f"; {output.many(translation.others, 'other object')} left alone"
    click.echo(
        f"{output.many(whole, 'object')} written, {len(written) - whole} as comments; "
        f"{lost} not carried over, {output.many(len(remarks) - lost, 'note')}{others}.",
        err=True,
    )
    ctx.exit(UNREADABLE if found.errors else LOST if lost else 0)


@dataclass(frozen=True)
class _Piece:
    """An object as it is printed."""

    source: int
    text: str
    whole: bool
    """False: `davy lint` refuses it, so it is printed as a comment."""


def _files(names: Sequence[str]) -> Sources:
    found: list[Document] = []
    errors: list[str] = []
    for name in expanded(names):
        try:
            found += documents(name, text_of(name))
        except UnreadableFileError as error:
            errors.append(str(error))
    return Sources(found, errors)


def _cluster(session: Session, *, everywhere: bool) -> Sources:
    namespace = None if everywhere else session.namespace
    try:
        return session.run(lambda on: sources(on.api, namespace))
    except ApiFailure as error:
        return Sources([], [str(error)])


def _checked(made: Sequence[Made], api_group: str) -> tuple[list[_Piece], list[Remark]]:
    """Each object as text, and what `davy lint` says against it."""
    texts = [yaml.dump(one.manifest, Dumper=_Readable, **_FORM) for one in made]
    read = [
        document for index, text in enumerate(texts) for document in documents(str(index), text)
    ]
    wrong = [
        remark for remark in check(read, api_group, Installed())[0] if remark.severity == "error"
    ]
    refused = {int(remark.file): remark.kind for remark in wrong}
    pieces = [
        _Piece(one.source, text, whole=index not in refused)
        for index, (one, text) in enumerate(zip(made, texts, strict=True))
    ]
    remarks = [
        Remark(
            made[int(remark.file)].source,
            remark.finding.path,
            remark.finding.message,
            lost=True,
        )
        for remark in wrong
    ]
    comments = [
        Remark(made[index].source, "", f"the {kind} is a comment until it is mended", lost=True)
        for index, kind in refused.items()
    ]
    return pieces, remarks + comments


def _further(refused: Sequence[Remark], told: Sequence[Remark]) -> list[Remark]:
    """What lint says beyond what was told: that something is missing where it was taken away."""
    lost = [one for one in told if one.lost and one.path]
    parents = {(one.source, _parent(one.path)) for one in lost}
    stood_in = {(one.source, _parent(one.path)) for one in lost if one.path in _STANDS_FOR_OTHERS}
    return [
        one
        for one in refused
        if not one.path
        or (
            (one.source, one.path) not in parents
            and not (
                one.message.startswith("is missing") and (one.source, _parent(one.path)) in stood_in
            )
        )
    ]


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


_STANDS_FOR_OTHERS: Final = {"spec.strategy.blueGreen"}
"""Fields without which their neighbours are required."""


def _repeated(found: Sequence[Document], used: Collection[int]) -> Iterator[Remark]:
    """Fields that a file has twice: the last one was read."""
    for index in sorted(used):
        for finding in found[index].repeated:
            yield Remark(index, finding.path, finding.message, lost=True)


_FORM: Final[dict[str, Any]] = {"sort_keys": False, "allow_unicode": True, "width": 100}


class _Readable(output.Plain):
    """Queries of several lines as they are read."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Readable.add_representer(str, _text)


def _print(document: Document, remarks: Sequence[Remark], pieces: Sequence[_Piece]) -> None:
    """The objects made from one, below a comment with what is to be known."""
    if not remarks and not pieces:
        return
    click.echo("---")
    click.echo(f"# From {_where(document)}")
    for remark in remarks:
        click.echo(f"# {'not carried over' if remark.lost else 'note'}: {_said(remark)}")
    for number, piece in enumerate(pieces):
        if number:
            click.echo("---")
        if piece.whole:
            click.echo(piece.text, nl=False)
        else:
            click.echo("\n".join(f"# {line}".rstrip() for line in piece.text.splitlines()))


def _line(document: Document, remark: Remark) -> str:
    note = "" if remark.lost else "note: "
    return f"{_where(document, remark.path)}: {note}{_said(remark)}"


def _where(document: Document, path: str = "") -> str:
    line = document.line(path)
    place = f"{document.file}:{line}" if line else document.file
    name = document.name or "(no name)"
    named = f"{document.namespace}/{name}" if document.namespace else name
    return _one_line(f"{place} {document.kind.lower()} {named}")


def _said(remark: Remark) -> str:
    return _one_line(f"{remark.path}: {remark.message}" if remark.path else remark.message)


def _one_line(text: str) -> str:
    """Whatever a user's object is called can't end a comment."""
    return words.printable(" ".join(text.split()))
