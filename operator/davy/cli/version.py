"""`davy version`: of this program, and what the cluster has of Davy."""

import platform
import sys
from typing import TYPE_CHECKING, Any

import click

import davy
from davy.api.errors import ApiFailure
from davy.api.group import VERSION
from davy.cli import options, output
from davy.cli.session import Session

if TYPE_CHECKING:
    from davy.cli.access import Connection

_PLURALS = ("rollouts", "analysisruns", "analysistemplates", "clusteranalysistemplates")


@click.command(name="version")
@click.option("--client", "client_only", is_flag=True, help="Don't ask the cluster.")
@options.output("json", "yaml")
@options.in_cluster
def command(session: Session, *, client_only: bool, form: str | None) -> None:
    """Show the version, and which of Davy's kinds the cluster serves.

    A cluster that can't be reached is said, and is no error.

    \b
    Examples:
      davy version
      davy version --client -o json
    """
    client = {"version": davy.__version__, "python": platform.python_version()}
    if form is None:
        click.echo(f"davy {client['version']} (Python {client['python']})")
        sys.stdout.flush()  # the cluster may take its time
    server = None if client_only else _server(session)
    if form is not None:
        output.dump({"client": client, "server": server}, form)
    elif server is not None:
        click.echo(f"cluster: {_sentence(server)}")


def _server(session: Session) -> dict[str, Any]:
    """What the cluster says; with `error` when it can't be asked."""
    group = f"{session.group.name}/{VERSION}"
    if not session.kubeconfig and not session.context and not session.choice.reachable:
        return {"group": group, "error": "no kubeconfig is set"}

    async def ask(connection: "Connection") -> frozenset[str]:
        return await connection.api.served(session.group.name, VERSION)

    try:
        served = session.run(ask)
    except ApiFailure as error:
        return {"group": group, "error": str(error).rstrip(".")}
    return {
        "group": group,
        "served": [plural for plural in _PLURALS if plural in served],
        "missing": [plural for plural in _PLURALS if plural not in served],
    }


def _sentence(server: dict[str, Any]) -> str:
    if "error" in server:
        return f"not asked: {server['error']}."
    if not server["served"]:
        return f"no CRDs of {server['group']}; davy crds | kubectl apply -f - installs them."
    words = f"{server['group']} serves {', '.join(server['served'])}"
    return (
        f"{words}; missing: {', '.join(server['missing'])}." if server["missing"] else f"{words}."
    )
