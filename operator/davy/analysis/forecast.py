"""How many more canary requests a pass needs, were canary as good as stable.

Computed, not simulated: if errors come at the present rate, each alternative's log-likelihood grows
by the same amount with every canary request, and the average of the alternatives reaches what it
must where a line is crossed.
"""

import math
from collections.abc import Sequence
from typing import Final

from davy.analysis.eprocess import mixed

_HALVINGS: Final = 10


def requests_to(
    bar: float, logs: Sequence[float], drift: Sequence[float], dispersion: float = 1.0
) -> float:
    """The requests after which the mixture reaches `bar`; infinite: it never does.

    Args:
        bar: natural logarithm of the evidence that is wanted.
        logs: of the alternatives now.
        drift: what one request adds to each.
        dispersion: by which all are divided.
    """
    if mixed(logs, dispersion) >= bar:
        return 0.0
    wanted = bar * dispersion
    alone = wanted + dispersion * math.log(len(logs))
    pairs = [(log, more) for log, more in zip(logs, drift, strict=True) if more > 0]
    low = min(((wanted - log) / more for log, more in pairs), default=math.inf)
    high = min(((alone - log) / more for log, more in pairs), default=math.inf)
    if math.isinf(high):
        return high
    low = max(0.0, low)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        grown = [log + middle * more for log, more in zip(logs, drift, strict=True)]
        low, high = (low, middle) if mixed(grown, dispersion) >= bar else (middle, high)
    return high
