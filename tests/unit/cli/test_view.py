"""Manifests in, facts out."""

from typing import Any

import pytest

from davy.cli import view_runs, view_steps, view_workload
from davy.cli.view import headline, rollout_view, unobserved
from davy.cli.view_steps import StepState
from davy.cli.view_workload import Mood
from tests.unit.cli.manifests import (
    CANARY,
    a_container,
    a_finished_rollout,
    a_pod,
    a_replica_set,
    a_rollout,
    a_run,
    an_aborted_rollout,
)

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"setWeight": 0}, "setWeight 0"),
        ({"pause": {}}, "pause until promoted"),
        ({"pause": {"duration": "1h"}}, "pause 1h"),
        ({"pause": {"duration": 30}}, "pause 30s"),
        ({"pause": {"duration": "30"}}, "pause 30s"),
        (
            {"analysis": {"templates": [{"templateName": "a"}, {"templateName": "b"}]}},
            "analysis a + b",
        ),
        ({"setCanaryScale": {"replicas": 3}}, "setCanaryScale 3 pods"),
        ({"setCanaryScale": {"weight": 25}}, "setCanaryScale to weight 25"),
        ({"setCanaryScale": {"matchTrafficWeight": True}}, "setCanaryScale to its weight"),
        ({"setHeaderRoute": {"name": "beta", "match": [{}]}}, "setHeaderRoute beta"),
        ({"setMirrorRoute": {"name": "copy"}}, "setMirrorRoute copy (taken away)"),
        ({"experiment": {"duration": "5m"}}, "experiment"),
        ({}, "empty step"),
    ],
)
def test_a_step_in_words(step: Json, words: str) -> None:
    """Kind and setting; a kind of Argo's that Davy doesn't know is its name."""
    assert view_steps.describe(step) == words


def test_the_current_step_is_marked() -> None:
    """Steps before it are done, those after it are to do."""
    states = [step.state for step in view_steps.steps(a_rollout(index=2))]
    assert states == [StepState.DONE] * 2 + [StepState.CURRENT] + [StepState.TODO] * 2


@pytest.mark.parametrize(
    ("rollout", "position"),
    [
        (a_rollout(index=0), "1/5"),
        (a_rollout(index=5), "5/5"),
        (a_finished_rollout(), "5/5"),
        (an_aborted_rollout(), "0/5"),
    ],
)
def test_the_position_counts_from_one(rollout: Json, position: str) -> None:
    """`3/5` is the step under way; an aborted update starts over."""
    assert headline(rollout).step == position


_POD_STATES: list[tuple[Json, str, Mood]] = [
    ({}, "Running", Mood.GOOD),
    ({"containerStatuses": a_container(running={})}, "Running", Mood.BUSY),
    (
        {
            "phase": "Pending",
            "containerStatuses": a_container(waiting={"reason": "ContainerCreating"}),
        },
        "ContainerCreating",
        Mood.BUSY,
    ),
    (
        {"containerStatuses": a_container(waiting={"reason": "CrashLoopBackOff"}, restarts=4)},
        "CrashLoopBackOff",
        Mood.BAD,
    ),
    (
        {"containerStatuses": a_container(terminated={"exitCode": 3})},
        "Error",
        Mood.BAD,
    ),
    ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "Evicted", Mood.BAD),
    (
        {
            "phase": "Pending",
            "containerStatuses": [],
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
        },
        "Unschedulable",
        Mood.BAD,
    ),
    (
        {
            "initContainerStatuses": a_container(terminated={"exitCode": 1, "reason": "Error"}),
            "containerStatuses": a_container(waiting={"reason": "PodInitializing"}),
        },
        "Init:Error",
        Mood.BAD,
    ),
    (
        {"initContainerStatuses": a_container(terminated={"exitCode": 0, "reason": "Completed"})},
        "Running",
        Mood.GOOD,
    ),
]


@pytest.mark.parametrize(("status", "state", "mood"), _POD_STATES)
def test_a_pods_state_is_kubectls_word(status: Json, state: str, mood: Mood) -> None:
    """The reason a container waits or ended stands before the pod's phase."""
    shown = view_workload.pod(a_pod("cart-1", CANARY, **status))
    assert (shown.state, shown.mood) == (state, mood)


def test_a_pod_that_goes_is_terminating() -> None:
    """A deletion time stands before everything else."""
    pod = a_pod("cart-1", CANARY)
    pod["metadata"]["deletionTimestamp"] = "2031-05-04T14:00:00Z"
    assert view_workload.pod(pod).state == "Terminating"


def test_pods_that_cannot_be_created_are_said() -> None:
    """A quota's refusal is the ReplicaSet's message."""
    manifest = a_replica_set(CANARY, 7, desired=4, available=0)
    manifest["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    ]
    shown = view_workload.replica_set(manifest, [])
    assert (shown.mood, shown.message) == (Mood.BAD, "exceeded quota")


def test_a_status_older_than_the_spec_is_not_believed() -> None:
    """Healthy is not shown while the operator has yet to see the newest spec."""
    rollout = a_finished_rollout(observedGeneration="6")
    head = headline(rollout)
    assert head.phase == "Progressing"
    assert head.message == ("The operator has yet to see the newest spec (generation 7; seen: 6)")


def test_argos_hashed_generation_is_no_number_to_compare() -> None:
    """Old controllers of Argo's wrote a hash: nothing is concluded from it."""
    assert unobserved(a_rollout(observedGeneration="6c9f7b")) is None


def test_each_sentence_is_shown_once() -> None:
    """A condition that repeats a part of the message, or another condition, is left out."""
    rollout = a_rollout(
        message="InvalidSpec: x. Weight held at 10.",
        conditions=[
            {"type": "InvalidSpec", "status": "True", "reason": "InvalidSpec", "message": "y"},
            {"type": "Stalled", "status": "True", "reason": "InvalidSpec", "message": "y"},
            {"type": "Progressing", "status": "False", "message": "InvalidSpec: x"},
        ],
    )
    shown = rollout_view(rollout, revision_annotation="r").conditions
    assert [condition.type for condition in shown] == ["InvalidSpec"]


@pytest.mark.parametrize(
    ("routing", "words"),
    [
        ({"istio": {"virtualService": {"name": "web"}}}, "VirtualService web"),
        ({"istio": {"virtualServices": [{"name": "a"}, {"name": "b"}]}}, "VirtualService a, b"),
        ({"gatewayAPI": {"httpRoutes": [{"name": "a"}, {"name": "b"}]}}, "HTTPRoute a, b"),
        ({"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "web"}}}, "HTTPRoute web"),
        (
            {"gatewayAPI": {"httpRoutes": [{"name": "a"}], "tlsRoutes": [{"name": "b"}]}},
            "HTTPRoute a, TLSRoute b",
        ),
        ({"nginx": {"stableIngress": "web"}}, "Ingress web"),
        ({"nginx": {"stableIngresses": ["web", "api"]}}, "Ingress web, api"),
        ({"alb": {"ingress": "web", "servicePort": 80}}, "Ingress web"),
        ({"traefik": {"weightedTraefikServiceName": "web"}}, "TraefikService web"),
        ({"apisix": {"route": {"name": "web"}}}, "ApisixRoute web"),
        ({"contour": {"httpProxies": ["web", "edge"]}}, "HTTPProxy web, edge"),
        ({"plugins": {"argoproj-labs/contour": {"httpProxies": ["web"]}}}, "HTTPProxy web"),
        ({"plugins": {"acme/router": {"to": "web"}}}, "plugin acme/router"),
        ({"smi": {"rootService": "web"}}, "smi"),
        (None, ""),
    ],
)
def test_the_router_in_words(routing: Json | None, words: str) -> None:
    """Kind and name of the route; a router that only Argo has is its key."""
    rollout = a_rollout()
    rollout["spec"]["strategy"]["canary"]["trafficRouting"] = routing
    assert rollout_view(rollout, revision_annotation="r").router == words


@pytest.mark.parametrize("broken", [{}, {"spec": None, "status": None}, {"spec": {"strategy": []}}])
def test_the_strangest_object_is_still_shown(broken: Json) -> None:
    """A view never fails: a broken object is what a person wants to see."""
    strange = {"metadata": {"namespace": "shop", "name": "cart"}, **broken}
    assert rollout_view(strange, revision_annotation="r").headline.name == "cart"


def test_a_dry_run_is_told_apart() -> None:
    """It decides nothing, so a failed one must not look like what failed the run."""
    found: list[Json] = [
        {"name": "errors", "phase": "Running"},
        {"name": "latency", "dryRun": True},
    ]
    seen = view_runs.run(a_run("run", step=1, phase="Running", results=found))
    assert [metric.dry_run for metric in seen.metrics] == [False, True]
