"""Routes that an update puts before the weighted one: by header, or mirrored, to the canary."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from davy.api.errors import Finding
from davy.api.fields import Model

Pattern = Annotated[str, Field(max_length=1024)]
HeaderName = Annotated[
    str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9][-_.A-Za-z0-9]*$")
]
RouteName = Annotated[str, Field(min_length=1, max_length=253)]
_FORMS: Final = ("exact", "prefix", "regex")


class StringMatch(Model):
    """How a text must look; exactly one of its fields is set."""

    exact: Pattern | None = Field(None, description="The whole text.")
    prefix: Pattern | None = Field(None, description="How the text begins.")
    regex: Pattern | None = Field(
        None, description="An RE2 pattern of the whole text, as the router reads it."
    )


class HeaderMatch(Model):
    """A header that a request must have."""

    header_name: HeaderName = Field(description="Name of the header, in any case.")
    header_value: StringMatch = Field(description="How its value must look.")


class SetHeaderRoute(Model):
    """Sends the requests that match to the canary, whatever its weight."""

    name: RouteName = Field(description="Its name in managedRoutes.")
    match: list[HeaderMatch] | None = Field(
        None, max_length=16, description="One of these must match. Empty: the route is taken away."
    )


class MirrorMatch(Model):
    """What a request must be like to be mirrored; all that is set must match."""

    method: StringMatch | None = Field(None, description="The HTTP method.")
    path: StringMatch | None = Field(None, description="The path.")
    headers: dict[str, StringMatch] | None = Field(
        None, max_length=16, description="Headers by name, in any case; all must match."
    )


class SetMirrorRoute(Model):
    """Sends copies of the requests that match to the canary, and forgets its answers."""

    name: RouteName = Field(description="Its name in managedRoutes.")
    match: list[MirrorMatch] | None = Field(
        None, max_length=16, description="One of these must match. Empty: the route is taken away."
    )
    percentage: Annotated[int, Field(ge=0, le=100)] = Field(
        100, description="Percent of these requests that are mirrored."
    )


class ManagedRoute(Model):
    """A route that steps may set."""

    name: RouteName = Field(
        description="Name of the route. Davy makes it and takes it away; no route of yours has it."
    )


Rule = SetHeaderRoute | SetMirrorRoute
"""What a step puts before the weighted route."""


def problems(rule: Rule, path: str) -> Iterator[Finding]:
    """Texts to match of which nothing, or two things are said.

    Args:
        rule: of a step.
        path: of the rule in the Rollout.
    """
    if isinstance(rule, SetHeaderRoute):
        for index, header in enumerate(rule.match or ()):
            yield from _one_form(header.header_value, f"{path}.match[{index}].headerValue")
        return
    for index, match in enumerate(rule.match or ()):
        at = f"{path}.match[{index}]"
        if not (match.method or match.path or match.headers):
            yield Finding(at, "matches nothing in particular; give method, path or headers")
        for field, value in (("method", match.method), ("path", match.path)):
            if value:
                yield from _one_form(value, f"{at}.{field}")
        for name, value in (match.headers or {}).items():
            yield from _one_form(value, f"{at}.headers['{name}']")


def form(match: StringMatch) -> tuple[str, str]:
    """Which of the three it is, and the text."""
    return next((name, value) for name in _FORMS if (value := getattr(match, name)) is not None)


def _one_form(match: StringMatch, path: str) -> Iterator[Finding]:
    given = [name for name in _FORMS if getattr(match, name) is not None]
    if len(given) != 1:
        has = f"has {' and '.join(given)}" if given else "says nothing"
        yield Finding(path, f"{has}; write exactly one of exact, prefix and regex")
