"""A Job as a measurement: its name, its manifest, what its state says."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.api.analysis import Phase
from davy.api.group import ARGO, DAVY, ApiGroup
from davy.api.providers import JobMetadata, JobMetric
from davy.metrics import job

NOW = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
RUN = {"name": "cart-1", "namespace": "shop", "uid": "u-1"}


def a_job(**status: Any) -> dict[str, Any]:
    """A Job in this state."""
    return {"metadata": {"name": "cart-smoke-1", "namespace": "shop"}, "status": status}


def condition(kind: str, status: str = "True", **fields: Any) -> dict[str, Any]:
    """One of a Job's conditions."""
    return {"type": kind, "status": status, **fields}


def a_pod(reason: str, seconds: float, field: str = "containerStatuses") -> dict[str, Any]:
    """A pod of this age whose container waits."""
    born = (NOW - timedelta(seconds=seconds)).isoformat()
    waiting = [{"state": {"running": {}}}, {"state": {"waiting": {"reason": reason}}}]
    return {"metadata": {"name": "p", "creationTimestamp": born}, "status": {field: waiting}}


@given(st.text(max_size=300), st.uuids(), st.text(max_size=300), st.integers(1, 10**8))
def test_a_name_is_one_that_a_job_and_its_pods_can_have(
    run: str, uid: object, metric: str, number: int
) -> None:
    """A DNS label: the job controller makes a label of it, and host names."""
    made = job.name(run, str(uid), metric, number)
    assert len(made) <= 63
    assert LABEL.fullmatch(made)
    assert made == job.name(run, str(uid), metric, number)


def test_names_differ_by_run_metric_and_number() -> None:
    """Of two runs of one name, one after the other, too."""
    names = {
        job.name("cart", uid, metric, number)
        for uid in ("u-1", "u-2")
        for metric in ("smoke test", "smoke_test")
        for number in (1, 2, 11)
    }
    assert len(names) == 12
    assert job.name("cart-1", "u-1", "Smoke test", 3).startswith("cart-1-smoke-test-")


@pytest.mark.parametrize("group", [DAVY, ARGO])
def test_a_manifest_says_whose_job_it_is(group: str) -> None:
    """Davy's own labels and annotations go before the user's; the spec stays byte for byte."""
    spec = {"template": {"spec": {"restartPolicy": "Never"}}, "completions": None}
    own = f"analysisrun.{group}"
    wanted = JobMetric(
        metadata=JobMetadata(
            labels={"team": "shop", f"{own}/uid": "mine"}, annotations={"why": "so"}
        ),
        spec=spec,
    )
    made = job.manifest("smoke", wanted, run=RUN, name="n", api_group=ApiGroup(group))
    assert made["metadata"] == {
        "name": "n",
        "namespace": "shop",
        "labels": {"team": "shop", f"{own}/uid": "u-1"},
        "annotations": {"why": "so", f"{own}/name": "cart-1", f"{own}/metric-name": "smoke"},
    }
    assert made["spec"] == spec


@pytest.mark.parametrize(
    ("conditions", "phase"),
    [
        ([], None),
        ([condition("Complete")], Phase.SUCCESSFUL),
        ([condition("Suspended"), condition("Failed")], Phase.FAILED),
        ([condition("Complete", "False"), condition("Failed")], Phase.FAILED),
        ([condition("SuccessCriteriaMet"), condition("FailureTarget")], None),
        ([condition("Failed", "Unknown")], None),
        (["Complete", None, 1], None),
        ({"type": "Complete", "status": "True"}, None),
        (None, None),
    ],
    ids=str,
)
def test_a_job_ends_by_its_conditions(conditions: Any, phase: Phase | None) -> None:
    """Only by one that is True; what can't be read says nothing."""
    found = job.decided(a_job(conditions=conditions))
    assert (found and found.phase) == phase


def test_a_failure_says_why_in_one_bounded_line() -> None:
    """The reason is the Job's, the message may be as long as somebody likes."""
    failed = condition("Failed", reason="PodFailurePolicy", message="a\nb" + "x" * 9000)
    found = job.decided(a_job(conditions=[failed]))
    assert found is not None
    assert found.message.startswith("Job shop/cart-smoke-1 failed: PodFailurePolicy: a b")
    assert len(found.message) < 500


@pytest.mark.parametrize("field", ["containerStatuses", "initContainerStatuses"])
@pytest.mark.parametrize(
    ("reason", "seconds", "is_stuck"),
    [
        ("ErrImagePull", 29, False),
        ("ErrImagePull", 30, True),
        ("ImagePullBackOff", 31, True),
        ("InvalidImageName", 31, True),
        ("CreateContainerConfigError", 31, True),
        ("ContainerCreating", 900, False),
        ("CrashLoopBackOff", 900, False),
    ],
)
def test_a_pod_that_cant_start_is_inconclusive_after_a_while(
    reason: str, seconds: float, field: str, *, is_stuck: bool
) -> None:
    """A registry may refuse once; a container that crashes is what the Job is for."""
    found = job.stuck(a_job(), [a_pod("PodInitializing", 99), a_pod(reason, seconds, field)], NOW)
    assert (found is not None) == is_stuck
    if found is not None:
        assert found.phase is Phase.INCONCLUSIVE
        assert found.message == f"pod p of Job shop/cart-smoke-1 can't start: {reason}"


@pytest.mark.parametrize("status", [None, "x", {"containerStatuses": [{"state": "x"}, 1]}], ids=str)
def test_a_pod_that_cant_be_read_is_waited_for(status: Any) -> None:
    """Without an age as well."""
    pods = [{"metadata": {"name": "p"}, "status": status}]
    assert job.stuck(a_job(), pods, NOW) is None
    ageless = {"metadata": {"name": "p"}, "status": a_pod("ErrImagePull", 0)["status"]}
    assert job.stuck(a_job(), [ageless], NOW) is None


def test_pods_are_looked_at_while_none_is_ready() -> None:
    """One that is ready has its image."""
    assert job.may_be_stuck(a_job())
    assert job.may_be_stuck(a_job(active=1, ready=0))
    assert not job.may_be_stuck(a_job(active=1, ready=1))
