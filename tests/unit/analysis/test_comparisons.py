"""Comparisons made ready for a run: presets, a judge without a template, deadlines of steps."""

from typing import Any, get_args

import pytest

from davy.analysis import compared, comparisons, presets, resolve
from davy.analysis.comparisons import Around
from davy.api import compare_rules, metric_rules
from davy.api.analysis import AnalysisRef, AnalysisRunSpec, Metric
from davy.api.compare import Compare, Further, Judge, Latency, Preset, Server, Side
from davy.api.errors import InvalidObject
from davy.api.providers import MetricProvider, PrometheusMetric
from tests.unit.analysis.runs import a_metric
from tests.unit.analysis.test_compared import SIDE, a_comparison

SUBSETS = {
    "istio": {
        "virtualService": {"name": "cart"},
        "destinationRule": {
            "name": "cart",
            "canarySubsetName": "canary",
            "stableSubsetName": "stable",
        },
    }
}
AROUND = Around("http://prometheus:9090", "cart")


def rollout(**canary: Any) -> dict[str, Any]:
    """A Rollout's manifest."""
    metadata = {"name": "cart", "namespace": "shop"}
    return {"metadata": metadata, "spec": {"strategy": {"canary": canary}}}


def run_of(
    judge: Judge,
    *,
    inline: bool = False,
    around: Around | None = AROUND,
    **canary: Any,
) -> AnalysisRunSpec:
    """The run of a rollout that says nothing but this."""
    return resolve.run_spec(
        [],
        AnalysisRef(compare=judge),
        manifest=rollout(**(canary or {"trafficRouting": SUBSETS})),
        stable_hash="aaaa",
        latest_hash="bbbb",
        inline=inline,
        around=around,
    )


def refused(judge: Judge, **options: Any) -> str:
    """Why there is no such run."""
    with pytest.raises(InvalidObject) as caught:
        run_of(judge, **options)
    return str(caught.value)


def test_a_judge_becomes_a_metric_with_the_counters_of_its_preset() -> None:
    """The run shows what is asked, of whom, for each side."""
    (metric,) = run_of(Judge(preset="envoy", alpha=0.01)).metrics
    compare, prometheus = metric.compare, metric.provider.prometheus
    assert compare is not None
    assert prometheus is not None
    assert (metric.name, prometheus.address) == ("judge", "http://prometheus:9090")
    assert (compare.preset, compare.alpha, compare.deadline) == (None, 0.01, None)
    canary, stable = (side and side.requests[0] for side in (compare.canary, compare.stable))
    assert r"\\|canary\\|cart" in str(canary)
    assert r"\\|stable\\|cart" in str(stable)
    assert comparisons.sides(metric).canary.requests[0] == canary


def test_pods_are_told_apart_by_their_hashes() -> None:
    """The canary's is the newest."""
    (metric,) = run_of(Judge(preset="app")).metrics
    sides = comparisons.sides(metric)
    assert "cart-bbbb-" in sides.canary.requests[0]
    assert "cart-aaaa-" in sides.stable.requests[0]


def test_a_steps_comparison_has_an_end() -> None:
    """10 minutes, unless it says another."""
    (waited,) = run_of(Judge(preset="app"), inline=True).metrics
    assert waited.compare is not None
    assert waited.compare.deadline == "10m"
    (said,) = run_of(Judge(preset="app", deadline="1m"), inline=True).metrics
    assert said.compare is not None
    assert said.compare.deadline == "1m"


def test_slow_requests_are_counted_by_a_bucket() -> None:
    """`latency` in place of errors."""
    (metric,) = run_of(Judge(preset="app", latency=Latency(slower_than="500ms"))).metrics
    assert metric.compare is not None
    assert metric.compare.latency is None
    canary = comparisons.sides(metric).canary
    assert canary.errors == ()
    assert 'le=~"' in canary.good[0]


def test_slow_requests_are_counted_by_a_native_histogram() -> None:
    """The run says which series, and which bound."""
    latency = Latency(slower_than="500ms", histogram="native")
    (metric,) = run_of(Judge(preset="app", latency=latency)).metrics
    assert metric.compare is not None
    assert metric.compare.canary is not None
    assert metric.compare.canary.bound == 0.5
    canary = comparisons.sides(metric).canary
    assert (canary.errors, canary.good, canary.bound) == ((), (), 0.5)
    assert canary.requests[0].startswith("http_request_duration_seconds{")


SLOW = Further(name="latency", latency=Latency(slower_than="500ms"), accept=0.05)


def test_further_comparisons_are_metrics_of_the_same_run() -> None:
    """Errors and latency: one preset and one end, each its own idea of what nobody minds."""
    judge = Judge(preset="app", alpha=0.02, deadline="5m", warmup="30s", abort_ratio=1.5)
    spec = run_of(judge.model_copy(update={"also": [SLOW]}))
    errors, latency = spec.metrics
    assert [errors.name, latency.name] == ["judge", "latency"]
    assert errors.provider == latency.provider
    assert errors.warmup == latency.warmup == "30s"
    assert errors.compare is not None
    assert latency.compare is not None
    assert (latency.compare.alpha, latency.compare.deadline) == (0.02, "5m")
    assert (errors.compare.accept, latency.compare.accept) == (0.01, 0.05)
    assert (errors.compare.abort_ratio, latency.compare.abort_ratio) == (1.5, 1.25)
    assert comparisons.sides(errors).canary.errors
    assert comparisons.sides(latency).canary.good
    assert compared.asked(latency, spec).alpha == 0.01


def test_a_further_comparison_has_its_own_counters_or_preset() -> None:
    """Then the first one's preset isn't its own."""
    also = [Further(name="orders", canary=SIDE, stable=SIDE), Further(name="own", preset="app")]
    first, orders, own = run_of(Judge(preset="envoy", also=also)).metrics
    assert comparisons.sides(orders).canary.requests == ("requests",)
    assert comparisons.sides(own) != comparisons.sides(first)


def test_all_further_comparisons_of_a_step_have_its_end() -> None:
    """A step waits for none without end."""
    metrics = run_of(Judge(preset="app", also=[SLOW]), inline=True).metrics
    assert [metric.compare and metric.compare.deadline for metric in metrics] == ["10m", "10m"]


@pytest.mark.parametrize(
    ("also", "path", "says"),
    [
        ([Further(name="judge", preset="istio")], "judge.also[0].name", "names must differ"),
        ([SLOW, SLOW], "judge.also[1].name", "names must differ"),
        ([Further(name="errors")], "judge.also[0]", "compares the same as judge"),
        (
            [SLOW, SLOW.model_copy(update={"name": "slow"})],
            "judge.also[1]",
            "compares the same as latency",
        ),
        (
            [Further(name="x", canary=SIDE)],
            "judge.also[0]",
            "has neither a preset nor counters of its own",
        ),
        (
            [SLOW.model_copy(update={"abort_ratio": 3.0})],
            "judge.also[0].tolerateRatio",
            "not more than abortRatio",
        ),
    ],
)
def test_further_comparisons_that_cant_be_meant_are_refused(
    also: list[Further], path: str, says: str
) -> None:
    """At the one that is wrong."""
    found = [*compare_rules.judge(Judge(preset="app", also=also), "judge")]
    assert [(one.path, says in one.message) for one in found] == [(path, True)]


def test_services_that_swap_are_checked_by_either_role() -> None:
    """Of a file nobody knows whose turn it is; of a route one does."""
    swapping = {"pingService": "cart-ping", "pongService": "cart-pong"}
    routing = {"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}}
    for around, canary in (
        (Around(), "cart-pong"),
        (Around(canary_service="cart-ping", stable_service="cart-pong"), "cart-ping"),
    ):
        found = comparisons.seen(
            rollout(pingPong=swapping, trafficRouting=routing), "aaaa", "bbbb", around
        )
        assert found is not None
        assert found.canary.service == canary
        assert {found.canary.service, found.stable.service} == {"cart-ping", "cart-pong"}


def test_the_server_is_the_judges_own_or_the_operators() -> None:
    """And where neither says one, the sentence names both ways."""
    own = Judge(preset="app", prometheus=Server(address="http://other:9090"))
    (metric,) = run_of(own).metrics
    assert metric.provider.prometheus is not None
    assert metric.provider.prometheus.address == "http://other:9090"
    assert "davy run with --prometheus" in refused(Judge(preset="app"), around=Around())
    run_of(own, around=Around())


def test_a_preset_that_cant_tell_the_sides_apart_is_refused() -> None:
    """With what to do about it."""
    routing = {"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}}
    said = refused(Judge(preset="traefik"), trafficRouting=routing)
    assert "give them canaryService and stableService" in said
    assert "metrics[judge].compare" in said


def test_a_run_made_by_hand_names_its_counters() -> None:
    """It knows no rollout."""
    metric = a_comparison(preset="app", canary=None, stable=None)
    with pytest.raises(InvalidObject, match="a run made by hand names its counters"):
        resolve.run_filled(AnalysisRunSpec(metrics=[metric]))
    assert resolve.run_filled(AnalysisRunSpec(metrics=[a_comparison()])).metrics


def test_a_template_beside_a_judge_keeps_its_metrics() -> None:
    """Other metrics are left as they are."""
    assert comparisons.ready(a_metric(), None, inline=True) == a_metric()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"preset": "app"}, "compare.canary: stands beside preset"),
        ({"canary": None}, "has neither a preset nor counters of its own"),
        ({"canary": Side(requests=["a"])}, "compare.canary: has none of errors, good, bound"),
        (
            {"stable": Side(requests=["a"], errors=["b"], good=["c"])},
            "compare.stable: has errors and good; give exactly one",
        ),
        ({"latency": Latency(slower_than="1s")}, "compare.latency: is for presets"),
        ({"abort_ratio": 3}, "compare.tolerateRatio: is 2, not more than abortRatio (3)"),
        ({"deadline": "soon"}, "compare.deadline"),
        ({"deadline": "0s"}, "compare.deadline: is 0s; write more than nothing"),
    ],
)
def test_a_wrong_comparison_is_refused(fields: dict[str, Any], says: str) -> None:
    """Path and what would be right."""
    compare = Compare(**{"canary": SIDE, "stable": SIDE, **fields})
    found = [str(finding) for finding in compare_rules.findings(compare, "compare")]
    assert len(found) == 1
    assert says in found[0]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"success_condition": "result[0] < 1"}, "successCondition: says nothing beside compare"),
        ({"failure_limit": 3}, "failureLimit: says nothing beside compare"),
        ({"consecutive_error_limit": 4}, "consecutiveErrorLimit: says nothing beside compare"),
        ({"count": 3, "interval": "5s"}, "count: says nothing beside compare"),
        (
            {
                "provider": MetricProvider(
                    prometheus=PrometheusMetric(address="http://p", query="up")
                )
            },
            "query: stands beside compare",
        ),
    ],
)
def test_what_says_nothing_beside_compare_is_refused(fields: dict[str, Any], says: str) -> None:
    """No field is accepted and does nothing."""
    base = {"name": "judge", "provider": a_comparison().provider, "compare": a_comparison().compare}
    metric = Metric(**{**base, **fields})
    found = [str(finding) for finding in metric_rules.metric_findings(metric, "metrics[0]")]
    assert any(says in finding for finding in found), found


def test_a_question_is_missing_only_beside_no_comparison() -> None:
    """`query` is needed for a condition."""
    asked = MetricProvider(prometheus=PrometheusMetric(address="http://prometheus:9090"))
    (found,) = compare_rules.in_metric(Metric(name="errors", provider=asked), "metrics[0]")
    assert str(found).startswith("metrics[0].provider.prometheus.query: is missing")
    assert not [*compare_rules.in_metric(a_comparison(), "metrics[0]")]


def test_only_a_comparison_with_a_deadline_ends() -> None:
    """A step would wait for the other without end."""
    assert metric_rules.endless(a_comparison())
    assert not metric_rules.endless(a_comparison(deadline="5m"))


def test_the_schema_names_the_presets_that_there_are() -> None:
    """No more and no fewer."""
    assert sorted(get_args(Preset)) == sorted(presets.PRESETS)
