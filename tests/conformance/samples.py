"""One valid object of each kind that Davy reads or writes, and what may be changed in it."""

import copy
from dataclasses import dataclass
from typing import Any, Final

import pytest

from davy.api.group import POD_TEMPLATE_HASH_LABEL, ApiGroup
from davy.cluster.client import Json
from davy.cluster.kinds import (
    DESTINATION_RULE,
    EVENT,
    HTTP_ROUTE,
    INGRESS,
    LEASE,
    POD,
    REPLICA_SET,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
    Kinds,
)

KINDS: Final = Kinds(ApiGroup())

_LABELS: Final = {"app": "cart", POD_TEMPLATE_HASH_LABEL: "abc"}
_POD: Final[Json] = {
    "schedulerName": "nobody",  # stays pending: no other component writes it
    "containers": [{"name": "app", "image": "cart:1"}],
}
_METRIC: Final[Json] = {
    "name": "errors",
    "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "up"}},
}
_ACCEPTED: Final[Json] = {
    "controllerName": "example.com/gateway",
    "parentRef": {"name": "gateway"},
    "conditions": [
        {
            "type": "Accepted",
            "status": "True",
            "reason": "Accepted",
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": 1,
        }
    ],
}


@dataclass(frozen=True)
class Sample:
    """A kind by example."""

    kind: Kind
    body: Json
    """Everything but metadata."""
    change: Json
    """A merge patch of what users write."""
    status: Json | None = None
    """A status its owner could write; None: the kind has no /status."""
    has_generation: bool = True

    def manifest(self, namespace: str, name: str, **metadata: Any) -> Json:
        """The object to create."""
        made = {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.kind,
            "metadata": {"name": name, "labels": dict(_LABELS), **metadata},
            **copy.deepcopy(self.body),
        }
        if self.kind == EVENT:
            made["involvedObject"]["namespace"] = namespace
        return made


ROLLOUT: Final = Sample(
    KINDS.rollout,
    {
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "cart"}},
            "strategy": {
                "canary": {
                    "steps": [{"setWeight": 10}, {"pause": {}}],
                    "trafficRouting": {
                        "istio": {
                            "virtualService": {"name": "cart"},
                            "destinationRule": {
                                "name": "cart",
                                "stableSubsetName": "stable",
                                "canarySubsetName": "canary",
                            },
                        }
                    },
                }
            },
            "template": {"metadata": {"labels": {"app": "cart"}}, "spec": _POD},
        }
    },
    change={"spec": {"replicas": 3}},
    status={"phase": "Paused", "currentStepIndex": 1},
)
TEMPLATE: Final = Sample(
    KINDS.analysis_template,
    {"spec": {"metrics": [_METRIC]}},
    change={"spec": {"metrics": [{**_METRIC, "name": "latency"}]}},
)
ROUTE: Final = Sample(
    VIRTUAL_SERVICE,
    {
        "spec": {
            "hosts": ["cart.example"],
            "http": [
                {
                    "name": "primary",
                    "route": [
                        {"destination": {"host": "cart"}, "weight": 90},
                        {"destination": {"host": "cart-canary"}, "weight": 10},
                    ],
                }
            ],
        }
    },
    change={"spec": {"hosts": ["shop.example"]}},
    status={"observedGeneration": "7"},
)
RUN: Final = Sample(
    KINDS.analysis_run,
    {"spec": {"metrics": [_METRIC]}},
    change={"spec": {"terminate": True}},
    status={"phase": "Running", "message": "asking"},
)
SETS: Final = Sample(
    REPLICA_SET,
    {
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": _POD},
        }
    },
    change={"spec": {"minReadySeconds": 3}},
    status={"conditions": [{"type": "Asked", "status": "True"}]},
)
PODS: Final = Sample(
    POD,
    {"spec": _POD},
    change={"spec": {"activeDeadlineSeconds": 100}},
    status={"message": "waits"},
)
SERVICES: Final = Sample(
    SERVICE,
    {"spec": {"selector": {"app": "cart"}, "ports": [{"name": "http", "port": 80}]}},
    change={"spec": {"selector": {"app": "cart", "tier": "web"}}},
    status={
        "conditions": [
            {
                "type": "Asked",
                "status": "True",
                "reason": "Asked",
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ]
    },
    has_generation=False,
)
RULE: Final = Sample(
    DESTINATION_RULE,
    {"spec": {"host": "cart", "subsets": [{"name": "stable", "labels": {"app": "cart"}}]}},
    change={"spec": {"host": "shop"}},
    status={"observedGeneration": "7"},
)
HTTP: Final = Sample(
    HTTP_ROUTE,
    {"spec": {"hostnames": ["cart.example"]}},
    change={"spec": {"hostnames": ["shop.example"]}},
    status={"parents": [_ACCEPTED]},
)
INGRESSES: Final = Sample(
    INGRESS,
    {"spec": {"defaultBackend": {"service": {"name": "cart", "port": {"number": 80}}}}},
    change={"spec": {"ingressClassName": "nginx"}},
    status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
)
EVENTS: Final = Sample(
    EVENT,
    {
        "involvedObject": {"kind": "Rollout", "name": "cart"},
        "reason": "RolloutAborted",
        "message": "given up",
        "type": "Warning",
        "count": 1,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    },
    change={"count": 2, "lastTimestamp": "2026-01-01T00:01:00Z"},
    has_generation=False,
)
LEASES: Final = Sample(
    LEASE,
    {
        "spec": {
            "holderIdentity": "one",
            "leaseDurationSeconds": 3,
            "acquireTime": "2026-01-01T00:00:00.000001Z",
            "renewTime": "2026-01-01T00:00:00.000001Z",
            "leaseTransitions": 0,
        }
    },
    change={"spec": {"holderIdentity": "two", "leaseTransitions": 1}},
    has_generation=False,
)
SAMPLES: Final = (
    ROLLOUT,
    RUN,
    TEMPLATE,
    SETS,
    PODS,
    SERVICES,
    ROUTE,
    RULE,
    HTTP,
    INGRESSES,
    EVENTS,
    LEASES,
)

EACH: Final = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.kind.kind)
WITH_STATUS: Final = pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if sample.status is not None],
    ids=lambda sample: sample.kind.kind,
)
