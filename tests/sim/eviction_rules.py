"""I2 on each eviction: old pods alone, and no more than may be missing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.judge import Judge

from davy.api.fields import parse_instant
from davy.cluster.client import Json
from tests.sim import pod_rules
from tests.sim.schedule import PODS
from tests.sim.shown import Ledger, Shown, carried, hash_of


def evicted(judge: "Judge", ledger: Ledger, shown: Shown, pod: Json) -> None:
    name, template_hash = pod["metadata"]["name"], hash_of(pod)
    asked = shown.rollout["spec"].get("restartAt")
    created = parse_instant(pod["metadata"]["creationTimestamp"])
    old = asked is not None and created < parse_instant(asked) <= shown.wall
    judge.check("restart", old, f"{name} of {created} is evicted; restartAt is {asked}")
    if name not in shown.ready:
        return
    if ledger.evicted[0] is not shown:
        ledger.evicted = (shown, [])
    gone = ledger.evicted[1]
    gone.append(name)
    missing = max(1, pod_rules.may_be_missing(shown))
    if judge.world.setup.router == PODS:
        left = sum(shown.available(of) for of in shown.sets) - len(gone)
        least = shown.full - missing
        judge.check("availability", left >= least, f"{left} pods are left of {least}: {gone}")
        return
    left = shown.available(template_hash) - sum(template_hash in each for each in gone)
    least = shown.sets[template_hash]["spec"].get("replicas", 1) - missing
    judge.check("I2", left >= least, f"{left} pods of {template_hash} are left of {least}: {gone}")
    is_stable = shown.status.get("stableRS") in {None, template_hash}
    if is_stable or judge.unseen(ledger, shown):
        return
    share = shown.carried.share(template_hash)
    judge.check(
        "I2",
        share <= carried(max(0, left), shown.full) or judge.clocks_wrong(shown),
        f"{template_hash} carries {share}, and {left} of its pods are left: {gone}",
    )
