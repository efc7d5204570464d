"""The API group, and every label and annotation name built from it: the only literals."""

from dataclasses import dataclass
from typing import Final

DAVY: Final = "davy.dev"
ARGO: Final = "argoproj.io"
VERSION: Final = "v1alpha1"

POD_TEMPLATE_HASH_LABEL: Final = "rollouts-pod-template-hash"
"""On ReplicaSets, pods, narrowed Services, subsets: Argo's name in both groups, tools read it."""

DEPLOYMENTS_HASH_LABEL: Final = "pod-template-hash"
"""On ReplicaSets and pods of a Deployment: by it the Deployment tells its own apart."""

SCALE_DOWN_DEADLINE: Final = "scale-down-deadline"
"""ReplicaSet annotation, RFC 3339: when a drained ReplicaSet may go to 0."""

_TEMPLATE: Final = "/template"
_ROLE: Final = "/ephemeral-metadata"
_ANTI_AFFINITY: Final = "/anti-affinity"

HARM_BUDGET: Final = "davy.dev/harm-budget"
"""AnalysisRun annotation: the rollout's harm budget, JSON."""

RUN_TYPE_LABEL: Final = "rollout-type"
STEP_INDEX_LABEL: Final = "step-index"


@dataclass(frozen=True)
class ApiGroup:
    """Names under one API group; `ApiGroup("argoproj.io")` serves Argo Rollouts' own objects."""

    name: str = DAVY

    @property
    def api_version(self) -> str:
        """`group/version` as manifests write it."""
        return f"{self.name}/{VERSION}"

    @property
    def revision_annotation(self) -> str:
        """On ReplicaSets and the Rollout: the template's number, from 1."""
        return f"rollout.{self.name}/revision"

    @property
    def desired_replicas_annotation(self) -> str:
        """On ReplicaSets: `spec.replicas` of the Rollout when it was last scaled."""
        return f"rollout.{self.name}/desired-replicas"

    @property
    def template_annotation(self) -> str:
        """On ReplicaSets: the pod template as the user wrote it, JSON, for `davy undo`."""
        return f"rollout.{self.name}{_TEMPLATE}"

    @property
    def role_annotation(self) -> str:
        """On ReplicaSets and pods: the labels and annotations that they have for their role."""
        return f"rollout.{self.name}{_ROLE}"

    @property
    def anti_affinity_annotation(self) -> str:
        """On ReplicaSets: the revision that their new pods are scheduled apart from."""
        return f"rollout.{self.name}{_ANTI_AFFINITY}"

    @property
    def workload_generation_annotation(self) -> str:
        """On the Rollout: generation of the workload that it refers to, for Argo's health check."""
        return f"rollout.{self.name}/workload-generation"

    @property
    def managed_by_annotation(self) -> str:
        """On Services and DestinationRules that Davy narrows to a revision: the Rollout's name.

        On VirtualServices: `namespace/name` of Rollouts of other namespaces whose canary has weight
        there, apart by commas.
        """
        return f"{self._tool}/managed-by-rollouts"

    @property
    def allowed_from_annotation(self) -> str:
        """On VirtualServices: namespaces, apart by commas, whose Rollouts may weight its routes."""
        return f"{self._tool}/allowed-from"

    @property
    def finalizer(self) -> str:
        """On a Rollout while its route isn't on stable: deletion takes the traffic back (I9)."""
        return f"{self._tool}/traffic-on-stable"

    @property
    def metric_addresses_annotation(self) -> str:
        """On a Secret: URLs, apart by spaces, of the metric providers that it may be sent to."""
        return f"{self._tool}/metric-addresses"

    @property
    def run_uid_label(self) -> str:
        """On a metric's Job: the uid of its AnalysisRun."""
        return f"analysisrun.{self.name}/uid"

    @property
    def run_name_annotation(self) -> str:
        """On a metric's Job: the name of its AnalysisRun."""
        return f"analysisrun.{self.name}/name"

    @property
    def metric_name_annotation(self) -> str:
        """On a metric's Job: the metric; no label, as a metric's name needn't fit into one."""
        return f"analysisrun.{self.name}/metric-name"

    @property
    def _tool(self) -> str:
        return f"argo-rollouts.{self.name}" if self.name == ARGO else self.name


def is_template_annotation(name: str) -> bool:
    """Whether this is `template_annotation` of some group."""
    return name.startswith("rollout.") and name.endswith(_TEMPLATE)


def is_role_annotation(name: str) -> bool:
    """Whether this is `role_annotation` of some group."""
    return name.startswith("rollout.") and name.endswith(_ROLE)


def is_anti_affinity_annotation(name: str) -> bool:
    """Whether this is `anti_affinity_annotation` of some group."""
    return name.startswith("rollout.") and name.endswith(_ANTI_AFFINITY)
