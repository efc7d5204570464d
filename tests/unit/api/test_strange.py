"""Strange values at every place: validation answers with findings, it never raises."""

from collections.abc import Iterator
from typing import Any

import pytest

from davy.api import paths
from tests.unit.api.documents import GOOD, changed
from tests.unit.api.test_validate import READ

STRANGE: list[Any] = [None, True, -1, 10**400, 1.5, float("nan"), "", "{{", "ü" * 5000, [], {}]
STRANGE += [[None], {"": None}, [[]], {"x": {"y": [1]}}, ["a", "a"]]


def places(document: Any, path: str = "spec") -> Iterator[str]:
    """The path of everything in a JSON value, itself included."""
    yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, paths.child(path, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, paths.child(path, index))


@pytest.mark.parametrize("base", GOOD)
def test_a_strange_value_anywhere_is_answered_with_findings(base: str) -> None:
    """One rollout's nonsense must not stop the others; what is accepted reads the same again."""
    findings, parse = READ[GOOD[base]["kind"]]
    for path in places(GOOD[base]["spec"]):
        for value in STRANGE:
            document = changed(base, {path: value})
            found = findings(document)
            assert all(one.path.startswith("spec") and one.message for one in found), path
            if not found:
                spec = parse(document)
                assert parse(document | {"spec": spec.manifest()}) == spec, path
