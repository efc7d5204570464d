"""JSON of any depth, cut to what can be read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster import shallow

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
DEEP = 9000


def nested(levels: int, start: str = '{"a":', end: str = "}") -> str:
    return start * levels + "1" + end * levels


@given(JSON)
def test_what_can_be_read_stays_as_it_is(value: Any) -> None:
    """Brackets and quotes in texts are no nesting."""
    text = json.dumps(value)
    assert shallow.cut(text) == text
    assert shallow.loads(text) == value


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_what_is_too_deep_is_null(start: str, end: str) -> None:
    """Its neighbours are all there."""
    text = f'{{"before": "[{{", "deep": {nested(DEEP, start, end)}, "after": [1]}}'
    found = shallow.loads(text)
    assert (found["before"], found["after"]) == ("[{", [1])
    levels, inner = 0, found["deep"]
    while inner is not None:
        levels, inner = levels + 1, next(iter(inner.values() if isinstance(inner, dict) else inner))
    assert levels == shallow.DEEPEST - 1


def test_an_object_like_others_is_cut_at_its_place_only() -> None:
    """In a list of many."""
    items = [{"name": "a"}, "DEEP", {"name": "b"}]
    text = json.dumps({"items": items}).replace('"DEEP"', nested(DEEP))
    found = shallow.loads(text.encode())["items"]
    assert (found[0], found[2]) == (items[0], items[2])
