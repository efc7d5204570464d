"""Templates and a rollout's arguments to the spec of a run; secrets apart from it."""

from typing import Any

import pytest

from davy.analysis import credentials, resolve
from davy.analysis.templates import Template
from davy.api.analysis import AnalysisRef, AnalysisRunSpec, AnalysisTemplateSpec, Metric
from davy.api.errors import InvalidObject

ROLLOUT = {
    "metadata": {"name": "cart", "labels": {"region": "eu-1", "app.kubernetes.io/name": "cart"}},
    "spec": {
        "replicas": 3,
        "paused": False,
        "dynamic": True,
        "template": {"spec": {"containers": [{"name": "c"}]}},
    },
}
QUERY = 'sum(rate(errors{service="{{args.service}}"}[1m]))'


def a_metric(name: str = "error-rate", **fields: Any) -> dict[str, Any]:
    """A metric as a manifest has it."""
    prometheus = {"address": "http://prometheus:9090", "query": QUERY, **fields.pop("ask", {})}
    success = fields.pop("successCondition", "result[0] <= 0.05")
    return {
        "name": name,
        "provider": {"prometheus": prometheus},
        "successCondition": success,
        **fields,
    }


def a_template(
    *metrics: dict[str, Any],
    args: list[dict[str, Any]] | None = None,
    name: str = "rates",
    **fields: Any,
) -> Template:
    """An AnalysisTemplate with the argument `service`, unless told otherwise."""
    given = [{"name": "service"}] if args is None else args
    spec = {"metrics": list(metrics or [a_metric()]), "args": given, **fields}
    return Template(name, AnalysisTemplateSpec.model_validate(spec))


def asking(**analysis: Any) -> AnalysisRef:
    """A rollout's analysis."""
    return AnalysisRef.model_validate({"templates": [{"templateName": "rates"}], **analysis})


def resolved(
    *templates: Template,
    args: list[dict[str, Any]] | None = None,
    inline: bool = False,
    **analysis: Any,
) -> AnalysisRunSpec:
    """The run's spec; `service` is cart unless told otherwise."""
    given = [{"name": "service", "value": "cart"}] if args is None else args
    return resolve.run_spec(
        templates,
        asking(args=given, **analysis),
        manifest=ROLLOUT,
        stable_hash="aaa",
        latest_hash="bbb",
        inline=inline,
    )


def wrong(*templates: Template, **options: Any) -> str:
    """Everything that is wrong, in one text."""
    with pytest.raises(InvalidObject) as caught:
        resolved(*templates, **options)
    return str(caught.value)


def query(spec: AnalysisRunSpec) -> str:
    """Of the first metric."""
    prometheus = spec.metrics[0].provider.prometheus
    assert prometheus is not None
    assert prometheus.query is not None
    return prometheus.query


def test_arguments_are_filled_in() -> None:
    """The rollout's value is in the query and in the run's args."""
    spec = resolved(a_template())
    assert query(spec) == 'sum(rate(errors{service="cart"}[1m]))'
    assert [(arg.name, arg.value) for arg in spec.args or []] == [("service", "cart")]


def test_blanks_in_a_placeholder_do_not_matter() -> None:
    """`{{ args.service }}` as people write it."""
    spec = resolved(a_template(a_metric(ask={"query": "up{a='{{ args.service }}'}"})))
    assert query(spec) == "up{a='cart'}"


def test_a_default_holds_unless_the_rollout_has_a_value() -> None:
    """The rollout's value goes before the template's."""
    template = a_template(args=[{"name": "service", "value": "all"}])
    assert "all" in query(resolved(template, args=[]))
    assert "all" in query(resolved(template, args=[{"name": "service"}]))
    assert "cart" in query(resolved(template))


def test_a_text_of_the_rollout_goes_before_its_reference() -> None:
    """As a template's does."""
    both = {"value": "cart", "valueFrom": {"podTemplateHashValue": "Latest"}}
    assert "cart" in query(resolved(a_template(), args=[{"name": "service", **both}]))


def test_a_template_may_have_nothing_but_metrics() -> None:
    """The run's spec has no empty lists then."""
    bare = AnalysisTemplateSpec.model_validate({"metrics": [a_metric(ask={"query": "up"})]})
    spec = resolved(Template("bare", bare))
    assert (spec.args, spec.dry_run, spec.measurement_retention) == (None, None, None)
    assert resolve.secret_refs(spec) == {}


def test_arguments_that_nobody_declares_are_left_out() -> None:
    """Several templates share the rollout's list."""
    args = [{"name": "service", "value": "cart"}, {"name": "other", "value": "x"}]
    assert [arg.name for arg in resolved(a_template(), args=args).args or []] == ["service"]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"podTemplateHashValue": "Stable"}, "aaa"),
        ({"podTemplateHashValue": "Latest"}, "bbb"),
        ({"fieldRef": {"fieldPath": "metadata.name"}}, "cart"),
        ({"fieldRef": {"fieldPath": "metadata.labels['region']"}}, "eu-1"),
        ({"fieldRef": {"fieldPath": 'metadata.labels["region"]'}}, "eu-1"),
        ({"fieldRef": {"fieldPath": "metadata.labels['app.kubernetes.io/name']"}}, "cart"),
        ({"fieldRef": {"fieldPath": "spec.replicas"}}, "3"),
        ({"fieldRef": {"fieldPath": "spec.paused"}}, "false"),
        ({"fieldRef": {"fieldPath": "spec.dynamic"}}, "true"),
        ({"fieldRef": {"fieldPath": "spec.template.spec.containers[0].name"}}, "c"),
    ],
)
def test_values_from_elsewhere(source: dict[str, Any], value: str) -> None:
    """From a revision's hash, or a field of the rollout."""
    spec = resolved(a_template(), args=[{"name": "service", "valueFrom": source}])
    assert f'"{value}"' in query(spec)


def test_a_templates_own_field_reference() -> None:
    """A template may take a default from the rollout too."""
    field = {"fieldRef": {"fieldPath": "metadata.name"}}
    template = a_template(args=[{"name": "service", "valueFrom": field}])
    assert "cart" in query(resolved(template, args=[]))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("metadata.labels['zone']", "the rollout has no metadata.labels['zone']"),
        ("metadata.name.first", "the rollout has no metadata.name.first"),
        ("metadata.annotations.team.lead", "the rollout has no metadata.annotations"),
        (
            "spec.template.spec.containers[9].name",
            "the rollout has no spec.template.spec.containers[9]",
        ),
        ("metadata.labels", "isn't a text or a number"),
        ("metadata.labels[", "can't be read at character 15; write e.g. spec.replicas"),
    ],
)
def test_a_field_that_is_not_there(path: str, says: str) -> None:
    """The finding names template, argument and path."""
    source = {"fieldRef": {"fieldPath": path}}
    told = wrong(a_template(), args=[{"name": "service", "valueFrom": source}])
    assert told == f"AnalysisTemplate rates: args[service]: fieldRef {path}: {says}"


def test_an_argument_without_a_value() -> None:
    """Used or not, every declared argument needs one; it is told once."""
    told = wrong(a_template(), args=[])
    assert told == (
        "AnalysisTemplate rates: args[service]: has no value; give it a default here or a value "
        "in the rollout's analysis args"
    )


def test_an_argument_that_nobody_declares() -> None:
    """The finding names template, metric, field and argument."""
    told = wrong(a_template(a_metric(ask={"query": "up{a='{{args.zone}}'}"})))
    assert told == (
        "AnalysisTemplate rates: metrics[error-rate].provider.prometheus.query: uses "
        "{{args.zone}}; no template declares the argument zone"
    )
    assert "only {{args.NAME}} is filled in" in wrong(a_template(a_metric(ask={"query": "{{x}}"})))


def test_templates_are_merged() -> None:
    """Metrics in order; an argument may be declared in one and used in the other."""
    first = a_template(a_metric("a"), args=[{"name": "service"}])
    second = a_template(a_metric("b"), args=[], name="more")
    assert [metric.name for metric in resolved(first, second).metrics] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{{ $labels.job }}", "has {{$labels.job}}; only {{args.NAME}} is filled in"),
        ("{{args.zone}}", "uses {{args.zone}}; no template declares the argument zone"),
        ("a{{b", "has a {{ without its }}"),
    ],
)
def test_braces_in_a_value_are_told_before_the_run_is_made(value: str, says: str) -> None:
    """The run would end in an Error, and abort the release."""
    assert says in wrong(a_template(), args=[{"name": "service", "value": value}])


def test_a_metric_in_two_templates() -> None:
    """Names are unique in a run."""
    told = wrong(a_template(), a_template(name="more"))
    assert told == (
        "AnalysisTemplate more: metrics[error-rate]: is in AnalysisTemplate rates too; "
        "a run's metrics need different names"
    )


def test_one_finding_hides_no_other() -> None:
    """A name that is there twice, an argument without a value: the next metric is still read."""
    late = a_metric("late", successCondition="(", ask={"query": "up"})
    told = wrong(a_template(), a_template(a_metric(), late, name="more"))
    assert "metrics[error-rate]: is in AnalysisTemplate rates too" in told
    assert "metrics[late].successCondition: the expression breaks off" in told
    told = wrong(a_template(a_metric(), late), args=[])
    assert "args[service]: has no value" in told
    assert "metrics[late].successCondition: the expression breaks off" in told


def test_two_defaults_for_one_argument() -> None:
    """A conflict, unless they are the same or one of them is none."""

    def declared(name: str, value: str | None) -> Template:
        args = [{"name": "service", "value": value}]
        return a_template(a_metric(name), args=args, name=name)

    assert "has another default than in AnalysisTemplate a" in wrong(
        declared("a", "x"), declared("b", "y")
    )
    assert "x" in query(resolved(declared("a", "x"), declared("b", "x"), args=[]))
    assert "x" in query(resolved(declared("a", None), declared("b", "x"), args=[]))


def test_a_text_goes_before_a_reference() -> None:
    """As in Argo, in either order; two references are a conflict, as nobody could tell which."""

    def declared(name: str, **arg: Any) -> Template:
        return a_template(a_metric(name), args=[{"name": "service", **arg}], name=name)

    source = {"fieldRef": {"fieldPath": "metadata.name"}}
    text, taken = declared("a", value="x"), declared("b", valueFrom=source)
    assert '"x"' in query(resolved(text, taken, args=[]))
    assert '"x"' in query(resolved(taken, text, args=[]))
    other = declared("c", valueFrom={"fieldRef": {"fieldPath": "spec.replicas"}})
    assert "has another default than in AnalysisTemplate b" in wrong(taken, other, args=[])


def test_a_reference_goes_before_nothing() -> None:
    """In either order; the finding of a conflict has its template."""

    def declared(name: str, **arg: Any) -> Template:
        return a_template(a_metric(name), args=[{"name": "service", **arg}], name=name)

    taken = declared("a", valueFrom={"fieldRef": {"fieldPath": "metadata.name"}})
    bare = declared("b")
    assert '"cart"' in query(resolved(taken, bare, args=[]))
    assert '"cart"' in query(resolved(bare, taken, args=[]))
    told = wrong(declared("c", value="x"), declared("d", value="y"))
    assert told.startswith("AnalysisTemplate d: args[service]: has another default than in ")


def a_spec(*metrics: dict[str, Any], **fields: Any) -> AnalysisRunSpec:
    """Of a run that was made by hand."""
    return AnalysisRunSpec.model_validate({"metrics": list(metrics), **fields})


def test_a_run_made_by_hand_is_filled_in() -> None:
    """Its own arguments; secrets stay."""
    args = [{"name": "service", "value": "cart"}, SECRET]
    headers = [{"key": "Authorization", "value": "Bearer {{args.token}}"}]
    spec = a_spec(a_metric(ask={"headers": headers}), args=args)
    filled = resolve.run_filled(spec)
    assert query(filled) == 'sum(rate(errors{service="cart"}[1m]))'
    assert set(credentials.uses(filled.metrics[0])) == {"token"}
    assert filled.args == spec.args
    plain = a_spec(a_metric(ask={"query": "up"}))
    assert resolve.run_filled(plain) == plain


def test_a_run_made_by_hand_says_all_that_is_wrong() -> None:
    """With the place in its spec."""
    first, second = a_metric("a", ask={"query": "{{args.x}}"}), a_metric("b", successCondition="(")
    with pytest.raises(InvalidObject) as caught:
        resolve.run_filled(a_spec(first, second))
    assert [finding.path for finding in caught.value.findings] == [
        "spec: metrics[a].provider.prometheus.query",
        "spec: metrics[b].provider.prometheus.query",
    ]
    with pytest.raises(InvalidObject, match="dryRun"):
        resolve.run_filled(a_spec(a_metric(ask={"query": "up"}), dryRun=[{"metricName": "x"}]))


def test_a_cluster_template_is_named_as_one() -> None:
    """In findings."""
    spec = AnalysisTemplateSpec.model_validate({"metrics": [a_metric()], "args": []})
    template = Template("rates", spec, cluster_scope=True)
    assert wrong(template).startswith("ClusterAnalysisTemplate rates: metrics[error-rate]")


def test_numbers_may_be_arguments() -> None:
    """Integer fields and lengths of time are whole numbers and lengths once filled in."""
    metric = a_metric(count="{{args.count}}", failureLimit="{{args.count}}", interval="{{args.i}}")
    args = [{"name": "service"}, {"name": "count", "value": "3"}, {"name": "i", "value": "10s"}]
    ready = resolved(a_template(metric, args=args)).metrics[0]
    assert (ready.count, ready.failure_limit, ready.interval) == (3, 3, "10s")


@pytest.mark.parametrize("text", ["3.5", "many", "", "3 4"])
def test_a_number_must_come_out(text: str) -> None:
    """The finding says what came out instead."""
    metric = a_metric(count="{{args.count}}", interval="5s")
    args = [{"name": "service"}, {"name": "count", "value": text}]
    assert f".count: is {text!r} after arguments are filled in" in wrong(
        a_template(metric, args=args)
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"count": 3}, "count is 3"),
        ({"interval": "soon"}, "'soon' is not a duration"),
        ({"count": 2, "interval": "1s", "failureLimit": 3}, "more than count"),
        ({"failureLimit": -1}, "never fails"),
        ({"ask": {"address": "prometheus:9090"}}, "write http://"),
        ({"successCondition": "result[0] >="}, "breaks off at character 12"),
        ({"failureCondition": "lenght(result) > 1"}, "unknown function lenght"),
        ({"successCondition": "result[0] > {{args.service}}"}, None),
    ],
)
def test_merged_metrics_are_checked(fields: dict[str, Any], says: str | None) -> None:
    """By the rules of admission and the grammar of conditions, arguments filled in."""
    if says is None:
        assert resolved(a_template(a_metric(**fields))).metrics[0].success_condition is not None
    else:
        told = wrong(a_template(a_metric(**fields)))
        assert told.startswith("AnalysisTemplate rates: metrics[error-rate].")
        assert says in told


@pytest.mark.parametrize(
    ("provider", "says"),
    [
        ({"web": {"url": "http://x", "jsonPath": "$.a"}}, "web.jsonPath: is '$.a'; write it in"),
        (
            {
                "prometheus": {
                    "address": "http://x",
                    "query": "up",
                    "rangeQuery": {
                        "start": "now() - duration('{{args.service}}')",
                        "end": "now(",
                        "step": "1m",
                    },
                }
            },
            "prometheus.rangeQuery.end: the expression breaks off",
        ),
    ],
)
def test_expressions_of_providers_are_read_when_args_are_filled_in(
    provider: Any, says: str
) -> None:
    """As conditions are: a template that can't be asked stops the run before its first question."""
    metric = {"name": "m", "provider": provider}
    template = a_template(metric)
    assert f"metrics[m].provider.{says}" in wrong(template)


def test_rules_for_metrics_are_merged() -> None:
    """The rollout's come first; each may pick metrics of any template."""
    first = a_template(a_metric("errors"), dryRun=[{"metricName": "latency"}])
    second = a_template(
        a_metric("latency"),
        name="more",
        measurementRetention=[{"metricName": ".*", "limit": 3}],
    )
    spec = resolved(first, second, dryRun=[{"metricName": "^err"}])
    assert [rule.metric_name for rule in spec.dry_run or []] == ["^err", "latency"]
    assert [rule.limit for rule in spec.measurement_retention or []] == [3]
    assert resolved(a_template()).dry_run is None


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("latency", "dryRun[0].metricName: is latency, which no metric is called (error-rate)"),
        ("*", "dryRun[0].metricName: the pattern '*' uses what isn't supported; write a metric's"),
        ("(a+)+", "could take too long"),
        ("{{args.service}}", "uses what isn't supported"),
    ],
)
def test_a_rule_that_picks_nothing(rule: str, says: str) -> None:
    """As in Argo an error; the sentence has the names that there are."""
    assert says in wrong(a_template(), dryRun=[{"metricName": rule}])
    assert says.replace("dryRun", "measurementRetention") in wrong(
        a_template(), measurementRetention=[{"metricName": rule, "limit": 3}]
    )


def test_a_rule_that_is_there_twice() -> None:
    """Once in the template and once in the rollout: refused, as in Argo."""
    rule = [{"metricName": ".*"}]
    told = wrong(a_template(dryRun=rule), dryRun=rule)
    assert told == "dryRun[1].metricName: is .* a second time; one rule for it is enough"


def test_a_run_keeps_no_more_than_an_object_has_room_for() -> None:
    """The sum over its metrics; those without a rule keep ten."""
    metrics = [a_metric(f"m-{n}") for n in range(3)]
    rule = {"metricName": "m-[01]", "limit": 496}
    told = wrong(a_template(*metrics), measurementRetention=[rule])
    assert told == "measurementRetention: keeps 1002 measurements of all metrics together; 1000 fit"
    fits = resolved(a_template(*metrics), measurementRetention=[rule | {"limit": 495}])
    assert len(fits.metrics) == 3


def test_a_steps_run_must_end() -> None:
    """In a step a metric needs a count; in the background it may go on."""
    endless = a_template(a_metric(interval="5s"))
    assert "never ends" in wrong(endless, inline=True)
    assert resolved(endless).metrics[0].count is None
    assert resolved(a_template(a_metric(interval="5s", count=3)), inline=True).metrics


def test_all_findings_come_together() -> None:
    """A person mends them in one go."""
    told = wrong(a_template(a_metric("a", count=3), a_metric("b", interval="soon")))
    assert "metrics[a]" in told
    assert "metrics[b]" in told


def test_more_metrics_than_a_run_has_room_for_are_told() -> None:
    """Each template has its 64; it was an exception, and the rollout never said why it stood."""
    many = [
        a_template(*(a_metric(f"{name}-{n}") for n in range(40)), name=name) for name in ("a", "b")
    ]
    told = wrong(*many)
    assert told.startswith("AnalysisTemplate a, AnalysisTemplate b.metrics: is 80 items long;")
    assert told.endswith("at most 64 fit")


def test_a_field_that_is_too_long_for_an_argument_is_told() -> None:
    """An annotation may have 256 kB; it was an exception, too."""
    reference = {"fieldRef": {"fieldPath": "metadata.annotations['x']"}}
    template = a_template(args=[{"name": "service", "valueFrom": reference}])
    manifest = {"metadata": {"annotations": {"x": "y" * 5000}}}
    with pytest.raises(InvalidObject, match="is 5000 characters long; 4096 fit"):
        resolve.run_spec(
            [template], asking(), manifest=manifest, stable_hash="", latest_hash="", inline=False
        )


def unread(**provider: Any) -> list[str]:
    """Paths of expressions that can't be read, of a metric as its template has it."""
    success, failure = provider.pop("success", None), provider.pop("failure", None)
    manifest = {"name": "m", "provider": provider}
    metric = Metric.model_validate(manifest).model_copy(
        update={"success_condition": success, "failure_condition": failure}
    )
    return [finding.path for finding in resolve.expression_findings(metric, "m")]


WEB = {"url": "http://x"}
TIMES = {"start": "now(", "end": "now(", "step": "1m"}


def times(**changed: str) -> dict[str, Any]:
    """A range query of which start and end can't be read."""
    return {"address": "http://x", "query": "up", "rangeQuery": TIMES | changed}


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        (
            {"web": WEB, "success": "(", "failure": "("},
            ["m.successCondition", "m.failureCondition"],
        ),
        ({"web": WEB, "success": "({{args.a}}", "failure": "("}, ["m.failureCondition"]),
        ({"web": WEB | {"jsonPath": "$.a"}}, ["m.provider.web.jsonPath"]),
        ({"web": WEB | {"jsonPath": "{{args.a}}"}}, []),
        ({"web": WEB}, []),
        (
            {"prometheus": times()},
            [f"m.provider.prometheus.rangeQuery.{name}" for name in ("start", "end")],
        ),
        ({"prometheus": times(start="{{args.a}}")}, []),
        ({"prometheus": times(end="{{args.a}}")}, []),
        ({"prometheus": times(step="{{args.a}}")}, []),
    ],
)
def test_expressions_of_a_template(fields: dict[str, Any], paths: list[str]) -> None:
    """One with arguments is read when these are filled in; times are read together."""
    assert unread(**fields) == paths


SECRET = {
    "name": "token",
    "valueFrom": {"secretKeyRef": {"name": "prometheus", "key": "token"}},
}


def a_secretive() -> Template:
    """A template whose metric sends a token."""
    headers = [{"key": "Authorization", "value": "Bearer {{args.token}}"}]
    metric = a_metric(ask={"headers": headers, "query": "up"})
    return a_template(metric, args=[SECRET])


def test_secrets_stay_references() -> None:
    """The run's spec has the reference and the placeholder, never the value."""
    spec = resolved(a_secretive(), args=[])
    refs = resolve.secret_refs(spec)
    assert {name: (ref.name, ref.key) for name, ref in refs.items()} == {
        "token": ("prometheus", "token")
    }
    assert credentials.uses(spec.metrics[0]) == {"token": {"http://prometheus:9090"}}
    assert "{{args.token}}" in spec.model_dump_json()


def test_secrets_are_filled_in_for_a_measurement() -> None:
    """The metric that is asked has the value; the one that is stored doesn't."""
    metric = resolved(a_secretive(), args=[]).metrics[0]
    asked = credentials.filled(metric, {"token": "s3cret"}).provider.prometheus
    assert asked is not None
    assert asked.headers is not None
    assert asked.headers[0].value == "Bearer s3cret"
    assert "s3cret" not in metric.model_dump_json()
    plain = resolved(a_template()).metrics[0]
    assert credentials.filled(plain, {}) is plain


@pytest.mark.parametrize(
    "fields",
    [
        {"successCondition": "result > {{args.token}}"},
        {"ask": {"query": "vector({{args.token}})"}},
        {"ask": {"query": "up", "address": "http://{{args.token}}"}},
        {"ask": {"query": "up", "headers": [{"key": "{{args.token}}", "value": "x"}]}},
    ],
)
def test_a_secret_is_in_values_of_headers_only(fields: Any) -> None:
    """People see a condition, and the numbers of a query; an address is looked up by name."""
    template = a_template(a_metric(**fields), args=[SECRET])
    assert "uses {{args.token}}, a secret; only values of headers" in wrong(template, args=[])


def a_smoke_test(**container: Any) -> dict[str, Any]:
    """A metric that is a Job."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i", **container}]}
    return {"name": "smoke", "provider": {"job": {"spec": {"template": {"spec": pod}}}}}


def test_arguments_of_a_job_are_filled_in_everywhere() -> None:
    """In labels and in texts of its spec, however deep; a script's other braces are refused."""
    metric = a_smoke_test(args=["--url={{args.service}}"])
    metric["provider"]["job"]["metadata"] = {"labels": {"of": "{{args.service}}"}}
    job = resolved(a_template(metric)).metrics[0].provider.job
    assert job is not None
    assert job.spec["template"]["spec"]["containers"][0]["args"] == ["--url=cart"]
    assert (job.metadata and job.metadata.labels) == {"of": "cart"}
    told = wrong(a_template(a_smoke_test(args=["curl -w '%{{http_code}}'"])))
    assert "only {{args.NAME}} is filled in" in told
    metric["provider"]["job"]["metadata"]["labels"]["of"] = "{{args.service}} {{args.service}}"
    assert "a label's value has letters" in wrong(a_template(metric))


@pytest.mark.parametrize(
    "metric",
    [
        a_smoke_test(env=[{"name": "TOKEN", "value": "{{args.token}}"}]),
        a_smoke_test(args=["--token={{ args.token }}"]),
        a_smoke_test(image="{{args.token}}"),
    ],
)
def test_no_secret_is_written_into_a_job(metric: dict[str, Any]) -> None:
    """Whoever may read Jobs would read it; a pod takes it from the Secret itself."""
    told = wrong(a_template(metric, args=[SECRET]), args=[])
    assert "uses {{args.token}}, a secret; a Job keeps its texts where others read them" in (
        told.replace("{{ args.token }}", "{{args.token}}")
    )
    assert "valueFrom.secretKeyRef of the container's env" in told


def test_a_rollout_may_replace_a_secret_by_a_text() -> None:
    """Its own value goes first, as with any default."""
    spec = resolved(a_secretive(), args=[{"name": "token", "value": "public"}])
    assert resolve.secret_refs(spec) == {}
    assert "Bearer public" in spec.model_dump_json()


@pytest.mark.parametrize("form", ['s3 cr/et"', "s3%20cr%2Fet%22", "s3+cr%2Fet%22", 's3 cr/et\\"'])
def test_secrets_are_redacted(form: str) -> None:
    """In plain, in a URL, and escaped."""
    secret = 's3 cr/et"'
    assert resolve.redact(f"answered 401: {form}!", [secret, ""]) == "answered 401: ***!"


def test_a_secret_within_another_leaves_nothing_of_it() -> None:
    """The longest goes first."""
    assert resolve.redact("abcd bc", ["bc", "abcd"]) == "*** ***"
    assert resolve.redact("abcd ab", ["ab", "abcd"]) == "*** ***"


def test_a_reference_to_a_field_is_no_secret() -> None:
    """Of a run that was made by hand."""
    source = {"fieldRef": {"fieldPath": "metadata.name"}}
    spec = a_spec(a_metric(ask={"query": "up"}), args=[{"name": "a", "valueFrom": source}, SECRET])
    assert set(resolve.secret_refs(spec)) == {"token"}
