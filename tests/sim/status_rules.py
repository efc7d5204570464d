"""I5, I6, I7 and I10 on each status of a Rollout; I9 when it goes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.judge import Judge

from datetime import timedelta

from davy.api.fields import parse_duration, parse_instant
from davy.cluster.client import Json
from tests.sim import handover_rules, manifests, pod_rules
from tests.sim.cluster import GONE, Change
from tests.sim.schedule import PODS
from tests.sim.shown import ROUNDING, Ledger, Pass, Shown, carried, hash_of
from tests.sim.traffic import Traffic

_MOMENT = timedelta(seconds=ROUNDING)


def written(judge: "Judge", ledger: Ledger, under_way: Pass, change: Change) -> None:
    shown = under_way.decided
    if change.type == GONE:
        _gone(judge, ledger, shown)
        return
    assert change.before is not None
    before, after = change.before.get("status") or {}, change.object.get("status") or {}
    if before == after:
        return
    _explains(judge, ledger, under_way.told, after)
    if not shown.older:
        _history(judge, before, after)
    same = all(
        before.get(field_) == after.get(field_) for field_ in ("currentPodHash", "currentStepHash")
    )
    if before.get("stableRS") != after.get("stableRS"):
        _promoted(judge, ledger, shown, before, after)
    retried = before.get("abortedAt") is not None and not before.get("abort")
    updating = before.get("stableRS") not in {None, before.get("currentPodHash")}
    if not same:
        _begun(judge, shown, after)
    if not same or retried or not updating or before.get("abort") or after.get("abort"):
        return
    was = min(before.get("currentStepIndex") or 0, len(shown.steps))
    now = after.get("currentStepIndex") or 0
    judge.check("I6", now >= was, lambda: f"step {was} → {now}, of the same revision")
    judge.check("I6", now == was or not shown.paused, f"step {was} → {now}, though paused")
    if not before.get("promoteFull") and not is_rollback(shown, after):
        for index in range(was, now):
            _passed(judge, ledger, shown, before, index)


def _begun(judge: "Judge", shown: Shown, after: Json) -> None:
    """A revision's first status: it needs all evidence, unless it was stable not long ago."""
    if after.get("stableRS") in {None, after.get("currentPodHash")} or is_rollback(shown, after):
        return
    passed = shown.steps[: after.get("currentStepIndex") or 0]
    judge.check("I7", all("analysis" not in step for step in passed), "skipped an analysis")
    judge.check("I6", all(step.get("pause") != {} for step in passed), "skipped a pause")
    judge.check("I6", all("plugin" not in step for step in passed), "skipped a plugin's step")


def is_rollback(shown: Shown, after: Json) -> bool:
    """The new revision is older than stable, and within the rollback window."""
    made = {
        template_hash: parse_instant(found["metadata"]["creationTimestamp"])
        for template_hash, found in shown.sets.items()
    }
    new, stable = (made.get(after.get(of) or "") for of in ("currentPodHash", "stableRS"))
    if new is None or stable is None or new >= stable:
        return False
    window = (shown.rollout["spec"].get("rollbackWindow") or {}).get("revisions", 0)
    return bool(sum(new < at < stable for at in made.values()) < window)


def _passed(judge: "Judge", ledger: Ledger, shown: Shown, before: Json, index: int) -> None:
    """A step is over: was its effect there?"""
    step = shown.steps[index]
    resumed = before.get("controllerPause") and not before.get("pauseConditions")
    blind = (
        shown.lacks and not resumed and shown.weight_after(index + 1) > shown.weight_after(index)
    )
    judge.check("I7", not blind, f"step {index + 1} is left for a higher weight without evidence")
    if "setWeight" in step:
        _in_place(judge, ledger, shown, step["setWeight"], f"step {index + 1} is passed")
    elif "pause" in step:
        duration = step["pause"].get("duration")
        begun = [
            parse_instant(pause["startTime"])
            for pause in before.get("pauseConditions") or ()
            if pause["reason"] == "CanaryPauseStep"
        ]
        long = None if duration is None else parse_duration(duration)
        over = long is not None and (
            not long or any(shown.wall - at >= long - _MOMENT for at in begun)
        )
        judge.check("I6", bool(resumed or over), f"pause of step {index + 1} is cut short")
    elif "setCanaryScale" in step:
        scale = step["setCanaryScale"]
        asked = scale.get("replicas") or shown.needs(scale.get("weight", 0))
        asked = shown.enough(asked) if shown.full else 0
        pods = shown.available(shown.status.get("currentPodHash"))
        judge.check("I5", pods >= asked, f"step {index + 1} is passed with {pods} pods of {asked}")
    elif "analysis" in step:
        _proved(judge, before, index, resumed=bool(resumed))
    elif "plugin" in step:
        begun_at = (before.get("canary") or {}).get("stepPluginStatuses") or ()
        asked = any(found["index"] == index for found in begun_at)
        right = asked and step["plugin"]["config"]["kind"] != "fails"
        judge.check("I6", right, f"step {index + 1} is passed, and the plugin didn't say so")
    elif not (judge.unseen(ledger, shown) or judge.clocks_wrong(shown)):
        (rule,) = step.values()
        new, does = shown.status.get("currentPodHash"), shown.carried
        led = {side.hash for side in does.aside if side.role == rule["name"]}
        right = led == ({new} if rule["match"] else set())
        judge.check("I5", right, f"step {index + 1} is passed, and the mesh: {does}")


def _proved(judge: "Judge", before: Json, index: int, *, resumed: bool) -> None:
    phases = [
        (found.get("status") or {}).get("phase")
        for found in judge.world.cluster.versions.values()
        if found["metadata"].get("labels", {}).get("step-index") == str(index)
        and hash_of(found) == before.get("currentPodHash")
    ]
    waved = resumed and "Inconclusive" in phases
    judge.check(
        "I7",
        "Successful" in phases or waved,
        f"step {index + 1} is passed, its analysis is {phases[-1:] or 'not there'}",
    )


def _in_place(
    judge: "Judge", ledger: Ledger, shown: Shown, weight: int, what: str, *, whole: bool = False
) -> None:
    """The weight is there with its pods; with enough of them unless it must be whole."""
    if judge.world.setup.router == PODS:
        pod_rules.in_place(judge, shown, weight, what)
        return
    if judge.unseen(ledger, shown) or judge.clocks_wrong(shown):
        return
    new = shown.status.get("currentPodHash")
    does = shown.carried
    weights = {side.weight for rule in does.rules for side in rule if side.role == "canary"}
    leads = weight == 0 or does.leads("canary") == new
    pods, full = shown.available(new), shown.full
    enough = shown.needs(weight) if whole else shown.enough(shown.needs(weight))
    carries = min(weight, int(carried(shown.standing(new), full) * shown.total // 100))
    judge.check("I5", weights == {carries} and leads, f"{what} at {weight}, the mesh: {does}")
    judge.check("I5", pods >= enough, f"{what} at {weight} with {pods} of {full} pods")


def _promoted(judge: "Judge", ledger: Ledger, shown: Shown, before: Json, after: Json) -> None:
    new = after.get("stableRS")
    judge.check("I6", new == after.get("currentPodHash"), f"{new} is stable, out of turn")
    judge.check("I6", not shown.paused, f"{new} is stable, though paused")
    pods, full = shown.available(new), shown.full
    by_pods = judge.world.setup.router == PODS and before.get("stableRS") is not None
    least = shown.enough(full) if by_pods else full
    judge.check("I5", pods >= least, f"{new} is stable with {pods} of {full} pods")
    if before.get("stableRS") is None:
        return
    judge.check(
        "I6",
        not before.get("abort") or before.get("currentPodHash") != new,
        "aborted, and stable",
    )
    _in_place(judge, ledger, shown, shown.total, f"{new} is promoted", whole=True)


def _explains(judge: "Judge", ledger: Ledger, shown: Shown, status: Json) -> None:
    """I10: what the status says is so."""
    phase, message = status.get("phase"), status.get("message") or ""
    judge.check("I10", bool(message), "the status has no message")
    judge.check(
        "I10",
        phase in {"Healthy", "Progressing", "Paused", "Degraded"},
        f"the status has phase {phase}",
    )
    if phase == "Paused":
        paused = status.get("pauseConditions") or shown.paused
        judge.check("I10", bool(paused), "Paused, and no pause")
    if phase == "Degraded":
        said = status.get("abort") or "InvalidSpec" in message or "No progress" in message
        judge.check("I10", bool(said), f"Degraded, and not why: {message}")
    if judge.world.setup.router == PODS:
        pod_rules.explains(judge, shown, status)
        return
    told = {**shown.rollout, "status": status}
    route = shown.seen.told_by(told)
    written = (status.get("traffic") or {}).get("written")
    if written is not None and not shown.older:  # it doesn't know the field, and leaves it
        is_own = manifests.own(judge.world.setup, ledger.name) is not None
        alone = is_own and not shown.written.rules  # the user's part is gone, Davy's says a weight
        judge.check(
            "I10",
            alone or written == route.canary,
            f"the status says weight {written}, the route: {route}",
        )
    if judge.world.setup.swaps and not shown.older:
        _roles(judge, status, route)
    if phase == "Healthy":
        _healthy(judge, ledger, shown, status)


def _roles(judge: "Judge", status: Json, route: Traffic) -> None:
    """A Service that alone leads to the stable revision isn't told to be the canary's."""
    stable, leads = status.get("stableRS"), route.leads("canary")
    if stable is not None and leads == stable and route.rules:
        right = route.leads("stable") == stable
        judge.check("I10", right, f"the roles are the other way round: {route}")


def _history(judge: "Judge", before: Json, after: Json) -> None:
    """An abort and a promotion are in it; what is over stays as it is."""
    was, now = before.get("history") or [], after.get("history") or []
    judge.check("I10", len(now) <= 10, f"{len(now)} updates are kept")
    over = [each for each in was if "outcome" in each]
    kept = now[len(now) - len(over) :] if len(now) < 10 else over
    judge.check("I10", kept == over, f"the history was {was} and is {now}")
    ended = before.get("stableRS") != after.get("stableRS") and "Promoted"
    ended = "Aborted" if after.get("abortedAt") and not before.get("abortedAt") else ended
    if ended:
        last = now[0] if now else {}
        same = last.get("podTemplateHash") == after.get("currentPodHash")
        told = str(last.get("outcome", "")).endswith(str(ended))
        judge.check("I10", same and told, f"{ended}, and the history says {last}")


def _healthy(judge: "Judge", ledger: Ledger, shown: Shown, status: Json) -> None:
    stable = status.get("stableRS")
    judge.check("I10", stable == status.get("currentPodHash"), "Healthy in the middle of it")
    if judge.unseen(ledger, shown) or judge.clocks_wrong(shown):
        return
    pods = shown.standing(stable)
    judge.check("I10", pods >= shown.full, f"Healthy with {pods} of {shown.full} pods")
    does = shown.carries.told_by({**shown.rollout, "status": status})
    right = (
        does.canary == 0 and not does.aside and (does.share(stable or "") == 100 or shown.full == 0)
    )
    judge.check("I10", right, f"Healthy, and the mesh: {does}")


def _gone(judge: "Judge", ledger: Ledger, shown: Shown) -> None:
    """I9: who deletes a Rollout finds all traffic on stable."""
    if judge.world.setup.router == PODS:
        return  # nothing led users elsewhere
    whole = all(shown.versions.values()) and shown.may_look
    if not whole or judge.unseen(ledger, shown):
        return
    left = judge.world.written(ledger.name).told_by(shown.rollout)
    first = shown.status.get("stableRS") is None
    back = left.canary == 0 and not left.aside
    judge.check("I9", back or first, f"the Rollout is gone, its route: {left}")
    handover_rules.gone(judge, ledger, shown)
