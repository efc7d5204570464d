"""Bad specs: comparisons, of a rollout and of a step."""

from typing import Final

from tests.unit.api.bad import ONLY_VALIDATION, Bad, bad
from tests.unit.api.documents import REMOVE

_CANARY: Final = "spec.strategy.canary"
_JUDGE: Final = f"{_CANARY}.judge"
_STEP: Final = f"{_CANARY}.steps[1].analysis"
_SIDE: Final = {"requests": ["served_total"], "errors": ["failed_total"]}

JUDGE: Final[tuple[Bad, ...]] = (
    bad(
        "a judge says neither whose counters nor which",
        "judged",
        f"{_JUDGE}.preset",
        REMOVE,
        "has neither a preset nor counters of its own (canary and stable)",
        ONLY_VALIDATION,
        at=_JUDGE,
    ),
    bad(
        "a judge has a preset that nobody knows",
        "judged",
        f"{_JUDGE}.preset",
        "haproxy",
        'is "haproxy"',
        "Unsupported value",
    ),
    bad(
        "a judge has a preset and counters",
        "judged",
        f"{_JUDGE}.canary",
        _SIDE,
        "stands beside preset, which says it; give one of them",
        ONLY_VALIDATION,
    ),
    bad(
        "a side has no way to tell what failed",
        "judged",
        f"{_STEP}.compare.canary.errors",
        REMOVE,
        "has none of errors, good, bound; give exactly one",
        ONLY_VALIDATION,
        at=f"{_STEP}.compare.canary",
    ),
    bad(
        "nothing lies between passed and aborted",
        "judged",
        f"{_JUDGE}.tolerateRatio",
        1.25,
        "is 1.25, not more than abortRatio (1.25)",
        ONLY_VALIDATION,
    ),
    bad(
        "the chance of a false abort is no chance",
        "judged",
        f"{_JUDGE}.alpha",
        0,
        "is 0",
        ONLY_VALIDATION,  # the API server cuts a bound to a whole number before it compares an int
    ),
    bad(
        "a limit of latency stands beside counters",
        "judged",
        f"{_STEP}.compare.latency",
        {"slowerThan": "500ms"},
        "is for presets",
        ONLY_VALIDATION,
    ),
    bad(
        "a deadline can't be read",
        "judged",
        f"{_STEP}.compare.deadline",
        "soon",
        "soon",
        ONLY_VALIDATION,
    ),
    bad(
        "a rollout is judged twice",
        "judged",
        f"{_CANARY}.analysis.compare",
        {"preset": "app"},
        "stands beside analysis.compare; give one of them",
        ONLY_VALIDATION,
        at=_JUDGE,
    ),
    bad(
        "an analysis measures nothing",
        "judged",
        f"{_STEP}.compare",
        REMOVE,
        "is missing; write at least 1, or give compare",
        ONLY_VALIDATION,
        at=f"{_STEP}.templates",
    ),
    bad(
        "a warm-up takes no time",
        "judged",
        f"{_JUDGE}.warmup",
        "0s",
        "is 0s; write more than nothing, such as 30s",
        ONLY_VALIDATION,
    ),
)
