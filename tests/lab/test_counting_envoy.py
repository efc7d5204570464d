"""The preset `envoy` on a real Envoy under Istio: also what never reached a pod is counted."""

from datetime import UTC, datetime, timedelta

from davy.analysis import presets
from davy.analysis.counters import Counts, Look, Sides, Tally
from davy.analysis.presets import Seen, Version
from davy.api.analysis import Metric
from davy.api.providers import MetricProvider, PrometheusMetric
from davy.metrics.addresses import Addresses
from davy.metrics.counts import PrometheusCounts
from tests.lab import asking
from tests.lab.lab import Lab
from tests.lab.test_load import a_route, a_service, a_version

FLUSHED = timedelta(seconds=7)
"""After which Prometheus has all that was so far: Envoy writes its histograms each 5 s."""


async def counted(lab: Lab, sides: Sides, since: datetime, requests: int) -> Counts:
    """What both sides had since then, once there are so many requests of them."""
    counter = PrometheusCounts(Addresses.of(["0.0.0.0/0"]), lambda: datetime.now(UTC))
    asked = PrometheusMetric(address=lab.prometheus_url, query="-")
    metric = Metric(name="errors", provider=MetricProvider(prometheus=asked))
    total, tally = Counts(), Tally(since)

    async def enough() -> bool:
        nonlocal total, tally
        found = await counter.look(metric, sides, tally, datetime.now(UTC))
        assert isinstance(found, Look), found
        total, tally = total + found.fresh, found.tally
        return total.canary + total.stable >= requests

    await lab.until(enough, timeout=15, describe=f"{requests} requests")
    await counter.close()
    return total


async def test_a_canary_without_pods_is_all_errors(lab: Lab, namespace: str) -> None:
    """The proxy answers 503 for it, and no pod knows of that."""
    host = f"web.{namespace}.example"
    objects = [a_version("v1"), a_service("v1"), a_service("v2"), a_route(host, 0)]
    await lab.apply(objects, namespace=namespace)
    url = lab.istio_gateway_url

    async def answers(version: str) -> bool:
        return version in await asking.versions(url, host, times=10)

    async def scraped() -> bool:
        query = f'envoy_cluster_upstream_rq{{cluster_name=~".*v1[.]{namespace}[.].*"}}'
        return bool(await lab.query(query))

    await lab.until(lambda: answers("v1"), timeout=60, describe="v1 answers")
    await lab.until(scraped, timeout=15, describe="Prometheus has the stable cluster")
    since = datetime.now(UTC) + FLUSHED

    async def begun() -> bool:
        return datetime.now(UTC) > since

    await lab.until(begun, timeout=15, describe="the run begins")
    await lab.apply(a_route(host, 50), namespace=namespace)
    found = await asking.versions(url, host, times=50)
    while not found["HTTP 503"]:
        found += await asking.versions(url, host, times=50)
    good, bad = found["v1"], found["HTTP 503"]
    seen = Seen(namespace, "web", Version("b", service="v2"), Version("a", service="v1"))
    errors = presets.selectors("envoy", seen)
    assert await counted(lab, errors, since, good + bad) == Counts(bad, bad, good, 0)
    slow = presets.selectors("envoy", seen, presets.Slow(timedelta(seconds=10)))
    assert await counted(lab, slow, since, good) == Counts(stable=good)
