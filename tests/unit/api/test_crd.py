"""The CRDs: as committed, structural, small, and what kubectl and an autoscaler need."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from davy.api import cel, unbuilt
from davy.api.crd import KINDS, crds
from davy.api.group import ARGO, DAVY, ApiGroup
from davy.cli.crds import command, files
from tests.unit.api import cases

COMMITTED = Path(__file__).parents[3] / "crds"
CRDS = {crd["spec"]["names"]["kind"]: crd for crd in crds(ApiGroup())}
VALUE_KEYWORDS = {
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
    "additionalProperties",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}


def root(crd: dict[str, Any]) -> dict[str, Any]:
    """The schema of the one version."""
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of a schema with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


def test_the_committed_crds_are_what_the_models_say() -> None:
    """After a change of the models: `make crds`."""
    assert files(ApiGroup()) == {
        path.name: path.read_text(encoding="utf-8")
        for path in COMMITTED.iterdir()
        if path.name != "kustomization.yaml"  # by hand
    }


@pytest.mark.parametrize("kind", CRDS)
def test_every_node_is_structural(kind: str) -> None:
    """The API server's rules: a type on each node, no references, no unions, no `const`."""
    for path, node in nodes(root(CRDS[kind])):
        assert set(node) <= VALUE_KEYWORDS, path
        assert "type" in node or node.get("x-kubernetes-int-or-string"), path
        assert node.get("type") != "array" or "items" in node, path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert set(node.get("required", ())) <= set(node.get("properties", ())), path
        keys = set(node.get("x-kubernetes-list-map-keys", ()))
        assert keys <= set(node.get("items", {}).get("required", ())), path


@pytest.mark.parametrize("kind", CRDS)
def test_every_list_and_text_of_a_spec_has_a_bound(kind: str) -> None:
    """Without bounds the API server counts a rule's worst case and refuses the CRD."""
    spec = root(CRDS[kind])["properties"]["spec"]
    for path, node in nodes(spec):
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "string":
            assert {"maxLength", "enum", "format"} & set(node), path


@pytest.mark.parametrize("kind", CRDS)
def test_every_field_of_a_spec_is_described(kind: str) -> None:
    """`kubectl explain` helps: each field says what it is."""
    spec = root(CRDS[kind])["properties"]["spec"]
    for path, node in nodes(spec):
        if path and not path.endswith(("[]", "{}")):
            assert node.get("description"), path


def test_descriptions_tell_the_default() -> None:
    """A default isn't written into users' objects, so the description says it."""
    canary = root(CRDS["Rollout"])["properties"]["spec"]["properties"]["strategy"]["properties"]
    delay = canary["canary"]["properties"]["scaleDownDelaySeconds"]
    assert delay["description"].endswith("Default: 30.")


def test_replicas_is_the_only_default() -> None:
    """GET /scale fails while spec.replicas is unset; every other default would be GitOps drift."""
    found = {
        f"{kind}{path}"
        for kind, crd in CRDS.items()
        for path, node in nodes(root(crd))
        if "default" in node
    }
    assert found == {"Rollout.spec.replicas"}


@pytest.mark.parametrize("kind", CRDS)
def test_each_crd_is_small(kind: str) -> None:
    """Client-side apply keeps the JSON in an annotation of at most 256 KiB; Argo's are 574 kB."""
    assert len(json.dumps(CRDS[kind])) < 100_000


def test_scopes_and_short_names_are_argos() -> None:
    """Scripts and fingers know them."""
    assert {
        kind: (crd["spec"]["scope"], crd["spec"]["names"]["shortNames"])
        for kind, crd in CRDS.items()
    } == {
        "Rollout": ("Namespaced", ["ro"]),
        "AnalysisTemplate": ("Namespaced", ["at"]),
        "ClusterAnalysisTemplate": ("Cluster", ["cat"]),
        "AnalysisRun": ("Namespaced", ["ar"]),
    }


def test_a_rollout_has_the_columns_a_person_wants() -> None:
    """`-o wide` (priority 1) adds the message."""
    columns = CRDS["Rollout"]["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [(column["name"], column.get("priority", 0)) for column in columns] == [
        ("Phase", 0),
        ("Step", 0),
        ("Weight", 0),
        ("Stable", 0),
        ("Canary", 0),
        ("Age", 0),
        ("Message", 1),
    ]


def test_every_column_and_scale_path_is_a_field() -> None:
    """A path that leads nowhere prints an empty column."""
    for crd in CRDS.values():
        version = crd["spec"]["versions"][0]
        wanted = [column["jsonPath"] for column in version["additionalPrinterColumns"]]
        wanted += version.get("subresources", {}).get("scale", {}).values()
        known = {path for path, _ in nodes(root(crd))}
        assert {path for path in wanted if not path.startswith(".metadata")} <= known


def test_the_status_demands_nothing_but_the_conditions_type() -> None:
    """Verbs of other tools write single fields of it."""
    status = root(CRDS["Rollout"])["properties"]["status"]
    assert {path: node["required"] for path, node in nodes(status) if "required" in node} == {
        ".conditions[]": ["type"]
    }


def test_argos_group_has_the_same_schemas() -> None:
    """`--api-group argoproj.io` serves existing objects: only the group differs."""
    argo = CliRunner().invoke(command, ["--api-group", ARGO]).output
    davy = CliRunner().invoke(command, []).output
    assert [crd["metadata"]["name"] for crd in yaml.safe_load_all(argo)] == [
        "rollouts.argoproj.io",
        "analysistemplates.argoproj.io",
        "clusteranalysistemplates.argoproj.io",
        "analysisruns.argoproj.io",
    ]
    assert argo.replace(ARGO, DAVY) == davy


def test_crds_are_written_into_a_folder(tmp_path: Path) -> None:
    """`make crds`."""
    result = CliRunner().invoke(command, ["--output", str(tmp_path)])
    assert result.exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == set(files(ApiGroup()))


def test_every_cel_rule_has_a_case() -> None:
    """A rule without a refused case on a real API server may never refuse anything."""
    rules = {rule.message for rule in cel.ROLLOUT + cel.ANALYSIS_TEMPLATE + cel.ANALYSIS_RUN}
    rules -= {"can't be changed; delete the Rollout and create it anew"}  # a case of two objects
    covered = {
        message for message in rules for bad in cases.ALL if bad.server and bad.server in message
    }
    assert rules == covered


def test_no_field_is_both_built_and_refused() -> None:
    """A field leaves the table in the commit that builds it; `crds` raises otherwise."""
    for kind in KINDS:
        places = [(entry.at, entry.field) for entry in kind.unbuilt]
        assert len(places) == len(set(places))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_unbuilt_field_is_declared_and_forbidden(kind: Any) -> None:
    """Undeclared it would be pruned in silence."""
    rules = [
        rule
        for _, node in nodes(root(CRDS[kind.name]))
        for rule in node.get("x-kubernetes-validations", ())
    ]
    for entry in kind.unbuilt:
        assert {"message": entry.message, "fieldPath": f".{entry.field}"}.items() <= next(
            rule
            for rule in rules
            if rule["rule"].startswith(f"!has(self.{entry.field})")
            and rule["message"] == entry.message
        ).items()


def test_every_field_of_argos_schema_is_built_or_refused() -> None:
    """Named one by one, so that a forgotten one fails here and not in a user's cluster."""
    canary = {
        "canaryService", "stableService", "steps", "trafficRouting", "maxSurge", "maxUnavailable",
        "analysis", "antiAffinity", "canaryMetadata", "stableMetadata", "scaleDownDelaySeconds",
        "scaleDownDelayRevisionLimit", "abortScaleDownDelaySeconds", "dynamicStableScale",
        "pingPong", "minPodsPerReplicaSet", "replicaProgressThreshold",
    }  # fmt: skip
    spec = {
        "replicas", "selector", "template", "workloadRef", "minReadySeconds", "rollbackWindow",
        "strategy", "revisionHistoryLimit", "paused", "progressDeadlineSeconds",
        "progressDeadlineAbort", "restartAt", "analysis",
    }  # fmt: skip
    routing = {
        "istio", "nginx", "alb", "smi", "ambassador", "appMesh", "traefik", "managedRoutes",
        "apisix", "contour", "plugins", "maxTrafficWeight", "gatewayAPI",
    }  # fmt: skip
    steps = {
        "setWeight", "pause", "experiment", "analysis", "setCanaryScale", "setHeaderRoute",
        "setMirrorRoute", "plugin",
    }  # fmt: skip
    rollout = root(CRDS["Rollout"])["properties"]["spec"]["properties"]
    found = rollout["strategy"]["properties"]["canary"]["properties"]
    assert set(rollout) == spec
    assert set(rollout["strategy"]["properties"]) == {"blueGreen", "canary"}
    assert set(found) == canary | {"judge", "harmBudget"}  # Davy's own
    assert set(found["steps"]["items"]["properties"]) == steps
    assert set(found["trafficRouting"]["properties"]) == routing
    providers = {
        "prometheus", "kayenta", "web", "datadog", "wavefront", "newRelic", "job", "cloudWatch",
        "graphite", "influxdb", "skywalking", "plugin",
    }  # fmt: skip
    run = root(CRDS["AnalysisRun"])["properties"]["spec"]["properties"]
    assert set(run["metrics"]["items"]["properties"]["provider"]["properties"]) == providers
    assert set(run) == {
        "metrics", "args", "dryRun", "measurementRetention", "terminate", "ttlStrategy",
    }  # fmt: skip
    assert unbuilt.ANALYSIS_RUN
