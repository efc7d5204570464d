"""What the routers of ingress controllers must hold beyond their fields."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from davy.api import metadata, paths
from davy.api.errors import Finding
from davy.api.rollout import TrafficRouting
from davy.api.routers import NginxRouting

_ROUTING: Final = "spec.strategy.canary.trafficRouting"
_OWN: Final = ("canary", "canary-weight", "canary-weight-total")
"""Annotations of the canary Ingress, prefix aside, that are the weight."""


def findings(routing: TrafficRouting) -> Iterator[Finding]:
    """Everything wrong in the routers that could be read."""
    if routing.nginx:
        yield from _nginx(routing.nginx, f"{_ROUTING}.nginx")
    if routing.alb:
        fields = ("ingress", "ingresses")
        yield from _ingresses(routing.alb.ingress, routing.alb.ingresses, f"{_ROUTING}.alb", fields)
    plugin = routing.plugins.contour if routing.plugins else None
    for contour, at in (
        (routing.contour, "contour"),
        (plugin, "plugins['argoproj-labs/contour']"),
    ):
        names = contour.http_proxies if contour else []
        yield from twice(names, f"{_ROUTING}.{at}.httpProxies", "HTTPProxy")
    if routing.apisix:
        rules = routing.apisix.route.rules or []
        yield from twice(rules, f"{_ROUTING}.apisix.route.rules", "rule")


def _nginx(nginx: NginxRouting, path: str) -> Iterator[Finding]:
    yield from _ingresses(
        nginx.stable_ingress, nginx.stable_ingresses, path, ("stableIngress", "stableIngresses")
    )
    prefix = f"{nginx.annotation_prefix}/"
    for field, annotations, whole in (
        ("additionalIngressAnnotations", nginx.additional_ingress_annotations, prefix),
        ("canaryIngressAnnotations", nginx.canary_ingress_annotations, ""),
    ):
        yield from _annotations(annotations or {}, f"{path}.{field}", prefix, whole)


def _annotations(
    annotations: Mapping[str, str], path: str, prefix: str, default_prefix: str
) -> Iterator[Finding]:
    for name in annotations:
        at = paths.child(path, name)
        whole = name if name.startswith(prefix) else f"{default_prefix}{name}"
        if whole.removeprefix(prefix) in _OWN and whole.startswith(prefix):
            yield Finding(at, "is written by Davy: it is the weight; remove it")
        elif not metadata.is_name(whole):
            yield Finding(at, "is no name of an annotation; write one such as canary-by-header")


def _ingresses(
    single: str | None, several: Sequence[str] | None, path: str, fields: tuple[str, str]
) -> Iterator[Finding]:
    """Exactly one of the two fields, and no name twice."""
    one, list_of = fields
    if (single is None) == (several is None):
        has = f"has {one} and {list_of}" if single else "names no Ingress"
        yield Finding(path, f"{has}; give exactly one of {one} and {list_of}")
    yield from twice(several or [], f"{path}.{list_of}", "Ingress")


def twice(names: Sequence[str], path: str, what: str) -> Iterator[Finding]:
    """A finding for each name that was in the list before."""
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Finding(f"{path}[{index}]", f"names the {what} {name} a second time")
