"""`--api-group argoproj.io`: the same manifests with only their apiVersion changed."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
import yaml

from davy.api.crd import crds
from davy.api.group import ARGO, DAVY, ApiGroup
from tests.lab import davy as davy_process
from tests.lab import paths
from tests.lab.component import Component
from tests.lab.kube import Json
from tests.lab.kube_errors import NotFound
from tests.lab.lab import Lab
from tests.lab.shop import Router, Shop, now

GROUP = ApiGroup(ARGO)
PORT = "127.0.0.1:8182"
THEIRS = "6f8b9d7c5"
"""A hash of Argo's controller."""
STEPS: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]


@pytest_asyncio.fixture(loop_scope="session")
async def argo(lab: Lab) -> AsyncIterator[Component]:
    """A second Davy, for Argo's group; its CRDs go again, for the other tests' short names."""
    documents = crds(GROUP)
    await davy_process.install(lab)
    for document in documents:
        await lab.kube.apply(document)
    role = (paths.REPOSITORY / "manifests" / "rbac.yaml").read_text()
    for document in yaml.safe_load_all(role.replace(DAVY, ARGO)):
        document["metadata"]["name"] = "davy-argo"
        if "roleRef" in document:
            document["roleRef"]["name"] = "davy-argo"
        await lab.kube.apply(document)
    other = await davy_process.process(lab, "--api-group", ARGO, name="davy-argo", listen=PORT)
    await other.launch()
    try:
        await other.wait_ready()
        yield other
    finally:
        await other.stop()
        for document in documents:
            with contextlib.suppress(NotFound):
                await lab.kube.delete("crd", document["metadata"]["name"])

        async def is_gone() -> bool:
            try:
                await lab.kube.request("GET", f"/apis/{GROUP.api_version}")
            except NotFound:
                return True
            return False

        await lab.until(is_gone, describe="Argo's group is gone")


async def test_a_running_rollout_of_argos_keeps_its_pods(
    lab: Lab, namespace: str, argo: Component
) -> None:
    """I8: its ReplicaSet, under Argo's hash, is stable; the next release is measured against it."""
    shop = await Shop.open(lab, namespace, Router.ISTIO_SUBSETS, group=ARGO, steps=STEPS)
    shop.rollout["metadata"].setdefault("annotations", {})[GROUP.revision_annotation] = "1"
    shop.set_version("v1")
    template = shop.rollout["spec"]["template"]
    labels = {**template["metadata"]["labels"], "rollouts-pod-template-hash": THEIRS}
    argos = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"shop-{THEIRS}",
            "labels": labels,
            "annotations": {GROUP.revision_annotation: "1"},
        },
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": labels},
            "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
        },
    }
    await argo.kill()
    await other_controllers(shop, argos)
    async with shop.load() as load:
        await load.until(30)
        await argo.start()
        status = await shop.until(phase="Healthy", message_has="has all traffic.")
        assert (status["stableRS"], status["currentPodHash"]) == (THEIRS, THEIRS)
        (only,) = await lab.kube.list("replicaset", namespace=namespace)
        assert (only["metadata"]["name"], only["spec"]["replicas"]) == (f"shop-{THEIRS}", 4)
        assert "NewReplicaSetCreated" not in [reason for reason, _ in await shop.events()]
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        since = now()
        await load.until(200, since=since)
        assert load.share("v2", since=since).agrees(50)
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()


async def other_controllers(shop: Shop, replica_set: Json) -> None:
    """The Rollout and its ReplicaSet as Argo's controller leaves them, while no Davy runs."""
    lab, namespace = shop.lab, shop.namespace
    rollout = await shop.apply()
    owner = {"apiVersion": GROUP.api_version, "kind": "Rollout", "controller": True}
    owner |= {"name": "shop", "uid": rollout["metadata"]["uid"]}
    replica_set["metadata"]["ownerReferences"] = [owner]
    await lab.apply(replica_set, namespace=namespace)
    name = replica_set["metadata"]["labels"]["rollouts-pod-template-hash"]
    await shop.edit_status(
        phase="Healthy",
        stableRS=name,
        currentPodHash=name,
        currentStepHash="57b9899c6d",
        currentStepIndex=len(STEPS),
        observedGeneration=str(rollout["metadata"]["generation"]),
    )
    rule = await lab.kube.get("destinationrule.networking.istio.io", "shop", namespace=namespace)
    for subset in rule["spec"]["subsets"]:
        subset["labels"]["rollouts-pod-template-hash"] = name
    await lab.kube.replace(rule)

    async def is_there() -> bool:
        found = await lab.kube.get("replicaset", f"shop-{name}", namespace=namespace)
        return bool(found["status"]["availableReplicas"] == found["spec"]["replicas"])

    await lab.until(is_there, describe="pods without Davy", namespace=namespace)


async def test_argos_objects_are_served_unchanged(
    lab: Lab, namespace: str, argo: Component
) -> None:
    """First deploy, pause, abort, retry and promotion, with Argo's annotations."""
    shop = await Shop.open(lab, namespace, Router.ISTIO_SUBSETS, group=ARGO, steps=STEPS)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        status = await shop.until(phase="Paused", weight=50)
        await shop.edit_status(abort=True)
        await shop.until(phase="Degraded", weight=0)
        await shop.edit_status(abort=False)
        await shop.until(phase="Paused", weight=50)
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    found = await lab.kube.list("replicaset", namespace=namespace)
    revisions = [each["metadata"]["annotations"]["rollout.argoproj.io/revision"] for each in found]
    assert sorted(revisions) == ["1", "2"]
    assert status["currentStepIndex"] == 1
