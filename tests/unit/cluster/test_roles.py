"""What is added to a ReplicaSet's template and to pods for a role, and taken away again."""

import json
from typing import Any

import pytest

from davy.api import errors
from davy.api.anti_affinity import Apart
from davy.api.group import POD_TEMPLATE_HASH_LABEL, ApiGroup
from davy.api.metadata import read, written
from davy.cluster import apply, roles
from davy.cluster.cache import Json
from davy.cluster.kinds import POD, REPLICA_SET, Kinds
from tests.sim.cluster import Cluster

GROUP = ApiGroup()
OWNER = apply.Owner(Kinds(GROUP).rollout, "shop", "cart", "uid-cart")
STABLE = {"labels": {"role": "stable"}, "annotations": {"team/since": "long"}}
CANARY = {"labels": {"role": "canary", "hot": "yes"}}
TEMPLATE: Json = {
    "metadata": {"labels": {"app": "cart", "tier": "web"}, "annotations": {"own": "1"}},
    "spec": {"containers": []},
}


async def a_replica_set(cluster: Cluster, *, kept: bool = True, **more: Any) -> Json:
    new = apply.NewReplicaSet(
        name="cart-abc",
        hash="abc",
        revision=1,
        replicas=1,
        desired=1,
        min_ready_seconds=0,
        selector={"matchLabels": {"app": "cart"}},
        template=more.pop("template", TEMPLATE),
        **more,
    )
    body = apply.replica_set(OWNER, new, GROUP)
    if not kept:
        del body["metadata"]["annotations"][GROUP.template_annotation]
    return await cluster.create(REPLICA_SET, "shop", body)


def a_pod(cluster: Cluster, of: Json) -> Json:
    metadata = {"namespace": "shop", "name": "cart-abc-1", **of["spec"]["template"]["metadata"]}
    return cluster.put(POD, {"metadata": metadata, "status": {}})


def has(found: Json) -> dict[str, dict[str, str]]:
    """Labels and annotations of pods, without Davy's own names."""
    metadata = found["spec"]["template"]["metadata"] if "spec" in found else found["metadata"]
    own = {POD_TEMPLATE_HASH_LABEL, GROUP.role_annotation}
    return {
        part: {key: value for key, value in (metadata.get(part) or {}).items() if key not in own}
        for part in ("labels", "annotations")
    }


OWN = {"labels": {"app": "cart", "tier": "web"}, "annotations": {"own": "1"}}


def with_own(added: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {part: OWN[part] | added.get(part, {}) for part in OWN}


@pytest.mark.parametrize("kept", [True, False])
async def test_a_role_comes_and_goes_and_the_template_stays(*, kept: bool) -> None:
    """New pods and those that are there; each says itself what it got."""
    cluster = Cluster()
    found = await a_replica_set(cluster, kept=kept)
    pod = a_pod(cluster, found)
    for added in (STABLE, CANARY, STABLE, {}):
        found = await roles.add_to_replica_set(cluster, found, added, GROUP) or found
        pod = await roles.add_to_pod(cluster, pod, found, added, GROUP) or pod
        assert has(found) == has(pod) == with_own(added)
        assert roles.recorded(found, GROUP) == added
        assert roles.recorded(pod, GROUP) == (added or None)
        cluster.writes.clear()
        assert await roles.add_to_replica_set(cluster, found, added, GROUP) is None
        assert await roles.add_to_pod(cluster, pod, found, added, GROUP) is None
        assert cluster.writes == []


async def test_a_new_replica_set_has_its_role_from_the_start() -> None:
    """Its pods are made with it; the user's own template is kept as it was written."""
    made = await a_replica_set(Cluster(), added=STABLE)
    assert has(made) == with_own(STABLE)
    assert roles.recorded(made, GROUP) == STABLE
    template = made["spec"]["template"]["metadata"]
    assert read(template["annotations"][GROUP.role_annotation]) == STABLE
    assert json.loads(made["metadata"]["annotations"][GROUP.template_annotation]) == TEMPLATE


async def test_what_the_revisions_own_template_has_is_neither_changed_nor_taken() -> None:
    """An older revision may have a label that was made a role's since."""
    cluster = Cluster()
    found = await a_replica_set(cluster)
    pod = a_pod(cluster, found)
    for added in ({"labels": {"tier": "none"}}, {}):
        found = await roles.add_to_replica_set(cluster, found, added, GROUP) or found
        pod = await roles.add_to_pod(cluster, pod, found, added, GROUP) or pod
        assert roles.recorded(found, GROUP) == added
        assert has(found) == has(pod) == OWN


async def test_another_object_of_the_same_name_is_left_alone() -> None:
    """Its owner, or its revision, may be another."""
    cluster = Cluster()
    found = await a_replica_set(cluster)
    pod = a_pod(cluster, found)
    other = {**pod, "metadata": {**pod["metadata"], "uid": "another"}}
    with pytest.raises(errors.Rejected):
        await roles.add_to_pod(cluster, other, found, STABLE, GROUP)
    with pytest.raises(errors.Conflict, match="another one than was observed"):
        await roles.whole(cluster, {"metadata": {**found["metadata"], "uid": "another"}})
    assert await roles.whole(cluster, found) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"labels": []}',
        '{"labels": {"a b": "c", "x": 1}}',
        f'{{"labels": {{"{POD_TEMPLATE_HASH_LABEL}": "abc"}}}}',
        f'{{"annotations": {{"{GROUP.role_annotation}": "{{}}"}}}}',
    ],
)
def test_what_somebody_else_wrote_leads_to_nothing(text: str) -> None:
    """Davy takes away what is recorded: never the pod template hash, nor what it reads itself."""
    assert read(text) == {}


def test_what_is_recorded_reads_the_same_again() -> None:
    """Names in order, so that the same metadata is the same text."""
    assert read(written(STABLE)) == STABLE
    assert written({"labels": {"b": "1", "a": "2"}}) == '{"labels":{"a":"2","b":"1"}}'


@pytest.mark.parametrize(
    "affinity", [None, {"nodeAffinity": {"some": "rule"}, "podAntiAffinity": {"other": []}}]
)
async def test_a_replica_set_is_set_apart_and_no_longer(affinity: Json | None) -> None:
    """The user's own affinity stays; the same again is no write."""
    cluster = Cluster()
    spec: Json = {"containers": [], **({"affinity": affinity} if affinity else {})}
    found = await a_replica_set(cluster, template={**TEMPLATE, "spec": spec})
    for wanted in (Apart("abc", None), Apart("abc", 20), Apart("def", 20), None):
        found = await roles.set_apart(cluster, found, wanted, GROUP) or found
        assert roles.apart(found, GROUP) == wanted
        (held,) = cluster.every(REPLICA_SET)
        assert str(held["spec"]["template"]["spec"]).count("kubernetes.io/hostname") == bool(wanted)
        cluster.writes.clear()
        assert await roles.set_apart(cluster, found, wanted, GROUP) is None
        assert cluster.writes == []
    assert found["spec"]["template"]["spec"] == spec
    made = await a_replica_set(Cluster(), template={**TEMPLATE, "spec": spec}, apart=Apart("x", 5))
    assert roles.apart(made, GROUP) == Apart("x", 5)
    assert await roles.set_apart(cluster, made, Apart("x", 5), GROUP) is None
