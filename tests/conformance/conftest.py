"""Each test twice: `simulated`, and `real` with the mark `lab`."""

import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from davy.cluster import client
from tests.conformance.server import Real, Server, Simulated
from tests.lab import davy
from tests.lab.lab import Lab

_HERE = Path(__file__).parent
_SERVERS = (
    pytest.param("simulated", id="simulated"),
    pytest.param("real", id="real", marks=pytest.mark.lab),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a server gets both."""
    if "server" in metafunc.fixturenames:
        metafunc.parametrize("which", _SERVERS, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On the session's loop, where the lab is."""
    for item in items:
        if _HERE in item.path.parents and isinstance(item, pytest.Function):
            assert inspect.iscoroutinefunction(item.obj), item
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture
def which(request: pytest.FixtureRequest) -> tuple[Lab, str] | None:
    """The lab and a namespace in it, or None for the simulation."""
    if request.param == "simulated":
        return None
    return request.getfixturevalue("installed"), request.getfixturevalue("namespace")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def installed(lab: Lab) -> Lab:
    """The lab with Davy's CRDs."""
    await davy.install(lab)
    return lab


@pytest_asyncio.fixture(loop_scope="session")
async def server(which: tuple[Lab, str] | None) -> AsyncIterator[Server]:
    """One of the two servers."""
    if which is None:
        yield Simulated()
        return
    lab, namespace = which
    api = await client.connect(str(lab.kubeconfig), timeout=15)
    real = Real(api, namespace, lab)
    try:
        yield real
        await real.let_go()
    finally:
        await api.close()
