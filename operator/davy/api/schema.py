"""A model's JSON schema as a structural schema, the kind that a CRD takes.

The API server's rules (apiextensions.k8s.io/v1): every node has a type, no references, no unions
but int-or-string and "may be unset", no `const`, no numeric `exclusiveMinimum`. What can't be said
that way raises here, while the CRD is made, and not when somebody installs it.
"""

from copy import deepcopy
from typing import Any, Final

from pydantic import BaseModel

Json = dict[str, Any]

_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_OPEN: Final = "x-kubernetes-preserve-unknown-fields"
_KEPT: Final = frozenset(
    {
        "description",
        "enum",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "required",
        "type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        _INT_OR_STRING,
        _OPEN,
    }
)
_HANDLED: Final = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "default",
        "items",
        "properties",
        "title",
    }
)


def structural(model: type[BaseModel]) -> Json:
    """The structural schema of a model; a field's default is told in its description.

    Defaults are not written as `default`: the API server would put them into users' objects, where
    GitOps tools see a drift and a later version of Davy could never change them.

    Raises:
        TypeError: the model holds what a structural schema can't express; the path is named.
    """
    schema = model.model_json_schema(by_alias=True)
    return _node(schema, schema.get("$defs", {}), model.__name__, ())


def _node(node: Json, definitions: Json, path: str, within: tuple[str, ...]) -> Json:
    node = _without_null(node, path)
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        if name in within:
            raise TypeError(f"{path}: {name} contains itself; a CRD can't say that")
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _node({**definitions[name], **beside}, definitions, path, (*within, name))
    if unknown := set(node) - _KEPT - _HANDLED:
        raise TypeError(f"{path}: {', '.join(sorted(unknown))} can't be said in a CRD")
    result: Json = {key: deepcopy(node[key]) for key in sorted(_KEPT & set(node))}
    if "const" in node:
        result["enum"] = [node["const"]]
    if "properties" in node:
        result["properties"] = {
            name: _node(inner, definitions, f"{path}.{name}", within)
            for name, inner in node["properties"].items()
        }
    if "items" in node:
        result["items"] = _node(node["items"], definitions, f"{path}[]", within)
    result |= _additional(node.get("additionalProperties", False), definitions, path, within)
    if "type" not in result and not result.get(_INT_OR_STRING):
        raise TypeError(f"{path}: has no type; a CRD needs one on every node")
    if told := _default_told(node, result.get("description", "")):
        result["description"] = told
    return result


def _additional(value: bool | Json, definitions: Json, path: str, within: tuple[str, ...]) -> Json:  # noqa: FBT001 - JSON schema's own form
    """Pruning does what `false` says, preserve-unknown what `true` says."""
    if value is False:
        return {}
    if value is True:
        return {_OPEN: True}
    return {"additionalProperties": _node(value, definitions, f"{path}{{}}", within)}


def _without_null(node: Json, path: str) -> Json:
    """An `anyOf` of one schema and null is that schema: an unset field is left out."""
    if "anyOf" not in node:
        return node
    real = [option for option in node["anyOf"] if option != {"type": "null"}]
    if len(real) != 1:
        raise TypeError(f"{path}: a union can't be said in a CRD")
    only: Json = real[0]
    return only | {key: value for key, value in node.items() if key != "anyOf"}


def _default_told(node: Json, description: str) -> str:
    default = node.get("default")
    if default is None or default == "" or isinstance(default, list | dict):
        return description
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return f"{description} Default: {text}.".strip()
