"""`davy lint`: lines, references, exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from davy.api.group import ARGO, VERSION
from davy.cli import lint
from tests.unit.api.documents import GOOD, REMOVE, changed

EXAMPLES = Path(__file__).parents[3] / "manifests" / "examples"

ROLLOUT = f"""\
# A comment, so that line 1 is no field.
apiVersion: {ARGO}/{VERSION}
kind: Rollout
metadata:
  name: cart
  namespace: shop
spec:
  selector: {{matchLabels: {{app: cart}}}}
  template:
    metadata: {{labels: {{app: cart}}}}
    spec: {{containers: [{{name: app, image: cart}}]}}
  strategy:
    canary:
      canaryService: cart-canary
      stableService: cart
      trafficRouting:
        istio: {{virtualService: {{name: cart}}}}
      steps:
        - experiment: {{}}
        - setWeight: 120
        - pause: {{}}
---
apiVersion: v1
kind: Service
metadata: {{name: cart}}
"""


def run(*arguments: str, stdin: str | None = None) -> Result:
    """The command's result."""
    return CliRunner().invoke(lint.command, arguments, input=stdin)


def written(folder: Path, *documents: dict[str, Any], name: str = "all.yaml") -> str:
    """A file of these objects."""
    path = folder / name
    path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return str(path)


def test_each_finding_has_its_file_and_line(tmp_path: Path) -> None:
    """An editor can jump there; objects of other kinds are passed over."""
    path = tmp_path / "rollout.yaml"
    path.write_text(ROLLOUT, encoding="utf-8")
    result = run(str(path))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        (
            f"{path}:19 rollout shop/cart: spec.strategy.canary.steps[0].experiment: "
            "experiments are not built yet; use an analysis step at a small setWeight"
        ),
        (
            f"{path}:20 rollout shop/cart: spec.strategy.canary.steps[1].setWeight: is 120; "
            "weights are whole numbers from 0 to 100"
        ),
    ]
    assert result.stderr == "1 object in 1 file: 2 findings, 0 notes.\n"


def test_standard_input_and_json() -> None:
    """For pipes, and for programs."""
    result = run("-", "-o", "json", stdin=ROLLOUT)
    assert result.exit_code == 1
    assert json.loads(result.stdout)[1] == {
        "file": "-",
        "line": 20,
        "kind": "rollout",
        "namespace": "shop",
        "name": "cart",
        "severity": "error",
        "path": "spec.strategy.canary.steps[1].setWeight",
        "message": "is 120; weights are whole numbers from 0 to 100",
    }


@pytest.mark.parametrize("folder", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_shipped_examples_are_clean(folder: Path) -> None:
    """They are what people copy."""
    result = run(str(folder))
    assert (result.stdout, result.exit_code) == ("", 0)


def test_a_template_that_is_not_given_is_only_a_note(tmp_path: Path) -> None:
    """It may be in the cluster already."""
    result = run(written(tmp_path, GOOD["gateway"]))
    assert result.exit_code == 0
    assert "note: spec.strategy.canary.analysis.templates[0].templateName: names the " in (
        result.stdout
    )
    assert "AnalysisTemplate errors, which isn't in these files" in result.stdout


def test_rollouts_and_their_templates_are_checked_together(tmp_path: Path) -> None:
    """An argument without a value would stop the rollout at that step, in the cluster."""
    rollout = written(tmp_path, GOOD["gateway"], name="rollout.yaml")
    template = written(tmp_path, GOOD["template"], name="template.yaml")
    result = run(rollout, template)
    assert result.exit_code == 1
    told = [line.partition(": ")[2] for line in result.stdout.splitlines()]
    assert [line for line in told if not line.startswith("note: ")] == [
        (
            "spec.strategy.canary.analysis: AnalysisTemplate errors: args[service]: has no value; "
            "give it a default here or a value in the rollout's analysis args"
        )
    ]


def test_a_virtual_service_of_another_namespace_must_allow_the_rollout(tmp_path: Path) -> None:
    """Where it is in the files; else it is said what its owner must write."""
    field = "spec.strategy.canary.trafficRouting.istio.virtualService.name"
    rollout = written(tmp_path, changed("istio", {field: "web.edge"}), name="rollout.yaml")
    alone = run(rollout)
    assert f"note: {field}: names VirtualService edge/web, which isn't in these files; its " in (
        alone.stdout
    )
    route: dict[str, Any] = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": "edge"},
    }
    refused = run(rollout, written(tmp_path, route, name="route.yaml"))
    assert (
        f"{field}: VirtualService edge/web doesn't exist or doesn't allow rollouts of namespace "
        'shop; its owner allows them by the annotation davy.dev/allowed-from: "shop" on it'
    ) in refused.stdout
    assert refused.exit_code == 1
    route["metadata"]["annotations"] = {"davy.dev/allowed-from": "pay, shop"}
    assert "edge/web" not in run(rollout, written(tmp_path, route, name="route.yaml")).stdout


def test_a_managed_route_in_another_namespace_is_a_finding(tmp_path: Path) -> None:
    """The permission is for weights."""
    canary = "spec.strategy.canary"
    match = [{"headerName": "X-Beta", "headerValue": {"exact": "1"}}]
    rollout = changed(
        "istio",
        {
            f"{canary}.trafficRouting.istio.virtualService.name": "web.edge",
            f"{canary}.trafficRouting.managedRoutes": [{"name": "beta"}],
            f"{canary}.steps": [{"setHeaderRoute": {"name": "beta", "match": match}}],
        },
    )
    result = run(written(tmp_path, rollout))
    assert "steps[0].setHeaderRoute: makes the route beta, and VirtualService edge/web is" in (
        result.stdout
    )
    assert result.exit_code == 1


def test_a_rollout_and_its_workload_are_checked_together(tmp_path: Path) -> None:
    """A selector that its template doesn't fit would be found in the cluster otherwise."""
    rollout = changed("workload", {"spec.selector": {"matchLabels": {"app": "cart"}}})
    alone = run(written(tmp_path, rollout, name="rollout.yaml"))
    assert "note: spec.workloadRef: names the Deployment cart, which isn't in these files" in (
        alone.stdout
    )
    template = {
        "metadata": {"labels": {"app": "card"}},
        "spec": {"containers": [{"name": "app", "image": "cart:1"}]},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "card"}}, "template": template},
    }
    both = written(tmp_path, rollout, name="a.yaml"), written(tmp_path, deployment, name="b.yaml")
    result = run(*both)
    assert result.exit_code == 1
    assert "rollout shop/cart: spec.selector: asks for app=cart" in result.stdout
    del rollout["spec"]["selector"]
    written(tmp_path, rollout, name="a.yaml")
    assert "spec.workloadRef" not in run(*both).stdout


def test_a_size_that_is_left_out_beside_a_deployment_is_noted(tmp_path: Path) -> None:
    """One pod would take over from all of them."""
    unsized = changed("workload", {"spec.replicas": REMOVE})
    says = "note: spec.replicas: isn't set, so 1 pod is wanted and all others of Deployment cart go"
    assert says in run(written(tmp_path, unsized)).stdout
    never = changed("workload", {"spec.replicas": REMOVE, "spec.workloadRef.scaleDown": "never"})
    assert says not in run(written(tmp_path, never)).stdout


@pytest.mark.parametrize(
    ("base", "rule", "says"),
    [
        ("template", "*", "spec.dryRun[0].metricName: the pattern '*' uses what isn't supported"),
        ("run", "duration", "spec.dryRun[0].metricName: is duration, which no metric is called"),
    ],
)
def test_a_rule_for_no_metric_is_refused(tmp_path: Path, base: str, rule: str, says: str) -> None:
    """A template's rule may pick another template's metric, a run's has only its own."""
    result = run(written(tmp_path, changed(base, {"spec.dryRun": [{"metricName": rule}]})))
    assert result.exit_code == 1
    assert says in result.stdout
    fine = changed("template", {"spec.dryRun": [{"metricName": "latency"}]})
    assert run(written(tmp_path, fine)).exit_code == 0


def test_a_run_made_by_hand_is_checked_with_its_arguments(tmp_path: Path) -> None:
    """Nobody fills them in later."""
    assert run(written(tmp_path, GOOD["run"])).exit_code == 0
    document = changed("run", {"spec.metrics[0].count": "{{args.service}}"})
    result = run(written(tmp_path, document))
    assert result.exit_code == 1
    assert ".count: is 'cart' after arguments are filled in; write a whole number" in result.stdout


def test_templates_within_templates_are_followed(tmp_path: Path) -> None:
    """One that isn't there is a note; what the inner one needs is looked for in the rollout."""
    outer = changed("template", {"spec": {"templates": [{"templateName": "inner"}]}})
    inner = changed("template", {"metadata.name": "inner"})
    result = run(written(tmp_path, GOOD["gateway"], outer))
    assert result.exit_code == 0
    assert (
        "note: spec.strategy.canary.analysis: AnalysisTemplate errors: templates[0].templateName: "
        "names the AnalysisTemplate inner, which isn't in these files"
    ) in result.stdout
    result = run(written(tmp_path, GOOD["gateway"], outer, inner))
    assert result.exit_code == 1
    assert "AnalysisTemplate inner: args[service]: has no value" in result.stdout
    circle = changed("template", {"spec": {"templates": [{"templateName": "errors"}]}})
    assert "leads in a circle" in run(written(tmp_path, GOOD["gateway"], circle)).stdout


def test_a_step_that_would_wait_for_ever_is_refused(tmp_path: Path) -> None:
    """The template alone is right, and so is the rollout."""
    endless = changed("template", {"spec.metrics[0].count": REMOVE, "spec.args[0].value": "cart"})
    result = run(written(tmp_path, GOOD["gateway"], endless))
    assert result.exit_code == 1
    assert "spec.strategy.canary.steps[2].analysis: " in result.stdout
    assert "spec.strategy.canary.analysis: " not in result.stdout


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("spec.metrics[0].successCondition", "result[0] <"),
        ("spec.metrics[1].provider.prometheus.rangeQuery.start", "yesterday()"),
        ("spec.metrics[1].provider.prometheus.rangeQuery.step", "1ms"),
        ("spec.metrics[2].provider.web.jsonPath", "$.data"),
    ],
)
def test_an_expression_that_cannot_be_read_is_refused(tmp_path: Path, path: str, text: str) -> None:
    """Argo finds out at the first measurement."""
    result = run(written(tmp_path, changed("template", {path: text})))
    assert result.exit_code == 1
    assert f"{path}: " in result.stdout


@pytest.mark.parametrize(
    ("base", "changes", "says"),
    [
        (
            "gateway",
            {"spec.strategy.canary.steps[3].setWeight": 5},
            "steps[3].setWeight: is 5; it takes the weight back from 10",
        ),
        (
            "gateway",
            {"spec.strategy.canary.steps[0].setWeight": 100},
            "steps[3].setWeight: comes after 100",
        ),
        (
            "gateway",
            {"spec.strategy.canary.maxSurge": 1},
            "canary.maxSurge: says nothing beside trafficRouting, where stable keeps its pods",
        ),
        (
            "pods",
            {"spec.strategy.canary.abortScaleDownDelaySeconds": 5},
            "canary.abortScaleDownDelaySeconds: says nothing without trafficRouting",
        ),
        (
            "template",
            {"spec.metrics[0].successCondition": REMOVE},
            "has neither successCondition nor failureCondition, so every answer is a success",
        ),
        (
            "template",
            {"spec.metrics[3].provider.job.spec.activeDeadlineSeconds": REMOVE},
            "activeDeadlineSeconds: is unset, so a Job that hangs holds the rollout without end",
        ),
        (
            "template",
            {"spec.metrics[5].provider.graphite.query": "target=app.errors"},
            "graphite.query: has no from, so Graphite answers for a whole day; add &from=-5min",
        ),
    ],
    ids=[
        "down",
        "after 100",
        "surge beside a router",
        "delay without one",
        "no condition",
        "job",
        "Graphite without from",
    ],
)
def test_what_looks_like_a_slip_is_a_note(
    tmp_path: Path, base: str, changes: dict[str, Any], says: str
) -> None:
    """Argo allows it, so Davy does; the exit code stays 0."""
    result = run(written(tmp_path, changed(base, changes)))
    assert result.exit_code == 0
    assert says in result.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("apiVersion: davy.dev/v1beta9", "apiVersion: is davy.dev/v1beta9; write v1alpha1"),
        ("metadata: {}", "rollout (no name): metadata.name: is missing"),
        ("kind: Experiment", "kind: experiments are not built yet"),
        ("kind: Rollout\nkind: Rollout", "kind: is written again in line"),
    ],
    ids=["version", "name", "experiment", "twice"],
)
def test_what_is_wrong_outside_the_spec_is_found(tmp_path: Path, text: str, says: str) -> None:
    """Group and kind are right, the rest isn't."""
    field = text.partition(":")[0]
    document = {key: value for key, value in GOOD["istio"].items() if key != field}
    path = tmp_path / "rollout.yaml"
    path.write_text(f"{yaml.safe_dump(document)}{text}\n", encoding="utf-8")
    result = run(str(path))
    assert result.exit_code == 1
    assert says in result.stdout


def test_the_items_of_a_list_are_looked_at(tmp_path: Path) -> None:
    """`kubectl get -o yaml` writes such lists."""
    bad = changed("istio", {"spec.replicas": -1})
    result = run(written(tmp_path, {"apiVersion": "v1", "kind": "List", "items": [bad, bad]}))
    assert result.exit_code == 1
    assert result.stdout.count("spec.replicas: is -1") == 2


@pytest.mark.parametrize("text", ["a: [", "a: \x07"], ids=["unclosed", "control character"])
def test_a_file_that_is_not_yaml_is_said_with_its_line(tmp_path: Path, text: str) -> None:
    """Exit code 2, and the other files are looked at all the same."""
    broken = tmp_path / "broken.yaml"
    broken.write_text(text, encoding="utf-8")
    good = written(tmp_path, changed("istio", {"spec.replicas": -1}), name="good.yaml")
    result = run(str(broken), good, str(tmp_path / "absent.yaml"))
    assert result.exit_code == 2
    assert f"error: {broken}: " in result.stderr
    assert "absent.yaml: No such file or directory" in result.stderr
    assert "spec.replicas: is -1" in result.stdout
