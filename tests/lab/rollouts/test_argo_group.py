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
from tests.lab.kube_errors import NotFound
from tests.lab.lab import Lab
from tests.lab.shop import Router, Shop

GROUP = ApiGroup(ARGO)
PORT = "127.0.0.1:8182"
STEPS: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]


@pytest_asyncio.fixture(loop_scope="session")
async def argo(lab: Lab) -> AsyncIterator[None]:
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
        yield
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


async def test_argos_objects_are_served_unchanged(lab: Lab, namespace: str, argo: None) -> None:
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
