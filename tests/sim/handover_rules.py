"""From a Deployment to a rollout and back: each write of a Deployment, and the end of a rollout."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.judge import Judge

from davy.cluster.client import Json
from davy.cluster.kinds import DEPLOYMENT
from tests.sim import manifests
from tests.sim.cluster import Change
from tests.sim.manifests import NAMESPACE
from tests.sim.schedule import PODS
from tests.sim.shown import ROUNDING, Ledger, Shown
from tests.sim.traffic import Traffic


def size(found: Json | None) -> int:
    """The pods that a Deployment is asked to have; 0 where there is none."""
    return 0 if found is None else int(found["spec"]["replicas"])


def count(found: Json | None, name: str) -> int:
    """One of its counts, 0 while nobody has counted."""
    return 0 if found is None else int((found.get("status") or {}).get(name, 0))


def scaled(judge: "Judge", ledger: Ledger, shown: Shown, change: Change) -> None:
    """A Deployment loses pods that others replace, once, and is changed in nothing else."""
    assert change.before is not None
    was, now, wanted = size(change.before), size(change.object), judge.world.setup.scale_down
    others = {**change.object["spec"], "replicas": was}
    judge.check("I9", others == change.before["spec"], "a field of the Deployment is the user's")
    judge.check("handover", now < was, f"the Deployment is scaled from {was} to {now}")
    judge.check("handover", wanted not in {"", "never"}, "it is scaled, though that was forbidden")
    held = shown.paused or shown.deleting or shown.full == 0
    judge.check("handover", not held, f"it is scaled to {now}, and the rollout waits or goes")
    taken = (shown.status.get("workload") or {}).get("taken")
    same = (shown.status.get("workload") or {}).get("uid") == change.object["metadata"]["uid"]
    judge.check("handover", not (taken and same), "somebody scaled it up again, and meant it")
    own = sum(shown.available(template_hash) for template_hash in shown.sets)
    there = count(shown.workload, "availableReplicas")
    judge.check(
        "handover",
        own + min(there, now) >= min(shown.full, own + there),
        f"{own} pods and {there} of the Deployment's, of which {now} are left: {shown.full} wanted",
    )
    if count(shown.workload, "updatedReplicas") < count(shown.workload, "replicas"):
        judge.check("handover", now == 0, f"{now} pods are left while it replaces them")
    if wanted == "onsuccess" and judge.world.setup.router != PODS:
        _unreached(judge, ledger, shown)


def _unreached(judge: "Judge", ledger: Ledger, shown: Shown) -> None:
    """I4: no request reaches the Deployment's pods, and none did for the drain delay."""
    if judge.unseen(ledger, shown) or judge.clocks_wrong(shown):
        return
    does = ledger.carries
    judge.check("I4", not is_open(does), lambda: f"the Deployment loses its pods: {does}")
    if ledger.open_until is None:
        return
    canary = shown.rollout["spec"]["strategy"]["canary"]
    seconds = canary.get("scaleDownDelaySeconds", 30)
    credit = sum(by for at, by in judge.forward if at >= ledger.open_until and by > 0)
    passed = judge.world.now - ledger.open_until
    judge.check(
        "I4",
        passed + credit >= seconds - ROUNDING,
        f"the Deployment loses its pods {passed:.2f} s after its last request, not {seconds}",
    )


def is_open(does: Traffic) -> bool:
    """Some request may meet any pod of the rollout's labels."""
    return any(side.weight > 0 and side.hash is None for rule in does.rules for side in rule)


def opened(judge: "Judge", shown: Shown, before: Traffic, after: Traffic) -> None:
    """A destination finds pods of the Deployment again: they are there, and no canary's is."""
    was = {side.role for rule in before.rules for side in rule if side.hash is not None}
    now = {side.role for rule in after.rules for side in rule if side.hash is None}
    if not was & now:
        return
    judge.check("handover", shown.deleting, "a destination is opened while the rollout is there")
    there, wanted = count(shown.workload, "availableReplicas"), size(shown.workload)
    judge.check("handover", there >= wanted > 0, f"opened for {there} pods of {wanted}")
    stable = shown.status.get("stableRS")
    left = [
        name
        for name, found in shown.sets.items()
        if name != stable and (found["spec"]["replicas"] or count(found, "replicas"))
    ]
    judge.check("handover", not left, f"opened while {left} have pods")


def gone(judge: "Judge", ledger: Ledger, shown: Shown) -> None:
    """I9: who deletes a rollout beside a Deployment with pods finds its route open for them."""
    if size(shown.workload) == 0 or shown.status.get("stableRS") is None:
        return
    does = ledger.carries
    closed = any(side.weight > 0 and side.hash for rule in does.rules for side in rule)
    clocks = judge.clocks_wrong(shown)
    judge.check("I9", clocks or not closed, lambda: f"the Rollout is gone, and the mesh: {does}")


def settled(judge: "Judge", held: Json, where: str) -> None:
    """Liveness: a rollout that is Healthy has taken over, if it was to."""
    if judge.world.setup.scale_down in {"", "never"} or not held["spec"]["replicas"]:
        return
    taken = (held["status"].get("workload") or {}).get("taken")
    judge.check("liveness", bool(taken), f"{where} It hasn't taken over from its Deployment.")


def may_wait(judge: "Judge", name: str) -> bool:
    """A deleted rollout's Deployment has pods that can't start, or not for long."""
    found = judge.world.cluster.look(DEPLOYMENT, NAMESPACE, name)
    if size(found) == 0 or found is None:
        return False
    return manifests.version_of(found["spec"]["template"]).startswith(("broken", "slow"))
