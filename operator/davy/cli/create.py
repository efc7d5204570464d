"""`davy create analysisrun --from TEMPLATE`."""

from typing import TYPE_CHECKING, Any

import click

from davy.analysis import resolve, templates
from davy.api.analysis import AnalysisRef, RunArg, TemplateRef
from davy.api.errors import Finding, InvalidObject
from davy.cli import access_templates, options, run_args
from davy.cli.session import Session
from davy.cluster.kinds import Kinds

if TYPE_CHECKING:
    from davy.cli.access import Connection


@click.group(name="create")
def command() -> None:
    """Create an object from another one.

    \b
    Example:
      davy create analysisrun --from error-rate -a service=cart -n shop
    """


@command.command(name="analysisrun")
@click.option(
    "--from", "template", required=True, metavar="TEMPLATE", help="Name of the AnalysisTemplate."
)
@click.option("--global", "cluster_scope", is_flag=True, help="It is a ClusterAnalysisTemplate.")
@click.option(
    "-a",
    "--argument",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value for one of its arguments; may be given several times.",
)
@click.option("--name", metavar="NAME", help="The run's name.")
@click.option(
    "--generate-name",
    metavar="PREFIX",
    help="What its generated name begins with. Default: the template's name and -.",
)
@options.in_cluster
def analysis_run(
    session: Session,
    template: str,
    *,
    cluster_scope: bool,
    arguments: tuple[str, ...],
    name: str | None,
    generate_name: str | None,
) -> None:
    """Create an AnalysisRun from a template, to try it out.

    Templates that it names are part of the run. The run belongs to no rollout and decides nothing.

    \b
    Examples:
      davy create analysisrun --from error-rate -a service=cart -n shop
      davy create analysisrun --global --from latency --name latency-by-hand
    """
    if name and generate_name:
        raise click.UsageError("--name and --generate-name exclude each other; give one.")
    given = run_args.given(arguments)
    metadata = {"name": name} if name else {"generateName": generate_name or f"{template}-"}
    ref = TemplateRef(template_name=template, cluster_scope=cluster_scope)
    click.echo(session.run(lambda on: _create(on, session, ref, given, metadata)))


async def _create(
    connection: "Connection",
    session: Session,
    ref: TemplateRef,
    given: list[RunArg],
    metadata: dict[str, str],
) -> str:
    kind, namespace = Kinds(session.group).analysis_run, session.namespace
    nest = await _nest(connection, session, ref)
    run_args.check(given, nest.templates, ref.template_name)
    spec = resolve.run_spec(
        nest.templates,
        AnalysisRef(templates=[ref], args=given or None),
        manifest={},
        stable_hash="",
        latest_hash="",
        inline=False,
    )
    body: dict[str, Any] = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"namespace": namespace, **metadata},
        "spec": spec.manifest(),
    }
    made = await connection.api.create(kind, namespace, body, strict=True)
    return f"analysisrun.{session.group.name}/{made['metadata']['name']} created"


async def _nest(connection: "Connection", session: Session, ref: TemplateRef) -> templates.Nest:
    """The template and those that it names.

    Raises:
        InvalidObject: one is absent or can't be read.
        davy.api.errors.ApiFailure: the server said no, or can't be reached.
    """
    namespace = session.namespace
    read = await access_templates.read(connection.api, session.group, namespace, [ref])
    nest = templates.flattened([ref], read.get)
    wrong = list(nest.findings)
    for absent in nest.absent:
        what = templates.kind_of(cluster_scope=absent.ref.cluster_scope)
        place = "" if absent.ref.cluster_scope else f" in namespace {namespace}"
        wrong.append(Finding(absent.path, f"there is no {what} {absent.ref.template_name}{place}."))
    if wrong:
        raise InvalidObject(wrong)
    return nest
