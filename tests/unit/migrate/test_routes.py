"""The routes made of Flagger's Canaries are such as Davy can weight."""

from typing import Any

import pytest

from davy.api import validate
from davy.api.group import ApiGroup
from davy.migrate import objects
from davy.migrate.result import Options
from davy.migrate.translate import translate
from davy.plugins.installed import Installed
from davy.traffic.base import ObjectKey, RoutedRollout
from davy.traffic.registry import Routers
from tests.unit.migrate.samples import SAMPLES

ROUTERS = Routers(Installed())

Json = dict[str, Any]


def made_of(name: str) -> list[Json]:
    """The objects made of a sample."""
    found = translate(SAMPLES[name], Options(prometheus="http://prometheus:9090"))
    return [one.manifest for one in found.made]


WITH_ROUTE = [
    name
    for name in SAMPLES
    if name.startswith("flagger_") and any(one["kind"] == "Rollout" for one in made_of(name))
]


@pytest.mark.parametrize("name", WITH_ROUTE)
def test_a_router_finds_nothing_wrong(name: str) -> None:
    """All weight is on stable, both Services find the pods, and a weight can be written."""
    made = made_of(name)
    rollout = next(one for one in made if one["kind"] == "Rollout")
    spec = validate.parse_rollout(rollout)
    assert spec.template is not None
    routed = RoutedRollout(
        namespace=objects.namespace(rollout) or "default",
        name=objects.name(rollout),
        canary=spec.strategy.canary,
        template_labels=spec.template["metadata"]["labels"],
        group=ApiGroup(),
    )
    cluster = {
        ObjectKey(
            objects.api_group(one), one["kind"], routed.namespace, one["metadata"]["name"]
        ): one
        for one in made
    }
    router = ROUTERS.router_for(spec.strategy.canary)
    state = router.read(routed, cluster)
    assert (state.problems, state.canary_weight) == ((), 0)
    assert len(router.weights(routed, cluster, 25)) == 1


def test_there_are_routes_of_both_kinds() -> None:
    """So that the test above isn't about nothing."""
    kinds = {one["kind"] for name in WITH_ROUTE for one in made_of(name)}
    assert {"VirtualService", "HTTPRoute"} <= kinds
