"""Argo's Rollout: the same fields in Davy's group, without those that Davy doesn't build."""

from collections.abc import Iterator
from typing import Final

from davy.api import paths, unbuilt
from davy.api.group import ARGO
from davy.api.mesh_routers import BUILT_IN_PLUGINS
from davy.migrate import objects
from davy.migrate.argo_analysis import Template, drop_refs, drop_rules, measured, reached
from davy.migrate.result import Json, Manifest, Notes, Options

_CANARY: Final = "spec.strategy.canary"
_STEPS: Final = f"{_CANARY}.steps"
_VIRTUAL_SERVICES: Final = tuple(
    f"{_CANARY}.trafficRouting.istio.{field}" for field in ("virtualService", "virtualServices[]")
)
_GATE: Final = "experiment"
"""A step that may stop a release: where it is left out, a person stands in for it."""
_STANDS_IN: Final = "a pause stands in its place, which `davy promote` ends"
_FULL: Final = 100
_ANY_TOTAL: Final = frozenset({"gatewayAPI", "plugins"})
"""Routers whose weights may have another total."""


def rollout(
    manifest: Manifest,
    templates: tuple[list[Template], list[Template]],
    options: Options,
    notes: Notes,
) -> Json:
    """The Rollout in Davy's group.

    Args:
        manifest: Argo's Rollout.
        templates: those that measure something, and those of which nothing is left.
        options: what the manifests don't say.
        notes: of this manifest.
    """
    spec = paths.copied(manifest.get("spec"))
    where = objects.namespace(manifest)
    if isinstance(spec, dict):
        _foreign_routes(spec, where, options, notes)
        _total_weight(spec, notes)
        spec = _built(spec, notes)
        _plugins(spec, notes)
        _analyses(spec, where, templates, notes)
        if spec.get("paused") is True:
            notes.note(
                "spec.paused", "is true: a new Rollout gets its first pods when it is resumed"
            )
    _unfinished(manifest, notes)
    return {
        "apiVersion": options.group.api_version,
        "kind": "Rollout",
        "metadata": objects.metadata(manifest, notes),
        "spec": spec,
    }


def _foreign_routes(spec: Json, where: str | None, options: Options, notes: Notes) -> None:
    """Argo's `name.namespace`, where the owner of the other namespace must allow it."""
    for field in _VIRTUAL_SERVICES:
        for path, found in paths.objects({"spec": spec}, field):
            name, dot, space = str(found.get("name") or "").partition(".")
            if dot and space != where:
                notes.note(
                    f"{path}.name",
                    f"is {name} of namespace {space}; unless that is the Rollout's own, its owner "
                    f"must allow it by the annotation {options.group.allowed_from_annotation}: "
                    f"{where or 'NAMESPACE'} on the VirtualService, whose hosts must be in full",
                )


def _total_weight(spec: Json, notes: Notes) -> None:
    """Weights of another total, in percent where the router knows no other."""
    for path, routing in paths.objects({"spec": spec}, f"{_CANARY}.trafficRouting"):
        total = routing.get("maxTrafficWeight")
        if not _ANY_TOTAL.isdisjoint(routing):
            continue
        if not isinstance(total, int) or isinstance(total, bool) or total <= 0 or total == _FULL:
            continue
        for at, step in paths.objects({"spec": spec}, f"{_STEPS}[]"):
            weight = step.get("setWeight")
            if not isinstance(weight, int) or isinstance(weight, bool):
                continue
            step["setWeight"] = -(-weight * _FULL // total)
            if weight * _FULL % total:
                notes.lost(
                    f"{at}.setWeight",
                    f"is {weight} of {total}; {step['setWeight']} is written, since weights are "
                    "whole percent",
                )
        del routing["maxTrafficWeight"]
        notes.note(f"{path}.maxTrafficWeight", f"is {total}; the steps are written in percent")


def _built(spec: Json, notes: Notes) -> Json:
    """The spec without what Davy doesn't build; a pause stands for each `_GATE`."""
    rest, refused = unbuilt.split({"spec": spec}, unbuilt.ROLLOUT)
    built: Json = rest["spec"]
    for finding in refused:
        gate = finding.path.startswith(f"{_STEPS}[") and finding.path.endswith(_GATE)
        notes.lost(finding.path, finding.message + (f"; {_STANDS_IN}" if gate else ""))
    before = objects.items(objects.mapping(spec, "strategy", "canary").get("steps"))
    after = objects.items(objects.mapping(built, "strategy", "canary").get("steps"))
    for old, new in zip(before, after, strict=True):
        if new == {} and _GATE in objects.mapping(old):
            new["pause"] = {}
    return built


def _plugins(spec: Json, notes: Notes) -> None:
    for path, routers in paths.objects({"spec": spec}, f"{_CANARY}.trafficRouting.plugins"):
        for name in routers:
            if name not in BUILT_IN_PLUGINS:
                notes.plugin(paths.child(path, name), name)
    for path, plugin in paths.objects({"spec": spec}, f"{_STEPS}[].plugin"):
        notes.plugin(path, str(plugin.get("name")))


def _analyses(
    spec: Json,
    where: str | None,
    templates: tuple[list[Template], list[Template]],
    notes: Notes,
) -> None:
    """Analyses name only templates that are still there; one that names none is no analysis."""
    kept, gone = templates
    for path, holder, analysis in [*_analysed(spec)]:
        refs = objects.items(analysis.get("templates"))
        before = reached(refs, where, kept + gone)
        rest = drop_refs(refs, where, gone, f"{path}.templates", notes)
        if rest:
            analysis["templates"] = rest
            _rules(analysis, path, before, reached(rest, where, kept), notes)
        elif refs and holder is objects.mapping(spec, "strategy", "canary"):
            notes.lost(path, "has no template left; the background analysis is left out")
            del holder["analysis"]
        elif refs:
            notes.lost(path, f"has no template left; {_STANDS_IN}")
            del holder["analysis"]
            holder["pause"] = {}


def _rules(
    analysis: Json,
    path: str,
    before: list[Template] | None,
    after: list[Template] | None,
    notes: Notes,
) -> None:
    if before is None or after is None:
        return
    missing = [name for one in before for name in one.missing]
    names = measured(after, after)
    if missing and names is not None:
        drop_rules(analysis, path, missing, names, notes)


def _analysed(spec: Json) -> Iterator[tuple[str, Json, Json]]:
    """Path as it was written, holder and content of each analysis."""
    canary = objects.mapping(spec, "strategy", "canary")
    if objects.mapping(canary.get("analysis")):
        yield f"{_CANARY}.analysis", canary, canary["analysis"]
    for index, step in enumerate(objects.items(canary.get("steps"))):
        if objects.mapping(objects.mapping(step).get("analysis")):
            yield f"{_STEPS}[{index}].analysis", step, step["analysis"]


def _unfinished(manifest: Manifest, notes: Notes) -> None:
    """A live Rollout in the middle of an update: its new version may be the bad one."""
    status = objects.mapping(manifest.get("status"))
    if objects.api_group(manifest) != ARGO or not status:
        return
    new, stable = status.get("currentPodHash"), status.get("stableRS")
    if status.get("abort") is True:
        notes.lost(
            "status.abort",
            "is true: spec.template is the version that was taken back; put the good one in before "
            "you apply it",
        )
    elif stable and new and new != stable:
        notes.lost(
            "status.phase",
            f"is {status.get('phase')}: an update is under way; let it end and migrate again",
        )
