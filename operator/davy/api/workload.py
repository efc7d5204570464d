"""The workload that a Rollout takes its pod template from: what is taken, what is wrong with it.

The label by which a Deployment tells its own pods apart is left out, from the template as from the
selector: a pod that carries it would be the Deployment's as soon as nobody else owns it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from davy.api import pod_template, rollout_rules
from davy.api.errors import Finding
from davy.api.group import DEPLOYMENTS_HASH_LABEL
from davy.api.rollout import RolloutSpec, WorkloadRef
from davy.api.selector import LabelSelector

Json = dict[str, Any]
_PATH = "spec.workloadRef"


@dataclass(frozen=True)
class Resolved:
    """A spec with its workload's pod template and selector."""

    spec: RolloutSpec
    """Its template is None where the workload has none that can be used."""
    problems: tuple[Finding, ...] = ()


def resolved(spec: RolloutSpec, found: Mapping[str, Any] | None) -> Resolved:
    """The spec, filled in from the workload that it refers to; as it is, where it refers to none.

    Args:
        spec: that passed validation.
        found: the workload as the API server gives it; None: there is none.
    """
    referred = spec.workload_ref
    if referred is None:
        return Resolved(spec)
    if found is None:
        return Resolved(spec, (Finding(_PATH, f"{missing(referred)}."),))
    template = template_of(referred, found)
    if template is None:
        return Resolved(spec, (Finding(_PATH, f"{referred} has no pod template; give it one."),))
    selector = spec.selector or _selector(found)
    if selector is None:
        sentence = f"{referred} has no selector that can be read; write spec.selector."
        return Resolved(spec, (Finding(_PATH, sentence),))
    problems = (
        *pod_template.problems(template, f"{referred}: template"),
        *rollout_rules.selector_problems(selector, template),
        *rollout_rules.role_problems(spec.strategy.canary, selector, template),
    )
    if problems:
        return Resolved(spec, problems)
    return Resolved(spec.model_copy(update={"template": template, "selector": selector}))


def missing(referred: WorkloadRef) -> str:
    """That there is no such workload, and what to do."""
    return (
        f"there is no {referred} ({referred.api_version}) in this namespace; create it, or put "
        "selector and template into the Rollout"
    )


def template_of(referred: WorkloadRef, found: Mapping[str, Any]) -> Json | None:
    """The workload's pod template; None: it has none."""
    holder: object = found if referred.kind == "PodTemplate" else found.get("spec")
    template = holder.get("template") if isinstance(holder, dict) else None
    if not isinstance(template, dict):
        return None
    metadata = template.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(labels, dict):
        return template
    return {**template, "metadata": {**metadata, "labels": _own(labels)}}


def _selector(found: Mapping[str, Any]) -> LabelSelector | None:
    spec = found.get("spec")
    held = spec.get("selector") if isinstance(spec, dict) else None
    try:
        selector = LabelSelector.model_validate(held)
    except ValidationError:
        return None
    if selector.match_labels is None:
        return selector
    return selector.model_copy(update={"match_labels": _own(selector.match_labels)})


def _own(labels: Mapping[str, Any]) -> Json:
    """Without the Deployment's."""
    return {name: value for name, value in labels.items() if name != DEPLOYMENTS_HASH_LABEL}
