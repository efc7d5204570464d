"""Strange values, and good documents with strange values in them."""

import copy
from random import Random
from typing import Any, Final

Json = dict[str, Any]

NUMBERS: Final[tuple[Any, ...]] = (
    *(0, 1, -1, 99, 100, 101, 2**31 - 1, 2**31, 2**63, -(2**63) - 1, 10**19, 10**400),
    *(0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
)
TEXTS: Final = (
    *("", " ", "null", "true", "0", "-1", "1e9", "NaN", "１２", "٣٠s", "1_000", "0x10"),
    *(
        "30",
        "30s",
        "1h30m",
        "1.5h",
        "-5s",
        "s",
        "5 m",
        "1µs",
        "999999999h",
        "9" * 5000 + "s",
        "1s" * 3000,
    ),
    *("100m", "1Gi", "1e3", "12E", "1.5.5Ki"),
    *(
        "{{",
        "}}",
        "{{args.x}}",
        "{{ args.service }}",
        "{{args.}}",
        "{{args.x",
        "{{x}}",
        "{{{{args.x}}}}",
    ),
    *(
        "\x00",
        "\ud800",
        "\u202eabc",
        "é",
        "é" * 5000,
        "🦜" * 70,
        "a\nb",
        "\r\n\r\nX: y",
        "\\",
        "'\"`",
    ),
    *(
        "..",
        "../../x",
        "a/b",
        "a.b.svc.cluster.local",
        "*",
        "*.x.svc",
        "-",
        "A",
        "a" * 254,
        "x" * 70_000,
    ),
    *("http://", "http://[", "https://u:p@h:99999999/?#", "file:///etc/passwd", "HTTP://X"),
    *("(a+)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", ".*" * 100, "[", "a{1000}{1000}", "(" * 300),
    *(
        "2026-01-01T00:00:00Z",
        "0000-00-00",
        "2026-01-01",
        "9999-12-31T23:59:59+00:00",
        "2026-13-01T00:00:00Z",
    ),
    *("Healthy", "Running", "Successful", "Latest", "metadata.name", "spec[0]", "metadata['a'].b"),
)
"""Durations, quantities, placeholders, unicode, names, URLs, patterns, instants, words of ours."""

_PLAIN: Final = (NUMBERS, TEXTS, TEXTS)
_DEEP: Final = (5, 60, 500, 3000)


def value(random: Random, depth: int = 0, *, deep: bool = True) -> Any:
    """Anything that JSON can say, and numbers that it can't."""
    choice = random.random()
    if depth > 3 or choice < 0.75:
        return random.choice((random.choice((None, True, False)), *random.choice(_PLAIN)))
    if choice < 0.78:
        return nested(random.choice(_DEEP) if deep else 5, random.choice((list, dict)))
    if choice < 0.8:
        return [random.choice(TEXTS)[:100]] * random.choice((65, 129, 2000))
    inner = [value(random, depth + 1, deep=deep) for _ in range(random.randrange(4))]
    if choice < 0.9:
        return inner
    return {str(random.choice(TEXTS))[:300]: each for each in inner}


def nested(levels: int, kind: type) -> Any:
    """A value within a value within a value."""
    found: Any = 1
    for _ in range(levels):
        found = [found] if kind is list else {"a": found}
    return found


def mutated(document: Any, random: Random, *, deep: bool = True) -> Any:
    """The document with a few of its places changed; not deep: nothing nests without measure."""
    made = {"": copy.deepcopy(document)}
    for _ in range(random.choice((1, 1, 1, 2, 3, 5))):
        _mutate(made, random, deep=deep)
    return made[""]


def retold(document: Any, random: Random) -> Any:
    """The document with other texts and numbers; its shape is one that the API server holds."""
    made = copy.deepcopy(document)
    for holder, key in places(made):
        here = holder[key]
        if random.random() < 0.5 and isinstance(here, str | int) and not isinstance(here, bool):
            holder[key] = random.choice(TEXTS if isinstance(here, str) else (0, 1, 5, 2**31 - 1))
    return made


def copied(document: Any) -> Any:
    """A copy, or the same where it is nested too deeply for one."""
    try:
        return copy.deepcopy(document)
    except RecursionError:
        return document


def places(document: Any) -> list[tuple[Any, Any]]:
    """Container and key of everything in a JSON value."""
    found: list[tuple[Any, Any]] = []
    todo = [document]
    while todo and len(found) < 5000:
        here = todo.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here))
        for key in keys:
            found.append((here, key))
            if isinstance(here[key], dict | list):
                todo.append(here[key])
    return found


def _mutate(document: Json, random: Random, *, deep: bool) -> None:
    known = places(document)
    inside = [place for place in known if place[0] is not document] or known
    holder, key = random.choice(inside)
    here = holder[key]
    match random.randrange(9):
        case 0 | 1 | 2:
            holder[key] = value(random, deep=deep)
        case 3 if isinstance(holder, dict) and holder is not document:
            del holder[key]
        case 4 if isinstance(holder, dict) and holder is not document:
            holder[str(random.choice(TEXTS))[:300]] = holder.pop(key)
        case 5 if isinstance(here, list) and here:
            here.extend(copied(here[0]) for _ in range(random.choice((1, 3, 200))))
        case 6:
            other, there = random.choice(inside)
            holder[key] = copied(other[there])
        case 7:
            holder[key] = random.choice(([here], {"a": here}, [[here]]))
        case _ if isinstance(here, dict):
            here[random.choice(("x", "spec", "metadata", "$ref", "value", "weight"))] = value(
                random, deep=deep
            )
        case _:
            holder[key] = value(random, deep=deep)
