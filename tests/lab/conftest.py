"""Fixtures of the lab tests: one lab per test run, a namespace per test.

    python -m tests.lab exec -- python -m pytest tests/lab

Every test here runs on the loop of the lab (the session's) and has the mark `lab`. Outside the
lab's namespaces the tests don't run: they fail at once with the command that runs them.
"""

import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.lab import namespace as namespaces
from tests.lab.lab import Lab

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder `lab`, and run it on the session's loop."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)
            if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


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

    async with Lab.start(back_off_seconds=1.0, say=say) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def namespace(lab: Lab) -> AsyncIterator[str]:
    """The name of a namespace of the test's own; deleted after it."""
    name = await lab.new_namespace()
    yield name
    await lab.delete_namespace(name)
