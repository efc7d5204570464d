import base64
from typing import Any

import pytest

from tests.lab.node import environment
from tests.lab.node.environment import ConfigError

POD: dict[str, Any] = {
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u-1",
        "labels": {"app": "web"},
        "annotations": {"example.com/tier": "gold"},
    },
    "spec": {"nodeName": "lab-0"},
}

STORED: dict[tuple[str, str], dict[str, Any]] = {
    ("configmap", "settings"): {"data": {"COLOUR": "blue", "SIZE": "9"}},
    ("secret", "keys"): {"data": {"TOKEN": base64.b64encode(b"s3cret").decode()}},
}


async def fetch(kind: str, name: str) -> dict[str, Any] | None:
    """What the API server would answer."""
    return STORED.get((kind, name))


async def resolved(**container: Any) -> dict[str, str]:
    """The environment of a container of `POD`."""
    return await environment.resolve(container, POD, "10.64.0.9", "10.0.0.1", fetch)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(B)", "x1y2"),
        ("$(NONE)", "$(NONE)"),
        ("$$(A)", "$(A)"),
        ("$A ${A}", "$A ${A}"),
        ("$(A", "$(A"),
    ],
)
def test_references_are_expanded_as_by_a_kubelet(text: str, expected: str) -> None:
    """`$(NAME)` is replaced, `$$` escapes, an unknown name stays."""
    assert environment.expand(text, {"A": "1", "B": "2"}) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "web-1"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['example.com/tier']", "gold"),
        ("status.podIP", "10.64.0.9"),
        ("status.hostIP", "10.0.0.1"),
        ("spec.nodeName", "lab-0"),
        ("spec.serviceAccountName", "default"),
    ],
)
async def test_the_downward_api(path: str, expected: str) -> None:
    """A fieldRef is the pod's own field."""
    found = await resolved(env=[{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}])
    assert found["X"] == expected


async def test_every_container_knows_its_ip() -> None:
    """POD_IP is there without asking, for a process must bind to it."""
    assert (await resolved())["POD_IP"] == "10.64.0.9"


async def test_later_values_may_use_earlier_ones() -> None:
    """Values are expanded in order, with what came from envFrom too."""
    found = await resolved(
        envFrom=[{"configMapRef": {"name": "settings"}, "prefix": "UI_"}],
        env=[{"name": "A", "value": "$(UI_COLOUR)"}, {"name": "B", "value": "$(A)/$(C)"}],
    )
    assert (found["UI_SIZE"], found["B"]) == ("9", "blue/$(C)")


async def test_secrets_are_decoded() -> None:
    """A secretKeyRef gives the plain value; envFrom gives all keys."""
    one = await resolved(
        env=[{"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "TOKEN"}}}]
    )
    everything = await resolved(envFrom=[{"secretRef": {"name": "keys"}}])
    assert one["T"] == everything["TOKEN"] == "s3cret"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"secretKeyRef": {"name": "none", "key": "k"}}, 'secret "none" not found'),
        (
            {"configMapKeyRef": {"name": "settings", "key": "k"}},
            'couldn\'t find key k in configmap "settings"',
        ),
        ({"fieldRef": {"fieldPath": "status.phase"}}, "no fieldPath status.phase"),
        ({"resourceFieldRef": {"resource": "limits.cpu"}}, "no valueFrom: resourceFieldRef"),
    ],
)
async def test_a_missing_reference_is_said(source: dict[str, Any], message: str) -> None:
    """What isn't there stops the container, with the name of what is missing."""
    with pytest.raises(ConfigError, match=message):
        await resolved(env=[{"name": "X", "valueFrom": source}])


async def test_an_optional_reference_may_be_missing() -> None:
    """An optional key that isn't there leaves the variable out."""
    reference = {"name": "none", "key": "k", "optional": True}
    found = await resolved(
        env=[{"name": "X", "valueFrom": {"secretKeyRef": reference}}],
        envFrom=[{"configMapRef": {"name": "none", "optional": True}}],
    )
    assert "X" not in found
