"""Selectors of presets: which series of each product are whose."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from davy.analysis.presets import PRESETS, Seen, Slow, Version, selectors

SERVICES = Seen(
    namespace="shop",
    rollout="cart",
    canary=Version("7d9f", service="cart-canary"),
    stable=Version("6c4b", service="cart"),
    ingress="web",
)
SUBSETS = Seen(
    namespace="shop",
    rollout="cart",
    canary=Version("7d9f", subset="canary"),
    stable=Version("6c4b", subset="stable"),
    host="cart",
)
ALONE = Seen("shop", "cart", Version("7d9f"), Version("6c4b"))
HALF_A_SECOND = timedelta(seconds=0.5)

MATCHER = re.compile(r'(\w+)(=~|!=|=)("(?:[^"\\]|\\.)*")')


def selected(selector: str, name: str, **labels: str) -> bool:
    """Whether Prometheus would find this series: a missing label is empty, patterns are whole."""
    asked, _, rest = selector.partition("{")
    if asked != name:
        return False
    for label, operator, quoted in MATCHER.findall(rest):
        value, given = labels.get(label, ""), re.sub(r"\\(.)", r"\1", quoted[1:-1])
        fits = re.fullmatch(given, value) is not None if operator == "=~" else given == value
        if fits == (operator == "!="):
            return False
    return True


def found(texts: tuple[str, ...], name: str, **labels: str) -> bool:
    return any(selected(text, name, **labels) for text in texts)


COUNTED = [
    ("app", ALONE, "http_requests_total", {"namespace": "shop", "pod": "cart-7d9f-x2k9p"}, "code"),
    (
        "app",
        ALONE,
        "http_requests_total",
        {"namespace": "shop", "pod": "cart-7d9f-x2k9p"},
        "status",
    ),
    (
        "envoy",
        SUBSETS,
        "envoy_cluster_upstream_rq",
        {"cluster_name": "outbound|80|canary|cart.shop.svc.cluster.local"},
        "response_code_class",
    ),
    (
        "envoy",
        replace(SUBSETS, host="cart.shop.svc.cluster.local"),
        "envoy_cluster_upstream_rq",
        {"cluster_name": "outbound|80|canary|cart.shop.svc.cluster.local"},
        "response_code_class",
    ),
    (
        "envoy",
        SERVICES,
        "envoy_cluster_upstream_rq",
        {"cluster_name": "outbound|80||cart-canary.shop.svc.cluster.local"},
        "response_code_class",
    ),
    (
        "contour",
        SERVICES,
        "envoy_cluster_upstream_rq",
        {"envoy_cluster_name": "shop_cart-canary_80"},
        "envoy_response_code",
    ),
    (
        "istio",
        SERVICES,
        "istio_requests_total",
        {
            "reporter": "source",
            "destination_service_name": "cart-canary",
            "destination_service_namespace": "shop",
        },
        "response_code",
    ),
    (
        "istio",
        SUBSETS,
        "istio_requests_total",
        {"reporter": "destination", "namespace": "shop", "pod": "cart-7d9f-x2k9p"},
        "response_code",
    ),
    (
        "istio-waypoint",
        SERVICES,
        "istio_requests_total",
        {
            "reporter": "waypoint",
            "destination_service_name": "cart-canary",
            "destination_service_namespace": "shop",
        },
        "response_code",
    ),
    (
        "linkerd",
        SERVICES,
        "outbound_http_route_backend_response_statuses_total",
        {"backend_name": "cart-canary", "backend_namespace": "shop"},
        "http_status",
    ),
    (
        "nginx",
        SERVICES,
        "nginx_ingress_controller_requests",
        {"ingress": "web", "namespace": "shop", "canary": "shop-cart-canary-80"},
        "status",
    ),
    (
        "nginx",
        SERVICES,
        "nginx_ingress_controller_requests",
        {"ingress": "web", "exported_namespace": "shop", "canary": "shop-cart-canary-80"},
        "status",
    ),
    (
        "traefik",
        SERVICES,
        "traefik_service_requests_total",
        {"service": "shop-cart-canary-80@kubernetescrd"},
        "code",
    ),
    (
        "traefik",
        SERVICES,
        "traefik_service_requests_total",
        {"service": "traefik", "exported_service": "shop-cart-canary-http@kubernetescrd"},
        "code",
    ),
]


@pytest.mark.parametrize(("preset", "seen", "name", "labels", "code"), COUNTED)
def test_each_request_is_of_one_side_and_each_5xx_an_error(
    preset: str, seen: Seen, name: str, labels: dict[str, str], code: str
) -> None:
    sides = selectors(preset, seen)
    values = {"200": False, "404": False, "500": True, "503": True}
    if code == "response_code_class":
        values = {"2xx": False, "4xx": False, "5xx": True}
    for value, error in values.items():
        series = {**labels, code: value}
        assert found(sides.canary.requests, name, **series)
        assert found(sides.canary.errors, name, **series) == error
        assert not found(sides.stable.requests, name, **series)
        assert not found(sides.stable.errors, name, **series)


HISTOGRAMS = {
    "app": "http_request_duration_seconds",
    "contour": "envoy_cluster_upstream_rq_time",
    "envoy": "envoy_cluster_upstream_rq_time",
    "istio": "istio_request_duration_milliseconds",
    "istio-waypoint": "istio_request_duration_milliseconds",
    "linkerd": "outbound_http_route_backend_response_duration_seconds",
    "nginx": "nginx_ingress_controller_request_duration_seconds",
    "traefik": "traefik_service_request_duration_seconds",
}


@pytest.mark.parametrize(("preset", "seen", "name", "labels", "code"), COUNTED)
def test_with_a_limit_the_bucket_below_it_is_good(
    preset: str, seen: Seen, name: str, labels: dict[str, str], code: str
) -> None:
    """Prometheus 3 writes 500.0 where 2 wrote 500."""
    sides, histogram = selectors(preset, seen, Slow(HALF_A_SECOND)), HISTOGRAMS[preset]
    bounds = {"0.5": True, "0.25": False} if histogram.endswith("_seconds") else {}
    bounds = bounds or {"500": True, "500.0": True, "5000": False, "+Inf": False}
    assert found(sides.canary.requests, f"{histogram}_count", **labels)
    for bound, good in bounds.items():
        assert found(sides.canary.good, f"{histogram}_bucket", **labels, le=bound) == good
        assert not found(sides.stable.good, f"{histogram}_bucket", **labels, le=bound)


@pytest.mark.parametrize(("preset", "seen", "name", "labels", "code"), COUNTED)
def test_a_native_histogram_is_one_series_and_a_bound(
    preset: str, seen: Seen, name: str, labels: dict[str, str], code: str
) -> None:
    """In the histogram's own unit, as a classic one's buckets are."""
    sides, histogram = selectors(preset, seen, Slow(HALF_A_SECOND, native=True)), HISTOGRAMS[preset]
    assert found(sides.canary.requests, histogram, **labels)
    assert not found(sides.stable.requests, histogram, **labels)
    assert sides.canary.bound == sides.stable.bound
    assert sides.canary.bound == (0.5 if histogram.endswith("_seconds") else 500)
    assert sides.canary.good == sides.canary.errors == ()


def test_an_answer_in_the_series_of_its_class_is_not_counted_again_in_that_of_its_code() -> None:
    """Tags may give both one name."""
    cluster = {"cluster_name": "outbound|80|canary|cart.shop.svc.cluster.local"}
    requests = selectors("envoy", SUBSETS).canary.requests
    assert not found(requests, "envoy_cluster_upstream_rq", **cluster, response_code="503")


def test_what_nginx_sent_to_stable_has_no_canary() -> None:
    labels = {"ingress": "web", "namespace": "shop", "canary": "", "status": "502"}
    sides = selectors("nginx", SERVICES)
    assert found(sides.stable.errors, "nginx_ingress_controller_requests", **labels)
    assert not found(sides.canary.requests, "nginx_ingress_controller_requests", **labels)


def test_a_grpc_failure_is_an_error_although_it_answers_200() -> None:
    labels = {
        "reporter": "source",
        "destination_service_name": "cart-canary",
        "destination_service_namespace": "shop",
        "response_code": "200",
    }
    errors = selectors("istio", SERVICES).canary.errors
    assert found(errors, "istio_requests_total", **labels, grpc_response_status="14")
    assert not found(errors, "istio_requests_total", **labels, grpc_response_status="5")


def test_linkerd_counts_what_reached_no_pod() -> None:
    """Its proxy has an error of its own, and no status, for a backend without endpoints."""
    name = "outbound_http_route_backend_response_statuses_total"
    labels = {"backend_name": "cart-canary", "backend_namespace": "shop", "error": "FAIL_FAST"}
    canary = selectors("linkerd", SERVICES).canary
    assert found(canary.requests, name, **labels)
    assert found(canary.errors, name, **labels)


def test_linkerd_with_a_traffic_split_goes_by_its_own_classes() -> None:
    labels = {"direction": "outbound", "dst_service": "cart-canary", "dst_namespace": "shop"}
    sides = selectors("linkerd-smi", SERVICES)
    assert found(sides.canary.errors, "response_total", **labels, classification="failure")
    assert not found(sides.canary.errors, "response_total", **labels, classification="success")
    assert not found(sides.stable.requests, "response_total", **labels)


def test_names_are_not_patterns() -> None:
    seen = replace(ALONE, rollout="ca.t")
    requests = selectors("app", seen).canary.requests
    labels = {"namespace": "shop", "pod": "cart-7d9f-x2k9p"}
    assert not found(requests, "http_requests_total", **labels)


@pytest.mark.parametrize(
    ("limit", "texts"),
    [
        (0.07, ["70", "70.0"]),
        (0.3, ["300", "300.0"]),
        (1800, ["1800000", "1.8e+06"]),
        (0.00005, ["0.05"]),
        (0.000001, ["0.001"]),
    ],
)
def test_a_limit_is_a_bound_to_the_digit(limit: float, texts: list[str]) -> None:
    good = selectors("envoy", SUBSETS, Slow(timedelta(seconds=limit))).canary.good
    labels = {"cluster_name": "outbound|80|canary|cart.shop.svc.cluster.local"}
    for text in texts:
        assert found(good, "envoy_cluster_upstream_rq_time_bucket", **labels, le=text)


@pytest.mark.parametrize(
    ("preset", "seen", "message"),
    [
        ("haproxy", SERVICES, "'haproxy' is no preset; there are app, contour, envoy"),
        ("envoy", ALONE, "neither a Service nor a subset for each"),
        ("contour", SUBSETS, "give them canaryService and stableService"),
        ("traefik", SUBSETS, "give them canaryService and stableService"),
        ("nginx", SUBSETS, "needs the Ingress of stable"),
        ("istio-waypoint", SUBSETS, "can't tell subsets apart"),
        ("app", replace(ALONE, rollout="c" * 60), "the pods of c+ have cut names"),
        ("envoy", replace(SERVICES, canary=SERVICES.stable), "the same series for canary and"),
    ],
)
def test_sides_that_can_t_be_told_apart_are_refused(preset: str, seen: Seen, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        selectors(preset, seen)


def test_every_selector_fits_its_field() -> None:
    """Long names stay below the bound of a selector that users write."""
    long = replace(
        SERVICES,
        namespace="n" * 63,
        canary=Version("7d9f", service="c" * 63),
        stable=Version("6c4b", service="s" * 63),
        ingress="i" * 253,
    )
    for preset in PRESETS:
        for limit in (None, HALF_A_SECOND):
            sides = selectors(preset, long, Slow(limit) if limit else None)
            for side in (sides.canary, sides.stable):
                assert max(map(len, (*side.requests, *side.errors, *side.good))) <= 2048
