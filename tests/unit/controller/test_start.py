"""An operator that starts again knows nothing yet, and says and does nothing until it does (I8)."""

from typing import Any

from davy.api import errors
from tests.sim.cluster import Call, Cluster
from tests.unit.controller.stage import manifest, network, playing


async def test_a_template_that_wasnt_listed_yet_isnt_missing() -> None:
    """A release in the middle stays Paused: nobody is told of a spec that went wrong."""
    metric = {
        "name": "errors",
        "successCondition": "result[0] < 0.05",
        "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "q"}},
    }
    analysis = {"templates": [{"templateName": "errors"}]}
    steps: list[dict[str, Any]] = [{"setWeight": 10}, {"pause": {}}, {"analysis": analysis}]
    cluster = Cluster()
    async with playing(cluster) as stage:
        templates = stage.operator.kinds.analysis_template
        cluster.put(
            templates,
            {"metadata": {"namespace": "shop", "name": "errors"}, "spec": {"metrics": [metric]}},
        )
        network(cluster)
        stage.apply(manifest(steps=steps))
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        stage.apply(manifest(version="2", steps=steps))
        await stage.until(lambda: stage.status().get("phase") == "Paused")
        await stage.turn(5)
    cluster.writes.clear()

    def slow(call: Call) -> Exception | None:
        late = call.verb == "list" and call.kind == templates
        return errors.Unreachable("slow", status=503) if late else None

    cluster.faults.append(slow)
    async with playing(cluster) as stage:
        for kind in stage.operator.kinds.watched:
            for found in cluster.every(kind) if kind != templates else ():
                stage.operator.seen(kind, "ADDED", found)
        await stage.turn(20)
        assert not stage.operator.whole.is_set()
        assert cluster.writes == []
        cluster.faults.clear()
        await stage.turn(5)
        assert stage.operator.whole.is_set()
        assert stage.status()["phase"] == "Paused"
        assert cluster.writes == []
