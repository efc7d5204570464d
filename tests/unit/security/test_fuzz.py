"""An excerpt of `make fuzz`, from another place each time the numbers are changed."""

from random import Random

import pytest

from tests.fuzz.targets import TARGETS
from tests.fuzz.watchdog import watched

CASES = 2000


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_input_is_refused_or_handled(name: str) -> None:
    """No exception, no hang; each refusal with a reason."""
    target, share = TARGETS[name]
    with watched() as watch:
        for number in range(round(CASES * share / 100)):
            watch.again()
            target(Random(f"{name} {number}"))
