"""The condition language: what users write, what it decides, and what it refuses."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import condition
from davy.analysis.nodata import Missing
from davy.api.errors import ConditionError

NAN, INF = math.nan, math.inf
ANSWER: dict[str, Any] = {
    "x": {"y": 2, "name": "cart", "none": None},
    "list": [{"v": 1, "ok": True}, {"v": 5, "ok": False}],
    "text": "v1.2.3",
    "odd key": 7,
}

HOLDS = [
    # what the documentation of Argo and its users show
    ("result[0] >= 0.95", [0.97]),
    ("result[0] <= 0.05", [0]),
    ("len(result) == 0 || result[0] < 5", []),
    ("len(result) == 0 || result[0] < 5", [4.5]),
    ("isNaN(result[0]) || result[0] >= 0.95", [NAN]),
    ("isNaN(result)", NAN),
    ("!isNaN(result) && !isInf(result)", 1.5),
    ("isInf(result)", -INF),
    ("default(result, 0) == 0", None),
    ("default(result, 0) < 1", 0.5),
    ("default(result[0], 0) == 0", []),
    ("isNil(result)", None),
    ("!isNil(result)", []),
    ("result == 'true'", "true"),
    ("result.x.y == 2", ANSWER),
    ("result.x['y'] == 2", ANSWER),
    ('result["odd key"] == 7', ANSWER),
    ("all(result, # > 1)", [2, 3]),
    ("all(result, {# > 1})", [2, 3]),
    ("all(result.list, .v > 0)", ANSWER),
    ("all(result.list, {.v > 0 && #.v < 6})", ANSWER),
    ("any(result.list, !.ok)", ANSWER),
    ("asFloat(result) > 0.5", "0.75"),
    ("asFloat(result) > 0.5", 1),
    ("asInt(result) == 3", "3"),
    ("asInt(result) == 3", 3.9),
    ("result in ['pass', 'ok']", "ok"),
    ("result not in ['pass', 'ok']", "no"),
    ("result > 10 ? false : true", 3),
    ("result[0] >= 0.95 and result[1] < 2 or false", [0.95, 1]),
    # numbers
    ("1 == 1.0", None),
    ("result[0] == 1", [1.0]),
    ("0x1F == 31 && 1_000 == 1000 && 1e3 == 1000 && .5 == 0.5", None),
    ("5 / 2 == 2.5", None),
    ("7 % 3 == 1 && -7 % 3 == -1 && 7 % -3 == 1", None),
    ("2 ** 3 == 8 && 2 ^ 3 == 8 && 2 ** 3 ** 2 == 512", None),
    ("-2 ** 2 == -4", None),
    ("2 ** -1 == 0.5", None),
    ("1 + 2 * 3 == 7 && (1 + 2) * 3 == 9", None),
    ("10 - 4 - 3 == 3", None),
    ("-result < 0 && +result > 0", 1),
    ("1 < result < 3", 2),
    ("!(1 < result < 3)", 3),
    ("1 < result <= 3 < 4", 3),
    ("isInf(1 / 0) && isInf(-1 / 0) && isNaN(0 / 0)", None),
    ("abs(-2) == 2 && ceil(1.2) == 2 && floor(1.8) == 1", None),
    ("round(0.5) == 1 && round(-0.5) == -1 && round(2.4) == 2", None),
    ("min(3, 1, 2) == 1 && max([3, 1, 2]) == 3", None),
    ("mean([1, 2, 6]) == 3 && median([5, 1, 3]) == 3 && median([1, 2]) == 1.5", None),
    ("sum(result) == 6", [1, 2, 3]),
    ("sum(result.list, .v) == 6", ANSWER),
    ("int('12') == 12 && int(2.9) == 2 && float('1.5') == 1.5", None),
    ("int(-2.9) == -2", None),
    # logic
    ("true && !false && not false", None),
    ("true || result.nothing.here", ANSWER),
    ("(1 == 2) == false && 1 == 1 != false", None),
    ("nil == nil && nil != 0 && null == nil", None),
    ("1 != '1'", None),
    ("not (result in [1, 2])", 3),
    # texts
    (
        "result.text contains '1.2' && result.text startsWith 'v' && result.text endsWith '3'",
        ANSWER,
    ),
    (r"result.text matches '^v\\d+\\.\\d+'", ANSWER),
    (r"result.text matches `^v\d+\.`", ANSWER),
    ("result not matches '^x' && result not contains 'q' && result not startsWith 'b'", "abc"),
    ("lower('AbC') == 'abc' && upper('a') == 'A' && trim('  a ') == 'a'", None),
    ("split('a,b', ',') == ['a', 'b'] && join(['a', 'b'], '-') == 'a-b'", None),
    ("replace('aa', 'a', 'b') == 'bb' && indexOf('abc', 'c') == 2", None),
    ("hasPrefix('abc', 'a') && hasSuffix('abc', 'c') && trimPrefix('v1', 'v') == '1'", None),
    ("'a' + 'b' == 'ab' && 'a' < 'b'", None),
    (r"'\n\t\x41\u00e9\'' == " + '"\\n\\tAé\'"', None),
    ("string(0.5) == '0.5' && string(3) == '3' && len('äö') == 2", None),
    # lists and maps
    ("result[-1] == 3 && result[-3] == 1", [1, 2, 3]),
    ("result[1:2] == [2] && result[:2] == [1, 2] && result[1:] == [2, 3]", [1, 2, 3]),
    ("result[-2:] == [2, 3] && result[5:] == [] && result[:99] == result", [1, 2, 3]),
    ("1..3 == [1, 2, 3] && 3..1 == []", None),
    ("2 in 1..3 && 'y' in result.x && 'z' not in result.x", ANSWER),
    ("{a: 1, 'b': 2,} == {b: 2, a: 1} && {}.x == nil", None),
    ("[1, [2],][1][0] == 2", None),
    ("any(result, # > 2) && none(result, # > 3) && one(result, # == 2)", [1, 2, 3]),
    ("filter(result, # > 1) == [2, 3] && map(result, # * 2) == [2, 4, 6]", [1, 2, 3]),
    (
        "count(result, # > 1) == 2 && find(result, # > 1) == 2 && findIndex(result, # > 9) == -1",
        [1, 2, 3],
    ),
    ("filter(result, #index > 0) == [2]", [1, 2]),
    ("all(result, any(#, # > 1))", [[1, 2], [3]]),
    ("first(result) == 1 && last(result) == 3 && get(result, 9) == nil", [1, 2, 3]),
    ("take(result, 2) == [1, 2] && reverse(result) == [3, 2, 1]", [1, 2, 3]),
    ("concat(result, [4])[3] == 4", [1, 2, 3]),
    ("keys({a: 1}) == ['a'] && values({a: 1}) == [1]", None),
    ("type(result) == 'array' && type(1) == 'int' && type(nil) == 'nil'", [1]),
    ("len(map(result, #)) == 3", [1, 2, 3]),
    ("type('a') == 'string' && type(1.5) == 'float' && type(true) == 'bool'", None),
    ("type({}) == 'map' && bool(true) && get({a: 1}, 'a') == 1 && get({}, 'b') == nil", None),
    ("isInf(ceil(1 / 0)) && isNaN(round(0 / 0)) && isNaN(max([0 / 0, 1]))", None),
    ("sum([0.1, 0.2, 0.3]) == 0.6 && isNaN(sum([1 / 0, -1 / 0]))", None),
    ("(-8) ** 0.5 == 1 || true", None),
    ("isInf(10 ** 999) && isInf(0 ** -1) && isInf((-10) ** 999) && isNaN((-8) ** 0.5)", None),
    ("split('abc', '') == ['a', 'b', 'c'] && trim('xax', 'x') == 'a' && first([]) == nil", None),
    ("string([1, 'a', nil, true]) == '[1,\"a\",null,true]' && string({a: 0.5}) != ''", None),
    ("result matches '^(?:a|b){2,3}c?$' && result matches 'a+b*?'", "aab"),
    ("all([], # > 1)", [1]),
    # nil, optional chaining, pipes, let
    ("result.x.none == nil && result.z == nil", ANSWER),
    ("result?.z?.a.b == nil", ANSWER),
    ("result.z?.[0] == nil", ANSWER),
    ("(result.z ?? 3) == 3 && result.x.y ?? 9 == 2", ANSWER),
    ("result.z?.a ?? -1 == -1", ANSWER),
    ("result | len() == 3", [1, 2, 3]),
    ("result | filter(# > 1) | len() == 2 && true", [1, 2, 3]),
    ("let worst = max(result); worst < 5 && worst > 2", [1, 3]),
    ("index in inner ? true : true", ANSWER),
    ("result.in == 1", {"in": 1}),
    ("true // a comment", None),
    ("/* before */ true", None),
]


@pytest.mark.parametrize(("source", "answer"), [case for case in HOLDS if "inner" not in case[0]])
def test_holds(source: str, answer: Any) -> None:
    """The condition is true of the answer, and its negation false."""
    assert condition.decide(source, answer).holds is True
    if not source.startswith(("let", "true //")) and "|" not in source.replace("||", ""):
        assert condition.decide(f"!({source})", answer).holds is False


def test_the_table_is_long_enough() -> None:
    """The language is pinned by at least 80 expressions."""
    assert len(HOLDS) >= 80


UNDECIDED = [
    ("result[0] >= 0.95", [NAN], Missing.NAN),
    ("result[0] < 0.05", [NAN], Missing.NAN),
    ("result == 1", NAN, Missing.NAN),
    ("result[0] != result[0]", [NAN], Missing.NAN),
    ("result[0] * 100 > 5", [NAN], Missing.NAN),
    ("result[0] / result[1] > 5", [0, 0], Missing.NAN),
    ("max(result) < 1", [0.5, NAN], Missing.NAN),
    ("mean(result) < 1", [0.5, NAN], Missing.NAN),
    ("result[0] in [1, 2]", [NAN], Missing.NAN),
    ("int(result[0]) == 1", [NAN], Missing.NAN),
    ("result == [1]", [NAN], Missing.NAN),
    ("all(result, # < 1)", [0.5, NAN], Missing.NAN),
    ("any(result, # > 1)", [NAN, 0.5], Missing.NAN),
    ("len(filter(result, # > 1)) == 0", [NAN], Missing.NAN),
    ("count(result, # > 1) == 0", [NAN], Missing.NAN),
    ("any(map(result, # > 1), #)", [NAN], Missing.NAN),
    ("[result[0] > 1] == [true]", [NAN], Missing.NAN),
    ("result[0] > 1 ? true : false", [NAN], Missing.NAN),
    ("result[0] > 1 && true", [NAN], Missing.NAN),
    ("result[0] > 1 || false", [NAN], Missing.NAN),
    ("!(result[0] > 1)", [NAN], Missing.NAN),
    ("result[0] >= 0.95", [], Missing.EMPTY),
    ("result[0] >= 0.95", None, Missing.EMPTY),
    ("result >= 0.95", None, Missing.EMPTY),
    ("result.x > 1", {}, Missing.EMPTY),
    ("result.x > 1", None, Missing.EMPTY),
    ("result?.x > 1", None, Missing.EMPTY),
    ("all(result, # > 1)", [], Missing.EMPTY),
    ("none(result, # > 1)", [], Missing.EMPTY),
    ("any(result, # > 1)", [], Missing.EMPTY),
    ("sum(result) < 1", [], Missing.EMPTY),
    ("count(result, # > 1) == 0", [], Missing.EMPTY),
    ("max(result) < 1", [], Missing.EMPTY),
    ("first(result) < 1", [], Missing.EMPTY),
    ("result[0:1] == []", [], Missing.EMPTY),
    ("len(result) == 0 && result[0] < 1", [], Missing.EMPTY),
]


@pytest.mark.parametrize(("source", "answer", "missing"), UNDECIDED)
def test_undecided(source: str, answer: Any, missing: Missing) -> None:
    """I7: what reads missing evidence, and would be turned by it, is neither true nor false."""
    decision = condition.decide(source, answer)
    assert (decision.holds, decision.missing) == (None, missing)


DECIDED_ANYWAY = [
    ("isNaN(result[0]) || result[0] >= 0.95", [NAN], True),
    ("result[0] >= 0.95 || isNaN(result[0])", [NAN], True),
    ("!isNaN(result[0]) && result[0] > 0.05", [NAN], False),
    ("result[0] > 0.05 && !isNaN(result[0])", [NAN], False),
    ("all(result, # < 0.05)", [NAN, 0.5], False),
    ("any(result, # > 0.05)", [NAN, 0.5], True),
    ("none(result, # > 0.05)", [NAN, 0.5], False),
    ("all(result, # > 1 || isNaN(#))", [NAN, 2], True),
    ("result[0] > 1 || result[1] > 1", [NAN, 2], True),
    ("len(result) > 0 && result[0] < 5", [], False),
    ("result[0] < 5 || len(result) == 0", [], True),
    ("result[0] ?? 3 == 3", [], True),
    ("isNil(result[0])", [], True),
    ("result == nil", None, True),
    ("result == []", [], True),
    ("default(result, [0])[0] == 0", [], True),
]


@pytest.mark.parametrize(("source", "answer", "holds"), DECIDED_ANYWAY)
def test_missing_evidence_cannot_turn_it(source: str, answer: Any, holds: object) -> None:
    """A condition that handles what is missing, or is decided without it, has the last word."""
    assert condition.decide(source, answer).holds is holds


REFUSED = [
    ("", None, 0, "empty"),
    ("result[0] >", [1], 11, "breaks off"),
    ("result[0] = 1", [1], 10, "use =="),
    ("result[0] >= 0.95)", [1], 17, "unexpected ')'"),
    ("'abc", None, 0, "isn't closed"),
    ("result @ 1", None, 7, "unexpected '@'"),
    ("a b", None, 2, "unexpected 'b'"),
    (r"'\q' == 'q'", None, 1, "unknown escape"),
    ("12abc > 1", None, 0, "unexpected"),
    ("99999999999999999999 > 1", None, 0, "too large"),
    ("1e999 > 1", None, 0, "too large"),
    ("results[0] > 1", [1], 0, "unknown name results"),
    ("nothing(1)", None, 0, "unknown function nothing"),
    ("isNan(result)", 1, 0, "write isNaN"),
    ("now() > 1", None, 0, "clock"),
    ("len() > 1", None, 0, "takes 1 argument"),
    ("default(result)", None, 0, "takes 2 arguments"),
    ("len({# > 1})", None, 0, "takes no predicate"),
    ("# > 1", [1], 0, "predicate only"),
    ("all(result, #acc > 1)", [1], 12, "#acc is unknown"),
    ("result[3] > 1", [1, 2], 6, "index out of range: 3 of 2"),
    ("result[-3] > 1", [1, 2], 6, "index out of range: -3 of 2"),
    ("result[0.5] > 1", [1, 2], 6, "whole number"),
    ("result[isNil(1)] > 1", [1, 2], 6, "whole number"),
    ("result > 1", [0.5], 7, "write result[0]"),
    ("result[0] > '1'", [0.5], 10, "takes numbers, not a text"),
    ("result && true", 1, 7, "takes true or false"),
    ("!result", 1, 0, "takes true or false"),
    ("result ? true : false", 1, 0, "takes true or false"),
    ("all(result, #)", [1], 0, "takes true or false"),
    ("all(result, true)", 1, 0, "takes a list"),
    ("result.x.y > 1", {"x": 1}, 9, "has no .y"),
    ("result.x.y > 1", {"z": 1}, 9, "nil has no .y"),
    ("result + 'a' == 'b'", 1, 7, "takes numbers"),
    ("1.5 % 2 == 0", None, 4, "whole numbers"),
    ("1 % 0 == 0", None, 2, "% by 0"),
    ("9223372036854775807 + 1 > 0", None, 20, "too large"),
    ("'a' in 'abc'", None, 4, "looks into a list"),
    ("1 matches 'a'", None, 2, "takes texts"),
    ("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' matches '(a+)+$'", None, 39, "too long"),
    ("'a' matches '(?=a)'", None, 4, "isn't supported"),
    (r"'a' matches '(a)\\1'", None, 4, "isn't supported"),
    ("'a' matches '['", None, 4, "isn't supported"),
    ("'a' matches '[b-a]'", None, 4, "is wrong"),
    ("int('1.5') == 1", None, 0, "not a whole number"),
    ("asFloat('x') == 1", None, 0, "not a number"),
    ("1..20000 == []", None, 0, "more than 10000"),
    ("max([]) > 1", None, 0, "max of an empty list"),
    ("max(['a']) > 1", None, 0, "max takes numbers, not a text"),
    ("sum(1) > 1", None, 0, "sum takes a list, not a number"),
    ("keys([1]) == []", None, 0, "keys takes a map, not a list of 1"),
    ("lower(1) == ''", None, 0, "lower takes a text, not a number"),
    ("len(1) == 1", None, 0, "len takes a text, a list or a map"),
    ("bool(1)", None, 0, "bool takes true or false"),
    ("take([1], 0.5) == []", None, 0, "take takes a whole number"),
    ("int(1 / 0) == 1", None, 0, "an infinity is not a whole number"),
    ("int('99999999999999999999') == 1", None, 0, "not a whole number"),
    ("int('9999999999999999999') == 1", None, 0, "too large"),
    ("-'a' == 1", None, 0, "- takes numbers, not a text"),
    ("result[1:'a'] == []", [1, 2], 6, "a place is a whole number"),
    ("result[0][1:] == []", [1, 2], 9, "a number can't be sliced"),
    ("result.x[1] == 1", ANSWER, 8, "the key of a map is a text"),
    ("join([1], '') == ''", None, 0, "join takes a text"),
    ("'a' matches 'a{2000}'", None, 4, "a repeat of more than 1000"),
    ("let result = 1; true", None, 0, "has a value already"),
    ("result", [1], 0, "is a list of 1; write one that is true or false"),
    ("result[0]", [1], 0, "is a number"),
    ("result?.x", ANSWER, 0, "is a map"),
]


@pytest.mark.parametrize(("source", "answer", "position", "says"), REFUSED)
def test_refused(source: str, answer: Any, position: int, says: str) -> None:
    """What isn't of the language, or doesn't fit the answer, is a sentence with its place."""
    with pytest.raises(ConditionError) as caught:
        condition.decide(source, answer)
    assert (caught.value.position, says in str(caught.value)) == (position, True), caught.value


def test_check_refuses_an_unknown_function_before_any_answer() -> None:
    """A template with a slip in a function's name is refused when it is made."""
    with pytest.raises(ConditionError, match="unknown function lenght") as caught:
        condition.check("lenght(result) == 0")
    assert caught.value.position == 0


def test_bounds_of_a_text() -> None:
    """Length and nesting are bounded, and reaching the bound is a sentence."""
    with pytest.raises(ConditionError, match="2048 are the most"):
        condition.check("true || " * 300 + "true")
    with pytest.raises(ConditionError, match="100 levels"):
        condition.check("!" * 200 + "true")
    condition.check("(" * 900 + "true" + ")" * 900)
    with pytest.raises(ConditionError, match="100 levels"):
        condition.check("[" * 900 + "]" * 900)


def test_bounds_of_work() -> None:
    """A condition that would look at millions of items is stopped, quickly."""
    big: list[Any] = [float(number) for number in range(1000)]
    nested = "all(result, all(result, # >= 0))"
    with pytest.raises(ConditionError, match="20000 steps"):
        condition.decide(nested.replace("# >= 0", "all(1..9000, # > 0)"), big)
    with pytest.raises(ConditionError, match="characters"):
        condition.decide(
            "let a = replace(join(map(1..5000, 'xxxxxxxxxxxx'), ''), 'x', 'yy'); a == ''", 1
        )


def test_patterns_are_bounded_by_the_text_they_meet() -> None:
    """Ordinary patterns pass on ordinary texts; the same on a long text may be refused."""
    assert condition.decide("result matches '^.*-v[0-9]+$'", "cart-v12").holds is True
    assert condition.decide("result matches '(?i)^CANARY|stable$'", "canary-1").holds is True
    assert condition.decide("result matches '^.*error.*$'", "x" * 500 + "error").holds is True
    with pytest.raises(ConditionError, match="too long"):
        condition.decide("result matches 'a.*b.*c'", "a" * 4000)
    with pytest.raises(ConditionError, match="at most 4096"):
        condition.decide("result matches 'a'", "a" * 5000)


def test_a_note_names_the_series_that_were_read() -> None:
    """Of several series a condition may read the first only; the reader is told."""
    assert (
        "of 3 values only result[0] was read" in condition.decide("result[0] > 1", [2, 3, 4]).note
    )
    assert condition.decide("all(result, # > 1)", [2, 3, 4]).note == ""
    assert condition.decide("len(result) > 0 && result[-1] > 1", [2, 3]).note != ""
    assert condition.decide("result[0] > 1", [2]).note == ""


def test_an_infinity_is_told() -> None:
    """A comparison that read an infinity says so, unless the condition asks isInf."""
    assert condition.decide("result[0] > 1", [INF]).infinite
    assert not condition.decide("isInf(result[0]) || result[0] > 1", [INF]).infinite
    assert not condition.decide("result[0] > 1", [2]).infinite


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
WORDS = st.sampled_from(
    [
        "result", "result[0]", "[", "]", "(", ")", "{", "}", ",", ":", "?", "?.", ".", "..", "#",
        ".v", "+", "-", "*", "/", "%", "**", "^", "==", "!=", "<", "<=", ">", ">=", "&&", "||",
        "!", "and", "or", "not", "in", "contains", "startsWith", "endsWith", "matches", "??", "|",
        "0", "1", "2.5", "1e308", "9223372036854775807", "'a'", '"b.*"', "true", "false", "nil",
        "all(result, # > 1)", "len(", "sum(", "map(", "filter(", "max(", "int(", "isNaN(", "join(",
        "default(result, 0)", "let x =", ";", "x", "replace(", "split(", "mean(", "1..3", "round(",
    ]
)  # fmt: skip


def told(source: str, answer: Any) -> condition.Decision | ConditionError:
    """The decision, or the refusal; anything else that is raised is a crash."""
    try:
        return condition.decide(source, answer)
    except ConditionError as error:
        return error


@given(st.lists(WORDS, max_size=14).map(" ".join), VALUES)
def test_any_row_of_words_is_a_decision_or_a_sentence(source: str, answer: Any) -> None:
    """No condition crashes the judge: it decides, or ConditionError says why not, and where."""
    found = told(source, answer)
    if isinstance(found, ConditionError):
        assert found.position is not None
        assert 0 <= found.position <= max(len(source), 1)
    else:
        assert (found.missing is None) == (found.holds is not None)


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(source: str) -> None:
    """No text crashes the parser."""
    found = told(source, [1.0])
    assert isinstance(found, condition.Decision) or found.position is not None


@given(st.sampled_from([case[0] for case in HOLDS]), VALUES)
def test_sensible_conditions_meet_any_answer(source: str, answer: Any) -> None:
    """Whatever JSON a provider sends, a condition decides it, or says why not."""
    found = told(source, answer)
    assert isinstance(found, condition.Decision) or found.position is not None


PIECES = [*"ab.*+?|()[]^$\\d{}1,2", "(?:", "(?i)", "a{2,3}", "(a|b)"]


@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.sampled_from(["", "a" * 40, "ab" * 100, "b1 a2"]),
)
def test_any_pattern_ends(pattern: str, text: str) -> None:
    """No pattern runs for long: it is answered at once (hypothesis' deadline) or refused."""
    found = told("result.t matches result.p", {"t": text, "p": pattern})
    said = str(found)
    assert isinstance(found, condition.Decision) or "pattern" in said or "repeat" in said
