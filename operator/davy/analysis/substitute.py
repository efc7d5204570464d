"""`{{args.name}}` in the texts of a metric, filled in.

Argo's rule: the whole metric is text; every `{{args.name}}` in it is replaced, in integer fields
too, where a whole number must come out. What is left unknown is an error that names template,
metric and argument.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import ValidationError

from davy.api import findings as api_findings
from davy.api.analysis import Metric
from davy.api.errors import Finding

_TAG: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_PREFIX: Final = "args."
_INTEGERS: Final = (
    "count",
    "failureLimit",
    "inconclusiveLimit",
    "consecutiveErrorLimit",
    "consecutiveSuccessLimit",
)
_CREDENTIAL: Final = re.compile(
    r"\.provider\.(prometheus|web)\.(headers\[\d+\]\.value"
    r"|authentication\.(oauth2\.(clientId|clientSecret)|basicAuth\.(username|password)))"
)
"""Paths of the texts that `credentials` fills in."""
_CREDENTIALS: Final = "only values of headers and of authentication may hold one"
_JOB: Final = ".provider.job."
_ELSEWHERE: Final = (
    "a Job keeps its texts where others read them; let its pod take it from the Secret, by "
    "valueFrom.secretKeyRef of the container's env"
)
_WHOLE: Final = re.compile(r"\s*([+-]?\d{1,9})\s*")


def filled(
    metric: Metric, values: Mapping[str, str], left: Collection[str], where: str
) -> tuple[Metric | None, list[Finding]]:
    """The metric with its arguments filled in, or what is wrong; never both.

    Args:
        metric: as its template has it.
        values: by argument name.
        left: names that stay as they are (secrets), allowed in credentials only.
        where: the template, as findings name it, e.g. `AnalysisTemplate error-rate`.
    """
    raw = metric.manifest()
    path = f"{where}: metrics[{metric.name}]"
    wrong: list[Finding] = []
    texts = _walk(raw, "", values, left, wrong)
    findings = [Finding(f"{path}{one.path}", one.message) for one in wrong]
    for field in _INTEGERS:
        if isinstance(text := texts.get(field), str):
            found = _WHOLE.fullmatch(text)
            if found is None:
                message = f"is {text!r} after arguments are filled in; write a whole number"
                findings.append(Finding(f"{path}.{field}", message))
            else:
                texts[field] = int(found[1])
    if findings:
        return None, findings
    try:
        return Metric.model_validate(texts), []
    except ValidationError as error:
        return None, api_findings.of(error, Metric, path)


def names(value: Any) -> frozenset[str]:
    """The arguments that texts anywhere in a JSON value still ask for."""
    if isinstance(value, str):
        tags = (tag.strip() for tag in _TAG.findall(value))
        return frozenset(tag.removeprefix(_PREFIX) for tag in tags if tag.startswith(_PREFIX))
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return frozenset().union(*(names(item) for item in value))
    return frozenset()


def replaced(text: str, values: Mapping[str, str]) -> str:
    """The text with the arguments that are known filled in, the others left."""

    def one(found: re.Match[str]) -> str:
        return values.get(found[1].strip().removeprefix(_PREFIX), found[0])

    return _TAG.sub(one, text)


def _walk(
    value: Any,
    path: str,
    values: Mapping[str, str],
    left: Collection[str],
    findings: list[Finding],
) -> Any:
    if isinstance(value, str):
        findings.extend(_unknown(value, path, values, left))
        return replaced(value, values)
    if isinstance(value, Mapping):
        return {
            key: _walk(item, f"{path}.{key}", values, left, findings) for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _walk(item, f"{path}[{index}]", values, left, findings)
            for index, item in enumerate(value)
        ]
    return value


def _unknown(
    text: str, path: str, values: Mapping[str, str], left: Collection[str]
) -> list[Finding]:
    findings = []
    for tag in (found.strip() for found in _TAG.findall(text)):
        name = tag.removeprefix(_PREFIX)
        if not tag.startswith(_PREFIX):
            message = f"has {{{{{tag}}}}}; only {{{{args.NAME}}}} is filled in"
        elif name in left and not _CREDENTIAL.fullmatch(path):
            what = _ELSEWHERE if path.startswith(_JOB) else _CREDENTIALS
            message = f"uses {{{{{tag}}}}}, a secret; {what}"
        elif name in values or name in left:
            continue
        else:
            message = f"uses {{{{{tag}}}}}; no template declares the argument {name}"
        findings.append(Finding(path, message))
    return findings
