"""A Rollout with the pod template of another workload, through the whole operator."""

from collections.abc import Callable
from typing import Any

import pytest

from davy.api import errors
from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.cluster.cache import Json
from davy.cluster.kinds import DEPLOYMENT, FOREIGN_REPLICA_SET, POD_TEMPLATE, REPLICA_SET, Kind
from tests.sim.cluster import Call, Cluster
from tests.unit.controller.stage import Stage, manifest, network, playing


def workload(kind: Kind, *, version: str = "1", **spec: Any) -> Json:
    """`cart`, whose pods are available where it has any."""
    template = manifest(version=version)["spec"]["template"]
    found: Json = {"metadata": {"namespace": "shop", "name": "cart"}}
    if kind == POD_TEMPLATE:
        return {**found, "template": template}
    selector = {"matchLabels": {"app": "cart"}}
    return {**found, "spec": {"replicas": 4, "selector": selector, "template": template, **spec}}


def referring(kind: Kind, **ref: str) -> Json:
    """The Rollout `cart`, with the template of the workload of that name."""
    body = manifest()
    for name in ("selector", "template") if kind != POD_TEMPLATE else ("template",):
        del body["spec"][name]
    referred = {"apiVersion": kind.api_version, "kind": kind.kind, "name": "cart", **ref}
    return {**body, "spec": {**body["spec"], "workloadRef": referred}}


def follow(cluster: Cluster) -> None:
    """The Deployment controller: its pods are there as soon as they are asked for."""

    def told(change: Any) -> None:
        if change.kind != DEPLOYMENT or change.type == "DELETED":
            return
        found = change.object
        pods = found["spec"].get("replicas", 1)
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), pods)
        status = {**counts, "observedGeneration": found["metadata"]["generation"]}
        if found.get("status") != status:
            cluster.put(DEPLOYMENT, {**found, "status": status})

    cluster.watch(told)


def edit(stage: Stage, kind: Kind, change: Callable[[Json], None]) -> None:
    """Somebody changes the workload."""
    stage.cluster.edit(kind, "shop", "cart", change)


def set_image(version: str) -> Callable[[Json], None]:
    """What `kubectl set image` does."""

    def change(found: Json) -> None:
        template = found.get("template") or found["spec"]["template"]
        template["spec"]["containers"][0]["image"] = f"cart:{version}"

    return change


def deployed(stage: Stage) -> Json:
    """The Deployment as the server has it."""
    found = stage.cluster.peek(DEPLOYMENT, "shop", "cart")
    assert found is not None
    return found


def reads(stage: Stage, kind: Kind) -> list[Call]:
    """Requests for single objects of a kind."""
    return [call for call in stage.cluster.reads if call.verb == "get" and call.kind == kind]


async def healthy(stage: Stage) -> None:
    await stage.until(lambda: stage.status().get("phase") == "Healthy")


async def at_rest(stage: Stage, kind: Kind = DEPLOYMENT, **ref: str) -> None:
    """A Rollout that has taken its first template from the workload."""
    follow(stage.cluster)
    network(stage.cluster)
    stage.cluster.put(kind, workload(kind))
    stage.apply(referring(kind, **ref))
    await healthy(stage)
    await stage.turn(60)
    stage.cluster.reads.clear()
    stage.cluster.writes.clear()


@pytest.mark.parametrize("kind", [DEPLOYMENT, FOREIGN_REPLICA_SET, POD_TEMPLATE], ids=str)
async def test_template_and_selector_are_the_workloads(kind: Kind) -> None:
    """And a change of its template is a release, as one of spec.template is."""
    async with playing() as stage:
        await at_rest(stage, kind)
        (made,) = stage.replica_sets()
        label = {POD_TEMPLATE_HASH_LABEL: stage.status()["stableRS"]}
        assert made["spec"]["selector"]["matchLabels"] == {"app": "cart"} | label
        assert made["spec"]["template"]["metadata"]["labels"] == {"app": "cart"} | label
        assert stage.status()["selector"] == "app=cart"
        assert stage.status()["workloadObservedGeneration"] == "1"
        edit(stage, kind, set_image("2"))
        await stage.until(lambda: stage.weight() == 10, within=70)
        await healthy(stage)
        assert stage.status()["workloadObservedGeneration"] == "2"
        marks = stage.rollout()["metadata"]["annotations"]
        assert marks["rollout.davy.dev/workload-generation"] == "2"


async def test_a_deployment_is_scaled_through_its_scale_alone() -> None:
    """onsuccess: after the drain; nothing else of it is written, and it is asked for once."""
    async with playing() as stage:
        await at_rest(stage, scaleDown="onsuccess")
        assert deployed(stage)["spec"]["replicas"] == 0
        assert stage.status()["workload"]["taken"] is True
        assert "Deployment cart: 4 → 0 pods" in "\n".join(stage.events())
        await stage.turn(200)
        assert stage.cluster.writes == []
        assert stage.cluster.reads == []


async def test_whoever_changes_the_deployment_meanwhile_is_seen_first() -> None:
    """Its size is written as it was read, or not at all."""
    async with playing() as stage:
        tried: list[Call] = []

        def scaled(call: Call) -> None:
            if call.subresource != "scale":
                return
            tried.append(call)
            if len(tried) == 1:
                stage.cluster.edit(
                    DEPLOYMENT, "shop", "cart", lambda found: found["spec"].update(replicas=5)
                )

        stage.cluster.faults.append(scaled)
        await at_rest(stage, scaleDown="onsuccess")
        assert len(tried) == 2
        assert deployed(stage)["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["spec"].update(replicas=7),
        lambda found: found["spec"].update(strategy={"type": "Recreate"}),
        lambda found: found["metadata"].update(annotations={"a": "b"}, labels={"c": "d"}),
        lambda found: found["spec"]["template"]["metadata"].update(creationTimestamp=None),
        lambda found: found.update(status={**found["status"], "conditions": []}),
    ],
    ids=["scale", "strategy", "metadata", "null", "status"],
)
async def test_what_isnt_the_template_starts_nothing(change: Callable[[Json], None]) -> None:
    """I8."""
    async with playing() as stage:
        await at_rest(stage)
        edit(stage, DEPLOYMENT, change)
        await stage.turn(60)
        assert stage.status()["phase"] == "Healthy"
        assert len(stage.replica_sets()) == 1
        assert reads(stage, REPLICA_SET) == []


async def test_what_an_upgraded_server_fills_in_starts_nothing() -> None:
    """I8: it shows the newest ReplicaSet with the same field, though both are older."""

    def filled(found: Json) -> None:
        found["spec"]["template"]["spec"]["newField"] = "default"

    async with playing() as stage:
        await at_rest(stage)
        (made,) = stage.replica_sets()
        stage.cluster.edit(REPLICA_SET, "shop", made["metadata"]["name"], filled)
        edit(stage, DEPLOYMENT, filled)
        await stage.turn(60)
        assert len(stage.replica_sets()) == 1
        assert len(reads(stage, REPLICA_SET)) == 1, "and it is remembered"
        edit(stage, DEPLOYMENT, lambda found: found["spec"].update(replicas=1))
        await stage.turn(60)
        assert len(stage.replica_sets()) == 1
        edit(stage, DEPLOYMENT, set_image("2"))
        await stage.until(lambda: len(stage.replica_sets()) == 2)


async def test_what_davy_added_for_a_role_is_no_part_of_the_newest_template() -> None:
    """I8: nor is it one of the workload's; so a change of that is compared without it."""
    async with playing() as stage:
        follow(stage.cluster)
        network(stage.cluster)
        stage.cluster.put(DEPLOYMENT, workload(DEPLOYMENT))
        body = referring(DEPLOYMENT)
        body["spec"]["strategy"]["canary"] |= {
            "stableMetadata": {"labels": {"role": "stable"}, "annotations": {"team/role": "yes"}}
        }
        stage.apply(body)
        await healthy(stage)
        (made,) = stage.replica_sets()
        assert made["spec"]["template"]["metadata"]["labels"]["role"] == "stable"
        for kind, name in ((REPLICA_SET, made["metadata"]["name"]), (DEPLOYMENT, "cart")):
            stage.cluster.edit(
                kind,
                "shop",
                name,
                lambda found: found["spec"]["template"]["spec"].update(newField="default"),
            )
        await stage.turn(60)
        assert len(stage.replica_sets()) == 1
        assert stage.status()["phase"] == "Healthy"


async def test_a_template_that_changes_while_a_pass_writes_is_seen() -> None:
    """The status says the generation of the template that its hash stands for, and no later one."""
    async with playing() as stage:
        await at_rest(stage)
        edited: list[Call] = []

        def once_more(call: Call) -> None:
            if call.verb == "create" and call.kind == REPLICA_SET and not edited:
                edited.append(call)
                stage.cluster.edit(DEPLOYMENT, "shop", "cart", set_image("3"))

        stage.cluster.faults.append(once_more)
        edit(stage, DEPLOYMENT, set_image("2"))
        await stage.until(lambda: len(stage.replica_sets()) == 3)
        images = {
            found["spec"]["template"]["spec"]["containers"][0]["image"]
            for found in stage.replica_sets()
            if found["metadata"]["labels"][POD_TEMPLATE_HASH_LABEL]
            == stage.status()["currentPodHash"]
        }
        assert images == {"cart:3"}


async def test_a_missing_deployment_is_said_and_comes() -> None:
    """Nothing is made before it; its event alone brings the release on."""
    async with playing() as stage:
        follow(stage.cluster)
        network(stage.cluster)
        stage.apply(referring(DEPLOYMENT))
        await stage.turn(30)
        assert stage.status()["message"] == (
            "InvalidSpec: spec.workloadRef: there is no Deployment cart (apps/v1) in this "
            "namespace; create it, or put selector and template into the Rollout."
        )
        assert stage.replica_sets() == []
        stage.cluster.reads.clear()
        await stage.turn(300)
        assert reads(stage, DEPLOYMENT) == []
        stage.cluster.put(DEPLOYMENT, workload(DEPLOYMENT))
        await healthy(stage)


async def test_a_namesake_that_comes_while_the_missing_one_is_asked_for_stays() -> None:
    """The answer is of the one before: its event came first, and is told once."""
    async with playing() as stage:
        await at_rest(stage)
        asked: list[Call] = []

        def comes_meanwhile(call: Call) -> Exception | None:
            if call.verb != "get" or call.kind != DEPLOYMENT or asked:
                return None
            asked.append(call)
            stage.cluster.put(DEPLOYMENT, workload(DEPLOYMENT, version="2"))
            return errors.NotFound("it was", status=404)

        stage.cluster.faults.append(comes_meanwhile)
        stage.cluster.remove(DEPLOYMENT, "shop", "cart")
        await stage.until(lambda: stage.weight() == 10)
        assert asked


async def test_a_deployment_that_goes_takes_nothing_with_it() -> None:
    """It isn't one without pods: they stay, the size is followed, an abort is obeyed."""
    async with playing() as stage:
        await at_rest(stage, scaleDown="progressively")
        edit(stage, DEPLOYMENT, set_image("2"))
        await stage.until(lambda: stage.weight() == 10)
        stage.cluster.remove(DEPLOYMENT, "shop", "cart")
        await stage.turn(30)
        assert stage.status()["phase"] == "Degraded"
        assert "there is no Deployment cart" in stage.status()["message"]
        assert "the pod template has no labels" not in stage.status()["message"]
        assert stage.weight() == 10
        held = {"spec": {**stage.rollout()["spec"], "replicas": 5}}
        stage.apply(held | {"metadata": stage.rollout()["metadata"]})
        await stage.turn(30)
        assert sorted(found["spec"]["replicas"] for found in stage.replica_sets()) == [1, 5]
        rollout = stage.rollout()
        rollout["status"]["abort"] = True
        stage.cluster.put(stage.operator.kinds.rollout, rollout)
        await stage.until(lambda: stage.weight() == 0)
        stage.cluster.put(DEPLOYMENT, workload(DEPLOYMENT))
        await healthy(stage)


async def test_a_template_that_doesnt_fit_the_selector_is_said() -> None:
    """A pod template of its own kind is checked by nobody before."""
    async with playing() as stage:
        await at_rest(stage, POD_TEMPLATE)

        def relabelled(found: Json) -> None:
            found["template"]["metadata"]["labels"] = {"app": "card"}

        edit(stage, POD_TEMPLATE, relabelled)
        await stage.turn(30)
        assert (
            "asks for app=cart, but the template's labels are app=card"
            in (stage.status()["message"])
        )
        assert len(stage.replica_sets()) == 1
        assert stage.status()["workloadObservedGeneration"] == "1"


async def test_a_replica_set_is_read_once_a_minute() -> None:
    """Its changes are told to nobody: the watch leaves out what has no label of Davy's."""
    async with playing() as stage:
        await at_rest(stage, FOREIGN_REPLICA_SET)
        await stage.turn(300)
        assert len(reads(stage, FOREIGN_REPLICA_SET)) == 5
        stage.cluster.remove(FOREIGN_REPLICA_SET, "shop", "cart")
        await stage.until(lambda: stage.status()["phase"] == "Degraded", within=61)


async def test_nothing_is_decided_before_the_deployments_are_listed() -> None:
    """I8: one that isn't in the cache yet isn't missing."""
    async with playing() as stage:
        follow(stage.cluster)
        network(stage.cluster)
        stage.cluster.put(DEPLOYMENT, workload(DEPLOYMENT))
        for key, stream in stage.operator.watches._streams.items():
            stream.synced = stream.synced and key[0] != DEPLOYMENT
        stage.apply(referring(DEPLOYMENT))
        await stage.turn(30)
        assert stage.status() == {}
        stage.operator.resync.ask((DEPLOYMENT, None))
        await healthy(stage)


async def test_only_deployments_that_a_rollout_refers_to_are_kept() -> None:
    """A cluster has ten thousand of them."""
    async with playing() as stage:
        other = workload(DEPLOYMENT) | {"metadata": {"namespace": "shop", "name": "other"}}
        stage.cluster.put(DEPLOYMENT, other)
        await at_rest(stage)
        stage.cluster.put(DEPLOYMENT, {**other, "spec": {**other["spec"], "replicas": 2}})
        stage.operator.resync.ask((DEPLOYMENT, None))
        await stage.turn(5)
        assert stage.operator.cache.count(DEPLOYMENT) == 1
        own = manifest()
        stage.apply(own)
        await stage.turn(5)
        edit(stage, DEPLOYMENT, set_image("9"))
        await stage.turn(5)
        assert stage.operator.cache.count(DEPLOYMENT) == 0
        assert len(stage.replica_sets()) == 1


async def test_a_deleted_rollout_leaves_its_traffic_to_the_deployment() -> None:
    """The label goes from the subsets, and the claim; only then go the pods."""
    async with playing() as stage:
        await at_rest(stage, scaleDown="onsuccess")
        edit(stage, DEPLOYMENT, lambda found: found["spec"].update(replicas=4))
        await stage.turn(5)
        kind = stage.operator.kinds.rollout
        assert stage.rollout()["metadata"]["finalizers"] == ["davy.dev/traffic-on-stable"]
        stage.cluster.remove(kind, "shop", "cart")
        await stage.until(lambda: stage.cluster.peek(kind, "shop", "cart") is None)
        rules = [found for found in stage.cluster.objects() if found["kind"] == "DestinationRule"]
        assert [subset["labels"] for subset in rules[0]["spec"]["subsets"]] == [{"app": "cart"}] * 2
        assert "annotations" not in rules[0]["metadata"]
        assert stage.replica_sets() == []
        assert deployed(stage)["spec"]["replicas"] == 4
