"""The Lease object: who leads. Its resourceVersion goes with every write: two can't both succeed.

Times in it are for people: whether a lease has run out is judged by how long its resourceVersion
stayed the same by the reader's own monotonic clock, so clocks that differ do no harm.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from davy.api import errors
from davy.cluster.cache import Json, version_of
from davy.cluster.client import Api
from davy.cluster.kinds import LEASE


@dataclass(frozen=True)
class Place:
    """Where the Lease is."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"Lease {self.namespace}/{self.name}"


async def read(api: Api, place: Place) -> Json | None:
    """The Lease as the server has it; None when there is none."""
    try:
        return await api.get(LEASE, place.namespace, place.name)
    except errors.NotFound:
        return None


async def offer(api: Api, place: Place) -> Json:
    """A Lease that nobody holds yet.

    Raises:
        errors.AlreadyExists: there is one.
        errors.NotFound: there is no such namespace.
    """
    body = {
        "apiVersion": LEASE.api_version,
        "kind": LEASE.kind,
        "metadata": {"namespace": place.namespace, "name": place.name},
        "spec": {"leaseTransitions": 0},
    }
    return await api.create(LEASE, place.namespace, body)


async def ensured(api: Api, place: Place) -> Json:
    """The Lease as the server has it; where there was none, one that nobody holds yet.

    Raises:
        errors.AlreadyExists: somebody made it just now.
        errors.NotFound: there is no such namespace.
    """
    return await read(api, place) or await offer(api, place)


async def take(
    api: Api, place: Place, found: Json, *, identity: str, duration: timedelta, now: datetime
) -> Json:
    """The Lease, held by `identity` from now on.

    Raises:
        errors.Conflict: somebody wrote it since `found` was read.
    """
    spec = {
        "holderIdentity": identity,
        "leaseDurationSeconds": _whole(duration),
        "acquireTime": _instant(now),
        "renewTime": _instant(now),
        "leaseTransitions": _transitions(found) + (holder(found) != identity),
    }
    return await _write(api, place, found, spec)


async def renew(api: Api, place: Place, found: Json, *, duration: timedelta, now: datetime) -> Json:
    """The Lease, held for another while by who holds it, whatever a person made of its duration.

    Raises:
        errors.Conflict: somebody wrote it since `found` was read.
    """
    spec = {"leaseDurationSeconds": _whole(duration), "renewTime": _instant(now)}
    return await _write(api, place, found, spec)


async def release(api: Api, place: Place, found: Json, *, now: datetime) -> Json:
    """The Lease, held by nobody: the next may take it at once.

    Raises:
        errors.Conflict: somebody wrote it since `found` was read.
    """
    return await _write(api, place, found, {"holderIdentity": "", "renewTime": _instant(now)})


def holder(found: Json) -> str:
    """Who holds the Lease; "" for nobody."""
    return str((found.get("spec") or {}).get("holderIdentity") or "")


def duration_of(found: Json, least: timedelta) -> timedelta:
    """For how long a renewal of the Lease holds: what its holder wrote, `least` if it says less."""
    said = (found.get("spec") or {}).get("leaseDurationSeconds")
    seconds = said if isinstance(said, int) else 0
    return max(least, timedelta(seconds=seconds))


async def _write(api: Api, place: Place, found: Json, spec: dict[str, Any]) -> Json:
    body = {"metadata": {"resourceVersion": version_of(found)}, "spec": spec}
    return await api.patch_merge(LEASE, place.namespace, place.name, body)


def _transitions(found: Json) -> int:
    said = (found.get("spec") or {}).get("leaseTransitions")
    return said if isinstance(said, int) else 0


def _whole(duration: timedelta) -> int:
    """Seconds, rounded up: the API has no fractions of them."""
    return math.ceil(duration.total_seconds())


def _instant(now: datetime) -> str:
    """`metav1.MicroTime`: with six digits, always."""
    return now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
