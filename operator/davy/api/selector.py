"""Label selectors: which pods are meant, and whether labels match."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from davy.api.errors import Finding
from davy.api.fields import Model

LabelValue = Annotated[str, Field(max_length=63)]


class LabelSelectorRequirement(Model):
    """One expression of a label selector."""

    key: str = Field(min_length=1, max_length=316, description="A label's name.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(
        description="In and NotIn compare with `values`; Exists and DoesNotExist have none."
    )
    values: list[LabelValue] | None = Field(
        None, max_length=64, description="Values for In and NotIn."
    )


class LabelSelector(Model):
    """Which pods belong to the rollout."""

    # As in a Deployment: two appliers never merge two halves of a selector into a third one.
    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})

    match_labels: dict[str, LabelValue] | None = Field(
        None,
        max_length=64,
        description="Labels that every pod of this rollout has; the template must set them.",
    )
    match_expressions: list[LabelSelectorRequirement] | None = Field(
        None, max_length=16, description="Further conditions; all must hold."
    )

    @property
    def empty(self) -> bool:
        """It says nothing, so it would select every pod."""
        return not self.match_labels and not self.match_expressions


def problems(selector: LabelSelector, path: str) -> list[Finding]:
    """What the API server would refuse in a ReplicaSet's selector."""
    if selector.empty:
        return [Finding(path, "is empty, so it would select every pod; give the template's labels")]
    found = []
    for index, expression in enumerate(selector.match_expressions or ()):
        with_values = expression.operator in {"In", "NotIn"}
        at = f"{path}.matchExpressions[{index}].values"
        if with_values and not expression.values:
            found.append(Finding(at, f"is missing; {expression.operator} needs at least one value"))
        if not with_values and expression.values:
            found.append(Finding(at, f"is set; {expression.operator} takes none"))
    return found


def unmatched(selector: LabelSelector, labels: Mapping[str, str]) -> tuple[str, ...]:
    """The conditions that these labels don't meet, as text: `app=cart`, `tier In (web, api)`."""
    missed = [
        f"{key}={value}"
        for key, value in (selector.match_labels or {}).items()
        if labels.get(key) != value
    ]
    missed += [
        _text(expression)
        for expression in selector.match_expressions or ()
        if not _holds(expression, labels)
    ]
    return tuple(missed)


def _holds(expression: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    present = expression.key in labels
    listed = present and labels[expression.key] in (expression.values or ())
    match expression.operator:
        case "In":
            return listed
        case "NotIn":
            return not listed
        case "Exists":
            return present
        case "DoesNotExist":
            return not present


def _text(expression: LabelSelectorRequirement) -> str:
    values = f" ({', '.join(expression.values)})" if expression.values else ""
    return f"{expression.key} {expression.operator}{values}"
