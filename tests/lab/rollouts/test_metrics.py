"""Metrics beside the examples': a web server, points over a time, dry runs, what is kept."""

import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from davy.api.group import DAVY, ApiGroup
from tests.lab import certificates, paths
from tests.lab.kube import Json
from tests.lab.lab import Lab
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Shop
from tests.unit.metrics.server import Server, serving

STEPS: list[dict[str, Any]] = [
    {"setWeight": 25},
    {"pause": {"duration": "2s"}},
    {"analysis": {"templates": [{"templateName": "health"}]}},
    {"setWeight": 50},
]
NONE = {"count": 1, "successful": 0, "failed": 0, "inconclusive": 0, "error": 0}
"""Summary of one metric, without what became of it."""
ADDRESS = "10.0.0.1"
"""The lab's own host: metrics may not call loopback."""
ERROR_SHARE = """
(sum(rate(envoy_cluster_upstream_rq{{{match},response_code_class="5xx"}}[3s])) or vector(0))
/ sum(rate(envoy_cluster_upstream_rq{{{match},response_code_class!=""}}[3s]))
"""


def a_template(*metrics: Json, **spec: Any) -> Json:
    """The template that the steps name."""
    return {
        "apiVersion": ApiGroup().api_version,
        "kind": "AnalysisTemplate",
        "metadata": {"name": "health"},
        "spec": {"metrics": list(metrics), **spec},
    }


def a_query(shop: Shop, name: str, query: str, **fields: Any) -> Json:
    """A metric that asks the lab's Prometheus every second."""
    asked = {"address": shop.lab.prometheus_url, "query": query}
    over = {"rangeQuery": fields.pop("range")} if "range" in fields else {}
    return {"name": name, "interval": "1s", "provider": {"prometheus": asked | over}, **fields}


def error_share(shop: Shop) -> str:
    """The canary's share of 5xx, as Envoy counts it."""
    service = f"shop.{shop.namespace}.svc.cluster.local"
    return ERROR_SHARE.format(match=f'service="{service}",subset="canary"')


async def the_run(shop: Shop) -> Json:
    """The analysis of the step."""
    (run,) = await shop.lab.kube.list(f"analysisrun.{DAVY}", namespace=shop.namespace)
    return run


async def the_results(shop: Shop) -> dict[str, Json]:
    """What came of each metric of the step's analysis, by its name."""
    return {found["name"]: found for found in (await the_run(shop))["status"]["metricResults"]}


async def told(shop: Shop, *wanted: tuple[str, str]) -> list[tuple[str, str]]:
    """Those of these events that were told, in their order."""
    return [event for event in await shop.events() if event in wanted]


@pytest.fixture
def health(tmp_path: Path) -> Iterator[Server]:
    """A web server with a certificate that nobody has signed."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificates.write_server(tmp_path))
    with serving(tls, host=ADDRESS) as server:
        server.body = b'{"data": {"errors": 0.01, "version": "v2"}}'
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def login(lab: Lab, namespace: str, health: Server) -> AsyncIterator[None]:
    """A Secret that may be sent to that server, and Davy's right to read it."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "health",
            "annotations": {f"{DAVY}/metric-addresses": health.address},
        },
        "stringData": {"password": "open sesame"},
    }
    reader = (paths.REPOSITORY / "manifests" / "secrets-reader" / "role.yaml").read_text()
    await lab.apply([secret, *yaml.safe_load_all(reader)], namespace=namespace)
    yield


def asks(health: Server) -> Json:
    """A template that asks the server for the canary's share of errors, and logs in."""
    web = {
        "url": f"{health.address}/errors?of={{{{args.service}}}}",
        "method": "POST",
        "headers": [{"key": "X-Team", "value": "{{args.service}}"}],
        "jsonBody": {"services": ["{{args.service}}"]},
        "jsonPath": "{$.data.errors}",
        "insecure": True,
        "authentication": {"basicAuth": {"username": "davy", "password": "{{args.password}}"}},
    }
    metric = {
        "name": "errors",
        "interval": "1s",
        "count": 2,
        "successCondition": "result < 0.05",
        "provider": {"web": web},
    }
    secret = {"secretKeyRef": {"name": "health", "key": "password"}}
    args = [{"name": "service", "value": "shop"}, {"name": "password", "valueFrom": secret}]
    return a_template(metric, args=args)


@pytest.mark.usefixtures("login")
async def test_a_web_servers_answer_lets_a_release_through(
    open_shop: OpenShop, health: Server
) -> None:
    """By POST over TLS, logged in from a Secret; what jsonPath leads to is judged and told."""
    shop = await open_shop(steps=STEPS)
    await shop.lab.apply(asks(health), namespace=shop.namespace)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    assert len(health.asked) == 2
    asked = health.asked[0]
    assert (asked["method"], asked["path"], asked["of"]) == ("POST", "/errors", "shop")
    assert json.loads(asked["body"]) == {"services": ["shop"]}
    assert asked["authorization"] == "Basic ZGF2eTpvcGVuIHNlc2FtZQ=="
    assert (asked["x-team"], asked["content-type"]) == ("shop", "application/json")
    run = await the_run(shop)
    (result,) = run["status"]["metricResults"]
    assert [found["value"] for found in result["measurements"]] == ["0.01", "0.01"]
    assert "sesame" not in json.dumps(run)
    name = run["metadata"]["name"]
    story = [
        ("TrafficWeightUpdated", "Canary weight 0 → 25, step 1 of 4"),
        ("RolloutStepCompleted", "Step 2 of 4 completed: pause 2s"),
        ("AnalysisRunRunning", f"Analysis {name} is Running"),
        ("RolloutStepCompleted", "Step 3 of 4 completed: analysis"),
        ("TrafficWeightUpdated", "Canary weight 25 → 50, step 4 of 4"),
        ("RolloutCompleted", "Revision 2 promoted: it is stable now"),
    ]
    assert await told(shop, *story) == story
    judged = [text for reason, text in await shop.events() if reason == "AnalysisRunSuccessful"]
    assert judged == [f"Analysis {name} is Successful: {run['status']['message']}"]
    assert run["status"]["message"].startswith("errors 0.01, limit result < 0.05")


@pytest.mark.usefixtures("login")
async def test_a_web_server_that_says_nothing_holds_and_a_bad_number_aborts(
    open_shop: OpenShop, health: Server
) -> None:
    """I7: a 503 and a login page are no evidence, for or against; then 20 % of errors are."""
    shop = await open_shop(steps=STEPS)
    await shop.lab.apply(asks(health), namespace=shop.namespace)
    await shop.healthy()
    health.status = 503
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(step=2, weight=25, message_has="answered 503")
        health.status, health.body = 200, b"<html>Please log in</html>"
        await shop.until(step=2, weight=25, message_has="something that isn't JSON")
        health.body = b'{"data": {"errors": 0.2, "version": "v2"}}'
        status = await shop.until(phase="Degraded", weight=0)
    assert load.failed() == ()
    assert "aborted at weight 25" in status["message"]
    assert "errors 0.2, limit result < 0.05" in status["message"]
    run = await the_run(shop)
    (result,) = run["status"]["metricResults"]
    assert (result["phase"], result["count"], result["failed"]) == ("Failed", 1, 1)
    verdict = "Metric errors 0.2, limit result < 0.05 (measurement 1, failed 1 of at most 0)."
    aborted, _ = status["message"].removeprefix("RolloutAborted: ").split(" Revision 2 keeps")
    story = [
        ("AnalysisRunFailed", f"Analysis {run['metadata']['name']} is Failed: {verdict}"),
        ("RolloutAborted", aborted),
        ("TrafficWeightUpdated", "Canary weight 25 → 0"),
    ]
    assert await told(shop, *story) == story


async def test_points_over_a_time_are_judged_together(open_shop: OpenShop) -> None:
    """`rangeQuery`: without a point the weight is held; all of them are good, or it is aborted."""
    over = {"start": 'now() - duration("2s")', "end": "now()", "step": "1s"}
    shop = await open_shop(steps=STEPS)
    errors = a_query(
        shop,
        "errors",
        error_share(shop),
        range=over,
        count=3,
        successCondition="all(result, # < 0.05)",
    )
    await shop.lab.apply(a_template(errors), namespace=shop.namespace)
    await shop.healthy()
    await shop.release("v2")
    await shop.until(step=2, weight=25, message_has="no evidence")
    async with shop.load(rate=100) as load:
        await shop.until(phase="Healthy", weight=0, seconds=60)
    assert load.failed() == ()
    results = await the_results(shop)
    last = json.loads(results["errors"]["measurements"][-1]["value"])
    assert 1 <= len(last) <= 3
    assert set(last) == {0}
    async with shop.load(rate=100) as load:
        await shop.release("v3", error_rate=0.5)
        await shop.until(phase="Degraded", weight=0, message_has="limit all(result, # < 0.05)")
    assert load.failed(outside="v3") == ()


async def test_a_dry_run_aborts_nothing_and_is_told(open_shop: OpenShop) -> None:
    """The same bad number, in a dry run and not: the release goes through, and the run says so."""
    shop = await open_shop(steps=STEPS)
    bad = a_query(shop, "tried-out", "vector(0.2)", count=2, successCondition="result[0] < 0.05")
    good = a_query(shop, "errors", error_share(shop), count=2, successCondition="result[0] < 0.05")
    dry = [{"metricName": "^tried"}]
    await shop.lab.apply(a_template(bad, good, dryRun=dry), namespace=shop.namespace)
    await shop.healthy()
    async with shop.load(rate=100) as load:
        await shop.release("v2")
        await shop.until(phase="Healthy", weight=0)
        status = (await the_run(shop))["status"]
        tried = (await the_results(shop))["tried-out"]
        assert (tried["phase"], tried["dryRun"], tried["failed"]) == ("Failed", True, 1)
        assert (status["phase"], status["runSummary"]) == ("Successful", {**NONE, "successful": 1})
        assert status["dryRunSummary"] == {**NONE, "failed": 1}
        assert status["message"].startswith("errors 0, limit")
        await shop.lab.apply(a_template(bad, good), namespace=shop.namespace)
        await shop.release("v3")
        await shop.until(phase="Degraded", weight=0, message_has="tried-out 0.2, limit")
    assert load.failed() == ()
    aborted = [text for reason, text in await shop.events() if reason == "RolloutAborted"]
    assert len(aborted) == 1


async def test_as_many_measurements_are_kept_as_the_rules_say(open_shop: OpenShop) -> None:
    """Of 12 measurements 2, and 10 without a rule; the counters know all."""
    shop = await open_shop(steps=STEPS)
    metrics = [
        a_query(shop, name, "vector(1)", count=12, successCondition="result[0] == 1")
        for name in ("short", "usual")
    ]
    for metric in metrics:
        metric["interval"] = "200ms"
    kept = [{"metricName": "^short$", "limit": 2}]
    await shop.lab.apply(a_template(*metrics, measurementRetention=kept), namespace=shop.namespace)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    results = await the_results(shop)
    assert {name: len(found["measurements"]) for name, found in results.items()} == {
        "short": 2,
        "usual": 10,
    }
    assert {found["count"] for found in results.values()} == {12}
    reasons = [reason for reason, _ in await shop.events()]
    assert reasons.count("AnalysisRunSuccessful") == 1
