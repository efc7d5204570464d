"""All bad specs, and a way to make one with each field that isn't built.

One table for three readers: validation (unit), the CRDs on a real API server (lab), and the test
that no CEL rule is without a case. A new rule adds its line to the table of its part.
"""

from typing import Any, Final

from davy.api import paths
from davy.api.unbuilt import Unbuilt
from tests.unit.api.documents import changed
from tests.unit.api.judge_cases import JUDGE
from tests.unit.api.metric_cases import METRICS
from tests.unit.api.pod_cases import PODS
from tests.unit.api.routing_cases import ROUTING
from tests.unit.api.scale_cases import SCALES
from tests.unit.api.step_cases import STEPS
from tests.unit.api.vendor_cases import VENDORS

ALL: Final = PODS + ROUTING + STEPS + SCALES + METRICS + VENDORS + JUDGE

_SAMPLES: Final[dict[str, Any]] = {
    "array": [{"name": "x"}],
    "boolean": True,
    "integer": 7,
    "object": {"name": "x"},
}


def sample(entry: Unbuilt) -> Any:
    """A value of the field's type that asks for something."""
    schema = entry.schema
    if schema.get("format") == "date-time":
        return "2026-01-02T03:04:05Z"
    if schema.get("items", {}).get("type") == "string":
        return ["x"]
    if any(value is True for value in entry.neutral):
        return False
    return _SAMPLES.get(schema.get("type", ""), "25%")


def with_unbuilt(base: str, entry: Unbuilt, value: Any) -> dict[str, Any]:
    """The good object whose parts have this field, with it set."""
    if base == "gateway" and ".plugins." in entry.at:
        base = "plugin"
    elif base == "gateway" and ".istio" in entry.at:
        base = "subsets"
    elif base == "gateway" and ".alb" in entry.at:
        base = "alb"
    document = changed(base, {})
    if entry.at.endswith(".sigv4"):
        for _, found in paths.objects(document, entry.at.rpartition(".")[0]):
            found.clear()
            found["sigv4"] = {}
    _, parent = next(paths.objects(document, entry.at))
    parent[entry.field] = value
    return document
