"""What must hold of a length of time in a metric; one with an argument in it is tried later."""

from collections.abc import Iterator

from davy.api.arguments import has_placeholder
from davy.api.errors import Finding
from davy.api.fields import parse_duration


def readable(given: str | None, path: str) -> Iterator[Finding]:
    """What is wrong with it; unset is fine."""
    if given is None or has_placeholder(given):
        return
    try:
        parse_duration(given)
    except ValueError as error:
        yield Finding(path, str(error))


def above_nothing(given: str | None, path: str, example: str) -> Iterator[Finding]:
    """The same for one that must not be 0.

    Args:
        given: as it was written.
        path: of the field.
        example: a length that suits the field.
    """
    wrong = [*readable(given, path)]
    yield from wrong
    if wrong or given is None or has_placeholder(given) or parse_duration(given):
        return
    yield Finding(path, f"is {given}; write more than nothing, such as {example}")
