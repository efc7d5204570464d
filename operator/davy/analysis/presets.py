"""Which counters a proxy or an application has of both sides: preset and names in, selectors out.

Every preset tells the sides apart by what the proxy itself writes into its labels, and counts each
request at one place only. Where a product's series come under one of two names of a label, by its
settings or by Prometheus', both are asked for: one of the two finds nothing. What each preset sees
and misses, and where its labels are documented, is in docs/compare.md.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from davy.analysis.counters import Selectors, Sides

_GENERATED: Final = 58
"""Characters of a pod's name before those that the API server makes up; it cuts what is longer."""

_PLAIN_FROM: Final = Decimal("0.0001")
_PLAIN_TO: Final = Decimal(1_000_000)
"""Bounds from here on are written with an exponent."""


@dataclass(frozen=True)
class Version:
    """One side."""

    hash: str
    """Of its pods: they are called `ROLLOUT-HASH-…`."""
    service: str | None = None
    """Its Service; None: it has none of its own."""
    subset: str | None = None
    """Its subset of an Istio DestinationRule; None: it isn't split by subsets."""


@dataclass(frozen=True)
class Seen:
    """What a Rollout says of where its two versions can be told apart."""

    namespace: str
    rollout: str
    canary: Version
    stable: Version
    host: str | None = None
    """Of the DestinationRule whose subsets they are."""
    ingress: str | None = None
    """The Ingress of stable, for NGINX."""


@dataclass(frozen=True)
class Slow:
    """Which requests count as failed, where latency is compared."""

    limit: timedelta | None
    """Those that took longer; a bound of the histogram's buckets. None: it is chosen later."""
    native: bool = False
    """The histogram is one series, as Prometheus keeps native ones."""


@dataclass(frozen=True)
class _Way:
    """One way in which series of a side can be labelled, as matchers of PromQL."""

    where: tuple[str, ...]
    """Of all its series."""
    errors: tuple[str, ...]
    """Of the counter's series: any one of them makes it one of errors."""
    requests: tuple[str, ...] = ()
    """Of the counter's series, beside `where`."""


@dataclass(frozen=True)
class _Preset:
    counter: str
    histogram: str
    per_second: int
    """What the bounds of its buckets are counted in: 1 or 1000 to the second."""
    ways: Callable[[Seen, Version], tuple[_Way, ...]]


def selectors(preset: str, seen: Seen, slow: Slow | None = None) -> Sides:
    """What to count on both sides: errors, or the slow requests.

    Raises:
        ValueError: there is no such preset, or it can't tell the two sides of this Rollout apart;
            the message says what to do.
    """
    if preset not in PRESETS:
        raise ValueError(f"{preset!r:.40} is no preset; there are {', '.join(sorted(PRESETS))}")
    found = Sides(*(_side(PRESETS[preset], seen, one, slow) for one in _both(seen)))
    if found.canary == found.stable:
        raise ValueError(
            f"preset {preset} finds the same series for canary and stable; give each a Service or "
            "a subset of its own, or write selectors"
        )
    return found


def _both(seen: Seen) -> tuple[Version, Version]:
    return seen.canary, seen.stable


def _side(preset: _Preset, seen: Seen, version: Version, slow: Slow | None) -> Selectors:
    ways = preset.ways(seen, version)
    if slow is None:
        return Selectors(
            tuple(_series(preset.counter, *way.where, *way.requests) for way in ways),
            errors=tuple(
                _series(preset.counter, *way.where, error) for way in ways for error in way.errors
            ),
        )
    if slow.native:
        found = Selectors(
            tuple(_series(preset.histogram, *way.where) for way in ways), bound=math.inf
        )
    else:
        found = Selectors(
            tuple(_series(f"{preset.histogram}_count", *way.where) for way in ways),
            good=tuple(_series(f"{preset.histogram}_bucket", *way.where) for way in ways),
        )
    if slow.limit is None:
        return found
    microseconds = Decimal(slow.limit // timedelta(microseconds=1))
    return limited(found, microseconds * preset.per_second / 1_000_000)


def limited(histogram: Selectors, bound: Decimal) -> Selectors:
    """What is counted of a histogram: requests up to this bound of its buckets are good.

    Args:
        histogram: a native one, or with all its buckets in `good`.
        bound: in its unit.
    """
    if histogram.bound is not None:
        return replace(histogram, bound=float(bound))
    matcher = _matches("le", _bound(bound))
    return replace(histogram, good=tuple(_narrowed(text, matcher) for text in histogram.good))


def _narrowed(selector: str, matcher: str) -> str:
    """The selector with one matcher more."""
    start = selector.strip()
    if not start.endswith("}"):
        return f"{start}{{{matcher}}}"
    start = start.removesuffix("}").rstrip()
    return f"{start}{'' if start.endswith(('{', ',')) else ','}{matcher}}}"


def _istio(seen: Seen, version: Version) -> tuple[_Way, ...]:
    return _istio_reported(seen, version, "source")


def _istio_waypoint(seen: Seen, version: Version) -> tuple[_Way, ...]:
    return _istio_reported(seen, version, "waypoint")


def _istio_reported(seen: Seen, version: Version, reporter: str) -> tuple[_Way, ...]:
    """By Service where the caller reports; callers don't report subsets, so these are by pod."""
    if version.service is not None and version.subset is None:
        where: tuple[str, ...] = (
            _is("reporter", reporter),
            _is("destination_service_name", version.service),
            _is("destination_service_namespace", seen.namespace),
        )
    elif reporter == "source":
        where = (_is("reporter", "destination"), *_pods(seen, version))
    else:
        raise ValueError(
            "preset istio-waypoint can't tell subsets apart; split by Services, one for canary "
            "and one for stable, or write selectors"
        )
    return (_Way(where, (_SERVER_ERROR.format("response_code"), _GRPC_ERROR)),)


def _envoy(seen: Seen, version: Version) -> tuple[_Way, ...]:
    """By cluster, as Istio calls them: `outbound|PORT|SUBSET|HOST`."""
    if version.subset is not None and seen.host is not None:
        host, subset = seen.host, version.subset
    elif version.service is not None:
        host, subset = version.service, ""
    else:
        raise ValueError(
            "preset envoy tells canary and stable apart by their clusters, and there is neither a "
            "Service nor a subset for each; give them canaryService and stableService, or use "
            "preset app"
        )
    full = f"{host}.{seen.namespace}.svc." if "." not in host else host
    more = "" if "." in host else ".+"
    cluster = rf"outbound\|[0-9]+\|{_escaped(subset)}\|{_escaped(full)}{more}"
    return (
        _Way(
            where=(_matches("cluster_name", cluster),),
            # Beside the classes there are the codes, under this name or, as in Istio's own
            # configuration, under names of their own: both together would count each answer twice.
            requests=('response_code_class!=""',),
            errors=('response_code_class="5xx"',),
        ),
    )


def _contour(seen: Seen, version: Version) -> tuple[_Way, ...]:
    """By cluster, whose name in statistics is `NAMESPACE_SERVICE_PORT`."""
    service = _service(version, "contour")
    cluster = rf"{_escaped(seen.namespace)}_{_escaped(service)}_[0-9]+"
    errors = (_SERVER_ERROR.format("envoy_response_code"),)
    return (_Way((_matches("envoy_cluster_name", cluster),), errors),)


def _linkerd(seen: Seen, version: Version) -> tuple[_Way, ...]:
    """By backend of the route, as the caller's proxy counts it: also what reached no pod."""
    where = (
        _is("backend_name", _service(version, "linkerd")),
        _is("backend_namespace", seen.namespace),
    )
    return (_Way(where, (_SERVER_ERROR.format("http_status"), 'error!=""')),)


def _linkerd_smi(seen: Seen, version: Version) -> tuple[_Way, ...]:
    where = (
        _is("direction", "outbound"),
        _is("dst_service", _service(version, "linkerd-smi")),
        _is("dst_namespace", seen.namespace),
    )
    return (_Way(where, (_is("classification", "failure"),)),)


def _nginx(seen: Seen, version: Version) -> tuple[_Way, ...]:
    """By the label `canary`: the canary's upstream, empty for what went to stable."""
    if seen.ingress is None:
        raise ValueError(
            "preset nginx needs the Ingress of stable, as trafficRouting.nginx names it; without "
            "one use another preset or write selectors"
        )
    if version == seen.stable:
        side = _is("canary", "")
    else:
        upstream = f"{_escaped(seen.namespace)}-{_escaped(_service(version, 'nginx'))}-.+"
        side = _matches("canary", upstream)
    ingress = _is("ingress", seen.ingress)
    return tuple(
        _Way((ingress, _is(label, seen.namespace), side), (_SERVER_ERROR.format("status"),))
        for label in ("namespace", "exported_namespace")
    )


def _traefik(seen: Seen, version: Version) -> tuple[_Way, ...]:
    name = f"{_escaped(seen.namespace)}-{_escaped(_service(version, 'traefik'))}"
    pattern = f"{name}-[0-9a-zA-Z]+@kubernetescrd"
    return tuple(
        _Way((_matches(label, pattern),), (_SERVER_ERROR.format("code"),))
        for label in ("service", "exported_service")
    )


def _app(seen: Seen, version: Version) -> tuple[_Way, ...]:
    errors = tuple(_SERVER_ERROR.format(label) for label in ("code", "status"))
    return (_Way(_pods(seen, version), errors),)


PRESETS: Final[Mapping[str, _Preset]] = {
    "app": _Preset("http_requests_total", "http_request_duration_seconds", 1, _app),
    "contour": _Preset(
        "envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time", 1000, _contour
    ),
    "envoy": _Preset("envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time", 1000, _envoy),
    "istio": _Preset("istio_requests_total", "istio_request_duration_milliseconds", 1000, _istio),
    "istio-waypoint": _Preset(
        "istio_requests_total", "istio_request_duration_milliseconds", 1000, _istio_waypoint
    ),
    "linkerd": _Preset(
        "outbound_http_route_backend_response_statuses_total",
        "outbound_http_route_backend_response_duration_seconds",
        1,
        _linkerd,
    ),
    "linkerd-smi": _Preset("response_total", "response_latency_ms", 1000, _linkerd_smi),
    "nginx": _Preset(
        "nginx_ingress_controller_requests",
        "nginx_ingress_controller_request_duration_seconds",
        1,
        _nginx,
    ),
    "traefik": _Preset(
        "traefik_service_requests_total", "traefik_service_request_duration_seconds", 1, _traefik
    ),
}

_SERVER_ERROR: Final = '{}=~"5.."'
_GRPC_ERROR: Final = 'grpc_response_status=~"2|4|12|13|14|15"'
"""UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: all answer 200."""


def _service(version: Version, preset: str) -> str:
    if version.service is None:
        raise ValueError(
            f"preset {preset} tells canary and stable apart by their Services; give them "
            "canaryService and stableService"
        )
    return version.service


def _pods(seen: Seen, version: Version) -> tuple[str, ...]:
    """The target's labels, as Prometheus' operator and most configurations set them."""
    return _is("namespace", seen.namespace), _matches("pod", _pod_names(seen, version))


def _pod_names(seen: Seen, version: Version) -> str:
    start = f"{seen.rollout}-{version.hash}-"
    if len(start) > _GENERATED:
        raise ValueError(
            f"the pods of {seen.rollout} have cut names, as the Rollout's name is too long, and "
            "can't be told apart by them; use a preset that goes by Service, or write selectors"
        )
    return f"{_escaped(start)}[a-z0-9]+"


def _series(name: str, *matchers: str) -> str:
    return f"{name}{{{','.join(matchers)}}}"


def _is(label: str, value: str) -> str:
    return f"{label}={json.dumps(value)}"


def _matches(label: str, pattern: str) -> str:
    return f"{label}=~{json.dumps(pattern)}"


def _bound(value: Decimal) -> str:
    """A pattern for how a bound may be written: `500`, `500.0` since Prometheus 3, `1e+06`."""
    plain = f"{value.normalize():f}"
    written = [plain] if "." in plain else [plain, f"{plain}.0"]
    if not _PLAIN_FROM <= value < _PLAIN_TO:
        digits, exponent = f"{value.normalize():e}".split("e")
        written.append(f"{digits}e{exponent[0]}{exponent[1:].zfill(2)}")
    return "|".join(_escaped(text) for text in written)


def _escaped(text: str) -> str:
    return re.escape(text).replace(r"\-", "-")
