"""ingress-nginx: the canary Ingress that is made, followed, weighted and left at 0."""

from typing import Any

import pytest

from davy.traffic.base import Json, NewObject, NotYet, ObjectPatch, RouteState, Unknown
from davy.traffic.nginx import NginxRouter
from tests.unit.traffic.ingresses import (
    CANARY_INGRESS,
    INGRESS,
    PREFIX,
    a_canary_ingress,
    a_host,
    a_path,
    an_ingress,
    by_ingresses,
)
from tests.unit.traffic.routes import (
    CANARY,
    STABLE,
    Cluster,
    PatchRefused,
    a_cluster,
    a_rollout,
    a_service,
    applied,
    without,
)

ROUTER = NginxRouter()
NAME = "spec.strategy.canary.trafficRouting.nginx.stableIngress"
UNKNOWN = Unknown("ingress-nginx doesn't report which weights it took")


def annotations_of(objects: Cluster) -> Json:
    """The canary Ingress's, without ingress-nginx's prefix."""
    found: Json = objects[CANARY_INGRESS]["metadata"]["annotations"]
    return {name.removeprefix(f"{PREFIX}/"): value for name, value in found.items()}


def messages(state: RouteState) -> list[str]:
    return [problem.message for problem in state.problems]


def test_the_objects_are_both_ingresses_and_the_services() -> None:
    """The controller watches exactly these; the canary's name is Argo's."""
    assert ROUTER.objects(by_ingresses()) == (INGRESS, CANARY_INGRESS, STABLE, CANARY)


def test_a_long_name_is_cut_as_argo_cuts_it() -> None:
    """253 characters are the API server's limit; a canary Ingress that Argo made is found again."""
    name = "x" * 250
    keys = ROUTER.objects(by_ingresses(name))
    assert keys[1].name == f"cart-{'x' * 241}-canary"
    assert len(keys[1].name) == 253


def test_no_canary_ingress_is_weight_0() -> None:
    """Before the first update there is none: nothing reaches the canary, and nothing is wrong."""
    objects = a_cluster(
        an_ingress(), a_service("cart-stable", "old"), a_service("cart-canary", "new")
    )
    assert ROUTER.read(by_ingresses(), objects) == RouteState(
        canary_weight=0,
        stable_hash="old",
        canary_hash="new",
        verification=UNKNOWN,
        part_weight=0,
    )
    assert ROUTER.weights(by_ingresses(), objects, 0) == ()


def test_the_first_weight_makes_the_canary_ingress() -> None:
    """Only the paths to stable's Service, led to the canary's, in the user's class and hosts."""
    tls = [{"hosts": ["cart.example.com"], "secretName": "cart"}]
    stable = an_ingress(
        a_host(
            "cart.example.com",
            a_path("cart-stable"),
            a_path("images", "/images"),
            a_path("cart-stable", "/api", port={"number": 80}),
        ),
        a_host("img.example.com", a_path("images")),
        tls=tls,
        annotations={"kubernetes.io/ingress.class": "nginx"},
    )
    rollout = by_ingresses(
        additionalIngressAnnotations={"canary-by-header": "X-Canary", f"{PREFIX}/custom": "1"},
        canaryIngressAnnotations={"example.com/team": "shop"},
    )
    writes = ROUTER.weights(rollout, a_cluster(stable), 10)
    assert writes == (
        NewObject(
            CANARY_INGRESS,
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": {
                    "name": "cart-cart-canary",
                    "namespace": "shop",
                    "annotations": {
                        f"{PREFIX}/canary-by-header": "X-Canary",
                        f"{PREFIX}/custom": "1",
                        "example.com/team": "shop",
                        "kubernetes.io/ingress.class": "nginx",
                        f"{PREFIX}/canary": "true",
                        f"{PREFIX}/canary-weight": "10",
                    },
                },
                "spec": {
                    "ingressClassName": "nginx",
                    "tls": tls,
                    "rules": [
                        a_host(
                            "cart.example.com",
                            a_path("cart-canary"),
                            a_path("cart-canary", "/api", port={"number": 80}),
                        )
                    ],
                },
            },
        ),
    )
    after = applied(a_cluster(stable), writes)
    state = ROUTER.read(rollout, after)
    assert (state.canary_weight, state.uneven, state.problems) == (10, False, ())


def test_another_prefix_is_written_and_read() -> None:
    """A controller with --annotations-prefix."""
    rollout = by_ingresses(annotationPrefix="custom.io")
    after = applied(a_cluster(an_ingress()), ROUTER.weights(rollout, a_cluster(an_ingress()), 30))
    held = after[CANARY_INGRESS]["metadata"]["annotations"]
    assert held == {"custom.io/canary": "true", "custom.io/canary-weight": "30"}
    assert ROUTER.read(rollout, after).canary_weight == 30


def test_a_weight_is_one_leaf_with_its_test() -> None:
    """I9: who it is and the weight that was seen are tested, so that no change is overwritten."""
    objects = a_cluster(an_ingress(), a_canary_ingress("10"))
    assert ROUTER.weights(by_ingresses(), objects, 50) == (
        ObjectPatch(
            CANARY_INGRESS,
            (
                {"op": "test", "path": "/metadata/uid", "value": "c4"},
                {
                    "op": "test",
                    "path": "/metadata/annotations/nginx.ingress.kubernetes.io~1canary-weight",
                    "value": "10",
                },
                {
                    "op": "add",
                    "path": "/metadata/annotations/nginx.ingress.kubernetes.io~1canary-weight",
                    "value": "50",
                },
            ),
        ),
    )
    assert ROUTER.weights(by_ingresses(), objects, 10) == ()


def test_a_weight_that_was_changed_meanwhile_is_not_overwritten() -> None:
    """Two leaders for a moment: the second one's patch is refused."""
    objects = a_cluster(an_ingress(), a_canary_ingress("10"))
    patches = ROUTER.weights(by_ingresses(), objects, 50)
    with pytest.raises(PatchRefused):
        applied(a_cluster(an_ingress(), a_canary_ingress("0")), patches)


def test_annotations_of_others_stay() -> None:
    """A cloud's own annotations on the canary Ingress are neither drift nor removed."""
    canary = a_canary_ingress("10")
    canary["metadata"]["annotations"]["field.cattle.io/publicEndpoints"] = "[]"
    objects = a_cluster(an_ingress(), canary)
    assert not ROUTER.read(by_ingresses(), objects).uneven
    assert ROUTER.weights(by_ingresses(), objects, 10) == ()


@pytest.mark.parametrize(
    ("stable", "canary", "names"),
    [
        (
            an_ingress(a_host("new.example.com", a_path("cart-stable"))),
            a_canary_ingress("10"),
            "rules",
        ),
        (an_ingress(tls=[{"hosts": ["cart.example.com"]}]), a_canary_ingress("10"), "tls"),
        (an_ingress(ingressClassName="other"), a_canary_ingress("10"), "ingressClassName"),
        (
            an_ingress(),
            a_canary_ingress("10", **{"canary-by-header": "X-Old"}),
            f"{PREFIX}/canary-by-header",
        ),
    ],
    ids=["rules", "tls", "class", "an annotation that is no longer asked for"],
)
def test_the_canary_ingress_follows(stable: Json, canary: Json, names: str) -> None:
    """A path added during an update is split too: the same weight, written again, mends it."""
    before = a_cluster(stable, canary)
    state = ROUTER.read(by_ingresses(), before)
    why = f"{CANARY_INGRESS} doesn't follow the rollout and the stable Ingress yet: {names}"
    assert (state.canary_weight, state.uneven, state.verification) == (10, True, NotYet(why))
    after = applied(before, ROUTER.weights(by_ingresses(), before, 10))
    state = ROUTER.read(by_ingresses(), after)
    assert (state.canary_weight, state.uneven, state.verification) == (10, False, UNKNOWN)
    assert after[INGRESS] == before[INGRESS]


def test_tls_that_goes_goes_from_the_canary_too() -> None:
    """A secret that is gone must not be named on."""
    canary = a_canary_ingress("10")
    canary["spec"]["tls"] = [{"hosts": ["cart.example.com"]}]
    before = a_cluster(an_ingress(), canary)
    after = applied(before, ROUTER.weights(by_ingresses(), before, 10))
    assert "tls" not in after[CANARY_INGRESS]["spec"]


@pytest.mark.parametrize(
    "annotations",
    [
        {"canary-weight": "200"},
        {"canary-weight": "many"},
        {"canary-weight": "-1"},
        {"canary": None},
        {"canary": "false"},
        {"canary-weight-total": "50"},
    ],
    ids=str,
)
@pytest.mark.parametrize("stable", [(an_ingress(),), ()], ids=["beside stable", "alone"])
def test_a_weight_that_may_be_any_counts_as_all(
    annotations: dict[str, Any], stable: tuple[Json, ...]
) -> None:
    """I3, I4: what can't be read is never said to be 0; an abort makes it 0, whatever is gone."""
    canary = a_canary_ingress(annotations.get("canary-weight", "10"))
    for name, value in annotations.items():
        canary["metadata"]["annotations"][f"{PREFIX}/{name}"] = value
        if value is None:
            del canary["metadata"]["annotations"][f"{PREFIX}/{name}"]
    before = a_cluster(*stable, canary)
    state = ROUTER.read(by_ingresses(), before)
    assert (state.canary_weight, state.uneven) == (100, True)
    after = applied(before, ROUTER.weights(by_ingresses(), before, 0))
    assert annotations_of(after) == {"canary": "true", "canary-weight": "0"}
    assert ROUTER.read(by_ingresses(), after).canary_weight == 0


def test_an_abort_needs_no_stable_ingress() -> None:
    """I3: the canary Ingress is at 0 though nobody knows what it should follow."""
    objects = a_cluster(a_canary_ingress("40"))
    state = ROUTER.read(by_ingresses(), objects)
    assert state.canary_weight == 40
    assert messages(state) == [
        "Ingress shop/cart doesn't exist; create it, with a path to Service cart-stable."
    ]
    after = applied(objects, ROUTER.weights(by_ingresses(), objects, 0))
    assert annotations_of(after)["canary-weight"] == "0"


def test_nothing_to_split_is_told() -> None:
    """The finding is at the field that names the Ingress."""
    state = ROUTER.read(by_ingresses(), a_cluster(an_ingress(a_host("a", a_path("images")))))
    assert state.canary_weight is None
    (problem,) = state.problems
    assert str(problem) == (
        f"{NAME}: Ingress shop/cart has no path to Service cart-stable; add one: the canary gets "
        f"its share of those paths."
    )
    assert ROUTER.weights(by_ingresses(), a_cluster(), 10) == ()


@pytest.mark.parametrize(
    ("owners", "sentence"),
    [
        ([], "exists but isn't of Rollout cart; delete or rename it."),
        ([{"kind": "Rollout", "name": "other"}], "isn't of Rollout cart"),
        ([{"apiVersion": "argoproj.io/v1alpha1"}], "isn't of Rollout cart"),
        ([{"controller": False}], "isn't of Rollout cart"),
    ],
    ids=["nobody's", "another rollout's", "another group's", "not its controller"],
)
def test_an_ingress_of_that_name_that_is_not_ours_is_left_alone(
    owners: list[Json], sentence: str
) -> None:
    """I9: a user's own canary Ingress is neither read as a weight nor written."""
    canary = a_canary_ingress("40")
    (mine,) = canary["metadata"]["ownerReferences"]
    canary["metadata"]["ownerReferences"] = [{**mine, **owner} for owner in owners]
    objects = a_cluster(an_ingress(), canary)
    state = ROUTER.read(by_ingresses(), objects)
    assert state.canary_weight is None
    assert sentence in messages(state)[0]
    assert ROUTER.weights(by_ingresses(), objects, 0) == ()


AFFINITY = {f"{PREFIX}/affinity": "cookie"}


@pytest.mark.parametrize(
    ("ingress", "nginx", "sentences"),
    [
        (
            an_ingress(annotations={f"{PREFIX}/canary": "true"}),
            {},
            ["Ingress shop/cart is itself a canary Ingress; name the one that users reach."],
        ),
        (
            an_ingress(a_host("a", a_path("cart-stable"), a_path("cart-canary", "/next"))),
            {},
            [
                (
                    "Ingress shop/cart has a path to Service cart-canary; ingress-nginx doesn't "
                    "weight a Service that has a path of its own: remove it."
                )
            ],
        ),
        (
            an_ingress(annotations=AFFINITY),
            {},
            [
                (
                    "Ingress shop/cart has session affinity, which keeps a user on an aborted "
                    "canary even at weight 0; add affinity-canary-behavior: legacy to "
                    "additionalIngressAnnotations."
                )
            ],
        ),
        (
            an_ingress(annotations=AFFINITY),
            {"additionalIngressAnnotations": {"affinity-canary-behavior": "legacy"}},
            [],
        ),
    ],
    ids=["a canary", "the canary has a path", "sticky", "legacy"],
)
def test_what_ingress_nginx_cannot_split_is_told(
    ingress: Json, nginx: Json, sentences: list[str]
) -> None:
    """Steps wait while there is a problem."""
    assert messages(ROUTER.read(by_ingresses(**nginx), a_cluster(ingress))) == sentences


@pytest.mark.parametrize("port", [{"number": 8080}, {"name": "http"}], ids=str)
def test_a_canary_service_without_the_port_is_told(port: Json) -> None:
    """The canary Ingress leads to the same port: without it the canary's share would get 503."""
    objects = a_cluster(an_ingress(a_host("a", a_path("cart-stable", port=port))))
    (problem,) = ROUTER.read(by_ingresses(), objects).problems
    (wanted,) = port.values()
    assert problem.message == (
        f"Service shop/cart-canary has no port {wanted}, to which its traffic is sent; add it."
    )
    objects[CANARY]["spec"]["ports"] = [{"port": 8080, "name": "http"}]
    assert ROUTER.read(by_ingresses(), objects).problems == ()


def test_two_ingresses_of_one_host_and_path_are_told() -> None:
    """ingress-nginx takes one canary for a host and path."""
    objects = a_cluster(an_ingress(), an_ingress(name="web"))
    assert messages(ROUTER.read(by_ingresses("cart", "web"), objects)) == [
        (
            "Ingresses cart and web both route cart.example.com/ to Service cart-stable; "
            "ingress-nginx takes one canary for a host and path: leave it in one of them."
        )
    ]


def test_several_ingresses_get_one_weight() -> None:
    """One that lacks its canary Ingress gets it with the same weight."""
    rollout = by_ingresses("cart", "web")
    web = an_ingress(a_host("web.example.com", a_path("cart-stable")), name="web")
    before = a_cluster(an_ingress(), web, a_canary_ingress("10"))
    state = ROUTER.read(rollout, before)
    assert (state.canary_weight, state.uneven, state.problems) == (10, True, ())
    after = applied(before, ROUTER.weights(rollout, before, 10))
    state = ROUTER.read(rollout, after)
    assert (state.canary_weight, state.uneven) == (10, False)


def test_one_ingress_that_is_gone_does_not_keep_an_abort_from_the_other() -> None:
    """I3: parts that can't be written are left out, the others are written."""
    rollout = by_ingresses("gone", "cart")
    before = a_cluster(an_ingress(), a_canary_ingress("10"))
    assert ROUTER.read(rollout, before).canary_weight is None
    after = applied(before, ROUTER.weights(rollout, before, 0))
    assert annotations_of(after)["canary-weight"] == "0"


def test_services_are_narrowed_as_for_other_routers() -> None:
    """The same patch of the Service's selector."""
    objects = a_cluster(an_ingress())
    (patch,) = ROUTER.target(by_ingresses(), objects, "canary", "6fd9")
    assert patch.key == CANARY
    state = ROUTER.read(by_ingresses(), without(objects, CANARY))
    assert "Service shop/cart-canary doesn't exist" in messages(state)[0]


def test_services_that_are_not_named_are_told() -> None:
    """No canary Ingress can be said without them."""
    rollout = a_rollout({"nginx": {"stableIngress": "cart"}}, canaryService=None)
    state = ROUTER.read(rollout, a_cluster(an_ingress()))
    assert state.canary_weight is None
    assert any("isn't set; weights are split between two Services" in m for m in messages(state))
