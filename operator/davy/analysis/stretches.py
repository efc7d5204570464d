"""Where the traffic was split alike: the odds of a ledger's stretches.

Given all errors of a time in which the split was the same, canary's share of them follows from the
ratio of the error rates alone: what both sides suffer together cancels out, and it doesn't matter
how the time is cut into looks. Over a weight change it does matter (adding up 10 % and 50 % blames
an outage of the 50 % on the canary: Simpson's paradox), so a ledger is divided where the observed
split changed. The weights that were wanted don't tell: proxies lag, sessions stick, headers pass.
"""

from collections.abc import Sequence

from davy.analysis.ledger import DIFFERENT, Ledger, apart


def odds(ledger: Ledger) -> tuple[float, ...]:
    """For each entry the canary requests per stable request while the split was as then.

    0: canary served nothing then; infinite: stable served nothing.
    """
    canary = [0]
    requests = [0]
    for served in ledger:
        canary.append(canary[-1] + served.canary)
        requests.append(requests[-1] + served.canary + served.stable)
    found: list[float] = []
    pending = [(0, len(ledger))]
    while pending:
        start, end = pending.pop()
        cut = _cut(canary, requests, start, end)
        if cut is None:
            hits = canary[end] - canary[start]
            misses = requests[end] - requests[start] - hits
            pooled = hits / misses if misses else (float("inf") if hits else 0.0)
            found += [pooled] * (end - start)
        else:
            pending += [(cut, end), (start, cut)]
    return tuple(found)


def _cut(canary: Sequence[int], requests: Sequence[int], start: int, end: int) -> int | None:
    """The entry at which the split between two entries changed most surely; None: it didn't.

    Args:
        canary: requests to canary before each entry.
        requests: to both, before each entry.
        start: the first entry that is looked at.
        end: the one after the last.
    """
    first, before = canary[start], requests[start]
    hits, total = canary[end] - first, requests[end] - before
    if not 0 < hits < total:
        return None
    variance = hits * (total - hits) / total
    best, at = DIFFERENT, None
    for place in range(start + 1, end):
        left = requests[place] - before
        if 0 < left < total:
            off = (canary[place] - first) * total - hits * left
            surely = off * off / (variance * left * (total - left))
            if surely > best:
                best, at = surely, place
    if at is None:
        return None
    left_hits, left = canary[at] - first, requests[at] - before
    return at if apart(left_hits, left, hits - left_hits, total - left) > DIFFERENT else None
