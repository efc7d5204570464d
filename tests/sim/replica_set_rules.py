"""I2, I4 and I8 on each write of a ReplicaSet."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.judge import Judge

from davy.cluster.client import Json
from davy.cluster.kinds import REPLICA_SET
from tests.sim import manifests, pod_rules
from tests.sim.cluster import GONE, Change
from tests.sim.schedule import PODS
from tests.sim.shown import ROUNDING, Ledger, Shown, carried, hash_of, owner_of, user_template

REVISION = manifests.KINDS.api_group.revision_annotation


def written(judge: "Judge", ledger: Ledger, shown: Shown, change: Change) -> None:
    template_hash = hash_of(change.object)
    without_router = judge.world.setup.router == PODS
    if without_router:
        pod_rules.sized(judge, ledger, shown, change)
    if change.before is None:
        _created(judge, ledger, shown, change.object)
        return
    if without_router or change.before.get("status") != change.object.get("status"):
        return
    was = change.before["spec"].get("replicas", 1)
    now = 0 if change.type == GONE else change.object["spec"].get("replicas", 1)
    stable = shown.status.get("stableRS")
    if shown.paused and not shown.deleting and stable not in {None, template_hash}:
        most = max(was, shown.needs(shown.held))
        judge.check(
            "I6",
            min(was, shown.full) <= now <= most,
            f"{template_hash} is scaled from {was} to {now} of {shown.full}, though paused",
        )
    if now >= was or shown.full == 0 or judge.unseen(ledger, shown) or shown.deleting:
        return
    if now == 0:
        _drained(judge, ledger, shown, template_hash)
        return
    share = ledger.carries.share(template_hash)
    judge.check(
        "I2",
        share <= carried(now, shown.full)
        or (
            template_hash == stable and (not shown.dynamic or now >= -(-share * shown.full // 100))
        ),
        f"{template_hash} carries {share} and is scaled from {was} to {now} of {shown.full}",
    )


def _drained(judge: "Judge", ledger: Ledger, shown: Shown, template_hash: str) -> None:
    judge.check(
        "I4",
        not ledger.carries.reaches(template_hash) or judge.clocks_wrong(shown),
        lambda: f"{template_hash} loses its pods: {ledger.carries}",
    )
    until = ledger.carried_until.get(template_hash)
    canary = shown.rollout["spec"]["strategy"]["canary"]
    seconds = canary.get("scaleDownDelaySeconds", 30)
    if _newer(shown, template_hash) >= canary.get("scaleDownDelayRevisionLimit", 1000):
        seconds = min(seconds, 30)
    if shown.aborted and template_hash == shown.status.get("currentPodHash"):
        seconds = canary["abortScaleDownDelaySeconds"]
        judge.check("I4", seconds != 0, f"{template_hash} should keep its pods for ever")
    if ledger.aborts:  # its deadline may be from then
        seconds = min(seconds, canary["abortScaleDownDelaySeconds"])
    if until is None:
        return
    credit = sum(by for at, by in judge.forward if at >= until and by > 0)
    passed = judge.world.now - until
    judge.check(
        "I4",
        passed + credit >= seconds - ROUNDING,
        f"{template_hash} loses its pods {passed:.2f} s after its last request, not {seconds}",
    )


def _newer(shown: Shown, template_hash: str) -> int:
    """Newer revisions with pods that are neither stable nor the newest template's."""
    spoken_of = {shown.status.get("stableRS"), shown.status.get("currentPodHash")}
    mine = _revision(shown.sets[template_hash])
    return sum(
        _revision(found) > mine and found["spec"]["replicas"] > 0
        for name, found in shown.sets.items()
        if name not in spoken_of
    )


def _revision(found: Json) -> int:
    return int(found["metadata"]["annotations"][REVISION])


def _created(judge: "Judge", ledger: Ledger, shown: Shown, made: Json) -> None:
    template = user_template(made)
    judge.check(
        "I8",
        template == shown.template,
        "the new ReplicaSet isn't of the template that the user applied",
    )
    stable = shown.status.get("stableRS")
    begun = made["spec"]["replicas"] > 0 and hash_of(made) != stable
    judge.check("I6", not (shown.paused and begun), "the new revision gets pods, though paused")
    twins = [
        found["metadata"]["name"]
        for found in judge.world.cluster.held(REPLICA_SET)
        if owner_of(found) == ledger.name
        and found["metadata"]["name"] != made["metadata"]["name"]
        and found["metadata"]["ownerReferences"] == made["metadata"]["ownerReferences"]
        and user_template(found) == template
    ]
    judge.check("I8", not twins, f"the template has a ReplicaSet already: {twins}")
