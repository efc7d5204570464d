import pytest

from tests.unit.cli.cluster import Shell


@pytest.fixture
def davy(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """`davy(cluster, "get", "ro", "cart")`, with nothing of the caller's environment."""
    for name in ("KUBECONFIG", "DAVY_KUBECONFIG", "DAVY_CONTEXT", "DAVY_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("DAVY_API_GROUP", raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    return Shell(capsys)
