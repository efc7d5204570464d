"""What a run's comparison counted, as the engine sees it."""

import json
from typing import Any

import pytest

from davy.cluster.cache import Cache, Json
from davy.controller import runs
from davy.engine.world import Allowance
from tests.sim.manifests import KINDS

VALUE = json.dumps(
    {
        "toAbort": 0.2,
        "toPass": 0.4,
        "canary": {"requests": 400, "errors": 12},
        "stable": {"requests": 3600, "errors": 9},
    }
)
SIDE = {"requests": ["requests"], "errors": ["errors"]}
OWNER: Json = {"metadata": {"namespace": "shop", "name": "cart", "uid": "uid-1"}}


def a_cache(metric: str, *values: str | None, **provider: Any) -> Cache:
    """A background run of one metric with these measurements; it compares unless it asks."""
    asks = {"compare": {"canary": SIDE, "stable": SIDE}} if not provider else {}
    prometheus = {"address": "http://prometheus:9090", **provider}
    measurements = [{"phase": "Inconclusive", "value": value} for value in values]
    run: Json = {
        "metadata": {
            "namespace": "shop",
            "name": "cart-2",
            "uid": "uid-2",
            "resourceVersion": "5",
            "labels": {"rollout-type": "Background", "rollouts-pod-template-hash": "bbb"},
            "ownerReferences": [{"kind": "Rollout", "uid": "uid-1", "controller": True}],
        },
        "spec": {"metrics": [{"name": metric, "provider": {"prometheus": prometheus}, **asks}]},
        "status": {
            "phase": "Running",
            "metricResults": [{"name": metric, "phase": "Running", "measurements": measurements}],
        },
    }
    cache = Cache()
    cache.put(KINDS.analysis_run, run)
    return cache


def test_the_latest_counts_of_the_judge_are_seen() -> None:
    """A measurement that got no answer has none, and those before it still stand."""
    older = VALUE.replace("400", "300")
    (run,) = runs.observed(a_cache("judge", older, VALUE, None), KINDS, OWNER)
    assert run.counted is not None
    assert (run.counted.canary.requests, run.counted.canary.errors) == (400, 12)
    assert (run.counted.stable.requests, run.counted.stable.errors) == (3600, 9)


def test_what_the_harm_budget_allows_is_seen() -> None:
    """Of the latest measurement that tells of it."""
    told = VALUE.replace("}}", '}, "allowed": 0.25, "spent": 3}')
    (run,) = runs.observed(a_cache("judge", told, None), KINDS, OWNER)
    assert run.allowance == Allowance(0.25, 3)
    (run,) = runs.observed(a_cache("judge", told, VALUE), KINDS, OWNER)
    assert run.allowance is None


@pytest.mark.parametrize(
    "cache",
    [
        a_cache("judge"),
        a_cache("judge", None),
        a_cache("judge", "[0.97]"),
        a_cache("errors", VALUE),
        a_cache("judge", VALUE, query="q"),
    ],
)
def test_another_metric_has_counted_nothing(cache: Cache) -> None:
    """Nor one of that name that compares nothing, whatever it was answered."""
    (run,) = runs.observed(cache, KINDS, OWNER)
    assert run.counted is None
