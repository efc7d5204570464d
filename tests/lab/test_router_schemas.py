"""Routers whose controllers don't run in the lab: their patches on the real schemas.

A real API server says whether it takes a patch, keeps every field of it, and refuses it when the
object changed meanwhile. What a controller then does with the weights isn't seen here.
"""

import copy
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from davy.api.crd import crds
from davy.api.group import ApiGroup
from davy.cluster.apply import Owner
from davy.cluster.kinds import Kinds
from davy.plugins.installed import Installed
from davy.traffic.base import NewObject, ObjectKey, Objects, RoutedRollout, Write
from davy.traffic.registry import Routers
from tests.lab import router_crds
from tests.lab.kube import Json
from tests.lab.kube_errors import KubeError, NotFound
from tests.lab.lab import Lab
from tests.unit.api.documents import GOOD
from tests.unit.traffic import ingresses, routes

ROUTERS = Routers(Installed())

_KINDS = Kinds(ApiGroup())
_CONNECTIONS: Json = {
    "backendRefs": [routes.a_backend("cart-stable", 100), routes.a_backend("cart-canary", 0)]
}
_ROUTES: dict[str, tuple[RoutedRollout, list[Json]]] = {
    "nginx": (
        ingresses.by_ingresses(
            additionalIngressAnnotations={"canary-by-header": "X-Canary"},
            canaryIngressAnnotations={"example.com/team": "shop"},
        ),
        [
            ingresses.an_ingress(
                ingresses.a_host(
                    "cart.example.com",
                    ingresses.a_path("cart-stable"),
                    ingresses.a_path("images", "/images"),
                ),
                tls=[{"hosts": ["cart.example.com"], "secretName": "cart"}],
            )
        ],
    ),
    "alb": (
        ingresses.by_action(stickinessConfig={"enabled": True, "durationSeconds": 60}),
        [ingresses.an_alb_ingress()],
    ),
    "traefik": (
        routes.by_traefik_service(),
        [
            routes.a_traefik_service(
                routes.a_backend("cart-stable", 100), routes.a_backend("cart-canary", 0)
            )
        ],
    ),
    "gateway": (
        routes.a_rollout(
            {
                "gatewayAPI": {"httpRoutes": [{"name": "cart"}]},
                "managedRoutes": [{"name": "copy"}, {"name": "beta"}],
            },
            steps=[
                {
                    "setMirrorRoute": {
                        "name": "copy",
                        "match": [{"method": {"exact": "GET"}, "path": {"prefix": "/api"}}],
                        "percentage": 20,
                    }
                },
                {
                    "setHeaderRoute": {
                        "name": "beta",
                        "match": [{"headerName": "X-Beta", "headerValue": {"exact": "1"}}],
                    }
                },
            ],
        ),
        [
            routes.an_http_route(
                *(
                    {
                        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
                        "backendRefs": [
                            routes.a_backend("cart-stable", 100),
                            routes.a_backend("cart-canary", 0),
                        ],
                    }
                    for path in ("/", "/shop")
                )
            )
        ],
    ),
    "connections": (
        routes.a_rollout(
            {"gatewayAPI": {"tcpRoutes": [{"name": "cart"}], "tlsRoutes": [{"name": "cart"}]}}
        ),
        [
            {**routes.an_http_route(_CONNECTIONS), "kind": "TCPRoute"},
            {
                **routes.an_http_route(_CONNECTIONS, hostnames=["cart.example.com"]),
                "kind": "TLSRoute",
            },
        ],
    ),
    "contour": (
        routes.by_http_proxies(),
        [
            routes.an_http_proxy(
                {
                    "conditions": [{"prefix": "/"}],
                    "services": [
                        routes.a_backend("cart-stable", 100),
                        routes.a_backend("cart-canary", 0),
                    ],
                }
            )
        ],
    ),
    "apisix": (
        routes.by_apisix_route("api"),
        [
            routes.an_apisix_route(
                routes.an_apisix_rule(
                    "api",
                    routes.an_apisix_backend("cart-stable", 100),
                    routes.an_apisix_backend("cart-canary", 0),
                ),
                routes.an_apisix_rule("own", routes.an_apisix_backend("images")),
            )
        ],
    ),
}
_OF_THE_SERVER = ("uid", "generation", "resourceVersion", "creationTimestamp", "managedFields")

each_router = pytest.mark.parametrize("router", _ROUTES)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def schemas(lab: Lab) -> AsyncIterator[None]:
    """The CRDs of TraefikService, ApisixRoute and HTTPProxy are served; they go again later."""
    wanted = [
        crd
        for crd in router_crds.load()
        if crd["spec"]["names"]["kind"] in {"TraefikService", "ApisixRoute", "HTTPProxy"}
    ]
    if len(wanted) != 3:
        pytest.skip("no Go proxy had the modules of the routers")
    everything = [*wanted, *crds(ApiGroup())]
    await lab.apply(everything)

    async def served() -> bool:
        try:
            for crd in everything:
                await lab.kube.list(crd["metadata"]["name"])
        except NotFound:
            return False
        return True

    await lab.until(served, describe="the routers' CRDs are served")
    yield
    for crd in wanted:
        await lab.kube.delete("crd", crd["metadata"]["name"])


async def _created(lab: Lab, namespace: str, router: str) -> tuple[RoutedRollout, Objects]:
    """The router's objects and two Services, in the test's namespace."""
    rollout, documents = _ROUTES[router]
    services = [routes.a_service(name) for name in ("cart-stable", "cart-canary")]
    found = {}
    for document in (*documents, *services):
        made = {key: value for key, value in document.items() if key != "status"}
        kept = {k: v for k, v in made["metadata"].items() if k not in _OF_THE_SERVER}
        made["metadata"] = {**kept, "namespace": namespace}
        created = await lab.kube.create(made)
        group = made["apiVersion"].rpartition("/")[0]
        key = ObjectKey(group, made["kind"], namespace, created["metadata"]["name"])
        found[key] = created
    return replace(rollout, namespace=namespace), found


async def _sent(lab: Lab, write: Write, owner: Json) -> Json:
    """The object as the server has it after a write."""
    if isinstance(write, NewObject):
        metadata = {**write.manifest["metadata"], "ownerReferences": [owner]}
        return await lab.kube.create({**write.manifest, "metadata": metadata})
    kind = _KINDS.named(write.key.group, write.key.kind)
    assert kind is not None
    return await lab.kube.patch(
        kind.resource,
        write.key.name,
        list(write.operations),
        namespace=write.key.namespace,
        patch="json",
    )


async def _owner(lab: Lab, namespace: str) -> Json:
    """Of what is made: a Rollout that is there, or the garbage collector would take it away."""
    rollout = copy.deepcopy(GOOD["nginx"])
    rollout["metadata"]["namespace"] = namespace
    created = await lab.kube.create(rollout)
    name, uid = created["metadata"]["name"], created["metadata"]["uid"]
    return Owner(_KINDS.rollout, namespace, name, uid).reference()


@each_router
async def test_weights_are_taken_and_read_again(
    lab: Lab, namespace: str, schemas: None, router: str
) -> None:
    """I1, I9: 10, 50, 100 and 0 are taken by the real schema, which keeps every field."""
    rollout, objects = await _created(lab, namespace, router)
    found: dict[ObjectKey, Json] = dict(objects)
    driver = ROUTERS.router_for(rollout.canary)
    owner = await _owner(lab, namespace)
    for weight in (10, 50, 100, 0):
        for write in driver.weights(rollout, found, weight):
            found[write.key] = await _sent(lab, write, owner)
        state = driver.read(rollout, found)
        assert (state.canary_weight, state.uneven) == (weight, False), state
        assert driver.weights(rollout, found, weight) == ()
        assert state.problems == ()


async def test_managed_routes_are_taken_and_read_again(
    lab: Lab, namespace: str, schemas: None
) -> None:
    """I5: what the schema fills in (weights, kinds) makes no twin another one."""
    rollout, objects = await _created(lab, namespace, "gateway")
    found: dict[ObjectKey, Json] = dict(objects)
    driver = ROUTERS.router_for(rollout.canary)
    owner = await _owner(lab, namespace)
    asked = tuple(step.rule for step in rollout.canary.steps or () if step.rule)
    for rules in (asked, asked[:1], ()):
        for write in driver.weights(rollout, found, 10, rules):
            found[write.key] = await _sent(lab, write, owner)
        state = driver.read(rollout, found)
        assert [(each.name, each.rules) for each in state.rules] == [
            (rule.name, (rule,)) for rule in rules
        ]
        assert (state.canary_weight, state.uneven, state.problems) == (10, False, ())
        assert driver.weights(rollout, found, 10, rules) == ()


@each_router
async def test_a_patch_is_refused_when_the_object_changed(
    lab: Lab, namespace: str, schemas: None, router: str
) -> None:
    """I9: what somebody else wrote meanwhile isn't overwritten by what was decided before."""
    rollout, objects = await _created(lab, namespace, router)
    found: dict[ObjectKey, Json] = dict(objects)
    driver = ROUTERS.router_for(rollout.canary)
    owner = await _owner(lab, namespace)
    for write in driver.weights(rollout, found, 10):
        found[write.key] = await _sent(lab, write, owner)
    late = driver.weights(rollout, found, 20)
    for write in driver.weights(rollout, found, 50):
        found[write.key] = await _sent(lab, write, owner)
    assert late
    for write in late:
        with pytest.raises(KubeError):
            await _sent(lab, write, owner)
    assert driver.read(rollout, found).canary_weight == 50


@each_router
async def test_the_kind_is_served_where_davy_looks_for_it(
    lab: Lab, namespace: str, schemas: None, router: str
) -> None:
    """Group, version and plural: a wrong one would look like a route that isn't there."""
    rollout, objects = await _created(lab, namespace, router)
    for key in ROUTERS.router_for(rollout.canary).objects(rollout):
        kind = _KINDS.named(key.group, key.kind)
        assert kind is not None
        if key in objects:
            path = kind.path(namespace, key.name)
            assert (await lab.kube.request("GET", path))["metadata"]["name"] == key.name
