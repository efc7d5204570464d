"""Releases for the tests that play them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from davy.analysis.templates import Template
from davy.api import validate
from davy.api.analysis import AnalysisTemplateSpec, TemplateRef
from davy.api.group import DAVY, VERSION
from davy.rehearsal.answers import Given
from davy.rehearsal.play import Service
from davy.rehearsal.release import Release
from davy.rehearsal.simulate import Circumstances

PROMETHEUS = {"address": "http://prometheus:9090"}
JUDGE = {"preset": "app", "prometheus": PROMETHEUS}
STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 10},
    {"pause": {"duration": "2m"}},
    {"setWeight": 50},
    {"pause": {"duration": "2m"}},
)
ISTIO = {"istio": {"virtualService": {"name": "cart"}}}


def a_manifest(
    *steps: dict[str, Any], spec: Mapping[str, Any] | None = None, **canary: Any
) -> dict[str, Any]:
    """A Rollout of four pods that is steered by Istio, where `canary` says nothing else."""
    strategy = {
        "canaryService": "cart-canary",
        "stableService": "cart-stable",
        "trafficRouting": ISTIO,
        "steps": [*steps],
        **canary,
    }
    return {
        "apiVersion": f"{DAVY}/{VERSION}",
        "kind": "Rollout",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "cart"}},
            "template": {
                "metadata": {"labels": {"app": "cart"}},
                "spec": {"containers": [{"name": "app", "image": "cart:2"}]},
            },
            "strategy": {
                "canary": {name: held for name, held in strategy.items() if held is not None}
            },
            **(spec or {}),
        },
    }


def a_release(
    manifest: Mapping[str, Any], templates: Mapping[str, dict[str, Any]] | None = None
) -> Release:
    """The update of a manifest; the templates by name are their specs."""

    def find(ref: TemplateRef) -> Template | None:
        found = (templates or {}).get(ref.template_name)
        spec = found and AnalysisTemplateSpec.model_validate(found)
        return Template(ref.template_name, spec) if spec else None

    return Release.coming(manifest, validate.parse_rollout(manifest), find)


def at_the_shop(**given: Given) -> Circumstances:
    """200 requests per second, 1 % of them slow, scraped each 15 s; `given` are answers."""
    return Circumstances(
        service=Service(200, 0.001, 15),
        slow=0.01,
        ready_after=timedelta(seconds=10),
        patience=timedelta(minutes=30),
        given=given,
    )
