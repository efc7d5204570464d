"""`davy backtest`: a Prometheus that remembers, what would have followed, and what is refused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.text import Text

from tests.unit.cli import golden
from tests.unit.cli.cluster import FakeCluster, Outcome, Shell
from tests.unit.metrics.memory import Memory
from tests.unit.metrics.server import Server, a_free_port, serving
from tests.unit.rehearsal.releases import a_manifest

BEGIN = datetime(2024, 5, 6, 14, 0, tzinfo=UTC)
END = BEGIN + timedelta(minutes=10)
TIMES = ("--from", "2024-05-06T14:00:00Z", "--to", "2024-05-06T14:10:00Z")
RATE: dict[str, Any] = {
    "name": "success",
    "interval": "1m",
    "failureLimit": 1,
    "successCondition": "result[0] >= 0.99",
    "provider": {"prometheus": {"address": "http://prometheus", "query": "share"}},
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture
def memory(server: Server) -> Memory:
    """Scraped each 10 s: stable 18 requests per second with few errors, canary 2 with 5 %."""
    made = Memory()
    for after in range(-600, 900, 10):
        moment = BEGIN + timedelta(seconds=after)
        since = after + 600
        canary = max(0, after)
        for name, value in (
            ("stable_total", 18 * since),
            ("stable_errors", since // 50),
            ("canary_total", 2 * canary),
            ("canary_errors", canary // 10),
        ):
            if not name.startswith("canary") or after >= 0:
                made.samples.setdefault((name, "a"), []).append((moment, str(value)))
    made.values["share"] = lambda at: 0.995 if at < BEGIN + timedelta(minutes=3) else 0.9
    server.answers = made.answer
    return made


@pytest.fixture
def backtest(davy: Shell, server: Server, memory: Memory) -> Any:
    """`backtest(*arguments)`, on the server."""
    del memory

    def asked(*arguments: str, cluster: FakeCluster | None = None) -> Outcome:
        prometheus = ("--prometheus", server.address)
        return davy(cluster or FakeCluster({}), "backtest", *arguments, *prometheus)

    return asked


def compares(canary: str = "canary", **more: Any) -> dict[str, Any]:
    """A metric that compares two counters of its own."""
    sides = {
        role: {"requests": [f"{name}_total"], "errors": [f"{name}_errors"]}
        for role, name in (("canary", canary), ("stable", "stable"))
    }
    return {
        "name": "own",
        "provider": {"prometheus": {"address": "http://prometheus"}},
        "compare": {**sides, **more},
    }


def a_template(*metrics: dict[str, Any], name: str = "rate", **spec: Any) -> dict[str, Any]:
    """An AnalysisTemplate."""
    return {
        "apiVersion": a_manifest()["apiVersion"],
        "kind": "AnalysisTemplate",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"metrics": [*metrics], **spec},
    }


def written(folder: Path, *objects: dict[str, Any]) -> str:
    """A file of these objects."""
    path = folder / "all.yaml"
    path.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    return str(path)


def test_every_measurement_of_a_template_is_a_row(backtest: Any, tmp_path: Path) -> None:
    """Evaluated at its own time; what would have followed stands below."""
    done = backtest(written(tmp_path, a_template(RATE)), *TIMES)
    assert (done.code, done.err) == (0, "")
    golden.check("backtest_rate", Text(done.out), width=500)


def test_every_look_of_a_comparison_is_a_row(backtest: Any, tmp_path: Path) -> None:
    """Scrape by scrape, with both sides' counts and the evidence."""
    done = backtest(written(tmp_path, a_template(compares())), *TIMES)
    assert (done.code, done.err) == (0, "")
    golden.check("backtest_compare", Text(done.out), width=500)


def test_a_query_is_evaluated_in_the_past(backtest: Any, tmp_path: Path, server: Server) -> None:
    """At the times of the schedule, a minute apart from the begin on."""
    backtest(written(tmp_path, a_template(RATE)), *TIMES)
    times = [float(asked["time"]) for asked in server.asked]
    assert times == [BEGIN.timestamp() + 60 * number for number in range(5)]


def test_a_range_query_ends_in_the_past(backtest: Any, tmp_path: Path, server: Server) -> None:
    """`now()` of the template is the time of the measurement."""
    span = {"start": 'now() - duration("5m")', "end": "now()", "step": "1m"}
    asked = {**RATE["provider"]["prometheus"], "rangeQuery": span}
    metric = {**RATE, "provider": {"prometheus": asked}, "successCondition": "len(result) >= 0"}
    data = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    server.answers = lambda _: (200, json.dumps(data).encode())
    done = backtest(written(tmp_path, a_template({**metric, "count": 1})), *TIMES)
    assert done.code == 0
    [query] = server.asked
    assert float(query["end"]) == BEGIN.timestamp()
    assert float(query["start"]) == BEGIN.timestamp() - 300


def test_looks_are_the_same_however_they_are_shown(backtest: Any, tmp_path: Path) -> None:
    """JSON has the rows, and what would have followed."""
    done = backtest(written(tmp_path, a_template(compares(), RATE)), *TIMES, "-o", "json")
    told = json.loads(done.out)
    [run] = told["runs"]
    [follows] = told["conclusions"]
    own = next(metric for metric in run["metrics"] if metric["name"] == "own")
    assert (follows["phase"], follows["at"]) == ("Failed", run["completedAt"])
    assert follows["sentence"].startswith("Template rate: would have aborted the release at 14:0")
    assert [one["phase"] for one in own["measurements"]][-1] == "Failed"
    assert sum(one["compared"]["canary"]["requests"] for one in own["measurements"]) == 100


def test_a_good_past_aborts_nobody(backtest: Any, tmp_path: Path) -> None:
    """Stable compared with itself; without a deadline it goes on."""
    done = backtest(written(tmp_path, a_template(compares("stable"))), *TIMES)
    assert "Template rate: not decided by 14:10:00; nothing would have been aborted." in done.out
    assert "not worse: " in done.out


def test_a_comparison_with_a_deadline_passes(backtest: Any, tmp_path: Path) -> None:
    """And says when."""
    done = backtest(written(tmp_path, a_template(compares("stable", deadline="5m"))), *TIMES)
    assert "\nTemplate rate: passed at 14:0" in done.out


def test_a_past_without_data_is_inconclusive_at_most(backtest: Any, tmp_path: Path) -> None:
    """I7: no evidence is no success."""
    metric = {**RATE, "provider": {"prometheus": {**RATE["provider"]["prometheus"], "query": "no"}}}
    file = written(tmp_path, a_template(metric, dryRun=None))
    done = backtest(file, *TIMES, "--template", "rate")
    assert done.code == 1  # the fake knows no such query, and answers nothing that can be read
    assert "metric success: " in done.err


def test_empty_answers_hold_and_are_told(backtest: Any, tmp_path: Path, memory: Memory) -> None:
    """The release would have waited, and not gone on."""
    memory.values["share"] = lambda _: None
    done = backtest(written(tmp_path, a_template({**RATE, "count": 3})), *TIMES)
    assert done.code == 0
    assert "Template rate: not decided by 14:10:00;" in done.out
    assert "no evidence since 2024-05-06T14:00:00.000Z" in done.out


def test_a_rollouts_analyses_are_judged_side_by_side(backtest: Any, tmp_path: Path) -> None:
    """Each with its name; a step's run that isn't decided would have waited."""
    steps: list[dict[str, Any]] = [
        {"setWeight": 10},
        {"analysis": {"templates": [{"templateName": "rate"}]}},
    ]
    beside = {"templates": [{"templateName": "own"}]}
    template = a_template({**RATE, "count": 20, "failureLimit": 20})
    own = a_template(compares(), name="own")
    file = written(tmp_path, a_manifest(*steps, analysis=beside), template, own)
    done = backtest(file, *TIMES)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Backtest of rollout shop/cart, 2024-05-06 14:00:00 to 14:10:00 UTC")
    assert "AnalysisRun cart  analysis of step 2" in done.out
    assert "AnalysisRun cart  background analysis" in done.out
    step, background = done.out.splitlines()[-2:]
    assert step.startswith(
        "Analysis of step 2: not decided by 14:10:00; the release would have waited. success 0.9"
    )
    assert background.startswith("Background analysis: would have aborted the release at 14:0")
    alone = backtest(file, *TIMES, "--template", "own").out
    assert "analysis of step 2" not in alone


HASHED = compares()
HASHED["compare"] = {
    role: {"requests": [f"{role}_total"], "errors": ["{{args.hash}}_errors"]}
    for role in ("canary", "stable")
}
REVISION = {"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}}


def test_a_revision_of_the_past_is_given(backtest: Any, tmp_path: Path) -> None:
    """The hash of the file's own template would find nothing, and say nothing."""
    analysis = {"templates": [{"templateName": "rate"}], "args": [REVISION]}
    template = a_template(HASHED, args=[{"name": "hash"}])
    file = written(tmp_path, a_manifest(analysis=analysis), template)
    refused = backtest(file, *TIMES)
    assert refused.code == 1
    assert refused.err == (
        "error: rollout shop/cart: spec.strategy.canary.analysis: metric own: asks for a revision "
        "by its hash; give --canary-hash, the label rollouts-pod-template-hash of its pods\n"
    )
    assert backtest(file, *TIMES, "--canary-hash", "stable").code == 0
    assert backtest(file, *TIMES, "--arg", "hash=stable").code == 0


def a_cluster(*history: dict[str, Any], current: str, stable: str) -> FakeCluster:
    """A Rollout with a status, and its template."""
    analysis = {"templates": [{"templateName": "rate"}], "args": [REVISION]}
    rollout = a_manifest(analysis=analysis)
    rollout["metadata"] |= {"uid": "1", "resourceVersion": "1"}
    rollout["status"] = {
        "currentPodHash": current,
        "stableRS": stable,
        "history": [*history],
    }
    template = a_template(HASHED, args=[{"name": "hash"}])
    return FakeCluster({"rollouts": [rollout], "analysistemplates": [template]})


def an_update(template_hash: str, outcome: str, at: int) -> dict[str, Any]:
    """An entry of `status.history`, of ten minutes."""
    begun = BEGIN + timedelta(minutes=at)
    return {
        "revision": 2,
        "podTemplateHash": template_hash,
        "outcome": outcome,
        "startedAt": f"{begun:%Y-%m-%dT%H:%M:%SZ}",
        "finishedAt": f"{begun + timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}",
    }


@pytest.mark.parametrize("outcome", ["Promoted", "Aborted"])
def test_a_live_rollouts_last_update_is_judged_from_begin_to_end(
    backtest: Any, server: Server, outcome: str
) -> None:
    """Its hashes and its times are in its history."""
    stable = "stable" if outcome == "Promoted" else "older"
    cluster = a_cluster(
        an_update("stable", outcome, 0),
        an_update("broken", "Aborted", -20),
        an_update("older", "Promoted", -40),
        current="stable",
        stable=stable,
    )
    done = backtest("cart", "-n", "shop", cluster=cluster)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Backtest of rollout shop/cart, 2024-05-06 14:00:00 to 14:10:00 UTC")
    assert {"stable_errors"} == {
        name
        for asked in server.asked
        for name in ("stable_errors", "broken_errors")
        if name in asked["query"]
    }


def test_a_rollout_without_a_history_needs_its_times(backtest: Any) -> None:
    """Another controller wrote its status."""
    cluster = a_cluster(current="stable", stable="older")
    refused = backtest("ro/cart", "-n", "shop", cluster=cluster)
    assert refused.code == 2
    assert "--from is missing: when do the analyses begin?" in refused.err
    assert backtest("ro/cart", "-n", "shop", *TIMES, cluster=cluster).code == 0


def test_a_rollout_that_isnt_there(backtest: Any) -> None:
    """In the words of the other commands."""
    done = backtest("other", *TIMES, "-n", "shop", cluster=a_cluster(current="a", stable="b"))
    assert done.code == 1
    assert "rollout shop/other isn't there" in done.err


def test_metrics_without_a_past_are_left_out_and_named(backtest: Any, tmp_path: Path) -> None:
    """Where nothing is left, it is refused."""
    page = {"name": "page", "provider": {"web": {"url": "http://shop", "jsonPath": "{$.a}"}}}
    web = {**page, "successCondition": "result == 1"}
    dry = [{"metricName": "page"}]
    both = backtest(written(tmp_path, a_template(RATE, web, dryRun=dry)), *TIMES)
    assert both.code == 0
    assert (
        "Left out: spec: metric page isn't asked: its provider, web, isn't Prometheus" in both.out
    )
    alone = backtest(written(tmp_path, a_template(web)), *TIMES)
    assert alone.code == 1
    assert (
        "template rate has no past: spec: metric page isn't asked: its provider, web" in alone.err
    )


VENDORS: dict[str, dict[str, Any]] = {
    "datadog": {"query": "avg:requests{*}"},
    "graphite": {"address": "http://graphite", "query": "target=requests"},
    "newRelic": {"query": "SELECT 1"},
    "plugin": {"acme/gate": {"url": "http://acme"}},
}


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_has_no_past_and_is_named(backtest: Any, tmp_path: Path, name: str) -> None:
    """Of a rollout as of a template."""
    metric = {**RATE, "provider": {name: VENDORS[name]}, "successCondition": "result > 0"}
    template = a_template(metric)
    beside = {"templates": [{"templateName": "rate"}]}
    said = f"metric success isn't asked: its provider, {name}, isn't Prometheus, which alone is "
    for objects in ((template,), (a_manifest(analysis=beside), template)):
        done = backtest(written(tmp_path, *objects), *TIMES)
        assert done.code == 1
        assert said in done.err


def rows(backtest: Any, file: str, name: str) -> list[dict[str, Any]]:
    """The measurements of a metric."""
    done = backtest(file, *TIMES, "-o", "json")
    assert (done.code, done.err) == (0, "")
    [run] = json.loads(done.out)["runs"]
    return next(one["measurements"] for one in run["metrics"] if one["name"] == name)


def test_the_past_warms_up_from_the_begin(
    backtest: Any, tmp_path: Path, server: Server, memory: Memory
) -> None:
    """There is no weight change; what was bad in that time isn't asked for."""
    memory.values["share"] = lambda at: 0.9 if at < BEGIN + timedelta(seconds=90) else 1
    file = written(tmp_path, a_template({**RATE, "warmup": "90s", "failureLimit": 0}))
    first, second, *_ = rows(backtest, file, "success")
    assert (
        first["message"] == "warms up until 2024-05-06T14:01:30.000Z, 90s after the weight changed"
    )
    assert second["phase"] == "Successful"
    assert float(server.asked[0]["time"]) == BEGIN.timestamp() + 90


def test_a_question_that_fails_after_the_warm_up_is_the_first(
    backtest: Any, tmp_path: Path, memory: Memory
) -> None:
    """It ends the command, as if there were no warm-up."""
    memory.refuse["share"] = (400, "parse error")
    done = backtest(written(tmp_path, a_template({**RATE, "warmup": "90s"})), *TIMES)
    assert done.code == 1
    assert "metric success: " in done.err


def test_requests_of_the_warm_up_arent_compared(backtest: Any, tmp_path: Path) -> None:
    """20 of the canary's in each scrape; those of the first two minutes are left out."""
    file = written(tmp_path, a_template({**compares(), "warmup": "2m"}))
    looks = rows(backtest, file, "own")
    assert looks[0]["message"].startswith("warms up until 2024-05-06T14:02:00.000Z; ")
    assert looks[-1]["phase"] == "Failed"
    without = rows(backtest, written(tmp_path, a_template(compares())), "own")
    assert without[-1]["at"] < "2024-05-06T14:02" < looks[-1]["at"]


def test_the_past_had_too_few_requests(backtest: Any, tmp_path: Path, memory: Memory) -> None:
    """Asked first, at the same instant; the metric itself isn't asked before there are enough."""
    memory.values["few"] = lambda at: (at - BEGIN).total_seconds()
    least = {"requests": 100, "query": "few"}
    looks = rows(backtest, written(tmp_path, a_template({**RATE, "minRequests": least})), "success")
    said = "too few canary requests: 0 of at least 100; needs about 100 more canary requests"
    assert looks[0]["message"] == said
    assert [one["phase"] for one in looks][:2] == ["Inconclusive"] * 2
    assert "Successful" in {one["phase"] for one in looks}


def test_a_question_for_requests_that_cant_be_read_ends_the_command(
    backtest: Any, tmp_path: Path, memory: Memory
) -> None:
    """It is named by its field."""
    memory.refuse["few"] = (400, "parse error")
    least = {"requests": 100, "query": "few"}
    done = backtest(written(tmp_path, a_template({**RATE, "minRequests": least})), *TIMES)
    assert done.code == 1
    assert "metric success: minRequests.query: " in done.err


def by_quantile(memory: Memory, server: Server, requests: int) -> dict[str, Any]:
    """A comparison by stable's 0.9, which is 0.5 s; the canary has 10 % above it, stable 1 %."""
    query = "sum by (le) (increase(stable_bucket[1h]))"

    def below(asked: dict[str, str]) -> tuple[int, bytes]:
        if asked["query"] != query:
            return memory.answer(asked)
        assert float(asked["time"]) == BEGIN.timestamp()
        found = [
            {"metric": {"le": bound}, "value": [0, str(share * requests)]}
            for bound, share in (("0.1", 0.5), ("0.5", 0.99), ("+Inf", 1.0))
        ]
        data = {"resultType": "vector", "result": found}
        return 200, json.dumps({"status": "success", "data": data}).encode()

    for role, share in (("canary", 0.9), ("stable", 0.99)):
        memory.samples[(f'{role}_bucket{{le=~"0\\\\.5"}}', "a")] = [
            (at, str(int(share * int(value))))
            for at, value in memory.samples[(f"{role}_total", "a")]
        ]
    server.answers = below
    sides = {
        role: {"requests": [f"{role}_total"], "good": [f"{role}_bucket"]}
        for role in ("canary", "stable")
    }
    prometheus = {"prometheus": {"address": "http://prometheus"}}
    latency = {"latency": {"quantile": 0.9}}
    return {"name": "own", "provider": prometheus, "compare": {**sides, **latency}}


def test_a_quantile_is_of_the_hour_before_the_begin(
    backtest: Any, tmp_path: Path, memory: Memory, server: Server
) -> None:
    """Chosen once, and said; the looks count by its bound."""
    metric = by_quantile(memory, server, 10_000)
    looks = rows(backtest, written(tmp_path, a_template(metric)), "own")
    assert looks[-1]["phase"] == "Failed"
    assert "errors are requests above 0.5, stable's quantile before" in looks[-1]["message"]
    assert len([one for one in server.asked if "increase" in one["query"]]) == 1


def test_a_quantile_of_too_few_requests_ends_the_command(
    backtest: Any, tmp_path: Path, memory: Memory, server: Server
) -> None:
    """With what to do, and the metric's name once."""
    metric = by_quantile(memory, server, 50)
    done = backtest(written(tmp_path, a_template(metric)), *TIMES)
    assert done.code == 1
    assert done.err.startswith("error: template rate: metric own: stable had about 50 requests in ")
    assert "give latency.slowerThan, or a lower quantile" in done.err


def test_every_comparison_of_a_judge_is_asked_of_the_past(backtest: Any, tmp_path: Path) -> None:
    """Errors and a further one, each with its rows; one of them aborts."""
    sides = compares()["compare"]
    own = {"name": "other", **compares("stable")["compare"]}
    file = written(tmp_path, a_manifest(judge={**sides, "also": [own]}))
    judged, other = rows(backtest, file, "judge"), rows(backtest, file, "other")
    assert judged[-1]["phase"] == "Failed"
    assert {one["phase"] for one in other} <= {"Inconclusive", "Successful"}
    assert "Metric judge worse: " in backtest(file, *TIMES).out


def test_a_secret_is_given_by_hand(backtest: Any, tmp_path: Path, server: Server) -> None:
    """It is read by nobody here."""
    secret = {"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    headers = [{"key": "Authorization", "value": "Bearer {{args.token}}"}]
    asked = {**RATE["provider"]["prometheus"], "headers": headers}
    metric = {**RATE, "provider": {"prometheus": asked}}
    file = written(tmp_path, a_template(metric, args=[secret]))
    refused = backtest(file, *TIMES)
    assert refused.code == 1
    assert "args[token]: is a key of a Secret; give --arg token=VALUE" in refused.err
    assert backtest(file, *TIMES, "--arg", "token=abc").code == 0
    assert server.asked[-1]["authorization"] == "Bearer abc"


def test_a_server_that_cant_be_reached_is_named(davy: Shell, tmp_path: Path) -> None:
    """At the first question, not after a day of them."""
    address = f"http://127.0.0.1:{a_free_port()}"
    for template in (a_template(RATE), a_template(compares())):
        file = written(tmp_path, template)
        done = davy(FakeCluster({}), "backtest", file, *TIMES, "--prometheus", address)
        assert done.code == 1
        assert f"{address} refused the connection." in done.err
        assert done.err.startswith("error: template rate: metric ")


def test_a_judge_without_a_prometheus_is_refused(davy: Shell, tmp_path: Path) -> None:
    """What the operator would ask isn't known here."""
    file = written(tmp_path, a_manifest(judge={"preset": "app"}))
    done = davy(FakeCluster({}), "backtest", file, *TIMES)
    assert done.code == 1
    assert "spec.strategy.canary.judge: names no Prometheus" in done.err
    assert "give --prometheus" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "yesterday"), "yesterday is no instant; write 2026-11-23T14:00:00Z"),
        (("--from", "2024-05-06T14:00:00"), "is no instant"),
        (("--from", "1h", "--to", "2h"), "isn't before --to"),
        (("--from", "8760h"), "--from and --to are more than 7 days apart"),
        (("--from", "1h", "--to", "2999-01-01T00:00:00Z"), "--to lies in the future"),
        (("--to", "1h"), "--from is missing: when do the analyses begin?"),
        (("--from", "1h", "--canary-hash", ".*"), ".* is no revision's hash"),
        (("--from", "1h", "--arg", "x"), "x isn't NAME=VALUE"),
    ],
)
def test_bad_usage_is_refused(
    backtest: Any, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """With what would be right."""
    done = backtest(written(tmp_path, a_template(RATE)), *arguments)
    assert done.code == 2
    assert message in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--arg", "server=x"), "template rate has no argument server; it has none."),
        (("--template", "other"), "has no Rollout and no template other"),
    ],
)
def test_what_isnt_there_is_refused(
    backtest: Any, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """With what there is."""
    done = backtest(written(tmp_path, a_template(RATE)), *TIMES, *arguments)
    assert done.code == 1
    assert message in done.err


def test_of_several_templates_one_is_named(backtest: Any, tmp_path: Path) -> None:
    """A file that isn't there is named, too."""
    file = written(tmp_path, a_template(RATE), a_template(RATE, name="other"))
    several = backtest(file, *TIMES)
    assert several.code == 1
    assert "has 2 templates (other, rate); name one with --template." in several.err
    assert backtest(file, *TIMES, "--template", "rate").code == 0
    away = backtest(str(tmp_path / "no.yaml"), *TIMES)
    assert away.code == 1
    assert "no.yaml: No such file or directory" in away.err


def test_a_template_that_the_rollout_doesnt_name(backtest: Any, tmp_path: Path) -> None:
    """It says which it names."""
    analysis = {"templates": [{"templateName": "rate"}]}
    file = written(tmp_path, a_manifest(analysis=analysis), a_template(RATE))
    done = backtest(file, *TIMES, "--template", "other")
    assert done.code == 1
    said = "rollout shop/cart has no analysis that names the template other; it names rate."
    assert said in done.err


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
RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "cart", "namespace": "shop"},
    "spec": {"host": "meshcart"},
}


def a_rollout_by_subsets() -> dict[str, Any]:
    """Whose preset goes by the DestinationRule's host."""
    judge = {"preset": "envoy"}
    return a_manifest(trafficRouting=SUBSETS, canaryService=None, stableService=None, judge=judge)


def test_a_preset_goes_by_the_destination_rule(
    backtest: Any, tmp_path: Path, server: Server
) -> None:
    """Without it the question would find nothing, and say nothing."""
    hashes = ("--canary-hash", "b", "--stable-hash", "a")
    refused = backtest(written(tmp_path, a_rollout_by_subsets()), *TIMES, *hashes)
    assert refused.code == 1
    assert "metric judge: goes by the host of the DestinationRule, which isn't there" in refused.err
    assert server.asked == []
    done = backtest(written(tmp_path, a_rollout_by_subsets(), RULE), *TIMES, *hashes)
    assert (done.code, done.err) == (0, "")
    assert {"meshcart" in asked["query"] for asked in server.asked} == {True}
    assert len(server.asked) < 120 * 16  # seldom, where there is nothing to see
    assert "Background analysis: not decided by 14:10:00;" in done.out


def test_a_live_preset_reads_the_destination_rule(backtest: Any, server: Server) -> None:
    """From the cluster, where it may be read."""
    rollout = a_rollout_by_subsets()
    rollout["metadata"] |= {"uid": "1", "resourceVersion": "1"}
    rollout["status"] = {"currentPodHash": "b", "stableRS": "a"}
    there = FakeCluster({"rollouts": [rollout], "destinationrules": [RULE]})
    done = backtest("cart", "-n", "shop", *TIMES, cluster=there)
    assert (done.code, done.err) == (0, "")
    assert {"meshcart" in asked["query"] for asked in server.asked} == {True}
    absent = backtest("cart", "-n", "shop", *TIMES, cluster=FakeCluster({"rollouts": [rollout]}))
    assert absent.code == 1
    assert "goes by the host of the DestinationRule, which isn't there" in absent.err


def test_a_workload_needs_no_file_for_the_past(backtest: Any, tmp_path: Path) -> None:
    """Its template says nothing about what is measured."""
    rollout = a_manifest(analysis={"templates": [{"templateName": "rate"}]})
    del rollout["spec"]["template"], rollout["spec"]["selector"]
    referred = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}
    rollout["spec"]["workloadRef"] = referred
    done = backtest(written(tmp_path, rollout, a_template(RATE)), *TIMES)
    assert (done.code, done.err) == (0, "")
