from random import Random

import pytest

from davy.rehearsal.chance import drawn


@pytest.mark.parametrize(("number", "share"), [(5, 0.3), (20, 0.9), (400, 0.5), (10**6, 1e-6)])
def test_draws_have_the_mean_and_the_spread_of_a_binomial(number: int, share: float) -> None:
    random = Random(7)
    found = [drawn(random, number, share) for _ in range(4000)]
    mean = sum(found) / len(found)
    spread = sum((each - mean) ** 2 for each in found) / len(found)
    assert mean == pytest.approx(number * share, rel=0.06)
    assert spread == pytest.approx(number * share * (1 - share), rel=0.12)
    assert drawn(random, 0, 0.5) == drawn(random, 9, 0) == 0
    assert drawn(random, 9, 1) == 9
