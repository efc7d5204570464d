"""Two operators on one cluster: who leads, and what each of them has written.

Each has its own way to the API server and its own account, so the server's audit log tells them
apart: what a replica wrote is never taken from its own word.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from prometheus_client.parser import text_string_to_metric_families

from tests.lab import audit, davy, netlink
from tests.lab.audit import Write
from tests.lab.component import Component
from tests.lab.errors import LabTimeoutError
from tests.lab.kube import Json
from tests.lab.lab import Lab
from tests.lab.relay import Relay

LEASE: Final = "davy.dev"
SECOND: Final = "davy-b"
"""The second replica's account: the same rights as the first's."""
LEASE_BINDING: Final = f"{SECOND}-lease"
"""The RoleBinding that lets it campaign."""

_API_PORT: Final = 6443
_LOOK_SECONDS: Final = 0.01
_RIGHTS: Final = "rbac.authorization.k8s.io"


@dataclass(eq=False)
class Replica:
    """One process of the operator."""

    process: Component
    relay: Relay
    listen: str
    user: str
    """Its account's name in the audit log."""

    async def says(self) -> str:
        """What /readyz says, e.g. `ok, leads`; empty when it isn't ready or doesn't answer."""
        try:
            return (await davy.answer("/readyz", self.listen)).strip()
        except (OSError, TimeoutError):
            return ""

    async def leads(self) -> bool:
        """Whether it says that it leads."""
        return await self.says() == "ok, leads"

    async def requests(self) -> dict[tuple[str, str], float]:
        """How many requests it has sent since its start, by verb and resource; without watches."""
        found: dict[tuple[str, str], float] = {}
        for family in text_string_to_metric_families(await davy.metrics(self.listen)):
            for sample in family.samples:
                if sample.name == "davy_api_requests_total":
                    key = sample.labels["verb"], sample.labels["resource"]
                    found[key] = found.get(key, 0) + sample.value
        return found

    def log(self) -> str:
        """All that it has written."""
        return self.process.log.read_text()


class Pair:
    """The two, both installed as `manifests/` say."""

    def __init__(self, lab: Lab, first: Replica, second: Replica) -> None:
        """Use `running` instead."""
        self.lab = lab
        self.both = first, second

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, lab: Lab) -> AsyncIterator[Self]:
        """Both ready; stopped after the block."""
        await davy.install(lab)
        await lab.apply(_second_account(), namespace=davy.NAMESPACE)
        async with contextlib.AsyncExitStack() as stack:
            first, second = [
                await stack.enter_async_context(_replica(lab, name, number, account))
                for number, (name, account) in enumerate(
                    (("davy-a", davy.ACCOUNT), ("davy-b", SECOND))
                )
            ]
            pair = cls(lab, first, second)
            await pair.mended()
            yield pair

    async def mended(self) -> None:
        """Both run with all rights, one leads and the other follows it."""
        await self.lab.apply(_second_account(), namespace=davy.NAMESPACE)
        for replica in self.both:
            replica.process.thaw()
            await replica.process.launch()
        await asyncio.gather(*(replica.process.wait_ready() for replica in self.both))
        await self.lab.until(self._is_settled, describe="one leads, the other follows")

    async def leader(self) -> Replica:
        """Who leads, once one does."""
        leading: list[Replica] = []

        async def one_leads() -> bool:
            leading[:] = [replica for replica in self.both if await replica.leads()]
            return bool(leading)

        await self.lab.until(one_leads, describe="one of the two leads")
        return leading[0]

    def other(self, replica: Replica) -> Replica:
        """The other one."""
        return next(each for each in self.both if each is not replica)

    async def leads(self, replica: Replica, *, within: float = 30.0) -> float:
        """Seconds until this one says that it leads.

        Raises:
            LabTimeoutError: it didn't, in that many seconds.
        """
        began = time.monotonic()
        while not await replica.leads():
            if time.monotonic() > began + within:
                tails = "\n".join(each.process.tail() for each in self.both)
                raise LabTimeoutError(f"{replica.process.name} doesn't lead: {tails}")
            await asyncio.sleep(_LOOK_SECONDS)
        return time.monotonic() - began

    async def lease(self) -> Json:
        """The Lease's spec."""
        found = await self.lab.kube.get("lease", LEASE, namespace=davy.NAMESPACE)
        spec: Json = found["spec"]
        return spec

    async def renewed(self, *, times: int) -> None:
        """Return when the Lease was renewed so often."""
        seen: set[str] = {(await self.lease())["renewTime"]}

        async def often() -> bool:
            seen.add((await self.lease())["renewTime"])
            return len(seen) > times

        await self.lab.until(often, describe=f"{times} renewals")

    async def edit_lease(self, **spec: Any) -> None:
        """What `kubectl edit lease` does."""
        await self.lab.kube.patch("lease", LEASE, {"spec": spec}, namespace=davy.NAMESPACE)

    def writes(
        self, namespace: str, *, by: Replica | None = None, since: datetime | None = None
    ) -> list[Write]:
        """The writes to a namespace by one of the two, or by both, in the server's order."""
        users = {each.user for each in self.both if by in {None, each}}
        return [
            write
            for write in audit.read(audit.log(self.lab.folder), frozenset({namespace}))
            if write.user in users and (since is None or write.received_at >= since)
        ]

    async def follows(self, replica: Replica) -> None:
        """Return when this one says that it follows the other."""

        async def is_so() -> bool:
            said = await replica.says()
            return said == f"ok, follows {(await self.lease())['holderIdentity']}"

        await self.lab.until(is_so, describe=f"{replica.process.name} follows the other")

    async def _is_settled(self) -> bool:
        said = [await replica.says() for replica in self.both]
        holder = (await self.lease())["holderIdentity"]
        return sorted(said) == [f"ok, follows {holder}", "ok, leads"]


def canary_weights(writes: list[Write]) -> list[int]:
    """The canary's weight in each VirtualService that was written, in order."""
    return [
        int(write.answer["spec"]["http"][0]["route"][1]["weight"])
        for write in writes
        if write.resource == "virtualservices" and write.applied
    ]


@contextlib.asynccontextmanager
async def _replica(lab: Lab, name: str, number: int, account: str) -> AsyncIterator[Replica]:
    listener = socket.create_server(("127.0.0.1", 0))
    relay = await Relay.open(listener, netlink.CONTROL_PLANE, _API_PORT)
    listen = f"127.0.0.1:{8191 + number}"
    server = f"https://127.0.0.1:{relay.port}"
    process = await davy.process(lab, name=name, listen=listen, server=server, account=account)
    user = f"system:serviceaccount:{davy.NAMESPACE}:{account}"
    try:
        yield Replica(process, relay, listen, user)
    finally:
        await process.stop()
        relay.close()


def _second_account() -> list[Json]:
    """The second account with the first's roles."""
    subjects = [{"kind": "ServiceAccount", "name": SECOND, "namespace": davy.NAMESPACE}]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SECOND}},
        {
            "apiVersion": f"{_RIGHTS}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": SECOND},
            "roleRef": {"apiGroup": _RIGHTS, "kind": "ClusterRole", "name": "davy"},
            "subjects": subjects,
        },
        {
            "apiVersion": f"{_RIGHTS}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": LEASE_BINDING},
            "roleRef": {"apiGroup": _RIGHTS, "kind": "Role", "name": "davy-lease"},
            "subjects": subjects,
        },
    ]
