"""What is wrong with a rollout's analyses is looked for once, and again when it may differ."""

from typing import Any

from davy.api import validate
from davy.cluster.cache import Cache, Json
from davy.controller import runs
from tests.sim.manifests import ANALYSIS_TEMPLATE, KINDS, analysis_template, rollout, template
from tests.sim.schedule import Setup

STEPS = ({"analysis": {"templates": [{"templateName": "errors"}]}},)


def stamp(cache: Cache, raw: Json) -> tuple[str, ...]:
    return runs.stamp(cache, KINDS, raw, validate.parse_rollout(raw))


def a_rollout(version: str, **argument: Any) -> Json:
    made = rollout(Setup(), "cart", template("cart", "good-1"), STEPS, 1)
    made["metadata"] |= {"uid": "uid-1", "generation": 1, "resourceVersion": version}
    if argument:
        made["spec"]["strategy"]["canary"]["steps"][0]["analysis"]["args"] = [argument]
    return made


def a_cache(version: str, **argument: Any) -> Cache:
    cache = Cache()
    made = analysis_template(Setup())
    made["metadata"] |= {"uid": "uid-2", "resourceVersion": version}
    made["spec"]["args"] = [argument or {"name": "hash"}]
    cache.put(ANALYSIS_TEMPLATE, made)
    return cache


def test_a_status_changes_nothing_about_them() -> None:
    cache = a_cache("5")
    assert stamp(cache, a_rollout("7")) == stamp(cache, a_rollout("8"))


def test_a_template_that_comes_or_changes_does() -> None:
    raw = a_rollout("7")
    assert len({stamp(cache, raw) for cache in (Cache(), a_cache("5"), a_cache("6"))}) == 3


def test_any_field_may_be_one_that_an_argument_takes() -> None:
    source = {"name": "hash", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels.region"}}}
    cache = a_cache("5")
    assert stamp(cache, a_rollout("7", **source)) != stamp(cache, a_rollout("8", **source))
    taking = a_cache("5", **source)
    assert stamp(taking, a_rollout("7")) != stamp(taking, a_rollout("8"))
