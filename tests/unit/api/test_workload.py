"""The workload that a Rollout takes its pod template from: what is taken, what is refused."""

from typing import Any

import pytest

from davy.api import validate, workload
from davy.api.rollout import RolloutSpec
from tests.unit.api.documents import changed

LABELS = {"app": "cart", "tier": "web"}
CONTAINER = {"name": "app", "image": "cart:1"}


def a_template(**labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": LABELS | labels}, "spec": {"containers": [CONTAINER]}}


def referring(kind: str, **changes: Any) -> RolloutSpec:
    """A spec that refers to `cart`."""
    version = "v1" if kind == "PodTemplate" else "apps/v1"
    ref = {"apiVersion": version, "kind": kind, "name": "cart"}
    selector = {"matchLabels": {"app": "cart"}} if kind == "PodTemplate" else {}
    given = {"spec.selector": selector} if selector else {}
    return validate.parse_rollout(
        changed("workload", {"spec.workloadRef": ref, **given, **changes})
    )


def a_workload(kind: str, template: Any = None, **selector: str) -> dict[str, Any]:
    found = a_template() if template is None else template
    if kind == "PodTemplate":
        return {"template": found}
    return {"spec": {"selector": {"matchLabels": {"app": "cart", **selector}}, "template": found}}


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "PodTemplate"])
def test_template_and_selector_are_filled_in(kind: str) -> None:
    """The rest of the spec is the user's."""
    spec = referring(kind)
    found = workload.resolved(spec, a_workload(kind))
    assert found.problems == ()
    assert found.spec.template == a_template()
    assert found.spec.selector is not None
    assert found.spec.selector.match_labels == {"app": "cart"}
    without = {"template": spec.template, "selector": spec.selector}
    assert found.spec.model_copy(update=without) == spec


def test_the_label_of_a_deployments_own_pods_is_left_out() -> None:
    """A pod with it would be taken for one of that ReplicaSet as soon as nobody else owns it."""
    own = {"pod-template-hash": "5d9f"}
    found = workload.resolved(
        referring("ReplicaSet"),
        a_workload("ReplicaSet", a_template(**own), **own),
    )
    assert found.spec.template == a_template()
    assert found.spec.selector is not None
    assert found.spec.selector.match_labels == {"app": "cart"}


def test_a_selector_of_the_rollouts_own_is_kept() -> None:
    """A Deployment's is broader often enough."""
    spec = referring("Deployment", **{"spec.selector": {"matchLabels": {"tier": "web"}}})
    found = workload.resolved(spec, a_workload("Deployment"))
    assert found.spec.selector == spec.selector
    assert found.problems == ()


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, ("spec.workloadRef: there is no Deployment cart (apps/v1) in this namespace; "
         "create it, or put selector and template into the Rollout.")),
        ({"spec": {"template": 3}}, ("spec.workloadRef: Deployment cart has no pod template; "
         "give it one.")),
        ({"spec": None}, "spec.workloadRef: Deployment cart has no pod template; give it one."),
        ({"spec": {"template": a_template(), "selector": {"matchLabels": 3}}},
         ("spec.workloadRef: Deployment cart has no selector that can be read; write "
         "spec.selector.")),
        ({"spec": {"template": a_template(), "selector": {}}}, ("spec.selector: is empty, so it "
         "would select every pod; give the template's labels")),
        (a_workload("Deployment", {"metadata": {"labels": 3}, "spec": {"containers": [CONTAINER]}}),
         "Deployment cart: template.metadata.labels: is not an object; write name: value"),
        (a_workload("Deployment", a_template(**{"rollouts-pod-template-hash": "abc"})),
         ("Deployment cart: template.metadata.labels['rollouts-pod-template-hash']: is set by Davy "
         "on every revision's pods; remove it")),
        (a_workload("Deployment", {"spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}),
         ("Deployment cart: template.spec.restartPolicy: is Never; a ReplicaSet's pods can only be "
         "restarted Always")),
    ],
)  # fmt: skip
def test_what_is_of_no_use_is_said_and_not_taken(found: Any, says: str) -> None:
    """Which object, which field, what to do; the template stays unknown."""
    made = workload.resolved(referring("Deployment"), found)
    assert str(made.problems[0]) == says
    assert made.spec.template is None


def test_a_template_of_its_own_is_nobody_elses() -> None:
    """Nothing is looked up."""
    spec = validate.parse_rollout(changed("pods", {}))
    assert workload.resolved(spec, None) == workload.Resolved(spec)


@pytest.mark.parametrize("part", ["labels", "annotations"])
def test_a_roles_metadata_is_held_to_the_workloads_template(part: str) -> None:
    """What the template has too would be taken from it with the role."""
    field = "spec.strategy.canary.canaryMetadata"
    spec = referring("Deployment", **{field: {part: {"tier": "canary"}}})
    template = a_template()
    template["metadata"][part] = {**LABELS, "tier": "web"}
    made = workload.resolved(spec, a_workload("Deployment", template))
    assert made.spec.template is None
    assert [found.path for found in made.problems] == [f"{field}.{part}.tier"]
