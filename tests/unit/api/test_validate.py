"""Validation: every bad spec has its path and its sentence, every good one is read."""

from typing import Any

import pytest

from davy.api import rollout_rules, unbuilt, validate
from davy.api.analysis import Metric
from davy.api.errors import Finding, InvalidObject
from davy.api.mesh_routers import GATEWAY_KINDS
from tests.unit.api import cases
from tests.unit.api.bad import Bad
from tests.unit.api.documents import GOOD, REMOVE, changed

READ = {
    "Rollout": (validate.rollout, validate.parse_rollout),
    "AnalysisTemplate": (validate.analysis_template, validate.parse_analysis_template),
    "ClusterAnalysisTemplate": (validate.analysis_template, validate.parse_analysis_template),
    "AnalysisRun": (validate.analysis_run, validate.parse_analysis_run),
}


def findings(document: dict[str, Any]) -> list[Finding]:
    """What validation says to an object of any kind."""
    return READ[document["kind"]][0](document)


def name_of(value: unbuilt.Unbuilt | str) -> str:
    """An id: a field with what has it."""
    if isinstance(value, str):
        return value
    return f"{value.at.rpartition('.')[2]}.{value.field}"


@pytest.mark.parametrize("bad", cases.ALL, ids=lambda bad: f"{bad.base}: {bad.because}")
def test_a_bad_spec_is_refused_with_its_path_and_what_would_be_right(bad: Bad) -> None:
    """Nothing is silently ignored: the place, what is there, what would be right."""
    found = findings(changed(bad.base, bad.changes))
    assert [finding.path for finding in found] == [bad.path]
    assert bad.says in found[0].message


@pytest.mark.parametrize("base", GOOD)
def test_a_good_spec_has_no_findings(base: str) -> None:
    """The bases of all cases are good, so each case has one fault."""
    assert findings(GOOD[base]) == []


@pytest.mark.parametrize("base", GOOD)
def test_what_was_read_reads_the_same_again(base: str) -> None:
    """`manifest()` of a spec is the same spec: AnalysisRuns are written that way."""
    document = GOOD[base]
    parse = READ[document["kind"]][1]
    spec = parse(document)
    assert parse(document | {"spec": spec.manifest()}) == spec


def test_every_finding_is_told_at_once() -> None:
    """A person mends a file once, not once per error."""
    document = changed(
        "gateway",
        {
            "spec.replicas": -1,
            "spec.strategy.canary.steps[0].setWeight": -5,
            "spec.strategy.canary.trafficRouting.smi": {},
        },
    )
    with pytest.raises(InvalidObject) as raised:
        validate.parse_rollout(document)
    assert [finding.path for finding in raised.value.findings] == [
        "spec.strategy.canary.trafficRouting.smi",
        "spec.replicas",
        "spec.strategy.canary.steps[0].setWeight",
    ]


def test_a_rollout_without_a_spec_is_refused() -> None:
    """The one finding names the spec."""
    assert [finding.path for finding in validate.rollout({"kind": "Rollout"})] == ["spec"]


@pytest.mark.parametrize(
    ("base", "routes"),
    [
        ("gateway", [(kind, "cart") for kind in GATEWAY_KINDS]),
        (
            "plugin",
            [(kind, name) for kind in GATEWAY_KINDS for name in ("cart", "cart-internal")],
        ),
    ],
)
def test_both_spellings_of_gateway_api_name_the_same_routes(
    base: str, routes: list[tuple[str, str]]
) -> None:
    """Argo's plugin configuration is read by the built-in router."""
    assert [*validate.parse_rollout(GOOD[base]).strategy.canary.gateway_routes] == routes


@pytest.mark.parametrize("duration", [0, 30, "30", "30s", "1h30m", "1.5h", "500ms"], ids=repr)
def test_every_way_of_writing_a_pause_is_read(duration: int | str) -> None:
    """Argo's seconds, texts of seconds, and Go's lengths."""
    step = "spec.strategy.canary.steps[1].pause.duration"
    assert findings(changed("gateway", {step: duration})) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"spec.metrics[0].count": "{{args.service}}", "spec.metrics[0].interval": "10s"},
        {"spec.metrics[0].count": "3"},
        {"spec.metrics[0].interval": "{{ args.hash }}"},
        {"spec.metrics[0].provider.prometheus.address": "{{args.hash}}"},
        {"spec.metrics[0].count": REMOVE},
        {"spec.metrics[0].count": REMOVE, "spec.metrics[0].interval": REMOVE},
        {"spec.metrics[0].failureLimit": -1, "spec.metrics[0].consecutiveSuccessLimit": 2},
    ],
    ids=str,
)
def test_a_template_may_leave_values_to_its_arguments(changes: dict[str, Any]) -> None:
    """Integers are a whole number, its text, or an argument; so are texts."""
    assert findings(changed("template", changes)) == []


@pytest.mark.parametrize(
    ("fields", "endless"),
    [
        ({"interval": "10s"}, True),
        ({"interval": "10s", "count": 0}, True),
        ({"interval": "10s", "count": 3}, False),
        ({"interval": "10s", "consecutiveSuccessLimit": 3}, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_step_never_waits_for_a_metric_without_end(
    fields: dict[str, Any], *, endless: bool
) -> None:
    """Argo accepts it at first and fails later; a background analysis may run without end."""
    provider = {"prometheus": {"address": "http://p:9090", "query": "1"}}
    metric = Metric.model_validate({"name": "m", "provider": provider, **fields})
    found = validate.inline_metrics([metric], "spec.strategy.canary.steps[2].analysis")
    assert bool(found) == endless


def test_nulls_of_a_body_are_the_users() -> None:
    """Elsewhere a field that is null is unset; in a body the server asked for it."""
    body = {"since": None, "deep": [{"a": None}]}
    document = changed("template", {"spec.metrics[2].provider.web.jsonBody": body})
    asked = validate.parse_analysis_template(document).metrics[2].provider.web
    assert asked is not None
    assert asked.json_body == body
    assert asked.manifest()["jsonBody"] == body


UNBUILT = [
    (base, entry)
    for base, table in (
        ("gateway", unbuilt.ROLLOUT),
        ("template", unbuilt.ANALYSIS_TEMPLATE),
        ("run", unbuilt.ANALYSIS_RUN),
    )
    for entry in table
]


@pytest.mark.parametrize(
    ("base", "entry"), UNBUILT, ids=[f"{base}-{entry.at}.{entry.field}" for base, entry in UNBUILT]
)
def test_a_field_that_is_not_built_is_refused_with_what_to_use(
    base: str, entry: unbuilt.Unbuilt
) -> None:
    """Issue 3: no field is accepted that does nothing, under Argo's CRDs too."""
    document = cases.with_unbuilt(base, entry, cases.sample(entry))
    found = findings(document)
    assert entry.message in [finding.message for finding in found]
    assert "; " in entry.message


@pytest.mark.parametrize(
    ("base", "entry"),
    [(base, entry) for base, entry in UNBUILT if entry.neutral],
    ids=name_of,
)
def test_a_value_that_asks_for_nothing_is_accepted(base: str, entry: unbuilt.Unbuilt) -> None:
    """`disableInProgressLabel: true` is what happens anyway: manifests for Argo say such things."""
    for value in entry.neutral:
        assert findings(cases.with_unbuilt(base, entry, value)) == []


@pytest.mark.parametrize(
    "path",
    [
        "spec.replicas",
        "spec.strategy.canary.analysis",
        "spec.strategy.canary.steps[1].pause.duration",
    ],
)
def test_null_is_unset(path: str) -> None:
    """The API server reads it so, and templating tools write it."""
    assert findings(changed("gateway", {path: None})) == []


def test_blue_green_alone_is_one_finding() -> None:
    """What is missing because another field stands in its stead isn't told twice."""
    document = changed("gateway", {"spec.strategy": {"blueGreen": {"activeService": "cart"}}})
    assert [finding.path for finding in findings(document)] == ["spec.strategy.blueGreen"]


def test_a_weight_may_be_of_another_total() -> None:
    """Gateway API's weights are of any sum; setWeight is bounded by that."""
    routing = "spec.strategy.canary.trafficRouting.maxTrafficWeight"
    step = "spec.strategy.canary.steps[3].setWeight"
    assert findings(changed("gateway", {routing: 1000, step: 1000})) == []
    (found,) = findings(changed("gateway", {routing: 1000, step: 1001}))
    assert (found.path, found.message) == (
        step,
        "is 1001; weights are whole numbers from 0 to 1000",
    )


def test_a_scale_that_is_too_small_for_a_later_weight_is_doubted() -> None:
    """It says nothing there: the canary has the pods for its weight (I2)."""
    step = "spec.strategy.canary.steps[1]"
    for scale, told in (
        ({"replicas": 1}, ["is 50, which needs 3 pods; the setCanaryScale before it asks for 1"]),
        ({"weight": 20}, ["is 50, which needs 3 pods; the setCanaryScale before it asks for 1"]),
        ({"replicas": 3}, []),
        ({"matchTrafficWeight": True}, []),
    ):
        spec = validate.parse_rollout(changed("gateway", {step: {"setCanaryScale": scale}}))
        found = [finding.message.partition(":")[0] for finding in rollout_rules.doubts(spec)]
        assert found == told
