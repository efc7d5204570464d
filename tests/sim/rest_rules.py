"""Liveness: a world at rest, in which every rollout came to an end that it explains."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.judge import Judge

from davy.api.fields import parse_instant
from davy.cluster.client import Json
from davy.cluster.kinds import POD, REPLICA_SET
from tests.sim import handover_rules, manifests
from tests.sim.schedule import PODS
from tests.sim.shown import Ledger, hash_of, owner_of


def settled(judge: "Judge", ledger: Ledger, held: Json) -> None:
    name, status = ledger.name, held.get("status") or {}
    phase, message = status.get("phase"), status.get("message") or ""
    where = f"rollout {name} rests at {phase}: {message}"
    if "deletionTimestamp" in held["metadata"]:
        judge.check("liveness", handover_rules.may_wait(judge, name), f"{name} isn't gone: {where}")
        return
    judge.check(
        "liveness",
        status.get("observedGeneration") == str(held["metadata"]["generation"]),
        f"{where} It hasn't seen the newest spec.",
    )
    without_router = judge.world.setup.router == PODS
    written, does = (route.told_by(held) for route in (judge.world.written(name), ledger.carries))
    aborted = phase == "Degraded" and status.get("abort")
    if phase == "Healthy" and judge.world.setup.pods_shown:
        asked, done = held["spec"].get("restartAt"), status.get("restartedAt")
        due = asked is not None and parse_instant(asked) <= judge.wall()  # a clock may be set back
        same = done is not None and parse_instant(asked) == parse_instant(done) if due else True
        judge.check("liveness", same, f"{where} Restart at {asked}, and done at {done}.")
    if judge.world.setup.apart:
        _apart(judge, held, where)
    if judge.world.setup.roles:
        _roles(judge, held, where)
    if phase == "Healthy" or aborted:
        on_stable = written.canary == does.canary == (None if without_router else 0)
        on_stable = on_stable and not written.aside and not does.aside
        judge.check("liveness", on_stable, f"{where} The route: {written}; the mesh: {does}")
        _drained(judge, held, where)
        if phase == "Healthy":
            handover_rules.settled(judge, held, where)
        return
    overdue = phase == "Degraded" and "No progress" in message
    broken = manifests.version_of(ledger.templates[-1]).startswith("broken")
    judge.check("liveness", bool(overdue and broken), where)


def _apart(judge: "Judge", held: Json, where: str) -> None:
    """A canary's pods to come are kept from stable's nodes, and no others from any."""
    status = held["status"]
    new, stable = status.get("currentPodHash"), status.get("stableRS")
    for found in judge.world.cluster.held(REPLICA_SET):
        if owner_of(found) == held["metadata"]["name"]:
            terms = found["spec"]["template"]["spec"].get("affinity", {}).get("podAntiAffinity", {})
            chosen = [
                term["labelSelector"]["matchExpressions"][0]["values"]
                for term in terms.get(manifests.APART, ())
            ]
            is_canary = hash_of(found) == new and stable not in {None, new}
            wanted = [[stable]] if is_canary else []
            judge.check(
                "roles", chosen == wanted, f"{where} {hash_of(found)} is kept from {chosen}"
            )


def _roles(judge: "Judge", held: Json, where: str) -> None:
    """New pods get what their role has, and so have those that are there; no more than that."""
    status, name = held["status"], held["metadata"]["name"]
    roles = {status.get("currentPodHash"): "canary", status.get("stableRS"): "stable"}
    if status.get("stableRS") is None:
        roles = {status.get("currentPodHash"): "stable"}
    cluster = judge.world.cluster
    templates = [found["spec"]["template"] for found in cluster.held(REPLICA_SET) if
                 owner_of(found) == name]  # fmt: skip
    for found in (*templates, *(pod for pod in cluster.held(POD) if owner_of(pod) == name)):
        metadata = found["metadata"]
        has = (metadata["labels"].get("role"), (metadata.get("annotations") or {}).get("team/role"))
        role = roles.get(hash_of(found))
        judge.check("roles", has == (role, role), f"{where} {metadata} is {role or 'given up'}")


def _drained(judge: "Judge", held: Json, where: str) -> None:
    status, canary = held["status"], held["spec"]["strategy"]["canary"]
    kept = {status["stableRS"]}
    if status.get("abort") and canary.get("abortScaleDownDelaySeconds") == 0:
        kept.add(status["currentPodHash"])
    for found in judge.world.cluster.held(REPLICA_SET):
        if owner_of(found) != held["metadata"]["name"]:
            continue
        has, is_kept = found["spec"]["replicas"], hash_of(found) in kept
        wanted = held["spec"]["replicas"]
        if hash_of(found) == status["stableRS"]:
            judge.check("liveness", has == wanted, f"{where} stable has {has} pods")
        elif not is_kept:
            judge.check("liveness", has == 0, f"{where} {hash_of(found)} keeps {has} pods")
