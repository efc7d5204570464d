"""Metrics that are Jobs: real Jobs, their pods real processes, garbage collected for real."""

from typing import Any

import pytest

from davy.api.group import DAVY, ApiGroup
from tests.lab.component import Component
from tests.lab.kube import Json
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Shop, now

SMOKE = [
    {"setWeight": 10},
    {"analysis": {"templates": [{"templateName": "smoke"}]}},
    {"setWeight": 50},
]
UNTIL_STUCK_SECONDS = 75.0
"""A pod without image is given 30 s, and then looked at within 10 s; the rest is for the lab."""


def a_template(script: str, *, pod: Json | None = None, **spec: Any) -> Json:
    """A template whose metric runs this script in a Job."""
    container = {"name": "smoke", "image": "busybox:1", "command": ["sh", "-c", script]}
    given = {"restartPolicy": "Never", "containers": [container], **(pod or {})}
    job = {"backoffLimit": 0, "template": {"spec": given}, **spec}
    metric = {"name": "smoke", "provider": {"job": {"spec": job}}}
    return {
        "apiVersion": ApiGroup().api_version,
        "kind": "AnalysisTemplate",
        "metadata": {"name": "smoke"},
        "spec": {"metrics": [metric]},
    }


async def a_release(open_shop: OpenShop, template: Json) -> Shop:
    """A second version on its way to the analysis."""
    shop = await open_shop(steps=SMOKE)
    await shop.lab.apply(template, namespace=shop.namespace)
    await shop.healthy()
    await shop.release("v2")
    return shop


async def jobs(shop: Shop) -> list[Json]:
    """The namespace's Jobs."""
    return await shop.lab.kube.list("job", namespace=shop.namespace)


async def the_run(shop: Shop) -> Json:
    """The analysis of the step."""
    (run,) = await shop.lab.kube.list(f"analysisrun.{DAVY}", namespace=shop.namespace)
    return run


async def until_a_pod_runs(shop: Shop) -> None:
    """The Job's pod is a process now."""

    async def runs() -> bool:
        pods = await shop.lab.kube.list("pod", namespace=shop.namespace)
        of_jobs = [pod for pod in pods if "job-name" in pod["metadata"].get("labels", {})]
        return any(pod["status"].get("phase") == "Running" for pod in of_jobs)

    await shop.lab.until(runs, describe="the Job's pod runs", namespace=shop.namespace)


async def until_no_jobs(shop: Shop) -> None:
    """Neither a Job is left nor a pod of one."""

    async def are_gone() -> bool:
        pods = await shop.lab.kube.list("pod", namespace=shop.namespace)
        of_jobs = [pod for pod in pods if "job-name" in pod["metadata"].get("labels", {})]
        return not await jobs(shop) and not of_jobs

    await shop.lab.until(are_gone, describe="the Job and its pod are gone", timeout=60)


async def test_a_job_that_succeeds_lets_the_release_through(open_shop: OpenShop) -> None:
    """It belongs to the run, which names it; the release doesn't lose a request."""
    shop = await open_shop(steps=SMOKE)
    await shop.lab.apply(a_template("sleep 2"), namespace=shop.namespace)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(weight=10, message_has="is under way since")
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    (job,), run = await jobs(shop), await the_run(shop)
    assert job["metadata"]["ownerReferences"][0]["uid"] == run["metadata"]["uid"]
    assert job["metadata"]["labels"][f"analysisrun.{DAVY}/uid"] == run["metadata"]["uid"]
    (measurement,) = run["status"]["metricResults"][0]["measurements"]
    assert measurement["phase"] == "Successful"
    assert measurement["metadata"] == {
        "job-name": job["metadata"]["name"],
        "job-namespace": shop.namespace,
    }


async def test_a_job_that_fails_aborts_the_release(open_shop: OpenShop) -> None:
    """With the Job's own reason in the message."""
    shop = await a_release(open_shop, a_template("exit 7"))
    await shop.until(phase="Degraded", weight=0, message_has="failed: BackoffLimitExceeded")


async def test_a_job_without_an_image_pauses_the_release(open_shop: OpenShop) -> None:
    """Inconclusive: a person decides; the Job is gone, so that it doesn't start later."""
    template = a_template("true")
    container = template["spec"]["metrics"][0]["provider"]["job"]["spec"]["template"]["spec"]
    container["containers"][0]["image"] = "registry.example/missing:1"
    shop = await a_release(open_shop, template)
    await shop.until(phase="Paused", weight=10, seconds=UNTIL_STUCK_SECONDS)
    run = await the_run(shop)
    assert run["status"]["phase"] == "Inconclusive"
    assert "can't start: " in run["status"]["message"]
    await until_no_jobs(shop)


async def test_an_abort_doesnt_wait_for_a_job_that_hangs(open_shop: OpenShop) -> None:
    """I3: the weight goes at once; the Job and its process go after."""
    shop = await a_release(open_shop, a_template("sleep 600"))
    await until_a_pod_runs(shop)
    begun = now()
    await shop.edit_status(abort=True)
    await shop.until(phase="Degraded", weight=0)
    assert (now() - begun).total_seconds() < 10
    await until_no_jobs(shop)


@pytest.mark.untold("a SIGKILL loses the events that weren't posted")
async def test_a_killed_operator_makes_no_second_job(open_shop: OpenShop, davy: Component) -> None:
    """I6: SIGKILL while the Job is under way; the next one waits for the same."""
    shop = await a_release(open_shop, a_template("sleep 6"))
    await until_a_pod_runs(shop)
    await davy.kill()
    await davy.start()
    await shop.until(phase="Healthy", weight=0, seconds=60)
    assert len(await jobs(shop)) == 1


async def test_an_account_that_isnt_allowed_makes_no_job(open_shop: OpenShop) -> None:
    """The weight is held, and the status names the flag (I7)."""
    shop = await a_release(open_shop, a_template("true", pod={"serviceAccountName": "admin"}))
    named = f"may not run as the service account {shop.namespace}/admin"
    status = await shop.until(weight=10, message_has=named)
    assert "--job-service-accounts" in status["message"]
    assert await jobs(shop) == []


async def test_a_field_that_a_job_doesnt_have_is_refused_by_its_name(open_shop: OpenShop) -> None:
    """Nothing of a spec is dropped in silence."""
    shop = await a_release(open_shop, a_template("true", backOffLimit=1))
    await shop.until(weight=10, message_has='unknown field "spec.backOffLimit"')
    assert await jobs(shop) == []


async def test_a_deleted_rollout_takes_its_jobs_along(open_shop: OpenShop) -> None:
    """By the run that it owns: the garbage collector does the rest."""
    shop = await a_release(open_shop, a_template("sleep 600"))
    await until_a_pod_runs(shop)
    await shop.lab.kube.delete(shop.kind, "shop", namespace=shop.namespace)
    await until_no_jobs(shop)
