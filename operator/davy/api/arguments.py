"""Arguments of analysis: `{{args.name}}` in texts, and what rollouts and templates say of them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from davy.api import paths
from davy.api.analysis import FieldRef, RunArg, TemplateArg
from davy.api.errors import Finding

_PLACEHOLDER: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_ARGUMENT: Final = re.compile(r"args\.([A-Za-z0-9_.-]+)")
_FIELD_ROOTS: Final = ("metadata.", "spec.", "status.")


def has_placeholder(text: str) -> bool:
    """The text will be filled in when a run is made, so it can't be judged before."""
    return "{{" in text


def is_placeholder(text: str) -> bool:
    """The text is nothing but one `{{args.name}}`."""
    found = _PLACEHOLDER.fullmatch(text.strip())
    return bool(found and _ARGUMENT.fullmatch(found[1]))


def placeholder_problems(document: Any, known: Sequence[str], path: str) -> Iterator[Finding]:
    """Each `{{…}}` in the texts of a JSON value that no argument will fill in."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from placeholder_problems(value, known, paths.child(path, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from placeholder_problems(value, known, paths.child(path, index))
    elif isinstance(document, str):
        yield from _text_problems(document, known, path)


def _text_problems(text: str, known: Sequence[str], path: str) -> Iterator[Finding]:
    for match in _PLACEHOLDER.finditer(text):
        argument = _ARGUMENT.fullmatch(match[1])
        if not argument:
            yield Finding(path, f"has {match[0]}; arguments are written {{{{args.name}}}}")
        elif argument[1] not in known:
            have = ", ".join(known) or "none"
            yield Finding(path, f"uses {match[0]}, but args has no {argument[1]} (it has {have})")
    if text.count("{{") != len(_PLACEHOLDER.findall(text)):
        yield Finding(path, "has a {{ without its }}; arguments are written {{args.name}}")


def rollout_args(args: Sequence[RunArg], path: str) -> Iterator[Finding]:
    """What is wrong in the arguments that a rollout gives."""
    yield from _names([arg.name for arg in args], path)
    for index, arg in enumerate(args):
        at = f"{path}[{index}]"
        if (arg.value is None) == (arg.value_from is None):
            has = "neither value nor" if arg.value is None else "both value and"
            yield Finding(at, f"has {has} valueFrom; give exactly one")
        if arg.value_from:
            source = arg.value_from
            hashed = source.pod_template_hash_value
            if (hashed is None) == (source.field_ref is None):
                has = "neither" if hashed is None else "both"
                yield Finding(
                    f"{at}.valueFrom",
                    f"has {has} of podTemplateHashValue and fieldRef; give exactly one",
                )
            yield from _field_ref(source.field_ref, f"{at}.valueFrom.fieldRef")


def template_args(args: Sequence[TemplateArg], path: str) -> Iterator[Finding]:
    """What is wrong in the arguments that a template or a run declares."""
    yield from _names([arg.name for arg in args], path)
    for index, arg in enumerate(args):
        at = f"{path}[{index}]"
        if arg.value is not None and arg.value_from is not None:
            yield Finding(at, "has both value and valueFrom; give one at most")
        if arg.value_from:
            source = arg.value_from
            if (source.secret_key_ref is None) == (source.field_ref is None):
                has = "neither" if source.field_ref is None else "both"
                yield Finding(
                    f"{at}.valueFrom",
                    f"has {has} of secretKeyRef and fieldRef; give exactly one",
                )
            yield from _field_ref(source.field_ref, f"{at}.valueFrom.fieldRef")


def _names(names: Sequence[str], path: str) -> Iterator[Finding]:
    counted = Counter(names)
    for index, name in enumerate(names):
        if counted[name] > 1 and name in names[:index]:
            yield Finding(f"{path}[{index}].name", f"is {name} a second time; names must differ")


def _field_ref(ref: FieldRef | None, path: str) -> Iterator[Finding]:
    if ref and not ref.field_path.startswith(_FIELD_ROOTS):
        yield Finding(
            f"{path}.fieldPath",
            f"is {ref.field_path}; it starts with metadata., spec. or status. of the Rollout",
        )
