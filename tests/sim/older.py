"""Another version of the operator: it knows fewer fields of a status, and has other words.

What it reads lacks what it doesn't know, and what the newer one said reads as foreign to it as its
own words do to the newer one; what it writes leaves out what it doesn't know. Everything else is
the same code.
"""

from typing import Any, Final

from davy.cluster.client import Json

_UNKNOWN: Final = {"traffic", "verdict", "currentStep", "history"}
_UNKNOWN_CONDITIONS: Final = {"Ready", "Reconciling", "Stalled"}
_OLD: Final = "as of old: "
_NEW: Final = "as of new: "


def read(found: Json) -> Json:
    """An object as the older version sees it."""
    if not found.get("status", {}).get("conditions"):
        return found
    status = _known(found["status"])
    conditions = [{**each, "message": _reads(each["message"])} for each in status["conditions"]]
    return {**found, "status": {**status, "conditions": conditions}}


def written(body: Json) -> Json:
    """The merge patch of a status as the older version writes it."""
    status = _known(body.get("status") or {})
    if "conditions" in status:
        conditions = [{**each, "message": _OLD + each["message"]} for each in status["conditions"]]
        status["conditions"] = conditions
    return {**body, "status": status}


def _known(status: Json) -> Json:
    known: dict[str, Any] = {key: part for key, part in status.items() if key not in _UNKNOWN}
    if known.get("conditions"):
        known["conditions"] = [
            each for each in known["conditions"] if each["type"] not in _UNKNOWN_CONDITIONS
        ]
    return known


def _reads(message: str) -> str:
    return message.removeprefix(_OLD) if message.startswith(_OLD) else _NEW + message
