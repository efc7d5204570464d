"""Numbers and lengths as people read them: with no more digits than are known."""

import math


def rounded(number: float) -> str:
    """The number with two digits that count, never as a power of ten: 4200, 0.25, 3, 100."""
    if not number:
        return "0"
    digits = 1 - math.floor(math.log10(abs(number)))
    text = f"{round(number, digits):.{max(0, digits)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def lasting(seconds: float) -> str:
    """A length in the unit that suits it, at least a second: `45 s`, `1.5 min`, `12 h`."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{rounded(seconds / size)} {unit}"
    return f"{rounded(max(1.0, seconds))} s"
