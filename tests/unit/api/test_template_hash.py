"""I8: the hash of a pod template, for every way in which it is said.

`golden/template_hashes.txt` is a promise: whoever changes a line starts a rollout of every Rollout
with such a template. `golden/served_templates.json` holds what an API server made of those with one
feature; `tests/lab/test_templates.py` holds both to a real one.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from davy.api.template_form import normal
from davy.api.template_hash import template_hash, written_hash
from tests.unit.api.pod_templates import FEATURES, SPELLINGS, templates

GOLDEN = Path(__file__).parent / "golden"
TEMPLATES = dict(templates())


def the_hashes() -> dict[str, str]:
    lines = (GOLDEN / "template_hashes.txt").read_text().splitlines()
    return {name: found for found, name in (line.split(maxsplit=1) for line in lines)}


def test_there_are_hashes_of_more_than_200_templates() -> None:
    """All different."""
    found = the_hashes()
    assert len(found) >= 200
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_client_changes_a_hash(spelling: str) -> None:
    """Order, nulls, empty fields, amounts: each template has the hash that it always had."""
    said = SPELLINGS[spelling]
    assert {name: template_hash(said(found)) for name, found in TEMPLATES.items()} == the_hashes()


def test_what_an_api_server_fills_in_changes_no_hash() -> None:
    """A tool that read an object back and writes it starts nothing."""
    served: dict[str, Any] = json.loads((GOLDEN / "served_templates.json").read_text())
    hashes = the_hashes()
    assert served.keys() == {"plain", *FEATURES}
    for name, found in served.items():
        assert template_hash(found) == hashes[name], name
        assert len(json.dumps(found)) > len(json.dumps(TEMPLATES[name])) + 200, name


def test_the_form_of_a_form_is_the_same() -> None:
    """What is left out once isn't there to be left out."""
    for found in TEMPLATES.values():
        assert normal(normal(found)) == normal(found)


def a_pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "app", "image": "cart:1"}], **spec}}


def a_container(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "app", "image": "cart:1", **fields}]}}


SAME = [
    (a_pod(serviceAccount="cart"), a_pod(serviceAccountName="cart", serviceAccount="cart")),
    (a_pod(volumes=[{"name": "tmp"}]), a_pod(volumes=[{"name": "tmp", "emptyDir": {}}])),
    (a_pod(terminationGracePeriodSeconds=30.0), a_pod()),
    (a_container(image="cart", imagePullPolicy="Always"), a_container(image="cart")),
    (a_container(image="r:1/cart", imagePullPolicy="Always"), a_container(image="r:1/cart")),
    (a_container(imagePullPolicy="IfNotPresent"), a_container()),
    (a_container(securityContext={"procMount": "Default"}), a_container()),
    (
        a_container(image="cart@sha256:0", imagePullPolicy="IfNotPresent"),
        a_container(image="cart@sha256:0"),
    ),
    (
        {
            "spec": {
                "hostNetwork": True,
                "containers": [{"ports": [{"containerPort": 80, "hostPort": 80}]}],
            }
        },
        {"spec": {"hostNetwork": True, "containers": [{"ports": [{"containerPort": 80}]}]}},
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_these_say_the_same(one: Any, other: Any) -> None:
    """Fields that others decide."""
    assert template_hash(one) == template_hash(other)
    assert written_hash(one) != written_hash(other)


def test_a_null_says_nothing_in_an_earlier_hash_either() -> None:
    """I8: an upgrade finds the revision that it made, whoever writes the nulls now."""
    assert written_hash({"spec": {"hostname": None}}) == written_hash({"spec": {}})


DIFFERENT = [
    (a_container(imagePullPolicy="Always"), a_container()),
    (a_container(image="cart", imagePullPolicy="IfNotPresent"), a_container(image="cart")),
    (a_container(securityContext={"privileged": False}), a_container()),
    (a_container(livenessProbe={"timeoutSeconds": True}), a_container(livenessProbe={})),
    (
        a_container(ports=[{"containerPort": 80, "hostPort": 80}]),
        a_container(ports=[{"containerPort": 80}]),
    ),
    (
        a_container(env=[{"name": "A"}, {"name": "B"}]),
        a_container(env=[{"name": "B"}, {"name": "A"}]),
    ),
    (a_pod(automountServiceAccountToken=False), a_pod()),
    (a_pod(hostUsers=True), a_pod()),
    (a_pod(terminationGracePeriodSeconds=0), a_pod()),
    (a_pod(shareProcessNamespace=False), a_pod()),
    (a_pod(fieldOfTheFuture={}), a_pod()),
    (
        a_pod(affinity={"podAffinity": {"x": [{"labelSelector": {}}]}}),
        a_pod(affinity={"podAffinity": {"x": [{}]}}),
    ),
    ({"metadata": {"annotations": {"a": ""}}}, {"metadata": {"annotations": {}}}),
    (a_container(image="cart:2"), a_container()),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_these_differ(one: Any, other: Any) -> None:
    """What may mean something counts: a change of the user's is never taken for none."""
    assert template_hash(one) != template_hash(other)


@pytest.mark.parametrize(
    "strange",
    [
        None,
        [],
        {"metadata": 1, "spec": "x"},
        {
            "spec": {
                "containers": {"name": 1},
                "volumes": ["x"],
                "overhead": [1],
                "hostNetwork": True,
            }
        },
        {"spec": {"containers": [{"ports": "x", "image": 1, "imagePullPolicy": {}}]}},
        {"spec": {"hostNetwork": True, "containers": [1, {"ports": [1, {}]}, {"ports": {}}]}},
        {
            "spec": {
                "serviceAccount": ["x"],
                "containers": [{"resources": {"limits": {"cpu": [1]}}}],
            }
        },
    ],
)
def test_what_is_no_template_has_a_hash_too(strange: Any) -> None:
    """The API server refuses it in its own words."""
    assert len(template_hash(strange)) == 10
