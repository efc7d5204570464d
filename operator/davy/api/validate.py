"""The one rule set for the webhook, the controller and `davy lint`.

Each function takes an object as the API server gives it and says everything that is wrong with it,
with exact paths. Messages don't name the object; the caller does: `rollout shop/cart: `.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from davy.api import findings, metric_rules, paths, rollout_rules, unbuilt
from davy.api.analysis import AnalysisRunSpec, AnalysisTemplateSpec, Metric
from davy.api.errors import Finding, InvalidObject
from davy.api.fields import Model
from davy.api.rollout import RolloutSpec

LEVELS: Final = 100
VALUES: Final = 100_000
TOO_MUCH: Final = (
    f"nests more than {LEVELS} levels deep or has more than {VALUES} values; no manifest that a "
    "person wrote does"
)
"""The API server takes 10 000 levels in a pod template; nothing here copies or compares so many."""
_NO_JSON: Final = (
    "has what JSON doesn't have: a number such as .nan, .inf or one too large, or half of a "
    "character such as \\ud800; write a finite number, or whole characters"
)

Manifest = Mapping[str, Any]
_Spec = TypeVar("_Spec", bound=Model)


def rollout(manifest: Manifest) -> list[Finding]:
    """What is wrong with a Rollout; empty when nothing is."""
    return _rollout(manifest)[1]


def parse_rollout(manifest: Manifest) -> RolloutSpec:
    """The spec of a Rollout.

    Raises:
        InvalidObject: with every finding.
    """
    return _sure(*_rollout(manifest))


def analysis_template(manifest: Manifest) -> list[Finding]:
    """What is wrong with a template of either kind; empty when nothing is."""
    return _template(manifest)[1]


def parse_analysis_template(manifest: Manifest) -> AnalysisTemplateSpec:
    """The spec of an AnalysisTemplate or a ClusterAnalysisTemplate.

    Raises:
        InvalidObject: with every finding.
    """
    return _sure(*_template(manifest))


def analysis_run(manifest: Manifest) -> list[Finding]:
    """What is wrong with an AnalysisRun; empty when nothing is."""
    return _run(manifest)[1]


def parse_analysis_run(manifest: Manifest) -> AnalysisRunSpec:
    """The spec of an AnalysisRun.

    Raises:
        InvalidObject: with every finding.
    """
    return _sure(*_run(manifest))


def inline_metrics(metrics: Sequence[Metric], path: str) -> list[Finding]:
    """What is wrong with metrics that a step waits for; background analysis may be endless.

    Args:
        metrics: of all the step's templates, arguments filled in.
        path: of the analysis in the Rollout, e.g. `spec.strategy.canary.steps[2].analysis`.
    """
    return metric_rules.inline_findings(metrics, path)


def _rollout(manifest: Manifest) -> tuple[RolloutSpec | None, list[Finding]]:
    spec, found = _read(manifest, RolloutSpec, unbuilt.ROLLOUT)
    if not spec:
        return None, found
    metadata = manifest.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return spec, _joined(found, rollout_rules.findings(spec, namespace))


def _template(manifest: Manifest) -> tuple[AnalysisTemplateSpec | None, list[Finding]]:
    spec, found = _read(manifest, AnalysisTemplateSpec, unbuilt.ANALYSIS_TEMPLATE)
    return spec, _joined(found, metric_rules.findings(spec)) if spec else found


def _run(manifest: Manifest) -> tuple[AnalysisRunSpec | None, list[Finding]]:
    spec, found = _read(manifest, AnalysisRunSpec, unbuilt.ANALYSIS_RUN)
    return spec, _joined(found, metric_rules.findings(spec)) if spec else found


def _sure(spec: _Spec | None, found: list[Finding]) -> _Spec:
    if spec is None or found:
        raise InvalidObject(found)
    return spec


def _read(
    manifest: Manifest, model: type[_Spec], table: unbuilt.Table
) -> tuple[_Spec | None, list[Finding]]:
    """The spec, None when it can't be read, and what is wrong with its fields one by one."""
    if not isinstance(manifest.get("spec"), dict):
        return None, [Finding("spec", "is missing; it says what is wanted")]
    if paths.beyond(manifest["spec"], levels=LEVELS, values=VALUES):
        return None, [Finding("spec", TOO_MUCH)]
    if not paths.is_json(manifest["spec"]):
        return None, [Finding("spec", _NO_JSON)]
    built, refused = unbuilt.split({"spec": manifest["spec"]}, table)
    spec = _without_nulls(built["spec"])
    try:
        return model.model_validate(spec, by_alias=True, by_name=False), refused
    except ValidationError as error:
        wrong = findings.of(error, model, "spec")
        return None, _joined(refused, wrong)


def _without_nulls(value: Any) -> Any:
    """As the API server reads it: a field that is null is unset.

    What is in the pod template or in a jsonBody is the user's own, and stays; so does a null
    pause, which has a sentence of its own.
    """
    if isinstance(value, dict):
        return {
            key: inner if key in {"template", "jsonBody"} else _without_nulls(inner)
            for key, inner in value.items()
            if inner is not None or key == "pause"
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _joined(refused: list[Finding], further: Sequence[Finding]) -> list[Finding]:
    """Both, but one message where a field that isn't built stands in for what is missing."""
    parents = {finding.path.rpartition(".")[0] for finding in refused}
    return refused + [
        finding
        for finding in further
        if finding.path not in parents
        and not (
            finding.message.startswith("is missing") and finding.path.rpartition(".")[0] in parents
        )
    ]
