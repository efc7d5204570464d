"""What people read of a condition: every refusal with its place, every lack, every note.

The texts are in `golden/conditions.txt`. After a change that is meant:
`DAVY_WRITE_GOLDEN=1 python -m pytest tests/unit/analysis`, and read what git shows.
"""

import math
import os
from pathlib import Path
from typing import Any

from davy.analysis import condition
from davy.api.errors import ConditionError

_GOLDEN = Path(__file__).parent / "golden" / "conditions.txt"
NAN, INF = math.nan, math.inf
FULL: dict[str, Any] = {"x": {"y": 2}, "list": [1, 2], "text": "v1", "none": None}

CASES: tuple[tuple[str, Any], ...] = (
    # what isn't there
    ("result[0] > 1", []),
    ("result > 1", None),
    ("result.x > 1", {}),
    ("result[0] > 1", [NAN]),
    ("result.x.y > 1 && result[0] > 1", []),
    ("isNil(result.x) || len(result) == 0", {}),
    ("max(result) > 1 || isNaN(result[0])", [NAN]),
    # infinities
    ("result > 1", INF),
    ("result > 1 && !isInf(result) || true", INF),
    ("result == 1", -INF),
    ("result in [1]", INF),
    # which series were read
    ("result[0] < 1 && result[2] < 1", [0, 0, 0, 0]),
    ("result[-1] < 1", [0, 0, 0]),
    ("result[0] < 1", [0]),
    ("result[0] < 1 && len(result) == 2", [0, 0]),
    ("result[0] < 1 && any(result, # < 1)", [0, 0]),
    ("result[len(result) - 1] < 1", [0, 0]),
    ("true", [0, 0]),
    # no yes and no
    ("1", None),
    ("'a'", None),
    ("nil", 1),
    ("[1]", None),
    ("[]", None),
    ("{a: 1}", None),
    ("result", [1, 2]),
    # texts that aren't conditions
    ("", None),
    ("   ", None),
    ("1 +", None),
    ("result[0] = 1", [1]),
    ("result == 'a", None),
    ("result == `a", None),
    ("1 $ 2", None),
    ("(1 == 1", None),
    ("1 == 1)", None),
    ("a.b.", None),
    ("1 2", None),
    ("'\\q' == 'a'", None),
    ("99999999999999999999 > 1", None),
    ("1e999 > 1", None),
    ("9223372036854775808 > 1", None),
    ("#x > 1", None),
    ("all(result, #item > 1)", [1]),
    ("x" * 2049, None),
    ("(" * 101 + "true" + ")" * 101, None),
    ("!" * 101 + "true", None),
    # names
    ("results > 1", 1),
    ("# > 1", [1]),
    (".x > 1", [1]),
    ("let result = 1; true", 1),
    ("let a = 1; let a = 2; true", 1),
    ("now() > 1", 1),
    ("duration('1s') > 1", 1),
    ("nothing(1)", 1),
    # functions
    ("len()", 1),
    ("len(1, 2)", 1),
    ("get([1])", 1),
    ("join()", 1),
    ("replace('a')", 1),
    ("isNil()", 1),
    ("default(1)", 1),
    ("default(1, 2, 3)", 1),
    ("len(#)", [1]),
    ("abs({# > 1})", 1),
    ("{# > 1}", 1),
    ("all(1, # > 1)", 1),
    ("all(result, 3)", [1]),
    ("filter(result, 'a')", [1]),
    ("sum(result, 'a')", [1]),
    ("map(result.x, #)", FULL),
    # values that don't fit
    ("result.text > 1", FULL),
    ("result > 1", [1, 2]),
    ("result.x > 1", FULL),
    ("-result.text", FULL),
    ("'a' + 1", None),
    ("1 * true", None),
    ("1.5 % 2", None),
    ("1 % 0", None),
    ("'a' contains 1", None),
    ("1 startsWith 'a'", None),
    ("nil endsWith 'a'", 1),
    ("1 in 'abc'", None),
    ("1 in 3", None),
    ("1 && true", None),
    ("true || 'a' || 1", None),
    ("false || 'a'", None),
    ("!1", None),
    ("1 ? true : false", None),
    ("result.text.x", FULL),
    ("result.list.x", FULL),
    ("result.x[0]", FULL),
    ("result.none.x", FULL),
    ("result[2] > 1", [1, 2]),
    ("result[-3] > 1", [1, 2]),
    ("result[0.5] > 1", [1, 2]),
    ("result['a'] > 1", [1, 2]),
    ("true[0]", None),
    ("1[0:1]", None),
    ("{a: 1}[0:1]", None),
    ("[1, 2]['a':]", 1),
    ("1..'a'", None),
    ("1..20000 == []", None),
    # of functions
    ("max([])", None),
    ("min()", None),
    ("max('a')", None),
    ("sum(1)", None),
    ("mean(['a'])", None),
    ("int('1.5')", None),
    ("int('" + "9" * 60 + "')", None),
    ("int(9223372036854775807) + 1", None),
    ("int(1 / 0)", None),
    ("int(nil)", 1),
    ("float('x')", None),
    ("float('" + "x" * 60 + "')", None),
    ("float(true)", None),
    ("isNaN('a')", None),
    ("round('a')", None),
    ("len(1)", None),
    ("first(1)", None),
    ("get(1, 2)", None),
    ("get({}, 2)", None),
    ("get([], 'a')", None),
    ("take(1, 2)", None),
    ("take([1], 0.5)", None),
    ("keys([1])", None),
    ("values(1)", None),
    ("lower(1)", None),
    ("trim('a', 1)", None),
    ("trim('a', 0)", None),
    ("trimPrefix(1, 'a')", None),
    ("hasPrefix(1, 'a')", None),
    ("indexOf('a', 1)", None),
    ("split(1, 'a')", None),
    ("join([1], 'a')", None),
    ("join('a')", None),
    ("replace('a', 'b', 1)", None),
    ("concat([1], 2)", None),
    ("bool(1)", None),
    # too much
    ("9223372036854775807 + 1", None),
    ("-9223372036854775807 - 2", None),
    ("replace('aaaaaaaa', 'a', result)", "b" * 9000),
    ("result + result", "b" * 40000),
    ("concat(result, result)", [0] * 6000),
    ("all(result, any(#, # > 1))", [[0] * 200] * 200),
    # patterns
    ("'a' matches 1", None),
    ("'a' matches '(a+)+$'", None),
    ("result matches '(a|a)+(b|b)+(c|c)+x'", "a" * 60),
    ("'a' matches '(?=a)'", None),
    ("'a' matches '(a'", None),
    ("'a' matches 'a{2000}'", None),
    ("'a' matches '[z-a]'", None),
    ("result matches 'a'", "a" * 5000),
    ("'a' matches result", "a" * 300),
)


def told(source: str, answer: Any) -> str:
    """What a person learns."""
    try:
        found = condition.decide(source, answer)
    except ConditionError as error:
        return f"error at {error.position}: {error}"
    missing = f", missing {found.missing}: {found.why}" if found.missing else ""
    infinite = ", by an infinity" if found.infinite else ""
    return f"{found.holds}{missing}{infinite}{found.note}"


def test_every_sentence_is_as_it_was_read_and_found_good() -> None:
    """Exactly: with position, what is, and what would be right."""
    lines = [
        f"{source[:70]!r} of {str(answer)[:40]}\n    {told(source, answer)}"
        for source, answer in CASES
    ]
    text = "\n".join(lines) + "\n"
    if os.environ.get("DAVY_WRITE_GOLDEN"):
        _GOLDEN.write_text(text, encoding="utf-8")
    assert text == _GOLDEN.read_text(encoding="utf-8")


def test_a_check_names_what_no_condition_can_call() -> None:
    """At admission, without an answer."""
    said = []
    for source in ("len(result) > nothing(1)", "result > now()", "true && duration('1s') > 1"):
        try:
            condition.check(source)
        except ConditionError as error:
            said.append(f"{error.position}: {error}")
    assert said == [
        "14: unknown function nothing",
        "9: unknown function now; a condition doesn't read the clock",
        "8: unknown function duration; a condition doesn't read the clock",
    ]
    condition.check("len(result) == 0 || all(result, # > 1) && default(result, 0) < 1")
