"""The API server's audit log: every write that matters to a rollout, in order, body and answer.

And, without these, whatever else the accounts of Davy's namespace ask for.

It is the account of what was written by whom that no watch can give: a watch shows states, skips
some in an outage, and never says who made one.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from davy.cluster import shallow

Json = dict[str, Any]

_WRITES = ["create", "update", "patch", "delete"]
_RECORDED: Final = {
    "davy.dev": ["rollouts", "rollouts/status", "analysisruns"],
    "networking.istio.io": ["virtualservices", "destinationrules"],
    "gateway.networking.k8s.io": ["httproutes", "grpcroutes", "tcproutes", "tlsroutes"],
    "apps": ["replicasets", "replicasets/scale"],
    "": ["services"],
}
"""By API group, the resources whose writes are recorded, with request and answer."""

_START: Final = '{"kind":"Event"'
_MEGABYTES: Final = 4000
"""The log is never cut in a run."""


@dataclass(frozen=True)
class Write:
    """One write that the API server answered."""

    received_at: datetime
    answered_at: datetime
    user: str
    """`admin`, `system:serviceaccount:davy-system:davy` …"""
    verb: str
    """`create`, `update`, `patch` or `delete`."""
    resource: str
    """Plural, without its group."""
    subresource: str
    namespace: str
    name: str
    code: int
    """The HTTP status: below 300 it was applied."""
    body: Any
    """What was sent: an object, or the list of a JSON patch; None when it wasn't recorded."""
    answer: Json
    """The object as it is now, or a Status."""

    @property
    def applied(self) -> bool:
        """Whether it changed anything, or could have."""
        return self.code < 300

    @property
    def version(self) -> int:
        """The resourceVersion after it; 0 when the answer has none."""
        metadata = self.answer.get("metadata") or {}
        return int(metadata.get("resourceVersion") or 0)


def flags(folder: Path) -> list[str]:
    """The API server's flags that turn it on for a run, whose folder gets policy and log."""
    policy = folder / "audit-policy.json"
    policy.write_text(json.dumps(_policy()))
    log(folder).parent.mkdir(parents=True, exist_ok=True)
    return [
        f"--audit-policy-file={policy}",
        f"--audit-log-path={log(folder)}",
        f"--audit-log-maxsize={_MEGABYTES}",
    ]


def log(folder: Path) -> Path:
    """Where a run's audit log is."""
    return folder / "logs" / "audit.log"


def read(path: Path, namespaces: frozenset[str]) -> Iterator[Write]:
    """The writes to these namespaces, in the order in which they were answered.

    What is cut off (the API server was killed) is left out, at the end and before another's start.
    """
    if not path.exists():
        return
    with path.open() as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            event = shallow.loads(line[max(line.rfind(_START), 0) :])
            whole = event["level"] == "RequestResponse"
            if whole and event.get("objectRef", {}).get("namespace") in namespaces:
                yield _write(event)


@dataclass(frozen=True)
class Request:
    """What somebody asked for, as RBAC sees it."""

    group: str
    resource: str
    """Plural, with `/subresource` where there is one."""
    verb: str
    code: int
    namespace: str
    """Empty for a request of all namespaces, or of what belongs to none."""
    at: datetime = field(compare=False)
    """When the API server received it."""


def requests(path: Path, user: str) -> list[Request]:
    """What an account asked for of resources, and how it was answered, in that order."""
    found = []
    for line in path.read_text().splitlines(keepends=True):
        event = shallow.loads(line) if line.endswith("\n") else {}
        reference = event.get("objectRef")
        if reference is None or event["user"]["username"] != user:
            continue
        resource = "/".join(filter(None, [reference.get("resource"), reference.get("subresource")]))
        code = (event.get("responseStatus") or {}).get("code", 0)
        group, namespace = reference.get("apiGroup", ""), reference.get("namespace", "")
        at = datetime.fromisoformat(event["requestReceivedTimestamp"])
        found.append(Request(group, resource, event["verb"], code, namespace, at))
    return found


def _policy() -> Json:
    recorded = [{"group": group, "resources": names} for group, names in _RECORDED.items()]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": [
            # Counts of pods, again and again, by the controller that makes them: a watch has them.
            {"level": "None", "users": ["admin"], "resources": [{"group": "apps"}]},
            {"level": "RequestResponse", "verbs": _WRITES, "resources": recorded},
            # Everything else that Davy asks for, so that its rights can be compared with it.
            {"level": "Metadata", "userGroups": ["system:serviceaccounts:davy-system"]},
            {"level": "None"},
        ],
    }


def _write(event: Json) -> Write:
    reference = event["objectRef"]
    answer = event.get("responseObject") or {}
    named = (answer.get("metadata") or {}).get("name") or ""
    return Write(
        received_at=datetime.fromisoformat(event["requestReceivedTimestamp"]),
        answered_at=datetime.fromisoformat(event["stageTimestamp"]),
        user=event["user"]["username"],
        verb=event["verb"],
        resource=reference["resource"],
        subresource=reference.get("subresource", ""),
        namespace=reference["namespace"],
        name=reference.get("name") or named,
        code=(event.get("responseStatus") or {}).get("code", 0),
        body=event.get("requestObject"),
        answer=answer,
    )
