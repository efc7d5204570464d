"""Comparisons made ready for a run: a judge's metrics, a preset's counters, a step's deadline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from davy.analysis import compared, counters, presets, underway
from davy.analysis.presets import Seen, Version
from davy.api.analysis import AnalysisRef, ComparedValue, Metric, RunManifest
from davy.api.compare import DEADLINE, Compare, Side
from davy.api.errors import Finding, InvalidObject
from davy.api.fields import parse_duration
from davy.api.providers import MetricProvider, PrometheusMetric

JUDGE: Final = "judge"
"""The metric that `compare` of an analysis, or a rollout's `judge`, becomes."""
_UNKNOWN_HOST: Final = "{host}"
"""Stands for the DestinationRule's host where only files are checked."""


@dataclass(frozen=True)
class Around:
    """What a comparison needs to know beside the rollout's manifest."""

    prometheus: str = ""
    """The server that is asked where nobody names one; "": there is none."""
    host: str = _UNKNOWN_HOST
    """Of the DestinationRule that the rollout names."""


def own(analysis: AnalysisRef, around: Around) -> list[Metric]:
    """The metrics that an analysis has without a template.

    Raises:
        InvalidObject: nobody says where Prometheus is.
    """
    judge = analysis.compare
    if judge is None:
        return []
    address = judge.prometheus.address if judge.prometheus else around.prometheus
    if not address:
        message = (
            "is missing, and the operator has no default; give compare (or judge) "
            "prometheus.address, or start davy run with --prometheus"
        )
        raise InvalidObject([Finding("prometheus.address", message)])
    compare = Compare.model_validate(judge.model_dump(exclude={"prometheus"}, exclude_unset=True))
    asked = MetricProvider(prometheus=PrometheusMetric(address=address))
    return [Metric(name=JUDGE, provider=asked, compare=compare)]


def ready(metric: Metric, rollout: Seen | None, *, inline: bool) -> Metric:
    """The metric as its run has it: counters in place of a preset, an end where a step waits.

    Raises:
        ValueError: the preset can't tell the sides apart; the message says what to do.
    """
    compare = metric.compare
    if compare is None:
        return metric
    changes: dict[str, Any] = {}
    if inline and compare.deadline is None:
        changes["deadline"] = DEADLINE
    if compare.preset is not None:
        if rollout is None:
            raise ValueError(
                "has a preset, which is for a rollout's analyses; a run made by hand names its "
                "counters in canary and stable"
            )
        limit = compare.latency and parse_duration(compare.latency.slower_than)
        found = presets.selectors(compare.preset, rollout, limit or None)
        changes |= {
            "preset": None,
            "latency": None,
            "canary": _side(found.canary),
            "stable": _side(found.stable),
        }
    return metric.model_copy(update={"compare": compare.model_copy(update=changes)})


def sides(metric: Metric) -> counters.Sides:
    """What is counted, of a run's comparison.

    Raises:
        InvalidObject: it has no counters of its own.
    """
    compare = metric.compare
    if compare is None or compare.canary is None or compare.stable is None:
        message = "names no counters; give canary and stable"
        raise InvalidObject([Finding(f"metrics[{metric.name}].compare", message)])
    return counters.Sides(_selectors(compare.canary), _selectors(compare.stable))


def counted(run: RunManifest) -> ComparedValue | None:
    """What a rollout's `judge`, or a step's `compare`, counted last; None: nothing yet, or none."""
    compares = any(metric.name == JUDGE and metric.compare for metric in run.spec.metrics)
    result = underway.result(run.status, JUDGE)
    return compared.latest(result) if compares and result is not None else None


def seen(
    manifest: Mapping[str, Any], stable_hash: str, canary_hash: str, around: Around
) -> Seen | None:
    """What a Rollout says of where its versions can be told apart; None: it is no Rollout.

    Args:
        manifest: the Rollout, checked before.
        stable_hash: pod-template-hash of stable.
        canary_hash: of the canary.
        around: where its DestinationRule leads.
    """
    canary = (manifest.get("spec") or {}).get("strategy", {}).get("canary")
    if canary is None:
        return None
    routing = canary.get("trafficRouting") or {}
    rule = (routing.get("istio") or {}).get("destinationRule") or {}
    nginx = routing.get("nginx") or {}
    ingress = nginx.get("stableIngress") or next(iter(nginx.get("stableIngresses") or ()), None)
    return Seen(
        namespace=manifest["metadata"]["namespace"],
        rollout=manifest["metadata"]["name"],
        canary=Version(canary_hash, canary.get("canaryService"), rule.get("canarySubsetName")),
        stable=Version(stable_hash, canary.get("stableService"), rule.get("stableSubsetName")),
        host=around.host if rule else None,
        ingress=ingress,
    )


def _side(found: counters.Selectors) -> Side:
    return Side(
        requests=list(found.requests),
        errors=list(found.errors) or None,
        good=list(found.good) or None,
    )


def _selectors(side: Side) -> counters.Selectors:
    return counters.Selectors(
        tuple(side.requests), tuple(side.errors or ()), tuple(side.good or ())
    )
