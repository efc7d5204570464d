"""Numbers, lengths and foreign texts as people read them."""

import math


def rounded(number: float) -> str:
    """The number with two digits that count, never as a power of ten: 4200, 0.25, 3, 100."""
    if not number:
        return "0"
    digits = 1 - math.floor(math.log10(abs(number)))
    text = f"{round(number, digits):.{max(0, digits)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(part: int, whole: int) -> str:
    """The share in two digits that count: `2.5 %`; the whole is 1 or more."""
    return f"{rounded(100 * part / whole)} %"


def lasting(seconds: float) -> str:
    """A length in the unit that suits it, at least a second: `45 s`, `1.5 min`, `12 h`."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{rounded(seconds / size)} {unit}"
    return f"{rounded(max(1.0, seconds))} s"


def printable(text: str) -> str:
    """A blank for each character that isn't: none that a terminal would obey, no new line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
