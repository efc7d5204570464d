"""The CRDs, made from the models: schema, rules in CEL, refusals of what isn't built, columns."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from davy.api import cel, paths, unbuilt
from davy.api.analysis import AnalysisRunSpec, AnalysisRunStatus, AnalysisTemplateSpec
from davy.api.cel_rule import Rule, field_path
from davy.api.fields import Model
from davy.api.group import VERSION, ApiGroup
from davy.api.rollout import RolloutSpec
from davy.api.schema import structural
from davy.api.status import RolloutStatus

Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind and what its CRD is made of."""

    name: str
    plural: str
    short: str
    about: str
    spec: type[Model]
    rules: tuple[Rule, ...]
    unbuilt: unbuilt.Table
    status: type[Model] | None = None
    namespaced: bool = True
    scalable: bool = False
    columns: tuple[Json, ...] = ()


def _column(
    name: str, path: str, about: str, *, kind: str = "string", priority: int | None = None
) -> Json:
    column = {"name": name, "type": kind, "description": about, "jsonPath": path}
    return column if priority is None else column | {"priority": priority}


_AGE: Final = _column("Age", ".metadata.creationTimestamp", "Time since its creation.", kind="date")

KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        name="Rollout",
        plural="rollouts",
        short="ro",
        about="Replaces the pods of one version by the next, step by step, with the traffic that "
        "goes to each.",
        spec=RolloutSpec,
        rules=cel.ROLLOUT,
        unbuilt=unbuilt.ROLLOUT,
        status=RolloutStatus,
        scalable=True,
        columns=(
            _column("Phase", ".status.phase", "Healthy, Progressing, Paused or Degraded."),
            _column("Step", ".status.currentStep", "The step it is at, of how many."),
            _column(
                "Weight",
                ".status.traffic.written",
                "The canary's weight in the route, of 100 or maxTrafficWeight.",
                kind="integer",
            ),
            _column("Stable", ".status.stableRS", "Pod template hash of the stable revision."),
            _column("Canary", ".status.currentPodHash", "Pod template hash of the newest one."),
            _AGE,
            _column("Message", ".status.message", "What it waits for, and until when.", priority=1),
        ),
    ),
    Kind(
        name="AnalysisTemplate",
        plural="analysistemplates",
        short="at",
        about="Metrics that tell a good version from a bad one, for the rollouts of a namespace.",
        spec=AnalysisTemplateSpec,
        rules=cel.ANALYSIS_TEMPLATE,
        unbuilt=unbuilt.ANALYSIS_TEMPLATE,
        columns=(_AGE,),
    ),
    Kind(
        name="ClusterAnalysisTemplate",
        plural="clusteranalysistemplates",
        short="cat",
        about="Metrics that tell a good version from a bad one, for rollouts everywhere.",
        spec=AnalysisTemplateSpec,
        rules=cel.ANALYSIS_TEMPLATE,
        unbuilt=unbuilt.ANALYSIS_TEMPLATE,
        namespaced=False,
        columns=(_AGE,),
    ),
    Kind(
        name="AnalysisRun",
        plural="analysisruns",
        short="ar",
        about="One run of analysis templates: what is measured, and what came of it.",
        spec=AnalysisRunSpec,
        rules=cel.ANALYSIS_RUN,
        unbuilt=unbuilt.ANALYSIS_RUN,
        status=AnalysisRunStatus,
        columns=(
            _column("Status", ".status.phase", "Pending, Running, or how it ended."),
            _AGE,
        ),
    ),
)


def crds(group: ApiGroup) -> list[Json]:
    """The CustomResourceDefinitions of all kinds in this API group, ready to apply.

    Raises:
        TypeError: a model holds what a structural schema can't express.
        KeyError: a rule or a refusal names an object that no model has.
    """
    return [_crd(kind, group) for kind in KINDS]


def _crd(kind: Kind, group: ApiGroup) -> Json:
    version: Json = {"name": VERSION, "served": True, "storage": True}
    if kind.columns:
        version["additionalPrinterColumns"] = [dict(column) for column in kind.columns]
    version["schema"] = {"openAPIV3Schema": _root(kind)}
    if kind.status:
        version["subresources"] = {"status": {}}
    if kind.scalable:
        version["subresources"]["scale"] = {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.HPAReplicas",
            "labelSelectorPath": ".status.selector",
        }
    names: Json = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.name.lower(),
        "shortNames": [kind.short],
    }
    if kind.namespaced:  # `kubectl get all` is about one namespace
        names["categories"] = ["all"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{group.name}"},
        "spec": {
            "group": group.name,
            "names": names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [version],
        },
    }


def _root(kind: Kind) -> Json:
    root: Json = {
        "type": "object",
        "description": kind.about,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "Group and version of this object."},
            "kind": {"type": "string", "description": f"Always {kind.name}."},
            "metadata": {"type": "object"},
            "spec": structural(kind.spec),
        },
    }
    if kind.status:
        root["properties"]["status"] = _lenient(structural(kind.status))
    _refuse_unbuilt(root, kind.unbuilt)
    _add_rules(root, kind)
    if kind.scalable:
        # The one default: GET /scale answers an error while the field is unset, so an autoscaler
        # couldn't start. An apply without replicas leaves the autoscaler's number alone.
        root["properties"]["spec"]["properties"]["replicas"]["default"] = 1
    return root


def _lenient(node: Json, keys: frozenset[str] = frozenset()) -> Json:
    """Nothing in a status is required but a list's keys: other tools write parts of it."""
    result = {name: value for name, value in node.items() if name != "required"}
    if keys:
        result["required"] = sorted(keys)
    if "properties" in node:
        result["properties"] = {name: _lenient(inner) for name, inner in node["properties"].items()}
    if "items" in node:
        map_keys = frozenset(node.get("x-kubernetes-list-map-keys", ()))
        result["items"] = _lenient(node["items"], map_keys)
    return result


def _refuse_unbuilt(root: Json, table: unbuilt.Table) -> None:
    for entry in table:
        parent = paths.schema_node(root, entry.at)
        if entry.field in parent["properties"]:
            raise KeyError(f"{entry.at}.{entry.field} is built; take it out of the table")
        parent["properties"][entry.field] = {
            **deepcopy(entry.schema),
            "description": f"Refused: {entry.message}.",
        }
        allowed = " || ".join(
            [
                f"!has(self.{entry.field})",
                *(f"self.{entry.field} == {_literal(value)}" for value in entry.neutral),
            ]
        )
        _validations(parent).append(
            {
                "rule": allowed,
                "message": entry.message,
                "fieldPath": field_path(entry.field),
            }
        )


def _literal(value: bool | int) -> str:  # noqa: FBT001 - a JSON value
    return str(value).lower()


def _add_rules(root: Json, kind: Kind) -> None:
    for rule in kind.rules:
        node = paths.schema_node(root, rule.at)
        if rule.required:
            node["required"].remove(rule.required)
            if not node["required"]:
                del node["required"]
        siblings = tuple(entry.field for entry in kind.unbuilt if entry.at == rule.at)
        _validations(node).append(rule.to_json(siblings))


def _validations(node: Json) -> list[Json]:
    found: list[Json] = node.setdefault("x-kubernetes-validations", [])
    return found
