"""More than 200 pod templates, each of 21 features alone, every two of them together, and none.

Written as people write them. The same templates in other words, as clients and the API server send
them, are made by `SPELLINGS`.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Json = dict[str, Any]

_PROBE: Final = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5}
_OWN_POD: Final = {"fieldRef": {"fieldPath": "metadata.name"}}
_CLAIM: Final = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "10Gi"}},
}

FEATURES: Final[Mapping[str, Json]] = {
    "annotations": {"metadata": {"annotations": {"team": "Käse", "empty": "", "on": "true"}}},
    "command": {"app": {"command": ["cart"], "args": ["--level", "2"], "workingDir": "/srv"}},
    "ports": {
        "app": {
            "ports": [
                {"name": "http", "containerPort": 8080},
                {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            ]
        }
    },
    "env": {
        "app": {
            "env": [
                {"name": "LEVEL", "value": "debug"},
                {"name": "EMPTY"},
                {"name": "POD", "valueFrom": _OWN_POD},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "cart", "key": "key"}}},
                {
                    "name": "CPUS",
                    "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}},
                },
            ],
            "envFrom": [{"configMapRef": {"name": "cart", "optional": True}}],
        }
    },
    "resources": {
        "app": {
            "resources": {
                "limits": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "2G"},
                "requests": {"cpu": "1500u", "memory": "128Mi"},
            }
        }
    },
    "probes": {
        "app": {
            "livenessProbe": {"tcpSocket": {"port": 8080}, "initialDelaySeconds": 3},
            "readinessProbe": _PROBE,
            "startupProbe": {"grpc": {"port": 9000}, "failureThreshold": 30},
        }
    },
    "lifecycle": {
        "app": {
            "lifecycle": {
                "preStop": {"exec": {"command": ["sleep", "5"]}},
                "postStart": {"httpGet": {"path": "/warm", "port": 8080}},
            }
        }
    },
    "container-security": {
        "app": {
            "securityContext": {
                "privileged": False,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }
        }
    },
    "terminal": {
        "app": {"stdin": True, "tty": True, "terminationMessagePolicy": "FallbackToLogsOnError"}
    },
    "pull": {"app": {"imagePullPolicy": "Always"}, "spec": {"imagePullSecrets": [{"name": "r"}]}},
    "sidecar": {
        "containers": [
            {"name": "proxy", "image": "registry.example:5000/proxy"},
            {"name": "log", "image": "log@sha256:" + "0" * 64, "imagePullPolicy": "Never"},
        ]
    },
    "init": {
        "spec": {
            "initContainers": [
                {"name": "setup", "image": "setup:1", "resources": {"limits": {"cpu": "2"}}},
                {"name": "mesh", "image": "mesh:latest", "restartPolicy": "Always"},
            ]
        }
    },
    "files": {
        "app": {"volumeMounts": [{"name": "keys", "mountPath": "/keys", "readOnly": True}]},
        "volumes": [
            {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 256}},
            {
                "name": "settings",
                "configMap": {"name": "cart", "items": [{"key": "a", "path": "b"}]},
            },
        ],
    },
    "scratch": {
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
            {"name": "disk", "ephemeral": {"volumeClaimTemplate": {"spec": _CLAIM}}},
        ]
    },
    "projected": {
        "volumes": [
            {
                "name": "token",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "token"}},
                        {"downwardAPI": {"items": [{"path": "name", **_OWN_POD}]}},
                    ]
                },
            },
            {"name": "host", "hostPath": {"path": "/var/log"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        ]
    },
    "affinity": {
        "spec": {
            "affinity": {
                "podAntiAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 1,
                            "podAffinityTerm": {
                                "topologyKey": "zone",
                                "labelSelector": {"matchLabels": {"app": "cart"}},
                                "namespaceSelector": {},
                            },
                        }
                    ]
                }
            }
        }
    },
    "placement": {
        "spec": {
            "nodeSelector": {"disk": "ssd"},
            "priorityClassName": "system-node-critical",
            "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "zone",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"app": "cart"}},
                }
            ],
        }
    },
    "account": {"spec": {"serviceAccountName": "cart", "automountServiceAccountToken": False}},
    "pod-security": {
        "spec": {
            "securityContext": {"runAsUser": 1000, "fsGroup": 0},
            "hostUsers": False,
            "shareProcessNamespace": False,
        }
    },
    "ending": {"spec": {"terminationGracePeriodSeconds": 0, "enableServiceLinks": False}},
    "names": {
        "spec": {
            "dnsPolicy": "Default",
            "hostAliases": [{"ip": "10.1.1.1", "hostnames": ["db"]}],
            "hostname": "cart",
            "runtimeClassName": "kata",
            "overhead": {"cpu": "250m"},
        }
    },
}
"""What each adds to `metadata`, to `spec`, to the first container (`app`), and to lists."""


def templates() -> Iterator[tuple[str, Json]]:
    """Name and template: without a feature, with each of them, with every two."""
    for count in range(3):
        for names in itertools.combinations(FEATURES, count):
            yield " + ".join(names) or "plain", _made([FEATURES[name] for name in names])


def _made(features: list[Json]) -> Json:
    app: Json = {"name": "app", "image": "cart:1"}
    spec: Json = {"containers": [app]}
    metadata: Json = {"labels": {"app": "cart"}}
    for feature in features:
        metadata |= feature.get("metadata", {})
        app |= feature.get("app", {})
        spec |= feature.get("spec", {})
        spec["containers"] = [*spec["containers"], *feature.get("containers", ())]
        volumes = [*spec.get("volumes", ()), *feature.get("volumes", ())]
        spec |= {"volumes": volumes} if volumes else {}
    return {"metadata": metadata, "spec": spec}


def _turned(value: Any) -> Any:
    """Keys the other way round."""
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in reversed(value)}
    return [_turned(item) for item in value] if isinstance(value, list) else value


_MAPS: Final = {
    "labels",
    "matchLabels",
    "annotations",
    "limits",
    "requests",
    "overhead",
    "nodeSelector",
}


def _with_nulls(value: Any) -> Any:
    """As a client that writes unset fields: `creationTimestamp: null` and the like."""
    if isinstance(value, dict):
        known = {k: item if k in _MAPS else _with_nulls(item) for k, item in value.items()}
        return {**known, "unset": None}
    return [_with_nulls(item) for item in value] if isinstance(value, list) else value


def _typed(template: Json) -> Json:
    """As a client with types that never leaves a struct, a list or a map out."""
    spec = template["spec"]
    containers = [
        {
            "command": [],
            "env": [],
            "resources": {},
            "stdin": False,
            "tty": False,
            "volumeMounts": [],
            "workingDir": "",
            "securityContext": {},
        }
        | container
        for container in spec["containers"]
    ]
    empty = {
        "volumes": [],
        "initContainers": [],
        "nodeSelector": {},
        "hostNetwork": False,
        "serviceAccountName": "",
        "hostname": "",
        "tolerations": [],
        "securityContext": {},
    }
    metadata = {"creationTimestamp": None, "annotations": {}, **template["metadata"]}
    return {"metadata": metadata, "spec": {**empty, **spec, "containers": containers}}


_OTHER_WORDS: Final[Mapping[str, Any]] = {
    "500m": 0.5,
    "1Gi": "1024Mi",
    "2G": 2000000000,
    "1500u": "0.0015",
    "128Mi": "134217728",
    "1m": "0.001",
    "2": 2,
    "10Gi": "10737418240",
    "64Mi": "65536Ki",
    "250m": ".25",
}
_AMOUNTS: Final = {"cpu", "memory", "ephemeral-storage", "storage", "divisor", "sizeLimit"}


def _respelt(value: Any) -> Any:
    """Amounts of resources in other words."""
    if isinstance(value, dict):
        return {
            key: _OTHER_WORDS[item] if key in _AMOUNTS else _respelt(item)
            for key, item in value.items()
        }
    return [_respelt(item) for item in value] if isinstance(value, list) else value


SPELLINGS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "as written": lambda template: template,
    "other order": _turned,
    "nulls": _with_nulls,
    "empty fields": _typed,
    "other amounts": _respelt,
    "all at once": lambda template: _turned(_with_nulls(_typed(_respelt(template)))),
}
