"""I10: whatever happens to a release, its status and its events tell it, line by line."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from davy.api.analysis import Phase
from davy.api.errors import Finding
from davy.engine.world import Answer, Route
from tests.unit.engine.cluster import Cluster, answering, spec
from tests.unit.engine.play import ANALYSIS, BACKGROUND, STEPS
from tests.unit.engine.telling import Telling


def begun(*steps: dict[str, Any], **more: Any) -> tuple[Cluster, Telling]:
    """A rollout that was just created."""
    cluster = Cluster.of(spec(*steps, **more))
    return cluster, Telling(cluster)


def test_a_good_release() -> None:
    """First deployment, five steps, a person's promotion, the drain."""
    cluster, told = begun(*STEPS)
    told.chapter("created")
    cluster.run(10)
    told.chapter("version 2")
    cluster.apply(spec(*STEPS, version="2"))
    cluster.run(20)
    told.chapter("promoted by hand")
    cluster.edit_status(pause_conditions=None)
    cluster.run(60)
    told.check("good")


def test_an_abort_a_retry_and_a_rollback() -> None:
    """By hand at weight 50; again from step 1; then version 1 is put back."""
    cluster, told = begun(*STEPS)
    cluster.run(10)
    cluster.apply(spec(*STEPS, version="2"))
    cluster.run(20)
    told.lines.clear()
    told.chapter("aborted by hand")
    cluster.edit_status(abort=True)
    cluster.run(40)
    told.chapter("retried")
    cluster.edit_status(abort=False)
    cluster.run(6)
    told.chapter("version 1 again")
    cluster.apply(spec(*STEPS, version="1"))
    cluster.run(40)
    told.chapter("an abort where there is nothing to abort")
    cluster.edit_status(abort=True)
    cluster.run(1)
    told.check("abort")


def test_pods_apart_from_the_weight() -> None:
    """More than the weight needs, then as many, then one pod that is too few for it."""
    steps: tuple[dict[str, Any], ...] = (
        {"setCanaryScale": {"replicas": 5}},
        {"setWeight": 20},
        {"setCanaryScale": {"matchTrafficWeight": True}},
        {"setCanaryScale": {"weight": 1}},
        {"setWeight": 50},
        {"pause": {}},
    )
    cluster, told = begun(*steps)
    cluster.run(10)
    told.lines.clear()
    told.chapter("version 2")
    cluster.apply(spec(*steps, version="2"))
    cluster.run(20)
    told.chapter("promoted by hand")
    cluster.edit_status(pause_conditions=None)
    cluster.run(60)
    told.check("scale")


def test_stable_is_scaled_with_its_weight() -> None:
    """Down after the drain, up again for an abort, whose weight follows the pods."""
    steps: tuple[dict[str, Any], ...] = ({"setWeight": 75}, {"pause": {}})
    more: dict[str, Any] = {"canary": {"dynamicStableScale": True}}
    cluster, told = begun(*steps, **more)
    cluster.run(10)
    told.lines.clear()
    told.chapter("version 2")
    cluster.apply(spec(*steps, version="2", **more))
    cluster.run(50)
    told.chapter("aborted by hand")
    cluster.edit_status(abort=True)
    cluster.run(60)
    told.check("dynamic")


def test_analyses_good_and_bad() -> None:
    """A step's run succeeds, the next one is inconclusive; the background's run fails."""
    steps: tuple[dict[str, Any], ...] = ({"setWeight": 10}, ANALYSIS, ANALYSIS, {"setWeight": 50})
    cluster, told = begun(*steps, canary=BACKGROUND)
    cluster.run(10)
    told.lines.clear()
    told.chapter("version 2")
    cluster.apply(spec(*steps, version="2", canary=BACKGROUND))
    cluster.run(6)
    told.chapter("a verdict on the way, then success")
    cluster.runs = {
        name: replace(run, phase=Phase.RUNNING, verdict=f"{run.kind.value} 0.01, limit 0.05")
        for name, run in cluster.runs.items()
    }
    cluster.run(1)
    cluster.finish("Step", Phase.SUCCESSFUL)
    cluster.run(1)
    told.chapter("inconclusive, waved on")
    cluster.finish("Step", Phase.INCONCLUSIVE, "no requests")
    cluster.run(1)
    cluster.edit_status(pause_conditions=None)
    cluster.run(1)
    told.chapter("the background's run fails")
    cluster.finish("Background", Phase.FAILED, "error-rate 0.2, limit 0.05.")
    cluster.run(40)
    told.check("analyses")


def test_whatever_can_be_waited_for() -> None:
    """Pods, the mesh, a route that is gone, a problem in the spec, a deadline."""
    more: dict[str, Any] = {"progressDeadlineSeconds": 100, "replicas": 3}
    cluster, told = begun({"setWeight": 30}, {"pause": {}}, **more)
    cluster.run(10)
    told.lines.clear()
    told.chapter("pods that don't come, and why")
    cluster.start_delay = timedelta(seconds=60)
    cluster.apply(spec({"setWeight": 30}, {"pause": {}}, version="2", **more))
    cluster.run(1)
    new = cluster.status.current_pod_hash or ""
    cluster.sets[new] = replace(cluster.sets[new], trouble="cart-x: ErrImagePull")
    cluster.run(1)
    cluster.sets[new] = replace(cluster.sets[new], trouble=None, failure="exceeded quota")
    cluster.run(1)
    cluster.sets[new] = replace(cluster.sets[new], failure=None)
    cluster.run(60)
    told.chapter("a mesh that refuses")
    answering(cluster, Answer.NOT_YET, "parent gw: Accepted is False.")
    cluster.run(1)
    answering(cluster, Answer.VERIFIED, "all parents")
    cluster.run(3)
    told.chapter("two problems")
    cluster.problems = (Finding("spec.a", "is wrong"), Finding("spec.b", "is missing"))
    cluster.run(1)
    told.chapter("no route")
    there = cluster.route
    cluster.route = Route(canary_weight=None)
    cluster.problems = (Finding("spec", "VirtualService shop/cart doesn't exist"),)
    cluster.run(1)
    cluster.problems = ()
    cluster.run(1)
    cluster.route = there
    cluster.run(3)
    told.chapter("pods that went, past the deadline")
    cluster.broken.add(new)
    cluster.run(110)
    told.check("waits")


def test_a_first_revision_that_never_gets_ready() -> None:
    """Nothing to fall back on, and no weight to speak of."""
    cluster, told = begun(progressDeadlineSeconds=30, replicas=2)
    cluster.start_delay = timedelta(days=1)
    cluster.run(40)
    told.check("first")


def test_promotion_in_full_scaling_new_steps_and_the_end() -> None:
    """What users do in the middle of a release."""
    cluster, told = begun(*STEPS)
    cluster.run(10)
    cluster.apply(spec(*STEPS, version="2"))
    cluster.run(20)
    told.lines.clear()
    told.chapter("10 pods instead of 4, ready for 5 s")
    cluster.apply(spec(*STEPS, version="2", replicas=10, minReadySeconds=5))
    cluster.run(10)
    told.chapter("other steps")
    cluster.apply(spec({"setWeight": 20}, {"pause": {}}, {"setWeight": 40}, version="2"))
    cluster.run(10)
    told.chapter("promoted in full")
    cluster.edit_status(promote_full=True)
    cluster.run(60)
    told.chapter("version 3, deleted in the middle")
    cluster.apply(spec({"setWeight": 20}, {"pause": {}}, version="3"))
    cluster.run(8)
    cluster.rollout = replace(cluster.rollout, deleting=True)
    cluster.run(8)
    told.check("changes")


def test_a_pause_by_hand() -> None:
    """In the middle of a step, through lost pods and a size, to an abort; then on a stable one."""
    cluster, told = begun(*STEPS)
    cluster.run(10)
    cluster.apply(spec(*STEPS, version="2"))
    cluster.run(7)
    told.lines.clear()
    told.chapter("spec.paused is true")
    cluster.apply(spec(*STEPS, version="2", paused=True))
    cluster.run(60)
    told.chapter("a pod is lost")
    cluster.kill_pods(cluster.status.current_pod_hash or "", 1)
    cluster.run(10)
    told.chapter("10 pods instead of 4")
    cluster.apply(spec(*STEPS, version="2", paused=True, replicas=10))
    cluster.run(10)
    told.chapter("aborted")
    cluster.edit_status(abort=True)
    cluster.run(60)
    told.chapter("spec.paused is false again")
    cluster.apply(spec(*STEPS, version="2", replicas=10))
    cluster.run(60)
    told.chapter("version 1 again, paused")
    cluster.apply(spec(*STEPS, version="1", replicas=10, paused=True))
    cluster.run(60)
    told.check("paused")
