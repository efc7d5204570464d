"""Series as the products of Davy's presets have them, for a canary and a stable version."""

from typing import Final

from davy.analysis.presets import Seen, Version

SEEN: Final = Seen(
    namespace="shop",
    rollout="cart",
    canary=Version("7d9f", service="cart-canary"),
    stable=Version("6c4b", service="cart"),
    ingress="web",
)
SHAPES: Final = {
    "app": (
        "http_requests_total{{{side},code='{code}'}}",
        "http_request_duration_seconds{part}{{{side}{le}}}",
        ("namespace='shop',pod='cart-7d9f-x2k9p'", "namespace='shop',pod='cart-6c4b-9plm2'"),
        ("0.25", "0.5"),
    ),
    "contour": (
        "envoy_cluster_upstream_rq{{{side},envoy_response_code='{code}'}}",
        "envoy_cluster_upstream_rq_time{part}{{{side}{le}}}",
        ("envoy_cluster_name='shop_cart-canary_80'", "envoy_cluster_name='shop_cart_80'"),
        ("250", "500"),
    ),
    "envoy": (
        "envoy_cluster_upstream_rq{{{side},response_code_class='{group}'}}",
        "envoy_cluster_upstream_rq_time{part}{{{side}{le}}}",
        (
            "cluster_name='outbound|80||cart-canary.shop.svc.cluster.local'",
            "cluster_name='outbound|80||cart.shop.svc.cluster.local'",
        ),
        ("250", "500"),
    ),
    "istio": (
        "istio_requests_total{{reporter='source',{side},response_code='{code}'}}",
        "istio_request_duration_milliseconds{part}{{reporter='source',{side}{le}}}",
        (
            "destination_service_name='cart-canary',destination_service_namespace='shop'",
            "destination_service_name='cart',destination_service_namespace='shop'",
        ),
        ("250", "500"),
    ),
    "linkerd": (
        "outbound_http_route_backend_response_statuses_total{{{side},http_status='{code}'}}",
        "outbound_http_route_backend_response_duration_seconds{part}{{{side}{le}}}",
        (
            "backend_name='cart-canary',backend_namespace='shop'",
            "backend_name='cart',backend_namespace='shop'",
        ),
        ("0.25", "0.5"),
    ),
    "linkerd-smi": (
        "response_total{{direction='outbound',{side},classification='{outcome}'}}",
        "response_latency_ms{part}{{direction='outbound',{side}{le}}}",
        (
            "dst_service='cart-canary',dst_namespace='shop'",
            "dst_service='cart',dst_namespace='shop'",
        ),
        ("250", "500"),
    ),
    "nginx": (
        "nginx_ingress_controller_requests{{ingress='web',{side},status='{code}'}}",
        "nginx_ingress_controller_request_duration_seconds{part}{{ingress='web',{side}{le}}}",
        ("namespace='shop',canary='shop-cart-canary-80'", "namespace='shop',canary=''"),
        ("0.25", "0.5"),
    ),
    "traefik": (
        "traefik_service_requests_total{{{side},code='{code}'}}",
        "traefik_service_request_duration_seconds{part}{{{side}{le}}}",
        ("service='shop-cart-canary-80@kubernetescrd'", "service='shop-cart-80@kubernetescrd'"),
        ("0.25", "0.5"),
    ),
}
"""Of each preset: its counter, its histogram, the labels of both sides, and two bounds."""


def shown(preset: str, unit: int) -> dict[str, int]:
    """Series of a preset: of 100 requests 2 failed and 5 were slower than 0.5 s.

    Args:
        preset: its name.
        unit: how often this is true of the canary; ten times as often of stable.
    """
    counter, histogram, sides, (below, limit) = SHAPES[preset]
    found = {}
    for side, times in zip(sides, (unit, 10 * unit), strict=True):
        for code, outcome, number in (("200", "success", 98), ("503", "failure", 2)):
            found[counter.format(side=side, code=code, group=f"{code[0]}xx", outcome=outcome)] = (
                number * times
            )
        found[histogram.format(part="_count", side=side, le="")] = 100 * times
        for bound, number in ((below, 60), (limit, 95), ("+Inf", 100)):
            le = f",le='{bound}'"
            found[histogram.format(part="_bucket", side=side, le=le)] = number * times
    return {name.replace("'", '"'): value for name, value in found.items()}
