"""The pod template: only what Davy itself needs is known here, the API server checks the rest."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.config import JsonDict

from davy.api.errors import Finding
from davy.api.findings import shown
from davy.api.group import POD_TEMPLATE_HASH_LABEL

_NAME_LENGTH: Final = 63
_OPEN: Final = "x-kubernetes-preserve-unknown-fields"

POD_TEMPLATE_SCHEMA: Final[JsonDict] = {
    "type": "object",
    _OPEN: True,
    "properties": {
        "metadata": {
            "type": "object",
            _OPEN: True,
            "description": "Labels and annotations of the pods.",
            "properties": {
                "labels": {
                    "type": "object",
                    "description": "Labels of the pods; the selector must match them.",
                    "maxProperties": 256,
                    "additionalProperties": {"type": "string", "maxLength": _NAME_LENGTH},
                },
            },
        },
        "spec": {
            "type": "object",
            _OPEN: True,
            "description": "A pod's spec, as in a Deployment.",
            "properties": {
                "containers": {
                    "type": "array",
                    "description": "The containers of a pod, told apart by name.",
                    "minItems": 1,
                    "maxItems": 128,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        _OPEN: True,
                        "required": ["name"],
                        "properties": {
                            "name": {
                                "type": "string",
                                "minLength": 1,
                                "maxLength": _NAME_LENGTH,
                                "description": "Unique in the pod.",
                            },
                            "image": {
                                "type": "string",
                                "maxLength": 4096,
                                "description": "The image it runs.",
                            },
                        },
                    },
                },
            },
        },
    },
}
"""Open but for the labels and the containers' names: with the whole pod template the CRD would be
larger than a client-side apply can take."""


def labels(template: Mapping[str, Any]) -> dict[str, str]:
    """The labels that its pods get; empty where there are none or they can't be read."""
    metadata = template.get("metadata")
    found = metadata.get("labels") if isinstance(metadata, dict) else None
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}


def problems(template: Mapping[str, Any], path: str) -> list[Finding]:
    """What no ReplicaSet could be made of; the API server finds the rest."""
    found = pod_problems(template, path)
    spec = template.get("spec")
    policy = spec.get("restartPolicy", "Always") if isinstance(spec, dict) else "Always"
    if policy != "Always":
        found.append(
            Finding(
                f"{path}.spec.restartPolicy",
                f"is {policy}; a ReplicaSet's pods can only be restarted Always",
            )
        )
    return found


def pod_problems(template: Mapping[str, Any], path: str) -> list[Finding]:
    """What no pod could be made of, whoever makes it."""
    found = _label_problems(template, f"{path}.metadata")
    spec = template.get("spec")
    if not isinstance(spec, dict):
        return [*found, Finding(f"{path}.spec", "is missing; give the pod's containers")]
    return found + _container_problems(spec.get("containers"), f"{path}.spec.containers")


def _label_problems(template: Mapping[str, Any], path: str) -> list[Finding]:
    metadata = template.get("metadata")
    if metadata is None:
        return []
    if not isinstance(metadata, dict):
        return [Finding(path, "is not an object; give the labels of the pods")]
    found = metadata.get("labels") or {}
    if not isinstance(found, dict):
        return [Finding(f"{path}.labels", "is not an object; write name: value")]
    wrong = [
        Finding(
            f"{path}.labels['{key}']",
            f"is {shown(value)}; write a text of at most {_NAME_LENGTH} characters, in quotes",
        )
        for key, value in found.items()
        if not isinstance(value, str) or len(value) > _NAME_LENGTH
    ]
    if POD_TEMPLATE_HASH_LABEL in found:
        wrong.append(
            Finding(
                f"{path}.labels['{POD_TEMPLATE_HASH_LABEL}']",
                "is set by Davy on every revision's pods; remove it",
            )
        )
    return wrong


def _container_problems(containers: object, path: str) -> list[Finding]:
    if not isinstance(containers, list) or not containers:
        return [Finding(path, "is missing or empty; a pod needs at least one container")]
    found = []
    seen: set[str] = set()
    for index, container in enumerate(containers):
        at = f"{path}[{index}]"
        if not isinstance(container, dict):
            found.append(Finding(at, "is not an object; give name and image"))
            continue
        found += [
            Finding(f"{at}.{field}", "is missing; every container has a name and an image")
            for field in ("name", "image")
            if not isinstance(container.get(field), str) or not container[field]
        ]
        name = str(container.get("name"))
        if len(name) > _NAME_LENGTH:
            found.append(
                Finding(
                    f"{at}.name",
                    f"is {len(name)} characters long; at most {_NAME_LENGTH} fit",
                )
            )
        if name in seen:
            found.append(Finding(f"{at}.name", f"is {name} a second time; names must differ"))
        seen.add(name)
    return found
