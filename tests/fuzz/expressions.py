"""Conditions: trees of the grammar, now and then with a token too many, and answers to them."""

from random import Random
from typing import Any, Final

from davy.analysis import functions
from davy.analysis.answer import Value
from tests.fuzz import strange

_BINARY: Final = (
    *("||", "&&", "or", "and", "==", "!=", "<", "<=", ">", ">=", "in", "not in"),
    *(
        "matches",
        "contains",
        "startsWith",
        "endsWith",
        "..",
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "^",
        "??",
    ),
)
_LEAVES: Final = (
    *("result", "result", "result[0]", "result.x", "result?.x", "#", "#index", ".x", "x", "nil"),
    *("true", "false", "0", "1", "0.95", "1e308", "9223372036854775807", "99999999999999999999"),
    *(
        "0x7f",
        "1_000",
        '"a"',
        "'(a+)+$'",
        "`raw`",
        '"\\u0041"',
        '"\\q"',
        "[]",
        "{}",
        "[1, 2]",
        '{"a": 1}',
    ),
)
_FUNCTIONS: Final = (*sorted(functions.KNOWN), *sorted(functions.NO_CLOCK), "nope", "__import__")
_NOISE: Final = (
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "?",
        ":",
        ",",
        "|",
        "!",
        "=",
        "\\",
        '"',
        "'",
        "`",
        ";",
        "let a = 1;",
    ),
    *("\x00", "\ud800", "é", "//", "/*", "$env", "@", "..", "...", "not", "0x", "1e", "_", "\n"),
)
_MOST: Final = 2400
"""Characters, somewhat more than a condition may have."""


def expression(random: Random) -> str:
    """A condition; most can be parsed, many can be evaluated."""
    choice = random.random()
    if choice < 0.03:
        return str(random.choice(strange.TEXTS))
    if choice < 0.06:
        return random.choice(("(", "[", "!", "-", "not ", "result[")) * random.choice(
            (50, 99, 101, 1000)
        )
    text = _tree(random, random.randrange(6))
    while random.random() < 0.25:
        at = random.randrange(len(text) + 1)
        cut = at + random.choice((0, 0, 1, 5))
        text = text[:at] + random.choice(_NOISE) + text[cut:]
    return text[:_MOST]


def answer(random: Random) -> Value:
    """What a provider may answer, third parties' included."""
    choice = random.random()
    if choice < 0.2:
        return random.choice((None, [], {}, "", "a", 0, 1, 0.5, float("nan"), float("inf")))
    if choice < 0.7:
        numbers = (0, 1, 0.5, 2.5, -1, 1e308, float("nan"), float("inf"), float("-inf"))
        return [random.choice(numbers) for _ in range(random.choice((1, 1, 2, 5, 1000)))]
    found: Any = strange.value(random)
    return found  # type: ignore[no-any-return]


def _tree(random: Random, depth: int) -> str:
    if depth <= 0:
        return random.choice(_LEAVES)

    def inner() -> str:
        return _tree(random, depth - random.randrange(1, 3))

    ends = ("[0]", "[-1]", ".x", "?.x", "[1:]", "[:2]", '["a"]', " | len()", f"[{inner()}]")
    given = ", ".join(inner() for _ in range(random.randrange(4)))
    operation = f"{inner()} {random.choice(_BINARY)} {inner()}"
    forms = (
        *(operation, operation, operation),
        f"({inner()})",
        f"{random.choice(('!', '-', '+', 'not '))}{inner()}",
        f"{inner()} ? {inner()} : {inner()}",
        f"{random.choice(_FUNCTIONS)}({given})",
        f"{random.choice(_FUNCTIONS)}({inner()}, {{{inner()}}})",
        f"{random.choice(_FUNCTIONS)}({inner()}, {{{inner()}}})",
        inner() + random.choice(ends),
    )
    return random.choice(forms)
