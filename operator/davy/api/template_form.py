"""Two texts of one pod template: what an API server takes for the same, said in the same way (I8).

One client sends `resources: {}` and another nothing; a tool that has read an object back sends what
the server had filled in; `1000m` is `1`. A ReplicaSet of either is the same. So left out are, for
the built-in fields whose type makes it so: nulls and empty lists, values that the server fills in,
and zero values that are stored as nothing. Amounts of resources have one spelling.

What is left out is said field by field: an empty map may mean something (`labelSelector: {}` is
every pod, `privileged: false` isn't unset), and a field that isn't known here counts as written.
Sources: the defaults of Kubernetes' core/v1, and its API reference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from davy.api.quantity import canonical

Json = dict[str, Any]

_SERVICE_ACCOUNT: Final = "serviceAccountName"


@dataclass(frozen=True)
class _Form:
    """An object, or each object of a list."""

    same: Mapping[str, Any] = field(default_factory=dict)
    """Values that say the same as none."""
    parts: Mapping[str, "_Form"] = field(default_factory=dict)
    """Forms of the objects in it."""
    quantities: frozenset[str] = frozenset()
    """Fields that are an amount, or a map of amounts."""
    tidy: Callable[[Json], Json] = lambda found: found
    """What one field says of another."""


def normal(template: Any) -> Any:
    """The pod template in its one form; anything else as it is."""
    return _normal(template, _TEMPLATE)


def _normal(value: Any, form: _Form) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_normal(item, form) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _part(key, item, form) for key, item in value.items() if item is not None}
    return {
        key: item
        for key, item in form.tidy(found).items()
        if item != [] and not _equal(item, form.same.get(key))
    }


def _part(key: str, item: Any, form: _Form) -> Any:
    if key not in form.quantities:
        return _normal(item, form.parts.get(key, _ANY))
    if isinstance(item, dict):  # the server rounds those up to thousandths
        held = {name: amount for name, amount in item.items() if amount is not None}
        return {name: canonical(amount, finest="m") for name, amount in held.items()}
    return canonical(item)


def _equal(item: Any, other: Any) -> bool:
    """Equal, and of one type: in Python 0 is False."""
    return type(item) is type(other) and bool(item == other)


def _one_account(pod: Json) -> Json:
    """`serviceAccount` is an older name of the field, and the server fills in both."""
    found = dict(pod)
    older = found.pop("serviceAccount", None)
    if older is not None and not found.get(_SERVICE_ACCOUNT):
        found[_SERVICE_ACCOUNT] = older
    return _host_ports(found) if found.get("hostNetwork") is True else found


def _host_ports(pod: Json) -> Json:
    """On the host's network a port's `hostPort` is its `containerPort`."""
    return {
        key: [_on_host(container) for container in value]
        if key in {"containers", "initContainers"} and isinstance(value, list)
        else value
        for key, value in pod.items()
    }


def _on_host(container: Any) -> Any:
    if not isinstance(container, dict) or not isinstance(container.get("ports"), list):
        return container
    return {**container, "ports": [_on_host_port(port) for port in container["ports"]]}


def _on_host_port(port: Any) -> Any:
    if not isinstance(port, dict) or not _equal(port.get("hostPort"), port.get("containerPort")):
        return port
    return {key: value for key, value in port.items() if key != "hostPort"}


def _pulled(image: str, policy: str) -> Callable[[Json], Json]:
    """Without the pull policy that the server chooses for the image.

    Args:
        image: the field of its name.
        policy: the field of the policy.
    """

    def tidy(found: Json) -> Json:
        name = found.get(image)
        if not isinstance(name, str) or found.get(policy) != _policy(name):
            return found
        return {key: value for key, value in found.items() if key != policy}

    return tidy


def _policy(image: str) -> str:
    """Always for the tag `latest`, and for none at all; a digest is no tag."""
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    latest = tag == "latest" or (not tag and "@" not in image)
    return "Always" if latest else "IfNotPresent"


_ANY: Final = _Form()
_ACTION: Final = {
    "httpGet": _Form(same={"path": "/", "scheme": "HTTP", "host": ""}),
    "grpc": _Form(same={"service": ""}),
    "tcpSocket": _Form(same={"host": ""}),
}
_PROBE: Final = _Form(
    same={
        "initialDelaySeconds": 0,
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    },
    parts=_ACTION,
)
_FROM_POD: Final = {
    "fieldRef": _Form(same={"apiVersion": "v1"}),
    "resourceFieldRef": _Form(
        same={"divisor": "0", "containerName": ""}, quantities=frozenset({"divisor"})
    ),
}
_RESOURCES: Final = _Form(
    same={"limits": {}, "requests": {}}, quantities=frozenset({"limits", "requests"})
)
_CONTAINER: Final = _Form(
    same={
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "workingDir": "",
        "stdin": False,
        "stdinOnce": False,
        "tty": False,
        "resources": {},
        "securityContext": {},
        "lifecycle": {},
    },
    parts={
        "ports": _Form(same={"protocol": "TCP", "name": "", "hostPort": 0, "hostIP": ""}),
        "env": _Form(same={"value": ""}, parts={"valueFrom": _Form(parts=_FROM_POD)}),
        "envFrom": _Form(same={"prefix": ""}),
        "volumeMounts": _Form(same={"readOnly": False, "subPath": "", "subPathExpr": ""}),
        "resources": _RESOURCES,
        "livenessProbe": _PROBE,
        "readinessProbe": _PROBE,
        "startupProbe": _PROBE,
        "lifecycle": _Form(
            parts={"postStart": _Form(parts=_ACTION), "preStop": _Form(parts=_ACTION)}
        ),
        "securityContext": _Form(same={"procMount": "Default"}),
    },
    tidy=_pulled("image", "imagePullPolicy"),
)
_MODE: Final = {"defaultMode": 0o644}
_ITEMS: Final = {"items": _Form(parts=_FROM_POD)}
_METADATA: Final = _Form(
    same={"labels": {}, "annotations": {}, "name": "", "generateName": "", "namespace": ""}
)
_CLAIM: Final = _Form(
    same={"metadata": {}},
    parts={
        "metadata": _METADATA,
        "spec": _Form(
            same={"volumeMode": "Filesystem", "volumeName": "", "resources": {}},
            parts={"resources": _RESOURCES},
        ),
    },
)
_VOLUME: Final = _Form(
    same={"emptyDir": {}},
    parts={
        "emptyDir": _Form(same={"medium": ""}, quantities=frozenset({"sizeLimit"})),
        "secret": _Form(same=_MODE),
        "configMap": _Form(same=_MODE),
        "downwardAPI": _Form(same=_MODE, parts=_ITEMS),
        "projected": _Form(
            same=_MODE,
            parts={
                "sources": _Form(
                    parts={
                        "downwardAPI": _Form(parts=_ITEMS),
                        "serviceAccountToken": _Form(
                            same={"expirationSeconds": 3600, "audience": ""}
                        ),
                    }
                )
            },
        ),
        "hostPath": _Form(same={"type": ""}),
        "persistentVolumeClaim": _Form(same={"readOnly": False}),
        "nfs": _Form(same={"readOnly": False}),
        "ephemeral": _Form(parts={"volumeClaimTemplate": _CLAIM}),
        "image": _Form(tidy=_pulled("reference", "pullPolicy")),
    },
)
_POD: Final = _Form(
    same={
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "nodeName": "",
        "hostname": "",
        "subdomain": "",
        "priorityClassName": "",
        _SERVICE_ACCOUNT: "",
        "nodeSelector": {},
        "affinity": {},
        "overhead": {},
        "resources": {},
        "securityContext": {},
    },
    parts={
        "containers": _CONTAINER,
        "initContainers": _CONTAINER,
        "volumes": _VOLUME,
        "resources": _RESOURCES,
        "tolerations": _Form(same={"key": "", "operator": "Equal", "value": "", "effect": ""}),
    },
    quantities=frozenset({"overhead"}),
    tidy=_one_account,
)
_TEMPLATE: Final = _Form(same={"metadata": {}}, parts={"metadata": _METADATA, "spec": _POD})
