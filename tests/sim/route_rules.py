"""I1, I2, I3 and I9 on each write into a route."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.judge import Judge

from davy.cluster.client import Json
from davy.cluster.kinds import INGRESS, SERVICE, VIRTUAL_SERVICE
from tests.sim import handover_rules, manifests, status_rules, traffic
from tests.sim.cluster import GONE, Change
from tests.sim.shown import Ledger, Shown, carried
from tests.sim.traffic import Traffic

MIRROR = manifests.MANAGED[1]
FINALIZER = manifests.KINDS.api_group.finalizer


def written(judge: "Judge", ledger: Ledger, shown: Shown, change: Change) -> None:
    before, after = (side.told_by(shown.rollout) for side in _sides(judge, ledger, change))
    if change.kind in {kind for kind, _ in manifests.network(judge.world.setup, "x")[:1]}:
        judge.check("I1", set(after.sums) <= {shown.total}, lambda: f"weights sum to {after.sums}")
    if change.kind == INGRESS and change.type == GONE:
        weight = before.canary or 0
        judge.check("I9", weight == 0, f"the canary Ingress goes at weight {weight}")
        return
    if change.before is None:
        return
    mine = manifests.without_owned(change.kind, change.before)
    judge.check(
        "I9",
        mine == manifests.without_owned(change.kind, change.object),
        lambda: f"{change.kind} {change.object['metadata']['name']}: a field of the user's",
    )
    if change.kind == VIRTUAL_SERVICE and (after.canary or 0) > (before.canary or 0):
        may = manifests.allows(judge.world.setup, change.before)
        judge.check("I9", may, "a weight rises that the route's owner doesn't allow")
    handover_rules.opened(judge, shown, before, after)
    stable = shown.status.get("stableRS")
    if judge.world.setup.swaps and change.kind == SERVICE:
        _stays(judge, ledger, shown, before, after)
    if shown.dynamic and stable is not None:
        _given_back(judge, ledger, shown, before, after)
    _managed(judge, ledger, shown, before, after)
    for template_hash in {s.hash: 0 for rule in after.rules for s in rule}:
        if template_hash in {None, stable} or stable is None or shown.deleting:
            continue
        share = after.share(template_hash)
        if share <= before.share(template_hash) or judge.unseen(ledger, shown):
            continue
        pods, full = shown.available(template_hash), shown.full
        judge.check(
            "I2",
            share <= carried(pods, full),
            f"weight {share} to {template_hash}, of whose {full} pods {pods} were available",
        )
        raised = (after.canary or 0) > (before.canary or 0)
        judge.check(
            "I3",
            not (shown.aborted and raised),
            f"weight {share} to {template_hash}, though aborted",
        )
        judge.check(
            "I6",
            not (shown.paused and raised and (after.canary or 0) > shown.held),
            f"weight {share} to {template_hash}, though paused at {shown.held}",
        )
        _spares(judge, shown, before, after)
        held = judge.world.rollout(ledger.name)
        on = held is not None and FINALIZER in (held["metadata"].get("finalizers") or ())
        judge.check("I9", on, "the canary gets weight, and no finalizer would take it back")


def _spares(judge: "Judge", shown: Shown, before: Traffic, after: Traffic) -> None:
    """A weight that rises is within the harm budget, unless a person or a rollback needs none."""
    raised = (after.canary or 0) > (before.canary or 0)
    if not judge.world.setup.budget or not raised or shown.status.get("promoteFull"):
        return
    if status_rules.is_rollback(shown, shown.status):
        return
    known = max(1, before.canary or 0, shown.written.canary or 0)
    most = max(known, int(shown.total * shown.allowed))
    weight = after.canary or 0
    judge.check("budget", weight <= most, f"weight {weight}, where {most} was allowed")


def _stays(judge: "Judge", ledger: Ledger, shown: Shown, before: Traffic, after: Traffic) -> None:
    """I4 of Services that swap their roles: none is led elsewhere while proxies send to it.

    Unless it led to no pods, or to any since somebody else had put it back, or is to lead to any
    (the traffic goes back to a Deployment), or nothing was ever promoted.
    """
    first = shown.status.get("stableRS") is None
    if judge.unseen(ledger, shown) or judge.clocks_wrong(shown) or first:
        return
    for role in ("stable", "canary"):
        was, now = before.leads(role), after.leads(role)
        if was in {None, now} or now is None or not shown.standing(was):
            continue
        rules = (*before.rules, *shown.carried.rules)
        weights = {side.weight for rule in rules for side in rule if side.role == role}
        judge.check("I4", weights <= {0}, f"a Service with traffic leads from {was} to {now}")


def _given_back(
    judge: "Judge", ledger: Ledger, shown: Shown, before: Traffic, after: Traffic
) -> None:
    """I2 of stable: it gets no more than its pods take, where enough of both are left.

    Not when the Rollout goes, nor when the wait for its pods was longer than the deadline.
    """
    stable, canary = shown.status["stableRS"], before.leads("canary")
    share = after.share(stable)
    if canary in {None, stable} or before.leads("stable") != stable or shown.deleting:
        return
    if share <= before.share(stable) or judge.unseen(ledger, shown):
        return
    if shown.surely(stable) + shown.surely(canary) < shown.full or judge.overdue(shown):
        return
    judge.check(
        "I2",
        share <= shown.takes(stable),
        f"stable gets {share} on {shown.standing(stable)} of {shown.full} pods",
    )


def _managed(judge: "Judge", ledger: Ledger, shown: Shown, before: Traffic, after: Traffic) -> None:
    """A managed route that comes, or leads elsewhere, is as a weight that rises."""
    come = [side for side in after.aside if side not in before.aside]
    if not come or shown.status.get("stableRS") is None or judge.unseen(ledger, shown):
        return
    copied = max((side.weight for side in after.aside if side.role == MIRROR), default=0)
    load = min(100, 100 * (after.canary or 0) / shown.total + copied)
    for side in come:
        pods, full = shown.available(side.hash), shown.full
        enough = carried(pods, full) >= load and (pods > 0 or full == 0)
        judge.check("I2", enough, f"{after.aside} to {side.hash}: {pods} of {full} pods")
    judge.check("I3", not shown.aborted, f"{after.aside}, though aborted")
    judge.check("I6", not shown.paused, f"{after.aside}, though paused")
    held = judge.world.rollout(ledger.name)
    on = held is not None and FINALIZER in (held["metadata"].get("finalizers") or ())
    judge.check("I9", on, "a managed route comes, and no finalizer would take it away")


def _sides(judge: "Judge", ledger: Ledger, change: Change) -> tuple[Traffic, Traffic]:
    """The written traffic before and after one change."""
    changed = (change.kind, change.object["metadata"]["name"])

    def seen(found: Json | None) -> Traffic:
        return traffic.read(
            judge.world.setup.router,
            ledger.name,
            lambda kind, name: (
                found
                if (kind, name) == changed
                else judge.world.cluster.look(kind, manifests.home(judge.world.setup, kind), name)
            ),
        )

    return seen(change.before), seen(change.object)
