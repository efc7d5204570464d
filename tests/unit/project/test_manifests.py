"""What can be said of manifests/ without a cluster; the lab applies them to a real one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from davy.api import validate
from davy.api.group import ApiGroup
from davy.cluster.kinds import Kinds
from davy.controller import startup
from davy.controller.settings import Settings

MANIFESTS = Path(__file__).resolve().parents[3] / "manifests"
EXAMPLES = sorted(path for path in (MANIFESTS / "examples").iterdir() if path.is_dir())


def objects(folder: Path) -> list[dict[str, Any]]:
    """Every object of the folder's files, kustomizations aside."""
    return [
        document
        for path in sorted(folder.glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for document in yaml.safe_load_all(path.read_text())
    ]


def of_kind(kind: str, folder: Path = MANIFESTS) -> list[dict[str, Any]]:
    return [each for each in objects(folder) if each["kind"] == kind]


@pytest.mark.parametrize("name", [".", "metric-jobs", "secrets-reader", "network-policy"])
def test_every_file_is_applied(name: str) -> None:
    """A file that no kustomization lists would be a file that does nothing."""
    folder = MANIFESTS / name
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert {name for name in listed if name.endswith(".yaml")} == files


def test_every_crd_is_applied() -> None:
    """A new kind's CRD must not be forgotten in crds/kustomization.yaml."""
    folder = MANIFESTS.parent / "crds"
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert set(listed) == {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}


def test_no_rule_is_wider_than_it_says() -> None:
    """No wildcard, and no Secrets in any role of the whole cluster."""
    rules = [rule for role in of_kind("ClusterRole") for rule in role["rules"]]
    for rule in rules:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert "secrets" not in rule["resources"]


Verb = tuple[str, str, str]


def granted_by(role: dict[str, Any]) -> set[Verb]:
    """Group, resource and verb of everything that a role allows."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def asked_for(needs: Iterable[startup.Need]) -> set[Verb]:
    """The same of what Davy asks for at its start."""
    return {
        (need.kind.group, "/".join(filter(None, [need.kind.plural, need.subresource])), need.verb)
        for need in needs
    }


def test_the_operator_may_do_what_it_needs_and_no_more() -> None:
    """The verbs it asks for at its start, and three that kopf and owner references need."""
    (role,) = [each for each in of_kind("ClusterRole") if each["metadata"]["name"] == "davy"]
    granted, needed = granted_by(role), asked_for(startup.needs(Kinds(ApiGroup())))
    assert granted - needed == {
        ("apiextensions.k8s.io", "customresourcedefinitions", "list"),
        ("apiextensions.k8s.io", "customresourcedefinitions", "watch"),
        ("davy.dev", "rollouts/finalizers", "update"),
    }
    assert needed - granted == set()


def test_jobs_are_granted_with_what_is_asked_for_and_no_more() -> None:
    """In one namespace at a time, and one that an admission plugin asks for."""
    folder = MANIFESTS / "metric-jobs"
    (role,) = of_kind("ClusterRole", folder)
    extra = {("davy.dev", "analysisruns/finalizers", "update")}
    assert granted_by(role) == asked_for(startup.job_needs()) | extra
    (binding,) = of_kind("RoleBinding", folder)
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert not of_kind("ClusterRoleBinding", folder)


def test_the_lease_is_the_only_right_in_its_own_namespace() -> None:
    """Leases of other namespaces are other people's."""
    (role,) = of_kind("Role")
    assert role["metadata"]["namespace"] == "davy-system"
    assert granted_by(role) == asked_for(startup.lease_needs())


def test_the_operator_meets_the_restricted_standard() -> None:
    """The namespace enforces it, and the pod asks for no more than it allows."""
    (namespace,) = of_kind("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    (deployment,) = of_kind("Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_health_and_metrics_are_where_the_manifests_say() -> None:
    """Port 8080 by default: probed, scraped, served and let through under one name."""
    (deployment,) = of_kind("Deployment")
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    (port,) = container["ports"]
    assert Settings().listen == f"0.0.0.0:{port['containerPort']}"
    assert template["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness")}
    assert set(map(str, probes.values())) == {str({"path": "/healthz", "port": port["name"]})}
    readiness = container["readinessProbe"]["httpGet"]
    assert readiness == {"path": "/readyz", "port": port["name"]}
    (service,) = of_kind("Service")
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    (policy,) = of_kind("NetworkPolicy", MANIFESTS / "network-policy")
    assert policy["spec"]["ingress"] == [{"ports": [{"port": port["name"], "protocol": "TCP"}]}]


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_an_example_passes_the_rules_for_rollouts_and_templates(folder: Path) -> None:
    """What we show is what we accept."""
    (rollout,) = of_kind("Rollout", folder)
    (template,) = of_kind("AnalysisTemplate", folder)
    assert validate.rollout(rollout) == []
    assert validate.analysis_template(template) == []


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_an_example_names_only_what_it_brings_along(folder: Path) -> None:
    """Each Service, route and template that the Rollout names is in the same folder."""
    (rollout,) = of_kind("Rollout", folder)
    canary = rollout["spec"]["strategy"]["canary"]
    brought = {(each["kind"], each["metadata"]["name"]) for each in objects(folder)}
    for field in ("stableService", "canaryService"):
        assert field not in canary or ("Service", canary[field]) in brought
    routing = canary["trafficRouting"]
    for route in routing.get("gatewayAPI", {}).get("httpRoutes", []):
        assert ("HTTPRoute", route["name"]) in brought
    istio = routing.get("istio", {})
    for field, kind in (
        ("virtualService", "VirtualService"),
        ("destinationRule", "DestinationRule"),
    ):
        assert field not in istio or (kind, istio[field]["name"]) in brought
    templates = [
        ref["templateName"]
        for step in canary["steps"]
        for ref in step.get("analysis", {}).get("templates", [])
    ]
    assert templates
    assert {("AnalysisTemplate", name) for name in templates} <= brought
