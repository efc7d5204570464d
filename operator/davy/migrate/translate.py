"""All manifests at once: what each becomes depends on the others that are there."""

from collections.abc import Sequence
from typing import Final

from davy.api import paths, unbuilt, validate
from davy.api.group import ARGO
from davy.migrate import argo_analysis, argo_rollout, flagger, objects, scalers
from davy.migrate.result import Json, Made, Manifest, Notes, Options, Translation, refusal

_EXPERIMENT: Final = refusal(unbuilt.ROLLOUT, "spec.strategy.canary.steps[]", "experiment")


def translate(manifests: Sequence[Manifest], options: Options) -> Translation:
    """Davy's manifests for all Rollouts, analysis templates and Flagger Canaries among these.

    Args:
        manifests: of any kinds; a Canary's Deployment and MetricTemplates are looked up among
            them.
        options: what the manifests don't say.
    """
    every = [Notes(index) for index in range(len(manifests))]
    manifests = [_bounded(one, notes) for one, notes in zip(manifests, every, strict=True)]
    templates = argo_analysis.without_empty(
        argo_analysis.template(index, manifest, options, every[index])
        for index, manifest in enumerate(manifests)
        if _is(manifest, ARGO, *argo_analysis.KINDS)
    )
    made: dict[int, list[Json]] = {one.source: [one.manifest] for one in templates[0]}
    deployments: list[scalers.Target] = []
    others = 0
    for index, manifest in enumerate(manifests):
        notes = every[index]
        if _is(manifest, ARGO, "Rollout"):
            made[index] = [argo_rollout.rollout(manifest, templates, options, notes)]
        elif _is(manifest, flagger.GROUP, "Canary"):
            found = flagger.canary(manifest, manifests, options, notes)
            made[index] = [*found.manifests]
            if found.deployment:
                deployments.append((objects.namespace(manifest), found.deployment))
            else:
                notes.lost("", "nothing is made of the Canary until that is mended")
        elif not _told(manifest, manifests, notes):
            others += not _is(manifest, ARGO, *argo_analysis.KINDS)
    for index, manifest in enumerate(manifests):
        changed = scalers.scaler(manifest, options.group, deployments, every[index])
        if changed:
            made[index] = [changed]
            others -= 1
    return Translation(
        made=tuple(Made(index, one) for index in sorted(made) for one in made[index]),
        remarks=tuple(remark for notes in every for remark in notes.remarks),
        others=others,
    )


def _bounded(manifest: Manifest, notes: Notes) -> Manifest:
    """The manifest; without its fields when it is deeper or larger than what a person writes."""
    if not paths.beyond(manifest, levels=validate.LEVELS, values=validate.VALUES):
        return manifest
    notes.lost("", validate.TOO_MUCH)
    return {}


def _is(manifest: Manifest, group: str, *kinds: str) -> bool:
    return objects.api_group(manifest) == group and manifest.get("kind") in kinds


def _told(manifest: Manifest, manifests: Sequence[Manifest], notes: Notes) -> bool:
    """Whether it is of a kind that has no counterpart, which is told."""
    if _is(manifest, ARGO, "AnalysisRun"):
        notes.note("", "is the record of a run; `davy create analysisrun` makes a new one")
    elif _is(manifest, ARGO, "Experiment"):
        notes.lost("", _EXPERIMENT)
    elif _is(manifest, flagger.GROUP, "AlertProvider"):
        flagger.alert_provider(notes)
    elif _is(manifest, flagger.GROUP, "MetricTemplate"):
        if objects.name(manifest) not in _used(manifests):
            notes.lost("", "is used by no Canary in these files; give the file of one that does")
    else:
        return False
    return True


def _used(manifests: Sequence[Manifest]) -> set[object]:
    """Names of the MetricTemplates that Canaries ask, and tell about."""
    return {
        ref.get("name")
        for manifest in manifests
        for field in ("analysis", "canaryAnalysis")
        for _, ref in paths.objects(manifest, f"spec.{field}.metrics[].templateRef")
        if _is(manifest, flagger.GROUP, "Canary") and isinstance(ref.get("name"), str)
    }
