"""What every command that talks to a cluster shares: the global options and the connection."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from davy.api.errors import Unreachable
from davy.api.group import DAVY, ApiGroup
from davy.cli import kubeconfig
from davy.cli.kubeconfig import Choice

if TYPE_CHECKING:  # the client imports `kubernetes`, which takes a second
    from davy.cli.access import Connection

REQUEST_TIMEOUT_SECONDS: Final = 15.0
T = TypeVar("T")


def _really() -> "Callable[[Session], AbstractAsyncContextManager[Connection]]":
    return connected


@dataclass(frozen=True)
class Session:
    """The global options, and how a connection is made."""

    kubeconfig: str | None = None
    context: str | None = None
    chosen_namespace: str | None = None
    """By option or environment; None: the kubeconfig's."""
    api_group: str = DAVY
    connect: "Callable[[Session], AbstractAsyncContextManager[Connection]]" = field(
        default_factory=_really
    )

    @property
    def group(self) -> ApiGroup:
        """The API group whose objects are meant."""
        return ApiGroup(self.api_group)

    @cached_property
    def choice(self) -> Choice:
        """Files, context and namespace by kubectl's rules."""
        return kubeconfig.choose(self.kubeconfig, self.context, os.environ)

    @property
    def namespace(self) -> str:
        """The namespace that is meant."""
        return self.chosen_namespace or self.choice.namespace

    def run(self, work: "Callable[[Connection], Coroutine[Any, Any, T]]") -> T:
        """The result of work done with a connection, which is closed after.

        Raises:
            davy.api.errors.ApiFailure: the server said no, or can't be reached.
        """

        async def whole() -> T:
            async with self.connect(self) as connection:
                return await work(connection)

        return asyncio.run(whole())


@asynccontextmanager
async def connected(session: Session) -> AsyncIterator["Connection"]:
    """A connection to the cluster that the options mean.

    Raises:
        davy.api.errors.ApiFailure: no usable configuration was found.
    """
    from davy.cli.access import ClusterConnection  # noqa: PLC0415 only who connects pays for it
    from davy.cluster.client import connect  # noqa: PLC0415

    if not session.choice.reachable:
        raise Unreachable(
            "No cluster is named: neither --kubeconfig nor KUBECONFIG nor ~/.kube/config leads to "
            "a file, and this is no pod."
        )
    with kubeconfig.for_client(session.choice) as path:
        client = await connect(path, timeout=REQUEST_TIMEOUT_SECONDS)
    try:
        yield ClusterConnection(client)
    finally:
        await client.close()
