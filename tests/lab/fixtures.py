"""Fixtures on the lab: one lab per test run, a namespace per test.

    python -m tests.lab exec -- python -m pytest -m lab

Outside the lab's namespaces such a test fails at once, with the command that runs it.
`tests/conftest.py` takes them in, so that there is one lab for all folders.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.lab import namespace as namespaces
from tests.lab.lab import Lab


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab(request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    """The run's one lab, everything up; the node's first back-off is 1 s instead of 10."""
    if namespaces.run_folder() is None:
        pytest.fail(
            "Lab tests run inside the lab: python -m tests.lab exec -- python -m pytest tests/lab",
            pytrace=False,
        )
    terminal = request.config.get_terminal_writer()

    def say(text: str) -> None:
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            terminal.line(text)

    async with Lab.start(audited=True, back_off_seconds=1.0, say=say) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def namespace(lab: Lab) -> AsyncIterator[str]:
    """The name of a namespace of the test's own; deleted after it."""
    name = await lab.new_namespace()
    yield name
    await lab.delete_namespace(name)
