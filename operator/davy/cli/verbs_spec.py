"""What the verbs that write the spec write, decided from the rollout's manifest. Pure.

The same fields as Argo's command line: a rollout that is kept in Git differs from it afterwards.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from davy.api.group import ApiGroup
from davy.cli.manifest import Json, at, flag, name_of, number, objects, text
from davy.cli.revisions import Revision
from davy.cli.verbs import Already, Decision, Refuse, Verb, Write, doing, named


def pause(rollout: Json, _: ApiGroup) -> Decision:
    """Hold everything where it is: `spec.paused=true`."""
    if flag(rollout, "spec", "paused"):
        return Already(f"{named(rollout)} is already paused by spec.paused.")
    return Write(
        said=f"{named(rollout)}: paused: no step goes on and no weight rises until "
        f"davy resume {name_of(rollout)}.",
        spec={"paused": True},
    )


def resume(rollout: Json, _: ApiGroup) -> Decision:
    """Take `pause` back: `spec.paused=false`. A step's own pause is `promote`'s to end."""
    if flag(rollout, "spec", "paused"):
        said = f"{named(rollout)}: resumed: spec.paused is false again."
        return Write(said=said, spec={"paused": False})
    if objects(rollout, "status", "pauseConditions"):
        return Refuse(
            f"{named(rollout)} isn't paused by spec.paused but by its steps: {doing(rollout)} "
            f"To go on: davy promote {name_of(rollout)}"
        )
    return Already(f"{named(rollout)} isn't paused: {doing(rollout)}")


def restart(at: datetime) -> Verb:
    """Replace every pod from before a moment: `spec.restartAt`.

    Args:
        at: whole seconds, as pods' ages are.
    """
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def decide(rollout: Json, _: ApiGroup) -> Decision:
        if text(rollout, "spec", "restartAt") == moment:
            return Already(f"{named(rollout)} restarts at {moment} already.")
        said = f"{named(rollout)}: pods from before {moment} are replaced, a few at a time."
        return Write(said=said, spec={"restartAt": moment})

    return decide


def _elsewhere(rollout: Json, command: str) -> Refuse | None:
    """That the pod template is another object's, and how it is changed; None: it isn't.

    Args:
        rollout: the manifest.
        command: of kubectl, which does the same for a workload: `set image {} app=…`.
    """
    kind, name = (text(rollout, "spec", "workloadRef", field) for field in ("kind", "name"))
    if not kind or not name:
        return None
    said = f"{named(rollout)} takes its pod template from {kind} {name}"
    how = f"kubectl {command.format(f'{kind.lower()}/{name}')}"
    change = f"change it there: {how}" if kind == "Deployment" else "change it there"
    return Refuse(f"{said}; {change}", of_status=False)


_ALL = "*"
"""Every container, as Argo's command line has it."""


def set_image(images: Mapping[str, str]) -> Verb:
    """Other images in `spec.template`; the verb writes the whole lists of containers.

    Args:
        images: by container's name; `*` is each that isn't named.
    """

    def decide(rollout: Json, _: ApiGroup) -> Decision:
        given = " ".join(f"{name}={image}" for name, image in images.items())
        if refused := _elsewhere(rollout, f"set image {{}} {given}"):
            return refused
        template = ("spec", "template", "spec")
        lists = {
            kind: objects(rollout, *template, kind) for kind in ("initContainers", "containers")
        }
        names = [text(found, "name") or "" for held in lists.values() for found in held]
        unknown = [name for name in images if name not in {*names, _ALL}]
        if unknown or not names:
            there = f"it has {', '.join(names)}" if names else "its template has no containers"
            wanted = f"no container {', '.join(unknown)}" if unknown else "nothing to set"
            return Refuse(f"{named(rollout)} has {wanted}; {there}.", of_status=False)
        changed = {
            kind: [_with_image(found, images) for found in held] for kind, held in lists.items()
        }
        told = [
            f"{text(new, 'name')} {text(old, 'image')} → {text(new, 'image')}"
            for kind, held in lists.items()
            for old, new in zip(held, changed[kind], strict=True)
            if old != new
        ]
        if not told:
            return Already(f"{named(rollout)} has these images already.")
        written = {kind: held for kind, held in changed.items() if held != lists[kind]}
        return Write(
            said=f"{named(rollout)}: image of {'; '.join(told)}.",
            spec={"template": {"spec": written}},
        )

    return decide


def _with_image(container: Json, images: Mapping[str, str]) -> dict[str, Any]:
    image = images.get(text(container, "name") or "", images.get(_ALL))
    return {**container, **({"image": image} if image else {})}


def undo(revisions: Sequence[Revision], to_revision: int) -> Verb:
    """An older revision's template in `spec.template`.

    Args:
        revisions: that the rollout's ReplicaSets keep, any order.
        to_revision: its number; 0: the newest but one, as in Argo.
    """
    from davy.cluster import apply  # noqa: PLC0415 it imports `kubernetes`, which takes a second

    def decide(rollout: Json, _: ApiGroup) -> Decision:
        if refused := _elsewhere(rollout, "rollout undo {}"):
            return refused
        by_age = sorted(revisions, key=lambda found: found.number)
        numbers = ", ".join(str(found.number) for found in by_age) or "none"
        chosen = [found for found in by_age if found.number == to_revision]
        if to_revision == 0:
            chosen = by_age[-2:-1]
        if not chosen:
            what = f"revision {to_revision}" if to_revision else "revision before this one"
            said = f"{named(rollout)} keeps no {what} to go back to (kept: {numbers})."
            return Refuse(said, of_status=False)
        wanted, held = chosen[0], at(rollout, "spec", "template")
        change = apply.difference(held if isinstance(held, Mapping) else {}, wanted.template)
        if not change:
            return Already(f"{named(rollout)} has revision {wanted.number}'s template already.")
        follows = "it passes all steps"
        if not wanted.exact:
            follows = (
                "with what the API server added to it, so it is a new revision and passes all steps"
            )
        elif wanted.hash == text(rollout, "status", "stableRS"):
            follows = "it is stable, so all traffic goes to it at once"
        elif number(rollout, "spec", "rollbackWindow", "revisions"):
            follows = "it passes all steps, unless it is within spec.rollbackWindow"
        said = f"{named(rollout)}: the template of revision {wanted.number} again; {follows}."
        return Write(said=said, spec={"template": change})

    return decide
