"""AWS ALB: the action annotation that is read and written."""

import json
from typing import Any

import pytest

from davy.traffic.alb import AlbRouter
from davy.traffic.base import Json, NotYet, RouteState, Unknown
from tests.unit.traffic.ingresses import (
    INGRESS,
    a_host,
    a_path,
    an_action,
    an_alb_ingress,
    by_action,
)
from tests.unit.traffic.routes import (
    CANARY,
    STABLE,
    Cluster,
    PatchRefused,
    a_cluster,
    a_service,
    applied,
)

ROUTER = AlbRouter()
ACTION = "alb.ingress.kubernetes.io/actions.cart-stable"
FIELD = "spec.strategy.canary.trafficRouting.alb.ingress"
UNKNOWN = Unknown("the AWS Load Balancer Controller doesn't report which weights AWS took")
AN_ARN = {"targetGroupARN": "arn:aws:elasticloadbalancing:eu-west-1:1:tg/x", "weight": 5}


def action_of(objects: Cluster, name: str = ACTION) -> Json:
    """The written action."""
    found: Json = json.loads(objects[INGRESS]["metadata"]["annotations"][name])
    return found


def messages(state: RouteState) -> list[str]:
    return [problem.message for problem in state.problems]


def test_the_objects_are_the_ingresses_and_the_services() -> None:
    """The controller watches exactly these."""
    assert ROUTER.objects(by_action()) == (INGRESS, STABLE, CANARY)


def test_an_action_is_read() -> None:
    """Weight and hashes; of AWS nothing is known."""
    objects = a_cluster(
        an_alb_ingress(an_action(90, 10)),
        a_service("cart-stable", "old"),
        a_service("cart-canary", "new"),
    )
    assert ROUTER.read(by_action(), objects) == RouteState(
        canary_weight=10,
        stable_hash="old",
        canary_hash="new",
        verification=UNKNOWN,
        part_weight=10,
    )
    assert ROUTER.weights(by_action(), objects, 10) == ()


def test_an_ingress_without_an_action_gets_one_at_weight_0() -> None:
    """Until it has one the load balancer has nowhere to send requests: it isn't as it should be."""
    before = a_cluster(an_alb_ingress())
    state = ROUTER.read(by_action(), before)
    assert (state.canary_weight, state.uneven, state.problems) == (0, True, ())
    assert state.verification == NotYet("Ingress shop/cart has no action for the rollout yet")
    after = applied(before, ROUTER.weights(by_action(), before, 0))
    assert after[INGRESS]["metadata"]["annotations"] == {
        "alb.ingress.kubernetes.io/scheme": "internal",
        ACTION: an_action(100, 0),
    }
    assert ROUTER.read(by_action(), after).verification == UNKNOWN


def test_an_action_of_argo_rollouts_is_understood() -> None:
    """It writes other capitals; the same weights aren't written again."""
    argos = json.dumps(
        {
            "Type": "forward",
            "ForwardConfig": {
                "TargetGroups": [
                    {"ServiceName": "cart-canary", "ServicePort": "80", "Weight": 10},
                    {"ServiceName": "cart-stable", "ServicePort": "80", "Weight": 90},
                ]
            },
        }
    )
    before = a_cluster(an_alb_ingress(argos))
    state = ROUTER.read(by_action(), before)
    assert (state.canary_weight, state.uneven, state.problems) == (10, False, ())
    assert ROUTER.weights(by_action(), before, 10) == ()
    after = applied(before, ROUTER.weights(by_action(), before, 20))
    assert after[INGRESS]["metadata"]["annotations"][ACTION] == an_action(80, 20)


@pytest.mark.parametrize(
    ("alb", "name", "config"),
    [
        (
            {"stickinessConfig": {"enabled": True, "durationSeconds": 60}},
            ACTION,
            {"targetGroupStickinessConfig": {"enabled": True, "durationSeconds": 60}},
        ),
        ({"annotationPrefix": "custom.io"}, "custom.io/actions.cart-stable", {}),
    ],
    ids=["stickiness", "prefix"],
)
def test_what_the_rollout_asks_is_in_the_action(alb: Json, name: str, config: Json) -> None:
    """A change of it is written with the same weight."""
    before = a_cluster(an_alb_ingress(an_action(90, 10)))
    rollout = by_action(**alb)
    assert ROUTER.read(rollout, before).uneven
    after = applied(before, ROUTER.weights(rollout, before, 10))
    assert after[INGRESS]["metadata"]["annotations"][name] == an_action(90, 10, **config)
    assert not ROUTER.read(rollout, after).uneven


def test_another_port_is_written() -> None:
    """The port of both target groups is the rollout's; Services without it are told."""
    before = a_cluster(an_alb_ingress(an_action(90, 10)))
    state = ROUTER.read(by_action(servicePort=8080), before)
    assert [str(problem) for problem in state.problems] == [
        f"spec.strategy.canary.trafficRouting.alb.servicePort: Service shop/cart-{role} has no "
        f"port 8080, to which its traffic is sent; add it."
        for role in ("stable", "canary")
    ]
    after = applied(before, ROUTER.weights(by_action(servicePort=8080), before, 10))
    groups = action_of(after)["forwardConfig"]["targetGroups"]
    assert [group["servicePort"] for group in groups] == ["8080", "8080"]


def test_the_root_service_names_the_action() -> None:
    """The backend in the Ingress need not be the stable Service."""
    rollout = by_action(rootService="cart-root")
    before = a_cluster(an_alb_ingress(root="cart-root"))
    after = applied(before, ROUTER.weights(rollout, before, 30))
    assert action_of(after, "alb.ingress.kubernetes.io/actions.cart-root")
    assert ROUTER.read(rollout, after).problems == ()


def test_a_patch_fails_when_the_ingress_changed_meanwhile() -> None:
    """I9: the API server can't compare a text with quotes, so the version is tested."""
    before = a_cluster(an_alb_ingress(an_action(90, 10)))
    patches = ROUTER.weights(by_action(), before, 50)
    changed = an_alb_ingress(an_action(100, 0))
    changed["metadata"]["resourceVersion"] = "4712"
    with pytest.raises(PatchRefused):
        applied(a_cluster(changed), patches)


@pytest.mark.parametrize(
    ("action", "weight", "sentence"),
    [
        ("no JSON", None, "is no forward action with target groups; remove it: Davy writes one"),
        ("[" * 3000, None, "is no forward action with target groups"),
        ('{"type":"redirect"}', None, "is no forward action with target groups"),
        (an_action("ten", 0), None, "has a weight that isn't a whole number from 0 (1); write 0."),
        (an_action(90, 10, AN_ARN), 10, "has another target group beside cart-stable and"),
        (
            an_action(90, 10, {"serviceName": "cart-canary", "servicePort": "81", "weight": 0}),
            10,
            "has 2 target groups of Service cart-canary; leave one.",
        ),
        (
            '{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart-stable"}]}}',
            0,
            "has no destination for canary; remove it: Davy writes one to cart-stable and",
        ),
    ],
    ids=["no JSON", "deep", "a redirect", "malformed", "a third", "twice", "no canary"],
)
def test_an_action_that_is_not_the_rollout_s_is_told_and_left_alone(
    action: str, weight: int | None, sentence: str
) -> None:
    """I9: a user's redirect isn't overwritten; nothing above 0 is written."""
    objects = a_cluster(an_alb_ingress(action))
    state = ROUTER.read(by_action(), objects)
    assert state.canary_weight == weight
    assert [problem.path for problem in state.problems] == [FIELD]
    assert f"annotation {ACTION} of Ingress shop/cart {sentence}" in messages(state)[0]
    assert ROUTER.weights(by_action(), objects, 50) == ()


def test_an_abort_beside_a_third_target_group_gives_the_weight_to_stable() -> None:
    """I3, I9: what the user put beside keeps its share and its spelling."""
    before = a_cluster(an_alb_ingress(an_action(90, 10, AN_ARN)))
    after = applied(before, ROUTER.weights(by_action(), before, 0))
    assert after[INGRESS]["metadata"]["annotations"][ACTION] == an_action(100, 0, AN_ARN)


@pytest.mark.parametrize(
    "paths",
    [[a_path("cart-stable")], [a_path("images", port={"name": "use-annotation"})], []],
    ids=["another port", "another service", "no path"],
)
def test_an_ingress_that_does_not_use_the_action_is_told(paths: list[Any]) -> None:
    """Its weights would do nothing."""
    ingress = an_alb_ingress(an_action(100, 0))
    ingress["spec"]["rules"] = [a_host("a", *paths)]
    assert messages(ROUTER.read(by_action(), a_cluster(ingress))) == [
        (
            "Ingress shop/cart has no path to Service cart-stable with the port name "
            "use-annotation; give it one: without it the load balancer doesn't read the weights."
        )
    ]


def test_one_ingress_that_is_gone_does_not_keep_an_abort_from_the_other() -> None:
    """I3: parts that can't be written are left out, the others are written."""
    rollout = by_action("gone", "cart")
    before = a_cluster(an_alb_ingress(an_action(50, 50)))
    state = ROUTER.read(rollout, before)
    assert state.canary_weight is None
    assert "Ingress shop/gone doesn't exist; create it" in messages(state)[0]
    after = applied(before, ROUTER.weights(rollout, before, 0))
    assert after[INGRESS]["metadata"]["annotations"][ACTION] == an_action(100, 0)
