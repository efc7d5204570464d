import datetime as dt
from typing import Any

from tests.lab.node.states import Running, Snapshot, Terminated, Waiting
from tests.lab.node.status import Conditions, PodState, phase, status

NOON = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(seconds=30)


def a_pod(**status_fields: Any) -> dict[str, Any]:
    """A pod with one container."""
    return {"metadata": {"name": "web", "uid": "u"}, "spec": {}, "status": status_fields}


def a_state(*main: Snapshot, pod: dict[str, Any] | None = None) -> PodState:
    """A pod with these containers."""
    return PodState(pod or a_pod(), "10.64.0.9", "10.0.0.1", NOON, [], main)


def ended(code: int, *, finished: bool) -> Snapshot:
    """A container that ended with `code`."""
    state = Terminated(code, "Error" if code else "Completed", NOON, NOON)
    return Snapshot("app", "busybox", state, finished=finished)


def test_the_phase_follows_the_containers() -> None:
    """Pending until each has run once, then Running; Succeeded or Failed when all have finished."""
    crashing = Snapshot(
        "app", "busybox", Waiting("CrashLoopBackOff"), last=Terminated(1, "Error", NOON, NOON)
    )
    cases = [
        ([Snapshot("app", "busybox")], "Pending"),
        ([Snapshot("app", "busybox", Running(NOON))], "Running"),
        ([Snapshot("app", "busybox", Running(NOON)), Snapshot("b", "missing")], "Pending"),
        ([crashing], "Running"),
        ([ended(0, finished=False)], "Running"),
        ([ended(0, finished=True)], "Succeeded"),
        ([ended(0, finished=True), ended(7, finished=True)], "Failed"),
        ([ended(0, finished=True), Snapshot("b", "busybox", Running(NOON))], "Running"),
    ]
    for containers, expected in cases:
        assert phase(a_state(*containers)) == expected


def test_a_transition_time_moves_only_with_the_status() -> None:
    """MinReadySeconds counts from Ready's transition, so a later write must not move it."""
    conditions = Conditions()
    ready = Snapshot("app", "busybox", Running(NOON), ready=True, started=True)
    status(a_state(ready), conditions, NOON)
    written = status(a_state(ready), conditions, LATER)
    found = {c["type"]: c for c in written["conditions"]}
    assert found["Ready"]["lastTransitionTime"] == "2030-01-01T12:00:00Z"
    ready.ready = False
    written = status(a_state(ready), conditions, LATER)
    found = {c["type"]: c for c in written["conditions"]}
    assert found["Ready"]["lastTransitionTime"] == "2030-01-01T12:00:30Z"
    assert found["Ready"]["message"] == "containers with unready status: [app]"


def test_a_closed_gate_holds_ready_back() -> None:
    """ContainersReady is True while Ready waits for the gate's condition."""
    pod = a_pod(conditions=[{"type": "example.com/go", "status": "False"}])
    pod["spec"]["readinessGates"] = [{"conditionType": "example.com/go"}]
    ready = Snapshot("app", "busybox", Running(NOON), ready=True, started=True)
    found = {
        c["type"]: c["status"]
        for c in status(a_state(ready, pod=pod), Conditions(), NOON)["conditions"]
    }
    assert (found["ContainersReady"], found["Ready"]) == ("True", "False")
