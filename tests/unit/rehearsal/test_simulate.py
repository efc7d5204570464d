"""Releases that are played by the real engine: how they end, what they cost, what is refused."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davy.api.analysis import Phase
from davy.api.errors import InvalidObject
from davy.api.group import ARGO, DAVY, VERSION
from davy.rehearsal.answers import Fixed, Given, Rule
from davy.rehearsal.scenario import Scenario
from davy.rehearsal.simulate import LONGEST, Circumstances, End, Simulation, simulate
from tests.unit.rehearsal.releases import (
    JUDGE,
    PROMETHEUS,
    STEPS,
    a_manifest,
    a_release,
    at_the_shop,
)

GOOD = Scenario("good")
BAD = Scenario("bad", errors=0.05)
SLOW = Scenario("slow", slower=3)
SILENT = Scenario("no-traffic", silent=True)
DOWN = Scenario("prometheus-down", outage=timedelta(minutes=1))
COMPARES = {"analysis": {"compare": {**JUDGE, "deadline": "5m"}}}
OF_1000 = {"contour": {"httpProxies": ["cart"]}, "maxTrafficWeight": 1000}
LATENCY = {"preset": "app", "latency": {"slowerThan": "500ms"}, "prometheus": PROMETHEUS}
RATE: dict[str, Any] = {
    "metrics": [
        {
            "name": "success",
            "interval": "30s",
            "count": 4,
            "successCondition": "result[0] >= 0.99",
            "provider": {"prometheus": {**PROMETHEUS, "query": "up"}},
        }
    ]
}
ANALYSIS = {"analysis": {"templates": [{"templateName": "rate"}]}}


def played(
    scenario: Scenario,
    *steps: dict[str, Any],
    around: Circumstances | None = None,
    templates: dict[str, Any] | None = None,
    **canary: Any,
) -> Simulation:
    release = a_release(a_manifest(*steps, **canary), templates or {"rate": RATE})
    return simulate(release, scenario, around or at_the_shop())


def weights(found: Simulation) -> list[float]:
    """The canary's shares of the requests, one after the other."""
    shares = [round(one.served, 3) for one in found.moments]
    return [share for at, share in enumerate(shares) if at == 0 or share != shares[at - 1]]


def at(found: Simulation, word: str) -> float:
    """When it was said first, in seconds."""
    return next(one.seconds for one in found.moments if word in one.said)


def test_a_good_release_takes_its_steps_and_is_promoted() -> None:
    """10 s for each new pods, a second for each weight, the pauses as they are."""
    found = played(GOOD, *STEPS, judge=JUDGE)
    assert (found.end, weights(found)) == (End.PROMOTED, [0, 0.1, 0.5, 1])
    assert 2 * 120 + 30 < found.seconds < 2 * 120 + 45
    assert 0 < found.harmed < 60
    assert found.requests == pytest.approx(200 * 0.1 * 131 + 200 * 0.5 * 131 + 200 * 3, rel=0.05)


def test_a_bad_release_is_aborted_by_the_judge() -> None:
    """At the first scrape that shows it; all traffic is back at once."""
    found = played(BAD, *STEPS, judge=JUDGE)
    assert (found.end, weights(found)) == (End.ABORTED, [0, 0.1, 0])
    assert at(found, "worse: ") == found.seconds <= 60
    assert found.why.startswith("RolloutAborted: Revision 2 aborted at weight 10: Metric judge")
    assert found.requests * 0.03 < found.harmed < found.requests * 0.08


def test_the_same_seed_plays_the_same_release() -> None:
    """And another one another."""
    around = at_the_shop()
    one, same = (played(BAD, *STEPS, judge=JUDGE, around=around) for _ in range(2))
    other = played(BAD, *STEPS, judge=JUDGE, around=Circumstances(**{**vars(around), "seed": 2}))
    assert one == same
    assert one.harmed != other.harmed


def test_a_harm_budget_lets_the_weight_grow_with_the_evidence() -> None:
    """A total failure costs less than the budget; a good release takes the step's weight later."""
    total = Scenario("bad:100%", errors=1.0)
    budget = {"requests": 50}
    good, bad = (played(which, *STEPS, judge=JUDGE, harmBudget=budget) for which in (GOOD, total))
    assert (good.end, bad.end) == (End.PROMOTED, End.ABORTED)
    assert weights(bad) == [0, 0.01, 0]
    assert weights(good)[:2] == [0, 0.01]
    assert {0.1, 0.5, 1} <= {*weights(good)}
    assert bad.harmed <= 50 < played(total, *STEPS, judge=JUDGE).harmed


def test_without_a_judge_a_bad_release_is_promoted() -> None:
    """The whole of it is harmed: this is what a simulation is for."""
    found = played(BAD, *STEPS)
    assert found.end is End.PROMOTED
    assert found.harmed > 500


def test_no_traffic_holds_the_weight_and_says_what_is_missing() -> None:
    """I7: no evidence is no success."""
    found = played(SILENT, *STEPS, judge=JUDGE)
    assert (found.end, weights(found)) == (End.HELD, [0, 0.1])
    assert "no evidence since" in found.why
    assert "canary gets no requests" in found.why
    assert (found.requests, found.harmed) == (0, 0)


def test_an_outage_of_prometheus_aborts_nobody() -> None:
    """I7: it begins in the middle, lasts a minute, and the release is promoted all the same."""
    good, found = (played(which, *STEPS, judge=JUDGE) for which in (GOOD, DOWN))
    middle = int(good.moments[-1].seconds / 2)
    assert middle <= at(found, "Prometheus refused") <= middle + 15
    assert found.end is End.PROMOTED
    assert found.seconds == good.seconds


def test_an_outage_holds_a_step_that_would_raise_the_weight() -> None:
    """As long as it lasts, and no longer."""
    long = Scenario("prometheus-down", outage=timedelta(minutes=10))
    good, found = (played(which, *STEPS, judge=JUDGE) for which in (GOOD, long))
    middle = int(good.moments[-1].seconds / 2)
    assert found.end is End.PROMOTED
    assert middle + 600 < found.seconds < middle + 600 + 60


def test_a_slow_canary_is_seen_by_a_comparison_of_latency_alone() -> None:
    """Three times as slow: 1 % beyond the limit become 22 %, and count as harmed."""
    by_latency, by_errors = (played(SLOW, *STEPS, judge=judge) for judge in (LATENCY, JUDGE))
    assert (by_latency.end, by_errors.end) == (End.ABORTED, End.PROMOTED)
    assert by_latency.harmed == pytest.approx(by_latency.requests * 0.01 ** (1 / 3), rel=0.2)


def test_a_bucket_of_ones_own_is_latency_and_another_counter_isnt() -> None:
    """What a metric of its user's counts is read from the name of its series."""

    def judged_by(good: str) -> dict[str, Any]:
        sides = {"requests": ["n_count"], "good": [good]}
        metric = {"name": "own", "provider": {"prometheus": PROMETHEUS}}
        compare = {"canary": sides, "stable": sides}
        return {"rate": {"metrics": [{**metric, "compare": compare}]}}

    beside = {"templates": [{"templateName": "rate"}]}
    slow, errors = (
        played(SLOW, *STEPS, templates=judged_by(good), analysis=beside).end
        for good in ('n_bucket{le="0.5"}', 'n_total{ok="true"}')
    )
    assert (slow, errors) == (End.ABORTED, End.PROMOTED)


@pytest.mark.parametrize(
    ("scenario", "end"), [(GOOD, End.PROMOTED), (BAD, End.ABORTED), (SILENT, End.HELD)]
)
def test_a_step_that_compares_waits_for_its_verdict(scenario: Scenario, end: End) -> None:
    """Without requests it is inconclusive at its deadline, and a person is waited for."""
    found = played(scenario, {"setWeight": 20}, COMPARES)
    assert found.end is end
    told = {End.PROMOTED: "not worse: ", End.ABORTED: "worse: ", End.HELD: "Inconclusive"}
    assert at(found, told[end]) < 6 * 60


def test_a_pause_without_end_is_played_for_a_while_and_then_held() -> None:
    """A bad canary is aborted in it; a good one waits for a person."""
    steps: tuple[dict[str, Any], ...] = ({"setWeight": 10}, {"pause": {}})
    good, bad = (played(which, *steps, judge=JUDGE) for which in (GOOD, BAD))
    assert (good.end, bad.end) == (End.HELD, End.ABORTED)
    assert good.why == "Step 2 of 2: paused at weight 10 until somebody promotes."
    assert good.seconds == pytest.approx(12 + 30 * 60, abs=2)


def test_a_pause_of_a_day_is_played_to_its_end() -> None:
    """Patience is for what doesn't end by itself."""
    found = played(GOOD, {"setWeight": 10}, {"pause": {"duration": "24h"}})
    assert found.end is End.PROMOTED
    assert found.seconds > 86_400


def test_a_release_of_weeks_isnt_played_to_its_end() -> None:
    """It is held after the longest time that is played."""
    found = played(GOOD, {"setWeight": 10}, {"pause": {"duration": "400h"}})
    assert (found.end, found.seconds) == (End.HELD, LONGEST.total_seconds())


@pytest.mark.parametrize(("group", "end"), [(DAVY, End.PROMOTED), (ARGO, End.ABORTED)])
def test_an_outage_is_judged_by_the_groups_own_defaults(group: str, end: End) -> None:
    """Argo's objects have their four errors in a row, Davy's wait for an answer."""
    manifest = {**a_manifest({"setWeight": 10}, ANALYSIS), "apiVersion": f"{group}/{VERSION}"}
    metric = {**RATE["metrics"][0], "interval": "1m", "count": 10}
    long = Scenario("prometheus-down", outage=timedelta(minutes=5))
    release = a_release(manifest, {"rate": {"metrics": [metric]}})
    assert simulate(release, long, at_the_shop(success=Fixed(1))).end is end


@pytest.mark.parametrize(
    ("given", "scenario", "end"),
    [
        (Rule.SUCCESS, GOOD, End.PROMOTED),
        (Rule.SUCCESS, BAD, End.ABORTED),
        (Rule.SUCCESS, SILENT, End.HELD),
        (Fixed(0.995), BAD, End.PROMOTED),
        (Fixed(0.9), GOOD, End.ABORTED),
        (Fixed([]), GOOD, End.HELD),
        (Fixed([0.995, 0.1]), GOOD, End.PROMOTED),
    ],
)
def test_a_metric_of_promql_gets_the_answer_that_its_user_gives(
    given: Given, scenario: Scenario, end: End
) -> None:
    """A rule follows the requests of the last minute; a value is the same each time."""
    around = at_the_shop(success=given)
    assert played(scenario, {"setWeight": 10}, ANALYSIS, around=around).end is end


def test_without_an_answer_nothing_is_played() -> None:
    """Each metric that needs one is named, and what may be given."""
    with pytest.raises(InvalidObject) as refused:
        played(GOOD, {"setWeight": 10}, ANALYSIS)
    assert str(refused.value) == (
        "spec.strategy.canary.steps[1].analysis: metric success: can't be asked of requests that "
        "nobody sent; say what comes back: --answer success=VALUE (a number, JSON, errors or "
        "success: the canary's share of the last minute)"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"success": Fixed(1), "sucess": Fixed(1)}, "--answer sucess: names no metric of this"),
        ({"success": Phase.FAILED}, "metric success: is no Job; give --answer success=VALUE"),
    ],
)
def test_an_answer_that_nobody_asks_for_is_refused(given: dict[str, Given], message: str) -> None:
    """A slip must not look like a result."""
    with pytest.raises(InvalidObject, match=message):
        played(GOOD, {"setWeight": 10}, ANALYSIS, around=at_the_shop(**given))


@pytest.mark.parametrize(
    ("given", "end"),
    [
        (Phase.SUCCESSFUL, End.PROMOTED),
        (Phase.FAILED, End.ABORTED),
        (Phase.INCONCLUSIVE, End.HELD),
    ],
)
def test_a_job_ends_as_its_user_says(given: Given, end: End) -> None:
    """It isn't run."""
    spec = {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "test", "image": "test", "command": ["true"]}],
            }
        }
    }
    job = {"metrics": [{"name": "test", "provider": {"job": {"spec": spec}}}]}
    around = at_the_shop(test=given)
    found = played(GOOD, {"setWeight": 10}, ANALYSIS, around=around, templates={"rate": job})
    assert found.end is end


def test_a_plugins_step_isnt_played() -> None:
    """Nobody here knows what it does."""
    with pytest.raises(InvalidObject, match=r"steps\[0\]\.plugin: isn't played"):
        played(GOOD, {"plugin": {"name": "acme/gate"}})


def test_a_template_that_isnt_there_is_named() -> None:
    """With the analysis that wants it."""
    with pytest.raises(InvalidObject) as refused:
        played(GOOD, {"setWeight": 10}, ANALYSIS, templates={"other": RATE})
    assert str(refused.value) == (
        "spec.strategy.canary.steps[1].analysis: templates[0].templateName: names the "
        "AnalysisTemplate rate, which isn't in the files given"
    )


@pytest.mark.parametrize(
    "canary",
    [
        pytest.param({"trafficRouting": None}, id="by pods"),
        pytest.param(
            {
                "pingPong": {"pingService": "a", "pongService": "b"},
                "canaryService": None,
                "stableService": None,
            },
            id="ping-pong",
        ),
        pytest.param({"dynamicStableScale": True}, id="dynamic stable"),
        pytest.param({"trafficRouting": OF_1000}, id="of 1000"),
        pytest.param({"minPodsPerReplicaSet": 2, "antiAffinity": None}, id="two pods"),
    ],
)
def test_every_way_to_update_comes_to_its_end(canary: dict[str, Any]) -> None:
    """A good one with all traffic, a bad one with none."""
    steps = ({"setWeight": 25}, {"pause": {"duration": "2m"}}, {"setWeight": 50})
    good, bad = (played(which, *steps, judge=JUDGE, **canary) for which in (GOOD, BAD))
    assert (good.end, good.moments[-1].served) == (End.PROMOTED, 1)
    assert (bad.end, bad.moments[-1].served) == (End.ABORTED, 0)


def test_pods_come_before_their_weight() -> None:
    """I2 and I5: minReadySeconds are waited for."""
    spec = {"replicas": 10, "minReadySeconds": 20}
    release = a_release(a_manifest({"setWeight": 50}, spec=spec))
    found = simulate(release, GOOD, at_the_shop())
    first = next(one for one in found.moments if one.served > 0)
    assert first.seconds == 10 + 20 + 1  # ready, available, and the destination's settle time


def test_a_verdict_is_a_row_when_it_says_something_else() -> None:
    """Not each look of it."""
    found = played(GOOD, *STEPS, judge=JUDGE)
    told = [one.said.split(":")[1].strip() for one in found.moments if one.metric == "judge"]
    assert told[0].startswith("too few")
    assert all(one != other for one, other in pairwise(told))
    assert "not worse" in told


STEP = st.one_of(
    st.integers(0, 100).map(lambda weight: {"setWeight": weight}),
    st.sampled_from(("10s", "3m", "2h")).map(lambda length: {"pause": {"duration": length}}),
    st.integers(1, 4).map(lambda pods: {"setCanaryScale": {"replicas": pods}}),
    st.just({"setCanaryScale": {"matchTrafficWeight": True}}),
    st.just(COMPARES),
)


@given(
    steps=st.lists(STEP, max_size=6),
    scenario=st.sampled_from((GOOD, BAD, SILENT, DOWN)),
    judged=st.booleans(),
    by_pods=st.booleans(),
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_any_release_ends_and_never_serves_more_than_its_steps_ask_for(
    steps: list[dict[str, Any]], scenario: Scenario, *, judged: bool, by_pods: bool
) -> None:
    """Promoted with all traffic, aborted with none, or held; never ahead of its steps."""
    canary: dict[str, Any] = {"judge": JUDGE} if judged else {}
    if by_pods:
        canary["trafficRouting"] = None
        steps = [step for step in steps if "setCanaryScale" not in step]
    found = played(scenario, *steps, **canary)
    last = found.moments[-1]
    assert {End.PROMOTED: last.served == 1, End.ABORTED: last.served == 0}.get(found.end, True)
    assert found.harmed <= found.requests
    times = [one.seconds for one in found.moments]
    assert times == sorted(times)
    most = max((step["setWeight"] for step in steps if "setWeight" in step), default=0)
    early = [one for one in found.moments if one.said.startswith("Step ")]
    if not by_pods and most < 100:
        assert all(100 * one.served <= most for one in early)
