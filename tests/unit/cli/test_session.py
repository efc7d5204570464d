"""The seam to the real client, up to a port that nobody listens on."""

from pathlib import Path

import pytest
import yaml

from davy.api.errors import Unreachable
from davy.cli import main
from davy.cli.access import ClusterConnection
from davy.cli.session import Session, connected
from davy.cluster.kinds import POD

_NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """A kubeconfig of two contexts, none current, on a server that isn't there."""
    path = tmp_path / "kubeconfig"
    content = {
        "contexts": [
            {"name": name, "context": {"cluster": "c", "user": "u", "namespace": name}}
            for name in ("dev", "prod")
        ],
        "current-context": "dev",
        "clusters": [{"name": "c", "cluster": {"server": _NOBODY}}],
        "users": [{"name": "u", "user": {"token": "x"}}],
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.mark.parametrize("context", [None, "prod"])
async def test_a_connection_leads_where_the_options_say(
    kubeconfig: str, context: str | None
) -> None:
    """The client takes the file that is handed to it, a chosen context's too."""
    session = Session(kubeconfig=kubeconfig, context=context)
    async with connected(session) as connection:
        assert isinstance(connection, ClusterConnection)
        assert connection.client.server == _NOBODY
    assert session.namespace == (context or "dev")


async def test_a_watch_that_cannot_be_had_is_unreachable(kubeconfig: str) -> None:
    """Wire errors become the one that is tried again."""
    async with connected(Session(kubeconfig=kubeconfig)) as connection:
        with pytest.raises(Unreachable, match="watch pods in namespace shop"):
            await anext(connection.changes(POD, "shop", "1"))


def test_a_server_that_is_not_there_is_a_sentence(
    kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, with the server's address."""
    assert main.run(["--kubeconfig", kubeconfig, "list"]) == 1
    assert capsys.readouterr().err.startswith(
        f"error: list rollouts in namespace dev: no connection to the API server at {_NOBODY}"
    )


def test_without_a_kubeconfig_it_is_said_where_one_was_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A newcomer is told what to set."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert main.run(["list"]) == 1
    assert "neither --kubeconfig nor KUBECONFIG" in capsys.readouterr().err
