"""A line of the API server's audit log is a write."""

import json
from pathlib import Path

from tests.lab import audit

EVENT = {
    "kind": "Event",
    "level": "RequestResponse",
    "stage": "ResponseComplete",
    "verb": "patch",
    "user": {"username": "system:serviceaccount:davy-system:davy"},
    "objectRef": {
        "resource": "rollouts",
        "namespace": "a",
        "name": "shop",
        "subresource": "status",
    },
    "responseStatus": {"code": 200},
    "requestObject": {"status": {"abort": True}},
    "responseObject": {"metadata": {"name": "shop", "resourceVersion": "417"}},
    "requestReceivedTimestamp": "2026-11-22T19:05:48.674839Z",
    "stageTimestamp": "2026-11-22T19:05:48.684839Z",
}


def test_a_line_is_a_write_with_body_and_answer(tmp_path: Path) -> None:
    """Who, what, when, and the version it became."""
    (write,) = _read(tmp_path, EVENT)
    assert (write.user, write.verb) == ("system:serviceaccount:davy-system:davy", "patch")
    assert (write.resource, write.subresource, write.name) == ("rollouts", "status", "shop")
    assert (write.version, write.applied, write.body) == (417, True, {"status": {"abort": True}})
    assert (write.answered_at - write.received_at).total_seconds() == 0.01


def test_a_refused_write_was_not_applied(tmp_path: Path) -> None:
    """The answer is a Status, which has no version."""
    status = {"metadata": {}, "status": "Failure", "code": 409}
    refused = {**EVENT, "responseStatus": {"code": 409}, "responseObject": status}
    (write,) = _read(tmp_path, refused)
    assert (write.applied, write.version) == (False, 0)


def test_other_namespaces_and_a_line_that_was_cut_off_are_left_out(tmp_path: Path) -> None:
    """The API server may have been killed in the middle of a line."""
    other = {**EVENT, "objectRef": {**EVENT["objectRef"], "namespace": "b"}}  # type: ignore[dict-item]
    assert len(_read(tmp_path, EVENT, other, end='{"stage": "Resp')) == 1


def test_a_line_that_goes_on_after_a_cut_is_read_from_there(tmp_path: Path) -> None:
    """The next API server writes on where the killed one stopped."""
    whole = json.dumps(EVENT, separators=(",", ":"))
    assert len(_read(tmp_path, end=f"{whole[:200]}{whole}\n{whole}\n")) == 2


def test_other_accounts_requests_are_no_writes(tmp_path: Path) -> None:
    """Those are recorded without body and answer."""
    assert _read(tmp_path, {**EVENT, "level": "Metadata"}) == []


def test_no_log_is_no_write(tmp_path: Path) -> None:
    """Nothing was written yet."""
    assert list(audit.read(tmp_path / "audit.log", frozenset({"a"}))) == []


def _read(folder: Path, *events: object, end: str = "") -> list[audit.Write]:
    path = folder / "audit.log"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events) + end)
    return list(audit.read(path, frozenset({"a"})))
