"""Argo CD's health of a rollout is the right one; the stories check it on each of their passes."""

from typing import Any

import pytest

from davy.api.errors import Finding
from tests.unit.engine.argo_cd import health
from tests.unit.engine.cluster import Cluster, spec
from tests.unit.engine.play import ANALYSIS, updating

PAUSED: tuple[dict[str, Any], ...] = ({"setWeight": 50}, {"pause": {}})


def of(cluster: Cluster) -> str:
    """What Argo CD says of it as it is stored."""
    rollout = cluster.rollout
    return health(
        {
            "metadata": {"generation": rollout.generation},
            "spec": rollout.spec.manifest(),
            "status": rollout.status.manifest(),
        }
    )


def test_a_rollout_that_nobody_looked_at_is_progressing() -> None:
    """Neither good nor bad before the operator has seen it."""
    cluster = Cluster.of(spec())
    assert of(cluster) == "Progressing"
    cluster.once()
    assert of(cluster) == "Progressing"
    cluster.run(20)
    assert of(cluster) == "Healthy"


def test_a_spec_that_isnt_observed_yet_is_progressing() -> None:
    """A sync that just applied a new version mustn't find it Healthy, by the version before."""
    cluster = updating(seconds=60)
    assert of(cluster) == "Healthy"
    cluster.apply(spec(version="3"))
    assert of(cluster) == "Progressing"


@pytest.mark.parametrize("canary", [{}, {"trafficRouting": None}], ids=["route", "pods"])
def test_a_pause_is_suspended_and_an_abort_degraded_until_it_is_over(
    canary: dict[str, Any],
) -> None:
    """Going back to the stable template is the end of an abort."""
    cluster = updating(*PAUSED, seconds=30, canary=canary)
    assert of(cluster) == "Suspended"
    cluster.edit_status(abort=True)
    cluster.run(120)
    assert of(cluster) == "Degraded"
    cluster.apply(spec(*PAUSED, canary=canary))
    cluster.run(60)
    assert of(cluster) == "Healthy"


def test_a_pause_by_hand_is_suspended_whatever_it_pauses() -> None:
    """Of a stable rollout too."""
    cluster = updating(seconds=60)
    cluster.apply(spec(version="2", paused=True))
    cluster.run(5)
    assert of(cluster) == "Suspended"


def test_an_analysis_is_progressing() -> None:
    """Something is on its way."""
    cluster = updating({"setWeight": 50}, ANALYSIS, seconds=20)
    assert of(cluster) == "Progressing"


def test_a_wrong_spec_and_pods_that_dont_come_are_degraded() -> None:
    """Both need a person."""
    cluster = updating(*PAUSED, seconds=30)
    cluster.problems = (Finding("spec.strategy", "is wrong"),)
    cluster.run(5)
    assert of(cluster) == "Degraded"
    cluster = Cluster.of(spec(progressDeadlineSeconds=20))
    cluster.broken = {cluster.once().status.current_pod_hash or ""}
    cluster.run(30)
    assert of(cluster) == "Degraded"
