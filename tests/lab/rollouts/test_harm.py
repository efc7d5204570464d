"""The bench of harm plays a release and accounts for it; its figures are of `make bench-harm`."""

import pytest

from tests.bench_harm.play import play
from tests.bench_harm.rows import ROWS, Figure
from tests.lab.component import Component
from tests.lab.lab import Lab


@pytest.mark.parametrize("name", ["total"])
async def test_a_row_is_played_and_accounted_for(lab: Lab, davy: Component, name: str) -> None:
    """Abort, weight 0 and the last request are all found, in the order they must have."""
    (played,) = await play(lab, davy, ROWS[name], 1)
    found = played.figures
    assert found[Figure.MISSED] == found[Figure.OUTSIDE] == 0
    assert 20 <= found[Figure.HARMED] < 200
    assert 0 < found[Figure.ZERO] <= found[Figure.STATUS]
    assert found[Figure.SCRAPE] < found[Figure.STATUS]
    assert found[Figure.LAST] < found[Figure.ZERO] + 1
    assert [told for _, told in played.timeline if told == "route: canary 0"]
