"""Before the start: is the cluster there, are the CRDs, may Davy do what it must?

Found out within a second and said in one sentence, instead of a watch that tries for ever.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from davy.api import errors
from davy.cluster import kinds, lease
from davy.cluster.client import Api
from davy.cluster.kinds import Kind, Kinds
from davy.metrics.accounts import SETTING, Accounts
from davy.plugins.installed import Installed

_NO_JOBS: Final = Accounts()
_AT_ONCE: Final = 8
"""Questions to the API server at the same time."""


class CannotStart(errors.DavyError):
    """The operator can't start; the message says why and what to do."""


@dataclass(frozen=True)
class Need:
    """A verb on a resource that Davy can't do without."""

    kind: Kind
    verb: str
    subresource: str = ""

    def __str__(self) -> str:
        resource = (
            f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural
        )
        return f"{self.verb} {resource}" + (f".{self.kind.group}" if self.kind.group else "")


@dataclass(frozen=True)
class Found:
    """What the cluster has."""

    absent: frozenset[Kind]
    """Optional kinds that aren't served."""
    scanning: bool
    """CRDs may be watched, so that kinds which come later are picked up."""


def needs(known: Kinds) -> Iterator[Need]:
    """Every verb that Davy uses, but for Secrets, which only some metrics need."""
    verbs: Mapping[Kind, str] = {
        known.rollout: "list watch get patch",
        known.analysis_run: "list watch get create patch delete",
        known.analysis_template: "list watch",
        known.cluster_analysis_template: "list watch",
        kinds.REPLICA_SET: "list watch get create patch delete",
        kinds.POD: "list watch patch",
        kinds.SERVICE: "list watch get patch",
        kinds.DEPLOYMENT: "list watch get",
        kinds.POD_TEMPLATE: "list watch get",
        kinds.VIRTUAL_SERVICE: "list watch get patch",
        kinds.DESTINATION_RULE: "list watch get patch",
        kinds.HTTP_ROUTE: "list watch get patch",
        kinds.GRPC_ROUTE: "list watch get patch",
        **{
            kind: "list watch get patch"
            for kind in known.watched
            if kind.resource in {kinds.TCP_ROUTE.resource, kinds.TLS_ROUTE.resource}
        },
        kinds.INGRESS: "list watch get create patch",
        kinds.TRAEFIK_SERVICE: "list watch get patch",
        kinds.APISIX_ROUTE: "list watch get patch",
        kinds.HTTP_PROXY: "list watch get patch",
        kinds.EVENT: "create patch",
    }
    for kind, words in verbs.items():
        yield from (Need(kind, verb) for verb in words.split())
    for kind in known.of_plugins:
        words = "list watch get patch create" if kind.creates else "list watch get patch"
        yield from (Need(kind, verb) for verb in words.split())
    for kind in (known.rollout, known.analysis_run):
        yield Need(kind, "patch", "status")
    yield Need(kinds.POD, "create", "eviction")
    yield Need(kinds.DEPLOYMENT, "patch", "scale")


def lease_needs() -> Iterator[Need]:
    """Every verb that Davy uses in the namespace of its Lease."""
    yield from (Need(kinds.LEASE, verb) for verb in ("get", "create", "patch"))


def job_needs() -> Iterator[Need]:
    """Every verb that Davy uses where Jobs of metrics are allowed."""
    yield from (Need(kinds.JOB, verb) for verb in ("get", "create", "delete"))


def route_kinds(plugins: Installed) -> tuple[Kind, ...]:
    """What routers of other packages are made of; a CRD of theirs may come later."""
    return tuple(
        Kind(kind.group, kind.version, kind.kind, kind.plural, optional=True, creates=kind.creates)
        for kind in plugins.route_kinds
    )


async def older(api: Api) -> tuple[Kind, ...]:
    """Kinds that the cluster has only in an earlier version, in that version.

    Raises:
        CannotStart: the API server can't be reached.
    """
    found: list[Kind] = []
    try:
        for kind, versions in kinds.OLDER.items():
            for version in (kind.version, *versions):
                if await api.served(kind.group, version) & {kind.plural, "*"}:
                    found += [replace(kind, version=version)] if version != kind.version else []
                    break
    except errors.ApiFailure as error:
        raise CannotStart(str(error)) from error
    return tuple(found)


async def check(
    api: Api,
    known: Kinds,
    namespaces: tuple[str, ...],
    place: lease.Place,
    accounts: Accounts = _NO_JOBS,
) -> Found:
    """What the cluster has, when it has all that Davy needs; the Lease is made if there is none.

    Args:
        api: the cluster.
        known: Davy's kinds.
        namespaces: that are served; (): all.
        place: where the Lease is.
        accounts: that Jobs may run as, and so where Jobs are made.

    Raises:
        CannotStart: CRDs or rights are missing, or the API server can't be reached.
    """
    try:
        absent = await _absent(api, known)
        missing = await _missing(api, known, namespaces, absent)
        missing_lease = await _refused(api, [(need, place.namespace) for need in lease_needs()])
        missing_jobs = await _missing_jobs(api, accounts.namespaces(namespaces))
        scanning = await _may_scan(api, namespaces)
    except errors.ApiFailure as error:
        raise CannotStart(str(error)) from error
    if missing:
        where = f" in {', '.join(namespaces)}" if namespaces else ""
        raise CannotStart(_refusal(missing, where))
    if missing_lease:
        where = f" in {place.namespace}, the namespace of its Lease (--lease-namespace)"
        raise CannotStart(_refusal(missing_lease, where))
    if missing_jobs:
        raise CannotStart(missing_jobs)
    await _lease_is_there(api, place)
    return Found(absent, scanning)


async def _lease_is_there(api: Api, place: lease.Place) -> None:
    try:
        await lease.ensured(api, place)
    except errors.AlreadyExists:  # another replica starts too
        return
    except errors.NotFound as error:
        raise CannotStart(
            f"{place} can't be made, there is no namespace {place.namespace}: create it, or name "
            f"another one with --lease-namespace."
        ) from error
    except errors.ApiFailure as error:
        raise CannotStart(str(error)) from error


async def _absent(api: Api, known: Kinds) -> frozenset[Kind]:
    groups = {(kind.group, kind.version) for kind in known.watched}
    served = {group: await api.served(*group) for group in groups}
    absent = {
        kind for kind in known.watched if not served[kind.group, kind.version] & {kind.plural, "*"}
    }
    required = sorted(kind.resource for kind in absent if not kind.optional)
    if required:
        raise CannotStart(
            f"the cluster doesn't serve {', '.join(required)}: install the CRDs with "
            f"`davy crds --api-group {known.api_group.name} | kubectl apply --server-side -f -`."
        )
    return frozenset(absent)


async def _missing(
    api: Api, known: Kinds, namespaces: tuple[str, ...], absent: frozenset[Kind]
) -> list[Need]:
    return await _refused(
        api,
        [
            (need, namespace)
            for need in needs(known)
            if need.kind not in absent
            for namespace in (namespaces if need.kind.namespaced and namespaces else (None,))
        ],
    )


async def _missing_jobs(api: Api, places: Sequence[str | None]) -> str:
    """What keeps Jobs from being made where they are allowed; "" when nothing does."""
    for place in places:
        if missing := await _refused(api, [(need, place) for need in job_needs()]):
            where = f" in {place or 'all namespaces'} ({SETTING})"
            return _refusal(missing, where, "manifests/metric-jobs there")
    return ""


async def _refused(api: Api, wanted: Sequence[tuple[Need, str | None]]) -> list[Need]:
    """Those that RBAC doesn't grant in the namespace beside them (None: in all)."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def refused(need: Need, namespace: str | None) -> bool:
        async with gate:
            return not await api.allowed(
                need.verb, need.kind, namespace, subresource=need.subresource
            )

    answers = await asyncio.gather(*(refused(*item) for item in wanted))
    return [need for (need, _), is_refused in zip(wanted, answers, strict=True) if is_refused]


def _refusal(missing: Sequence[Need], where: str, manifests: str = "manifests/") -> str:
    named = sorted({str(need) for need in missing})
    return (
        f"RBAC doesn't allow Davy's service account to: {', '.join(named)}{where}. "
        f"Apply {manifests} or grant these verbs."
    )


async def _may_scan(api: Api, namespaces: tuple[str, ...]) -> bool:
    """Watching CRDs lets kopf notice new kinds; namespaces, where it isn't to watch all."""
    asked = [kinds.CRD, kinds.NAMESPACE] if namespaces else [kinds.CRD]
    return all([await api.allowed(verb, kind) for kind in asked for verb in ("list", "watch")])
