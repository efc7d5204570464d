"""Good objects of every kind, and how a case changes them."""

import re
from copy import deepcopy
from typing import Any, Final

from davy.api.group import ApiGroup

Json = dict[str, Any]

REMOVE: Final = object()
"""As a change's value: take the field away."""

_STEP: Final = re.compile(r"\['([^']+)'\]|\[(\d+)\]|\.?([^.\[\]]+)")


def _rollout(**canary: Any) -> Json:
    return {
        "apiVersion": ApiGroup().api_version,
        "kind": "Rollout",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "replicas": 5,
            "selector": {"matchLabels": {"app": "cart"}},
            "template": {
                "metadata": {"labels": {"app": "cart", "tier": "web"}},
                "spec": {"containers": [{"name": "app", "image": "cart:1"}]},
            },
            "strategy": {
                "canary": {
                    "steps": [
                        {"setWeight": 10},
                        {"pause": {"duration": "30s"}},
                        {
                            "analysis": {
                                "templates": [{"templateName": "errors"}],
                                "args": [
                                    {"name": "service", "value": "cart"},
                                    {
                                        "name": "hash",
                                        "valueFrom": {"podTemplateHashValue": "Latest"},
                                    },
                                ],
                            }
                        },
                        {"setWeight": 50},
                        {"pause": {}},
                    ],
                    **canary,
                }
            },
        },
    }


_SERVICES: Final = {"canaryService": "cart-canary", "stableService": "cart"}
_METRIC: Final[Json] = {
    "name": "error-rate",
    "interval": "10s",
    "count": 3,
    "successCondition": "result[0] < 0.05",
    "failureLimit": 1,
    "provider": {
        "prometheus": {
            "address": "http://prometheus:9090",
            "query": 'sum(rate(errors{service="{{args.service}}"}[1m]))',
        }
    },
}
_LATENCY: Final[Json] = {
    "name": "latency",
    "successCondition": "all(result, # < 0.5)",
    "provider": {
        "prometheus": {
            "address": "https://prometheus.example.com",
            "query": "latency",
            "rangeQuery": {"start": 'now() - duration("5m")', "end": "now()", "step": "1m"},
            "authentication": {
                "oauth2": {
                    "tokenUrl": "https://login.example.com/token",
                    "clientId": "davy",
                    "clientSecret": "{{args.token}}",
                    "scopes": ["metrics"],
                }
            },
        }
    },
}
_OPINION: Final[Json] = {
    "name": "opinion",
    "successCondition": "result > 3",
    "provider": {"plugin": {"acme/number": {"of": "{{args.service}}", "number": 4}}},
}
_HEALTH: Final[Json] = {
    "name": "health",
    "successCondition": "result.ok && result.rate >= 0.9",
    "provider": {
        "web": {
            "url": "https://health.example.com/api?service={{args.service}}",
            "method": "POST",
            "jsonBody": {"service": "{{args.service}}"},
            "headers": [{"key": "X-Team", "value": "shop"}],
            "jsonPath": "{$.data}",
            "timeoutSeconds": 20,
            "authentication": {"basicAuth": {"username": "davy", "password": "{{args.token}}"}},
        }
    },
}
_SMOKE: Final[Json] = {
    "name": "smoke",
    "count": 2,
    "interval": "1m",
    "provider": {
        "job": {
            "metadata": {
                "labels": {"team": "shop", "service": "{{args.service}}"},
                "annotations": {"example.com/why": "a smoke test"},
            },
            "spec": {
                "backoffLimit": 0,
                "activeDeadlineSeconds": 120,
                "template": {
                    "metadata": {"labels": {"job": "smoke"}},
                    "spec": {
                        "restartPolicy": "Never",
                        "serviceAccountName": "smoke",
                        "containers": [
                            {
                                "name": "curl",
                                "image": "curl:1",
                                "args": ["http://{{args.service}}"],
                            }
                        ],
                    },
                },
            },
        }
    },
}


KAYENTA: Final[Json] = {
    "address": "http://kayenta:8090",
    "application": "cart",
    "canaryConfigName": "latency",
    "metricsAccountName": "prometheus",
    "configurationAccountName": "gcs",
    "storageAccountName": "gcs",
    "threshold": {"pass": 90, "marginal": 75},
    "scopes": [
        {
            "name": "default",
            "controlScope": {"scope": "app=cart", "step": 60},
            "experimentScope": {"scope": "app=cart,canary=true", "region": "eu", "step": 60},
        }
    ],
}
_JUDGE: Final[Json] = {
    "name": "by-kayenta",
    "interval": "5m",
    "count": 1,
    "provider": {"kayenta": KAYENTA},
}
_VENDORS: Final[tuple[Json, ...]] = tuple(
    {"name": f"by-{name.lower()}", "successCondition": "result != nil", "provider": {name: asked}}
    for name, asked in {
        "graphite": {
            "address": "http://graphite:8080",
            "query": "target=app.{{args.service}}.errors&from=-5min",
        },
        "datadog": {
            "apiVersion": "v2",
            "interval": "90s",
            "queries": {"bad": "sum:errors{service:{{args.service}}}", "all": "sum:requests{*}"},
            "formula": "bad / all",
            "aggregator": "sum",
            "secretRef": {"name": "datadog-shop", "namespaced": True},
        },
        "wavefront": {"address": "example.wavefront.com", "query": 'ts("{{args.service}}")'},
        "skywalking": {
            "address": "http://oap:12800",
            "query": "query q($duration: Duration!) { apdex }",
            "interval": "3m",
        },
        "cloudWatch": {
            "interval": "15m",
            "metricDataQueries": [
                {"id": "rate", "expression": "errors / 100", "label": "errors", "period": "60"},
                {
                    "id": "errors",
                    "metricStat": {
                        "metric": {
                            "namespace": "app",
                            "metricName": "errors",
                            "dimensions": [{"name": "Service", "value": "{{args.service}}"}],
                        },
                        "period": 60,
                        "stat": "Sum",
                        "unit": "Count",
                    },
                    "returnData": False,
                },
            ],
        },
        "influxdb": {"profile": "influxdb-shop", "query": 'from(bucket: "{{args.service}}")'},
        "newRelic": {"profile": "newrelic-shop", "query": "SELECT 1", "timeout": 20},
    }.items()
)


def _analysis(kind: str, **spec: Any) -> Json:
    metadata = {"name": "errors"}
    if kind != "ClusterAnalysisTemplate":
        metadata["namespace"] = "shop"
    return {
        "apiVersion": ApiGroup().api_version,
        "kind": kind,
        "metadata": metadata,
        "spec": {
            "metrics": [_METRIC, _LATENCY, _HEALTH, _SMOKE, _OPINION, *_VENDORS, _JUDGE],
            "args": [
                {"name": "service"},
                {"name": "hash", "value": "none"},
                {
                    "name": "token",
                    "valueFrom": {"secretKeyRef": {"name": "prometheus", "key": "token"}},
                },
            ],
            **spec,
        },
    }


def _of_workload(rollout: Json) -> Json:
    """The same, with the pod template of a Deployment."""
    spec = {
        name: value
        for name, value in rollout["spec"].items()
        if name not in {"selector", "template"}
    }
    referred = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "cart",
        "scaleDown": "onsuccess",
    }
    return {**rollout, "spec": {**spec, "workloadRef": referred}}


GOOD: Final[dict[str, Json]] = {
    "gateway": _rollout(
        **_SERVICES,
        trafficRouting={
            "gatewayAPI": {
                f"{kind}Routes": [{"name": "cart"}] for kind in ("http", "grpc", "tcp", "tls")
            }
        },
        analysis={"templates": [{"templateName": "errors"}], "startingStep": 1},
    ),
    "plugin": _rollout(
        **_SERVICES,
        trafficRouting={
            "plugins": {
                "argoproj-labs/gatewayAPI": {
                    "httpRoute": "cart",
                    "httpRoutes": [{"name": "cart-internal", "useHeaderRoutes": True}],
                    "grpcRoute": "cart",
                    "grpcRoutes": [{"name": "cart-internal"}],
                    "tcpRoute": "cart",
                    "tcpRoutes": [{"name": "cart-internal"}],
                    "tlsRoute": "cart",
                    "tlsRoutes": [{"name": "cart-internal"}],
                    "namespace": "shop",
                }
            }
        },
    ),
    "plugins": _rollout(
        trafficRouting={"plugins": {"acme/router": {"configMap": "cart", "more": [1, {}]}}},
        steps=[
            {"setWeight": 10},
            {"plugin": {"name": "acme/gate", "config": {"at": "2026-01-01T12:00:00Z"}}},
            {"plugin": {"name": "acme/gate"}},
        ],
    ),
    "workload": _of_workload(_rollout()),
    "pods": _rollout(maxSurge=1, maxUnavailable="25%", stableService="cart"),
    "istio": _rollout(
        **_SERVICES,
        trafficRouting={"istio": {"virtualService": {"name": "cart", "routes": ["api", "web"]}}},
    ),
    "judged": _rollout(
        **_SERVICES,
        trafficRouting={"istio": {"virtualService": {"name": "cart"}}},
        judge={"preset": "istio", "prometheus": {"address": "http://prometheus:9090"}},
        analysis={"startingStep": 1},
        steps=[
            {"setWeight": 10},
            {
                "analysis": {
                    "compare": {
                        "canary": {"requests": ["served_total"], "errors": ["failed_total"]},
                        "stable": {"requests": ["served_total"], "good": ["good_total"]},
                        "abortRatio": 1.5,
                        "deadline": "5m",
                    }
                }
            },
            {"setWeight": 50},
        ],
    ),
    "ping pong": _rollout(
        pingPong={"pingService": "cart-ping", "pongService": "cart-pong"},
        trafficRouting={"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}},
    ),
    "subsets": _rollout(
        trafficRouting={
            "istio": {
                "virtualService": {"name": "cart"},
                "destinationRule": {
                    "name": "cart",
                    "canarySubsetName": "canary",
                    "stableSubsetName": "stable",
                },
            }
        },
        analysis={
            "templates": [{"templateName": "errors", "clusterScope": True}],
            "dryRun": [{"metricName": "^latency"}],
            "measurementRetention": [{"metricName": ".*", "limit": 20}],
            "analysisRunMetadata": {
                "labels": {"team": "shop", "example.com/empty": ""},
                "annotations": {"example.com/why": "a release, and more"},
            },
        },
    ),
    "nginx": _rollout(
        **_SERVICES,
        trafficRouting={
            "nginx": {
                "stableIngress": "cart",
                "annotationPrefix": "nginx.ingress.kubernetes.io",
                "additionalIngressAnnotations": {"canary-by-header": "X-Canary"},
                "canaryIngressAnnotations": {"example.com/team": "shop"},
            }
        },
    ),
    "several ingresses": _rollout(
        **_SERVICES, trafficRouting={"nginx": {"stableIngresses": ["cart", "cart-internal"]}}
    ),
    "alb": _rollout(
        **_SERVICES,
        trafficRouting={
            "alb": {
                "ingress": "cart",
                "servicePort": 80,
                "rootService": "cart-root",
                "annotationPrefix": "alb.ingress.kubernetes.io",
                "stickinessConfig": {"enabled": True, "durationSeconds": 3600},
            }
        },
    ),
    "traefik": _rollout(
        **_SERVICES, trafficRouting={"traefik": {"weightedTraefikServiceName": "cart"}}
    ),
    "apisix": _rollout(
        **_SERVICES,
        trafficRouting={"apisix": {"route": {"name": "cart", "rules": ["api", "web"]}}},
    ),
    "contour": _rollout(**_SERVICES, trafficRouting={"contour": {"httpProxies": ["cart", "edge"]}}),
    "contour plugin": _rollout(
        **_SERVICES,
        trafficRouting={"plugins": {"argoproj-labs/contour": {"httpProxies": ["cart"]}}},
    ),
    "several": _rollout(
        trafficRouting={
            "istio": {
                "virtualServices": [
                    {"name": "cart", "routes": ["api"]},
                    {
                        "name": "cart-edge.shop",
                        "tlsRoutes": [
                            {"port": 443, "sniHosts": ["cart.example.com"]},
                            {"sniHosts": ["old.example.com"]},
                        ],
                        "tcpRoutes": [{"port": 6379}],
                    },
                ],
                "destinationRule": {
                    "name": "cart",
                    "canarySubsetName": "canary",
                    "stableSubsetName": "stable",
                    "additionalSubsetNames": ["legacy"],
                },
            }
        },
    ),
    "managed": _rollout(
        **_SERVICES,
        trafficRouting={
            "istio": {"virtualService": {"name": "cart"}},
            "managedRoutes": [{"name": "beta"}, {"name": "copy"}],
        },
        steps=[
            {
                "setHeaderRoute": {
                    "name": "beta",
                    "match": [{"headerName": "X-Beta", "headerValue": {"exact": "yes"}}],
                }
            },
            {
                "setMirrorRoute": {
                    "name": "copy",
                    "match": [
                        {
                            "method": {"exact": "GET"},
                            "path": {"prefix": "/api"},
                            "headers": {"x": {"regex": "a+"}},
                        }
                    ],
                    "percentage": 10,
                }
            },
            {"setWeight": 10},
            {"setHeaderRoute": {"name": "beta"}},
            {"setMirrorRoute": {"name": "copy", "match": []}},
        ],
    ),
    "managed gateway": _rollout(
        **_SERVICES,
        trafficRouting={
            "gatewayAPI": {"httpRoutes": [{"name": "cart"}]},
            "managedRoutes": [{"name": "beta"}, {"name": "copy"}],
        },
        steps=[
            {
                "setHeaderRoute": {
                    "name": "beta",
                    "match": [{"headerName": "X-Beta", "headerValue": {"exact": "yes"}}],
                }
            },
            {
                "setMirrorRoute": {
                    "name": "copy",
                    "match": [
                        {
                            "method": {"exact": "GET"},
                            "path": {"prefix": "/api"},
                            "headers": {"x": {"regex": "a+"}},
                        }
                    ],
                    "percentage": 10,
                }
            },
            {"setWeight": 10},
            {"setHeaderRoute": {"name": "beta"}},
            {"setMirrorRoute": {"name": "copy", "match": []}},
        ],
    ),
    "template": _analysis("AnalysisTemplate"),
    "cluster template": _analysis(
        "ClusterAnalysisTemplate",
        templates=[{"templateName": "more"}, {"templateName": "more", "clusterScope": True}],
    ),
    "run": _analysis(
        "AnalysisRun",
        args=[
            {"name": "service", "value": "cart"},
            {"name": "hash", "value": "none"},
            {
                "name": "token",
                "valueFrom": {"secretKeyRef": {"name": "prometheus", "key": "token"}},
            },
        ],
        terminate=False,
        dryRun=[{"metricName": "error"}],
        measurementRetention=[{"metricName": ".*", "limit": 0}],
        ttlStrategy={
            "secondsAfterCompletion": 3600,
            "secondsAfterSuccess": 0,
            "secondsAfterFailure": 86400,
        },
    ),
}
"""By the name that cases use; each is accepted everywhere."""


def changed(base: str, changes: dict[str, Any]) -> Json:
    """A good object after some changes, each a path and its new value."""
    document = deepcopy(GOOD[base])
    for path, value in changes.items():
        _put(document, path, deepcopy(value) if value is not REMOVE else REMOVE)
    return document


def _put(document: Json, path: str, value: Any) -> None:
    keys = [key or name or int(index) for key, index, name in _STEP.findall(path)]
    here: Any = document
    for key in keys[:-1]:
        here = here.setdefault(key, {}) if isinstance(here, dict) else here[key]
    if value is REMOVE:
        del here[keys[-1]]
    elif isinstance(here, list) and keys[-1] == len(here):
        here.append(value)
    else:
        here[keys[-1]] = value
