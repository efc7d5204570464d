"""Which pod template is which: ten hex digits of SHA-256 over canonical JSON (I8)."""

import hashlib
import json
from typing import Any, Final

from davy.api.template_form import normal

_HASH_LENGTH: Final = 10
"""Hex digits: 40 bits, and short enough for the pods' names."""


def canonical(value: Any) -> Any:
    """The value without its nulls: an explicit null means the same as a field left out."""
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return value


def digest(value: Any) -> str:
    """The hash of JSON in which neither the order of keys nor a null says anything."""
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def template_hash(template: Any) -> str:
    """The revision's hash, the same for all texts that an API server takes for one template.

    Neither the order of keys, nor a client library, nor what the API server fills in changes it.
    """
    return digest(normal(template))


def written_hash(template: Any) -> str:
    """The hash that a revision had before `template_form`: of the template as it is written."""
    return digest(template)
