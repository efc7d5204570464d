"""Which part of a document a jsonPath names."""

from typing import Any

import pytest

from davy.analysis import jsonpath
from davy.api.errors import JsonPathError

SHOP: Any = {
    "data": {"ok": True, "rate": 0.95, "a.b": 1, "none": None, "it's": 2},
    "items": [
        {"name": "cart", "value": 1, "tags": ["x"]},
        {"name": "api", "value": 2.5},
        {"name": "web", "value": "3", "on": True},
    ],
    "kebab-case": {"io/x": 7, "a=b": 8},
}


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("{$}", [SHOP]),
        ("{}", [SHOP]),
        ("{@}", [SHOP]),
        (" { $.data.ok } ", [True]),
        ("{.data.ok}", [True]),
        ("{@.data.rate}", [0.95]),
        ("{$.data.none}", [None]),
        ("{$['data']['a.b']}", [1]),
        ('{$["data"].rate}', [0.95]),
        ("{$.data['it\\'s']}", [2]),
        ("{$.data.a\\.b}", [1]),
        ("{$.kebab-case.io/x}", [7]),
        ("{$.items[0].name}", ["cart"]),
        ("{$.items[-1].name}", ["web"]),
        ("{$.items[ 1 ].value}", [2.5]),
        ("{$.items[-1:].name}", ["web"]),
        ("{$.items[:2].name}", ["cart", "api"]),
        ("{$.items[1:].name}", ["api", "web"]),
        ("{$.items[*].name}", ["cart", "api", "web"]),
        ("{$.items[*].on}", [True]),
        ("{$.kebab-case.*}", [7, 8]),
        ("{$.kebab-case.a=b}", [8]),
        ("{ .data.ok }", [True]),
        ("{$.items[-3].name}", ["cart"]),
        ("{$.items[2].name}", ["web"]),
        ("{$..name}", ["cart", "api", "web"]),
        ("{$..tags[0]}", ["x"]),
        ("{$..['a.b']}", [1]),
        ('{$.items[?(@.name == "api")].value}', [2.5]),
        ("{$.items[?(@.name=='api')].value}", [2.5]),
        ("{$.items[?(@.name != 'api')].name}", ["cart", "web"]),
        ("{$.items[?(@.value >= 1)].name}", ["cart", "api"]),
        ("{$.items[?(@.value < 2)].name}", ["cart"]),
        ("{$.items[?(@.value <= -1.5)]}", None),
        ("{$.items[?(@.value > 2.25)].name}", ["api"]),
        ("{$.items[?(@.on)].name}", ["web"]),
        ("{$.items[?(@.on==true)].name}", ["web"]),
        ("{$.items[?(@.tags[0] == 'x')].name}", ["cart"]),
        ('{$.items[?(@.name > "b")].name}', ["cart", "web"]),
        ("{$.items[0].tags[?(@ == 'x')]}", ["x"]),
        ("{$.items[?(@.name == 'cart')].tags[?(@ == 'x')]}", ["x"]),
        ("{$.items[?(@.value != 'x')].name}", ["cart", "api", "web"]),
        ("{$.items[?(@.value != 1)].name}", ["api", "web"]),
        ("{$.items[?(@.value == '3')].name}", ["web"]),
        ("{$.items[?(@.value == 3)].name}", None),
        ("{$.items[?(@.tags != 1)].name}", ["cart"]),
        ("{$.items[?(@.tags == 1)].name}", None),
        ("{$.items[?(@.on != false)].name}", ["web"]),
        ("{$.items[?(@.on != true)].name}", None),
        ("{$.items[?(@.on > false)].name}", None),
    ],
)
def test_what_a_path_leads_to(source: str, values: list[Any] | None) -> None:
    """In the order of the document; numbers compare by value, other types never."""
    if values is None:
        with pytest.raises(JsonPathError, match="finds nothing"):
            jsonpath.found(source, SHOP)
    else:
        assert jsonpath.found(source, SHOP) == values


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{$.ok}", "{$.ok} finds nothing: the answer (a map) has no field 'ok'"),
        ("{$.data.ok.x}", "what step 2 leads to (true or false) has no field 'x'"),
        ("{$.items.name}", "what step 1 leads to (a list of 3) has no field 'name'"),
        ("{$.items[3]}", "what step 1 leads to (a list of 3) has no item 3"),
        ("{$.items[-4]}", "has no item -4"),
        ("{$.items[*].on.x}", "what step 3 leads to (true or false) has no field 'x'"),
        ("{$.items[*].nope}", "what step 2 leads to (a map) has no field 'nope'"),
        ("{$.items[*].value.x}", "what step 3 leads to (3 values) has no field 'x'"),
        ("{$.items[5:]}", "has no items there"),
        ("{$.data.ok[*]}", "has nothing in it"),
        ("{$.data.none.x}", "what step 2 leads to (null) has no field 'x'"),
        ("{$.items[?(@.name == 'x')]}", "has no item of which the filter holds"),
        ("{$.data[0]}", "what step 1 leads to (a map) has no item 0"),
        ("{$.data.rate[0]}", "what step 2 leads to (a number) has no item 0"),
        ("{$.items[0].name[0]}", "what step 3 leads to (a text) has no item 0"),
        ("{$.items[0].name[0:2]}", "what step 3 leads to (a text) has no items there"),
        ("{$.data[0:1]}", "what step 1 leads to (a map) has no items there"),
        ("{$.data[?(@ == 'ok')]}", "(a map) has no item of which the filter holds"),
        ("{$.data.rate[?(@ == 1)]}", "(a number) has no item of which the filter holds"),
    ],
)
def test_a_path_that_leads_nowhere(source: str, says: str) -> None:
    """The step, the kind of what is there, what is missing; no text of the answer."""
    with pytest.raises(JsonPathError) as error:
        jsonpath.found(source, SHOP)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "is ''; write it in braces"),
        ("$.data.ok", "is '$.data.ok'; write it in braces, e.g. {$.data.ok}"),
        ("{$.data.}", "breaks off at character"),
        ("{$.}", "breaks off"),
        ("{data}", "has an unexpected 'd' at character 1"),
        ("{$.a[}", "breaks off"),
        ("{$.a[x]}", "has an unexpected 'x' at character 5"),
        ("{$.a['x}", "has an unexpected"),
        ("{$.a['x','y']}", "has an unexpected"),
        ("{$.a[1,2]}", "has an unexpected"),
        ("{$.a[::2]}", "has an unexpected"),
        ("{$.a}{$.b}", "has an unexpected '}'"),
        ("text {$.a}", "write it in braces"),
        ("{range $.a[*]}{.b}{end}", "has an unexpected 'r'"),
        ("{$.a[?(@.b == c)]}", "has an unexpected 'c'"),
        ("{$.a[?(@.b]}", "has an unexpected"),
        ("{$.a[?(@..b)]}", "has .. within a filter"),
        ("{$.a[?(@[?(@.b)])]}", "has a filter within a filter"),
        ("{$" + "[?(@" * 200 + "}", "has a filter within a filter"),
        ("{$.a.." + "}", "breaks off"),
        ("{$" + ".a" * 65 + "}", "has more than 64 steps"),
        ("{$." + "a" * 1024 + "}", "has 1028 characters; 1024 are the most"),
        ("{$.a\\}", "has an unexpected"),
        ("{$.a", "is '{$.a'; write it in braces, e.g. {$.data.ok}"),
        ("$.a}", "is '$.a}'; write it in braces, e.g. {$.data.ok}"),
        ("{$.a[?(@.b == 1}", "breaks off at character 15"),
        ("{$.a[?(@.b=1)]}", "has an unexpected '=' at character 10"),
    ],
)
def test_a_path_of_another_form(source: str, says: str) -> None:
    """What follows `jsonPath` in a sentence: where, and what would be right."""
    with pytest.raises(JsonPathError) as error:
        jsonpath.parse(source)
    assert says in str(error.value)
    assert len(str(error.value)) < 200


def a_tower(levels: int) -> Any:
    """Maps in maps."""
    found: Any = 1
    for _ in range(levels):
        found = {"a": found, "b": 1}
    return found


@pytest.mark.parametrize("source", ["{$..a..a..a..a}", "{$" + "..a" * 20 + "}"])
def test_a_path_is_bounded_in_time(source: str) -> None:
    """Each `..` multiplies; the number of values looked at is what counts."""
    with pytest.raises(JsonPathError, match="looks at more than 50000 values"):
        jsonpath.found(source, a_tower(90))


def test_the_bounds_of_a_path() -> None:
    """64 steps and 1 024 characters are allowed; one more of each isn't (above)."""
    assert len(jsonpath.parse("{$" + ".a" * 64 + "}")) == 64
    assert len(jsonpath.parse("{$." + "a" * 1020 + "}")) == 1


def test_fifty_thousand_values_are_looked_at() -> None:
    """An answer may have more; the sentence names the path."""
    assert len(jsonpath.found("{$[*]}", [1] * 50_000)) == 50_000
    with pytest.raises(JsonPathError) as error:
        jsonpath.found("{$[*]}", [1] * 50_001)
    assert str(error.value) == "{$[*]} looks at more than 50000 values"
