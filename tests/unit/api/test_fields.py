"""Durations, instants, names of the API group."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from davy.api.fields import format_instant, parse_duration, parse_instant
from davy.api.group import ARGO, ApiGroup
from davy.api.status import RolloutStatus


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(30, 30), ("30", 30), ("30s", 30), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), (0, 0)],
    ids=repr,
)
def test_a_duration_is_read(text: int | str, seconds: float) -> None:
    """A bare number is seconds, everything else has its unit."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5 m", "m", "-5s", "5x", "٣s", -1, 10**400, "9" * 30, "99999999h", True, None]
)
def test_what_is_no_duration_raises_a_sentence(text: Any) -> None:
    """A ValueError and nothing else: the model turns it into a finding."""
    with pytest.raises(ValueError, match=r"write|leave"):
        parse_duration(text)


def test_an_instant_keeps_its_milliseconds() -> None:
    """A pause must not end up to a second early."""
    instant = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    assert format_instant(instant) == "2026-01-02T03:04:05.678Z"
    assert parse_instant(format_instant(instant)) == instant


def test_names_are_built_from_the_group() -> None:
    """Argo's group has Argo's names: its tools read the revisions."""
    argo = ApiGroup(ARGO)
    assert argo.revision_annotation == "rollout.argoproj.io/revision"
    assert argo.managed_by_annotation == "argo-rollouts.argoproj.io/managed-by-rollouts"
    assert ApiGroup().revision_annotation == "rollout.davy.dev/revision"
    assert ApiGroup().api_version == "davy.dev/v1alpha1"


def test_a_status_of_another_controller_is_read() -> None:
    """Argo's status has fields that Davy hasn't; taking over an object must not fail on them."""
    status = RolloutStatus.model_validate(
        {
            "phase": "Healthy",
            "stableRS": "6d4f",
            "HPAReplicas": 3,
            "blueGreen": {},
            "observedGeneration": "4",
            "canary": {"weights": {"canary": {"weight": 0}, "stable": {"weight": 100}, "x": 1}},
            "restartedAt": "2026-01-02T03:04:05Z",
        }
    )
    assert (status.stable_rs, status.hpa_replicas, status.observed_generation) == ("6d4f", 3, "4")
    assert RolloutStatus.model_validate(status.manifest()) == status
