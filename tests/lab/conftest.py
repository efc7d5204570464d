"""What holds for every test here: on the lab's loop (the session's), with the mark `lab`."""

import inspect
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder `lab`, and run it on the session's loop."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)
            if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
