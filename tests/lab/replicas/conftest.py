"""Two operators for all tests here, whole again before each; a shop per test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.lab import paths
from tests.lab.lab import Lab
from tests.lab.replicas.figures import Figures
from tests.lab.replicas.pair import Pair
from tests.lab.shop import Router, Shop

OpenShop = Callable[..., Awaitable[Shop]]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def two(lab: Lab) -> AsyncIterator[Pair]:
    """Both running for this folder."""
    async with Pair.running(lab) as pair:
        yield pair


@pytest_asyncio.fixture(loop_scope="session")
async def pair(two: Pair) -> Pair:
    """Both running, one leading, whatever the test before did."""
    await two.mended()
    return two


@pytest_asyncio.fixture(loop_scope="session")
async def open_shop(pair: Pair, namespace: str) -> OpenShop:
    """Opens a shop in the test's own namespace; fields as for `Shop.open`."""

    async def open_it(router: Router = Router.ISTIO_SUBSETS, **fields: Any) -> Shop:
        return await Shop.open(pair.lab, namespace, router, **fields)

    return open_it


@pytest.fixture(scope="package")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """What was measured; printed at the end, and kept in build/lab/replicas.json."""
    found = Figures()
    yield found
    found.write(paths.REPOSITORY / "build" / "lab" / "replicas.json")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        for line in found.lines():
            request.config.get_terminal_writer().line(f"\n{line}", bold=True)
