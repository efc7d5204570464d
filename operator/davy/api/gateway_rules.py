"""What routes of the Gateway API can match: less than the steps of managed routes can say."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from davy.api.errors import Finding
from davy.api.managed_routes import Rule, SetHeaderRoute, StringMatch

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_PATH: Final = re.compile(r"/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*")
_IN_PATH: Final = re.compile(r"//|/\.\.?(/|$)|%2[fF]")
_HEADER: Final = re.compile(r"[!-~]+([\t ]?[!-~]+)*")


def name_problems(names: Sequence[str], path: str) -> Iterator[Finding]:
    """Names of managed routes that no rule can have.

    Args:
        names: of managedRoutes.
        path: of the list in the Rollout.
    """
    for index, name in enumerate(names):
        if not _NAME.fullmatch(name):
            yield Finding(
                f"{path}[{index}].name",
                f"is {name}, which no rule of the Gateway API can be called; write at most 63 "
                "small letters, digits and hyphens",
            )


def problems(rule: Rule, path: str, kinds: Collection[str]) -> Iterator[Finding]:
    """What the rollout's Gateway API routes can't say.

    Args:
        rule: of a step.
        path: of the rule in the Rollout.
        kinds: of the routes.
    """
    if isinstance(rule, SetHeaderRoute):
        if rule.match and not {"HTTPRoute", "GRPCRoute"} & {*kinds}:
            yield Finding(path, "needs an HTTPRoute or a GRPCRoute; name one in gatewayAPI")
        for index, header in enumerate(rule.match or ()):
            yield from _header(header.header_value, f"{path}.match[{index}].headerValue")
        return
    if rule.match and "HTTPRoute" not in kinds:
        yield Finding(path, "needs an HTTPRoute; name one in gatewayAPI.httpRoutes")
    for index, match in enumerate(rule.match or ()):
        at = f"{path}.match[{index}]"
        yield from _method(match.method, f"{at}.method")
        yield from _path(match.path, f"{at}.path")
        for name, value in (match.headers or {}).items():
            yield from _header(value, f"{at}.headers['{name}']")


def _header(value: StringMatch, path: str) -> Iterator[Finding]:
    if value.prefix is not None:
        yield Finding(
            f"{path}.prefix", "isn't known to the Gateway API for headers; write exact or regex"
        )
    for name, text in (("exact", value.exact), ("regex", value.regex)):
        if text is not None and not _HEADER.fullmatch(text):
            yield Finding(
                f"{path}.{name}",
                "is nothing that the Gateway API takes for a header; write visible ASCII "
                "characters, with single blanks between them",
            )


def _method(value: StringMatch | None, path: str) -> Iterator[Finding]:
    if value and (value.prefix is not None or value.regex is not None):
        yield Finding(path, "is matched as a whole by the Gateway API; write exact")
    if value and value.exact is not None and value.exact not in _METHODS:
        yield Finding(f"{path}.exact", f"is no method; write one of {', '.join(_METHODS)}")


def _path(value: StringMatch | None, path: str) -> Iterator[Finding]:
    if value is None:
        return
    if value.regex is not None:
        yield Finding(
            f"{path}.regex",
            "has a precedence of each implementation's own in the Gateway API; write exact or "
            "prefix",
        )
    for name, text in (("exact", value.exact), ("prefix", value.prefix)):
        if text is not None and (not _PATH.fullmatch(text) or _IN_PATH.search(text)):
            yield Finding(
                f"{path}.{name}",
                "is no path that the Gateway API takes; write one such as /api/v1, without //, "
                "/./, /../ and %2F",
            )
