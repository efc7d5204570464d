"""AWS Load Balancer Controller: the action annotation of an Ingress, between two Services.

Owned: the annotation `alb.ingress.kubernetes.io/actions.<rootService>`, whole, and the Services'
selectors. Never touched: the Ingress's rules and its other annotations; an action of that name that
does anything but forward to the two Services.

Nothing is asked of AWS and the controller reports nothing in the Ingress: a weight is never
verified here.
"""

from typing import Final

from davy.api.errors import Finding, InvalidObject
from davy.api.managed_routes import Rule
from davy.api.routers import AlbRouting
from davy.traffic import alb_action, services
from davy.traffic.alb_action import Action, Asked
from davy.traffic.base import (
    Json,
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    RouteState,
    Unknown,
)
from davy.traffic.leaves import ABSENT, Change, Path, list_at, patch, text_at, value_at
from davy.traffic.split import Reading, together

PATH: Final = f"{services.CANARY}.trafficRouting.alb"
_GROUP: Final = "networking.k8s.io"
_USE_ANNOTATION: Final = "use-annotation"


class AlbRouter:
    """Weights in an action of an Ingress."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The Ingresses and the two Services."""
        ingresses = [_key(rollout, name) for name in _routing(rollout).named_ingresses]
        return (*ingresses, *services.keys(rollout))

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """The highest canary weight of the Ingresses' actions, and what is wrong."""
        names = _routing(rollout).named_ingresses
        reading = together(
            [
                _read(rollout, _key(rollout, name), objects.get(_key(rollout, name)), field)
                for name, field in names.items()
            ]
        )
        port = _routing(rollout).service_port
        flaws = [services.lacks_port(rollout, objects, role, port) for role in services.ROLES]
        found = tuple(Finding(f"{PATH}.servicePort", flaw) for flaw in flaws if flaw)
        reading = together([reading, Reading(problems=found)])
        why = "the AWS Load Balancer Controller doesn't report which weights AWS took"
        return services.state(rollout, objects, reading, Unknown(why))

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),  # noqa: ARG002 - refused by validation
    ) -> tuple[ObjectPatch, ...]:
        """A patch of each Ingress's annotation."""
        keys = [_key(rollout, name) for name in _routing(rollout).named_ingresses]
        return tuple(
            write
            for key in keys
            if key in objects
            for write in _written(rollout, key, objects[key], canary_weight)
        )

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """The patch of the role's Service."""
        return services.target(rollout, objects, role, template_hash)


def _routing(rollout: RoutedRollout) -> AlbRouting:
    routing = rollout.canary.routing.alb
    if routing is None:
        raise InvalidObject([Finding(PATH, "isn't set; the ALB router needs it.")])
    return routing


def _key(rollout: RoutedRollout, name: str) -> ObjectKey:
    return ObjectKey(_GROUP, "Ingress", rollout.namespace, name)


def _root(rollout: RoutedRollout) -> str:
    """The backend that stands for the split."""
    return _routing(rollout).root_service or rollout.canary.stable_service or ""


def _annotation(rollout: RoutedRollout) -> str:
    return f"{_routing(rollout).annotation_prefix}/actions.{_root(rollout)}"


def _read(rollout: RoutedRollout, key: ObjectKey, found: Json | None, field: str) -> Reading:
    path, root = f"{PATH}.{field}", _root(rollout)
    if found is None:
        sentence = f"{key} doesn't exist; create it, with a path to {root}:{_USE_ANNOTATION}."
        return Reading(problems=(Finding(path, sentence),), readable=False)
    problems = []
    if not _has_path(found, root):
        sentence = (
            f"{key} has no path to Service {root} with the port name {_USE_ANNOTATION}; give it "
            f"one: without it the load balancer doesn't read the weights."
        )
        problems.append(Finding(path, sentence))
    action = _action(rollout, found)
    if isinstance(action, str):
        sentence = f"annotation {_annotation(rollout)} of {key} {action}"
        return Reading(problems=(*problems, Finding(path, sentence)), readable=False)
    sentences = [f"annotation {_annotation(rollout)} of {key} {flaw}" for flaw in action.flaws]
    return Reading(
        splits=(action.split,),
        problems=(*problems, *(Finding(path, sentence) for sentence in sentences)),
        stale=f"{key} {action.stale}" if action.stale else "",
    )


def _written(
    rollout: RoutedRollout, key: ObjectKey, found: Json, weight: int
) -> tuple[ObjectPatch, ...]:
    action = _action(rollout, found)
    text = None if isinstance(action, str) else action.written(weight)
    if text is None:
        return ()
    path: Path = ("metadata", "annotations", _annotation(rollout))
    # The API server can't be asked to compare a text with quotation marks, see `leaves`.
    return patch(key, found, [Change(path, text, (("metadata", "resourceVersion"),))])


def _action(rollout: RoutedRollout, found: Json) -> Action | str:
    """What the annotation says, or why it can't be read."""
    routing = _routing(rollout)
    stable, canary = rollout.canary.stable_service, rollout.canary.canary_service
    if stable is None or canary is None:
        return "can't be read without stableService and canaryService; name both."
    text = value_at(found, ("metadata", "annotations", _annotation(rollout)))
    asked = Asked(stable, canary, routing.service_port, routing.stickiness_config)
    return alb_action.read(None if text is ABSENT else text, asked)


def _has_path(found: Json, service: str) -> bool:
    return any(
        text_at(path, ("backend", "service", "name")) == service
        and text_at(path, ("backend", "service", "port", "name")) == _USE_ANNOTATION
        for rule in list_at(found, ("spec", "rules"))
        for path in list_at(rule, ("http", "paths"))
    )
