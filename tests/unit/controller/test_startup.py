import socket

import pytest

from davy.api import errors
from davy.api.group import ApiGroup
from davy.cluster.kinds import (
    APISIX_ROUTE,
    GRPC_ROUTE,
    HTTP_PROXY,
    HTTP_ROUTE,
    INGRESS,
    LEASE,
    TCP_ROUTE,
    TLS_ROUTE,
    TRAEFIK_SERVICE,
    VIRTUAL_SERVICE,
    Kinds,
)
from davy.cluster.lease import Place
from davy.controller import startup
from davy.controller.health import Health
from davy.controller.settings import Settings
from davy.controller.startup import CannotStart
from davy.controller.telemetry import Telemetry
from davy.controller.watches import Watches
from davy.metrics.accounts import Accounts
from tests.sim.clock import TurnedClock
from tests.sim.cluster import Call, Cluster
from tests.unit.controller.stage import START

KINDS = Kinds(ApiGroup())
PLACE = Place("davy-system", "davy.dev")


async def test_all_is_there() -> None:
    """Nothing absent, and late CRDs will be noticed."""
    assert await startup.check(Cluster(), KINDS, (), PLACE) == startup.Found(
        frozenset(), scanning=True
    )


async def test_missing_rights_are_named_together() -> None:
    """One sentence with every verb to grant."""
    cluster = Cluster(denied={("patch", "rollouts/status"), ("watch", "pods")})
    named = r"patch rollouts/status\.davy\.dev, watch pods\."
    with pytest.raises(CannotStart, match=named):
        await startup.check(cluster, KINDS, (), PLACE)


async def test_rights_on_the_lease_are_asked_for_in_its_namespace() -> None:
    """And the flag that chooses it is named."""
    cluster = Cluster(denied={("patch", "leases")})
    named = r"patch leases\.coordination\.k8s\.io in davy-system.*--lease-namespace"
    with pytest.raises(CannotStart, match=named):
        await startup.check(cluster, KINDS, (), PLACE)


async def test_jobs_are_asked_for_where_they_are_allowed_and_nowhere_else() -> None:
    """Before a release waits for one; and what grants them is named."""
    cluster = Cluster(denied={("create", "jobs"), ("delete", "jobs")})
    await startup.check(cluster, KINDS, (), PLACE)
    named = r"create jobs\.batch, delete jobs\.batch in shop \(--job-service-accounts\)"
    with pytest.raises(CannotStart, match=f"{named}.*Apply manifests/metric-jobs there"):
        await startup.check(cluster, KINDS, (), PLACE, Accounts.of(["shop/default"]))
    with pytest.raises(CannotStart, match="in all namespaces"):
        await startup.check(cluster, KINDS, (), PLACE, Accounts.of(["*/default"]))


async def test_a_lease_without_a_namespace_is_one_sentence() -> None:
    """Outside a cluster davy-system may be missing."""

    def no_namespace(call: Call) -> Exception | None:
        missing = call.kind == LEASE and call.verb == "create"
        return (
            errors.NotFound('namespaces "davy-system" not found', status=404) if missing else None
        )

    with pytest.raises(CannotStart, match=r"no namespace davy-system.*--lease-namespace"):
        await startup.check(Cluster(faults=[no_namespace]), KINDS, (), PLACE)


async def test_without_crds_it_says_how_to_install_them() -> None:
    """The command is in the sentence."""
    cluster = Cluster(served_groups={("apps", "v1"): frozenset({"*"}), ("", "v1"): frozenset("*")})
    with pytest.raises(CannotStart, match=r"doesn't serve .*rollouts\.davy\.dev.*davy crds"):
        await startup.check(cluster, KINDS, (), PLACE)


async def test_a_mesh_that_isnt_installed_stops_nothing() -> None:
    """Its kinds are absent; their rights aren't asked for."""
    served = {("davy.dev", "v1alpha1"), ("apps", "v1"), ("", "v1"), ("networking.istio.io", "v1")}
    cluster = Cluster(
        served_groups={group: frozenset({"*"}) for group in served},
        denied={("patch", "httproutes")},
    )
    found = await startup.check(cluster, KINDS, (), PLACE)
    assert found.absent == {
        HTTP_ROUTE,
        GRPC_ROUTE,
        TCP_ROUTE,
        TLS_ROUTE,
        INGRESS,
        TRAEFIK_SERVICE,
        APISIX_ROUTE,
        HTTP_PROXY,
    }
    assert VIRTUAL_SERVICE not in found.absent


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        (("v1", "v1alpha2"), {}),
        (("v1alpha3", "v1alpha2"), {"TCPRoute": "v1alpha2", "TLSRoute": "v1alpha3"}),
        ((), {}),
    ],
)
async def test_tcp_and_tls_routes_are_read_in_the_newest_version_that_is_served(
    versions: tuple[str, ...], found: dict[str, str]
) -> None:
    """Before 1.5 the Gateway API has no v1 of them; where there is none v1 is waited for."""
    plurals = {"v1alpha3": {"tlsroutes"}}
    served = {
        ("gateway.networking.k8s.io", version): frozenset(
            plurals.get(version, {"tcproutes", "tlsroutes"})
        )
        for version in versions
    }
    older = await startup.older(Cluster(served_groups=served))
    assert {kind.kind: kind.version for kind in older} == found
    known = Kinds(ApiGroup(), older=older)
    watched = {kind.kind: kind.version for kind in known.watched}
    wanted = {"TCPRoute": "v1", "TLSRoute": "v1"} | found
    assert {kind: watched[kind] for kind in wanted} == wanted
    for kind, version in wanted.items():
        named = known.named("gateway.networking.k8s.io", kind)
        assert named is not None
        assert named.version == version
        assert startup.Need(named, "patch") in set(startup.needs(known))


async def test_without_the_right_to_watch_crds_kopf_doesnt_scan() -> None:
    """It would ask for ever; new kinds are seen at the next start."""
    cluster = Cluster(denied={("watch", "customresourcedefinitions")})
    assert not (await startup.check(cluster, KINDS, (), PLACE)).scanning


async def test_an_address_in_use_is_one_sentence() -> None:
    """Before anything else runs."""
    clock = TurnedClock(START)
    watches = Watches(KINDS.watched, (), clock, lambda _: None, lambda *_: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        health = Health(
            listen, watches, Telemetry().registry, Settings().watch, clock, lambda: "leads"
        )
        with pytest.raises(CannotStart, match=f"can't listen on {listen}.*--listen"):
            await health.start()


async def test_health_fails_when_a_watch_is_dead() -> None:
    """And names it."""
    clock = TurnedClock(START)
    watches = Watches(KINDS.watched, (), clock, lambda _: None, lambda *_: None)
    health = Health(
        "127.0.0.1:0", watches, Telemetry().registry, Settings().watch, clock, lambda: "leads"
    )
    assert health.troubles() == []
    await clock.turn(301)
    health._beat = clock.monotonic()
    assert "the watch of rollouts.davy.dev hasn't been heard of for 301 s" in health.troubles()[0]


async def test_health_fails_when_the_loop_stalls() -> None:
    """A restart would help."""
    clock = TurnedClock(START)
    watches = Watches(KINDS.watched, (), clock, lambda _: None, lambda *_: None)
    health = Health(
        "127.0.0.1:0", watches, Telemetry().registry, Settings().watch, clock, lambda: "leads"
    )
    await clock.turn(31)
    assert "stalled for 31 s" in " ".join(health.troubles())
