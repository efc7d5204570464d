"""Amounts of resources as Kubernetes writes them: `500m`, `1Gi`, `2`; one text for each amount."""

import re
from fractions import Fraction
from typing import Any, Final

_DIGITS: Final = 40
_QUANTITY: Final = re.compile(
    rf"([+-]?(?=\.?[0-9])[0-9]{{0,{_DIGITS}}}(?:\.[0-9]{{0,{_DIGITS}}})?)"
    r"(?:[eE]([+-]?[0-9]{1,2})|([KMGTPE]i|[numkMGTPE]))?"
)
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = ("", "k", "M", "G", "T", "P", "E")
_SMALL: Final = {"n": 1, "u": 10**3, "m": 10**6}
"""In nanos, which is as fine as the server keeps them."""
_NANO: Final = 10**9
_FACTORS: Final = {
    **{unit: Fraction(1024**power) for power, unit in enumerate(_BINARY)},
    **{unit: Fraction(1000**power) for power, unit in enumerate(_DECIMAL)},
    **{unit: Fraction(nanos, _NANO) for unit, nanos in _SMALL.items()},
}


def canonical(value: Any, *, finest: str = "n") -> Any:
    """The amount in its one spelling, the shortest of a whole number with a unit.

    `0.5`, `"0.5"` and `"500m"` are `"500m"`; `"1024Mi"` and `1073741824` are `"1Gi"`. What is no
    quantity stays as it is: the API server refuses it.

    Args:
        value: as it is written.
        finest: the unit to which it is rounded up, `n`, `u` or `m`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    found = _QUANTITY.fullmatch(str(value) if not isinstance(value, float) else repr(value))
    if found is None:
        return value
    number, exponent, unit = found.groups()
    factor = Fraction(10) ** int(exponent) if exponent else _FACTORS[unit or ""]
    step = _SMALL[finest]
    steps = Fraction(number.removesuffix(".")) * factor * _NANO / step
    return _text(-(-steps.numerator // steps.denominator) * step)


def _text(nanos: int) -> str:
    whole, rest = divmod(nanos, _NANO)
    if rest:
        unit = next(unit for unit in ("m", "u", "n") if nanos % _SMALL[unit] == 0)
        return f"{nanos // _SMALL[unit]}{unit}"
    binary, decimal = _in(whole, _BINARY, 1024), _in(whole, _DECIMAL, 1000)
    return binary if len(binary) < len(decimal) else decimal


def _in(whole: int, units: tuple[str, ...], step: int) -> str:
    power = 0
    while whole and whole % step == 0 and power < len(units) - 1:
        whole, power = whole // step, power + 1
    return f"{whole}{units[power]}"
