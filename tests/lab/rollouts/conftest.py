"""One Davy for all rollout tests, with the rights of `manifests/`; a shop per test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.lab import davy as davy_process
from tests.lab.component import Component
from tests.lab.lab import Lab
from tests.lab.rollouts import story
from tests.lab.shop import Router, Shop

OpenShop = Callable[..., Awaitable[Shop]]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def davy(lab: Lab) -> AsyncIterator[Component]:
    """Davy, running for this folder alone; a test that kills it starts it again."""
    await davy_process.allow_jobs(lab)
    async with davy_process.running(lab, "--job-service-accounts", "*/default") as process:
        yield process


@pytest_asyncio.fixture(loop_scope="session")
async def open_shop(
    lab: Lab, namespace: str, davy: Component, request: pytest.FixtureRequest
) -> AsyncIterator[OpenShop]:
    """Opens a shop in the test's own namespace; fields as for `Shop.open`.

    What its events told is held to a text, unless the test is marked as `untold`.
    """
    opened: list[Shop] = []

    async def open_it(router: Router = Router.ISTIO_SUBSETS, **fields: Any) -> Shop:
        shop = await Shop.open(lab, namespace, router, **fields)
        opened.append(shop)
        return shop

    yield open_it
    if opened and request.node.get_closest_marker("untold") is None:
        await story.check(opened[0], request.node.name)
