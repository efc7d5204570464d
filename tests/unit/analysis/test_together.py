"""Several comparisons of one run: together they abort no more good releases than one may."""

import math
from random import Random

from davy.analysis import compared
from davy.analysis.compare import Asked
from davy.analysis.eprocess import WORSE, Stratum, likelihoods, mixed
from davy.api.compare import Compare
from davy.rehearsal.chance import drawn

ALPHA = 0.5
METRICS = 12
RELEASES = 40
LOOKS = 40
ERRORS = 10
"""Of both sides together, in each look."""


def is_shown(asked: Asked, random: Random) -> bool:
    """A canary as good as abortRatio asks is shown to be worse at some look, guards left out."""
    hits = rest = 0
    for _ in range(LOOKS):
        fresh = drawn(random, ERRORS, 0.5)
        hits, rest = hits + fresh, rest + ERRORS - fresh
        logs = likelihoods((Stratum(1.0, hits, rest),), asked.abort_ratio, WORSE)
        if mixed(logs) >= -math.log(asked.alpha):
            return True
    return False


def shown(asked: Asked) -> int:
    """Releases in which some comparison says so."""
    return sum(
        any(is_shown(asked, Random(f"{release} {metric}")) for metric in range(METRICS))
        for release in range(RELEASES)
    )


def test_good_releases_are_aborted_no_more_often_by_many_comparisons() -> None:
    """I7: alpha is of all together; with one each it would be twice too much."""
    compare = Compare(alpha=ALPHA, abort_ratio=1.0)
    assert shown(compared.wanted(compare, METRICS)) <= ALPHA * RELEASES
    assert shown(compared.wanted(compare, 1)) > ALPHA * RELEASES
