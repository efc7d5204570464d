"""I1 to I9 on the record of a run: a function for each, with how often it looked.

They judge what Davy wrote, in the order in which etcd took it, against the state of everything else
at that very moment. Davy sees other writers' states a moment late; where that matters, `LAG` is
what it is given.
"""

import copy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tests.lab.audit import Write
from tests.lab.chaos import routes
from tests.lab.chaos.history import DAVY, History, Json, Key, State
from tests.lab.chaos.routes import ALL, HASH, NARROWED, WEIGHTED, Moment, Split

LAG: Final = timedelta(seconds=2)
"""So long another's write may go unseen by a pass: a watch event on a machine that is busy."""

_DELAY_SECONDS: Final = 30
"""Default of scaleDownDelaySeconds and abortScaleDownDelaySeconds."""


@dataclass(frozen=True)
class Break:
    """One invariant broken once."""

    at: datetime
    namespace: str
    text: str
    """What was written, and what was true."""

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S.%f} {self.namespace}: {self.text}"


@dataclass
class Verdict:
    """What one invariant's judge found."""

    name: str
    says: str
    checked: int = 0
    breaks: list[Break] = field(default_factory=list)

    def check(self, write: Write | State, *, holds: bool, text: str) -> None:
        """Count one look, and a break if it doesn't hold."""
        self.checked += 1
        if not holds:
            at = write.answered_at if isinstance(write, Write) else write.at
            where = write.namespace if isinstance(write, Write) else write.key.namespace
            self.breaks.append(Break(at, where, text))


def judge(history: History) -> list[Verdict]:
    """All of them."""
    judges: tuple[Callable[[History], Verdict], ...] = (
        sums,
        capacity,
        abort_first,
        drain,
        forward,
        no_revision_of_its_own,
        only_its_own_fields,
    )
    return [each(history) for each in judges]


def sums(history: History) -> Verdict:
    """I1: each rule of each route that Davy wrote sums to 100."""
    verdict = Verdict("I1", "weights sum to 100 in each rule")
    for write in _of(history, WEIGHTED):
        for rule in routes.weights(write.answer):
            text = f"{write.resource} {write.name} has weights {rule}"
            verdict.check(write, holds=sum(rule) == ALL, text=text)
    return verdict


def capacity(history: History) -> Verdict:
    """I2: no revision but stable is given more than its available pods carry.

    Stable is excepted because an abort waits for no pod (I3), the first because it is alone. The
    two objects of a route can't be written as one: where Davy narrows a destination, a weight that
    another wrote less than LAG before isn't Davy's.
    """
    verdict = Verdict("I2", "no raise beyond the available pods")
    for write, rollout, before, now in _rewrites(history):
        after = now
        if write.resource in NARROWED:
            after = replace(now, canary_weight=_known_weight(history, rollout, write))
        for template_hash in {after.stable_hash, after.canary_hash} - {None}:
            given = after.share(str(template_hash))
            raised = given > (before.share(str(template_hash)) if before else 0)
            owner = history.found(rollout, write.version) or {}
            stable = owner.get("status", {}).get("stableRS")
            if not raised or stable in {None, template_hash}:
                continue
            full = owner["spec"]["replicas"]
            pods = _available(history, rollout.namespace, str(template_hash), write.received_at)
            text = f"{given} given to {template_hash}, with {pods} of {full} pods available"
            verdict.check(write, holds=given * full <= ALL * pods, text=text)
    return verdict


def abort_first(history: History) -> Verdict:
    """I3: once an abort is in the status, each weight that Davy writes gives that revision 0.

    And one is written, or was before: each abort reaches the route.
    """
    verdict = Verdict("I3", "after an abort weight 0, and nothing before it")
    for begun, until, given_up in aborts(history):
        text = f"{given_up} was aborted, and its weight never became 0"
        verdict.check(begun, holds=time_to_zero(history, begun, given_up) is not None, text=text)
        for write in _of(history, WEIGHTED, begun.key.namespace):
            if not begun.version < write.version < until:
                continue
            split = routes.split(history, begun.key, write.version)
            text = f"{given_up} was aborted at {begun.at:%H:%M:%S.%f}; then Davy wrote {split}"
            verdict.check(write, holds=split is None or not split.share(given_up), text=text)
    return verdict


def drain(history: History) -> Verdict:
    """I4: pods go to 0 only when nothing could reach them for the whole drain delay."""
    verdict = Verdict("I4", "0 pods only after weight 0 and the drain delay")
    moments = {key: routes.moments(history, key) for key in history.keys("rollouts")}
    for write in _of(history, frozenset({"replicasets"})):
        body = write.body
        if write.verb != "patch" or not isinstance(body, dict):
            continue
        if body.get("spec", {}).get("replicas") != 0:
            continue
        template_hash = write.answer["metadata"]["labels"][HASH]
        rollout = _owner(write)
        delay = _delay(history.found(rollout, write.version) or {}, template_hash)
        reached = _last_reached(moments[rollout], template_hash, write)
        quiet = None if reached is None else write.answered_at - reached
        text = f"{write.name} went to 0 pods {quiet} after traffic could reach it; delay {delay}"
        verdict.check(write, holds=quiet is None or quiet >= delay, text=text)
    return verdict


def forward(history: History) -> Verdict:
    """I6: the step index of an update never goes back."""
    verdict = Verdict("I6", "steps go forward, each once")
    for rollout in history.keys("rollouts"):
        update, last = ("", ""), -1
        for state in history.states[rollout]:
            status = (state.found or {}).get("status") or {}
            now = status.get("currentPodHash", ""), status.get("currentStepHash", "")
            if now != update or status.get("abort"):
                update, last = now, -1
            index = status.get("currentStepIndex") or 0
            if status.get("abort") or state.by != DAVY:
                continue
            text = f"step index {last} → {index} of {now[0]}"
            verdict.check(state, holds=index >= last, text=text)
            last = index
    return verdict


def no_revision_of_its_own(history: History) -> Verdict:
    """I8: each ReplicaSet's template and each revision number is one that a user applied."""
    verdict = Verdict("I8", "no revision that nobody applied")
    revisions: dict[Key, int] = {}
    for write in _of(history, frozenset({"replicasets"})):
        rollout = _owner(write)
        number = _revision(write.answer)
        applied = _templates(history, rollout, write.version)
        if write.verb == "create":
            made = write.answer["spec"]["template"]
            text = f"{write.name} was created with a template that nobody applied"
            verdict.check(write, holds=any(_has(made, each) for each in applied), text=text)
        if number > revisions.get(rollout, 0):
            revisions[rollout] = number
            text = f"{write.name} is revision {number} of {len(applied)} applied"
            verdict.check(write, holds=number <= len(applied), text=text)
    return verdict


def only_its_own_fields(history: History) -> Verdict:
    """I9: what Davy writes changes no field of a user, in routes, Services and Rollouts."""
    verdict = Verdict("I9", "users' fields are byte for byte theirs")
    for write in _of(history, WEIGHTED | NARROWED | {"rollouts"}):
        key = Key(write.namespace, write.resource, write.name)
        before = history.found(key, write.version - 1)
        if before is None:
            continue  # its state before fell into an outage
        text = f"{write.resource} {write.name} was changed beyond Davy's fields: {write.body}"
        verdict.check(write, holds=_theirs(before) == _theirs(write.answer), text=text)
    return verdict


def aborts(history: History) -> Iterator[tuple[State, int, str]]:
    """Each abort: the state that says so first, the version that ends it, the revision's hash."""
    for rollout in history.keys("rollouts"):
        states = history.states[rollout]
        begun: State | None = None
        for state in states:
            status = (state.found or {}).get("status") or {}
            given_up = _given_up(status)
            before = _given_up((begun.found or {}).get("status") or {}) if begun else None
            if begun is not None and given_up != before:
                yield begun, state.version, str(before)
                begun = None
            if begun is None and given_up:
                begun = state
        if begun is not None:
            yield begun, sys.maxsize, str(_given_up((begun.found or {}).get("status") or {}))


def time_to_zero(history: History, begun: State, given_up: str) -> timedelta | None:
    """From an abort in the status until the route gave that revision nothing; None: never."""
    if _gives_nothing(routes.split(history, begun.key, begun.version), given_up):
        return timedelta(0)
    for moment in routes.moments(history, begun.key):
        if moment.version > begun.version and _gives_nothing(moment.split, given_up):
            return max(moment.at - begun.at, timedelta(0))
    return None


def _gives_nothing(split: Split | None, template_hash: str) -> bool:
    return split is not None and not split.share(template_hash)


def _given_up(status: Json) -> str | None:
    """The hash of the update that is aborted; None: none is."""
    current: str | None = status.get("currentPodHash")
    aborted = status.get("abort") and current and status.get("stableRS") not in {None, current}
    return current if aborted else None


def _of(history: History, kinds: frozenset[str], namespace: str | None = None) -> Iterator[Write]:
    """Davy's writes to these kinds, in the order of their versions; not to their status."""
    for write in history.by_davy:
        whole = not write.subresource and write.verb != "delete"
        if whole and write.resource in kinds and namespace in {None, write.namespace}:
            yield write


def _rewrites(history: History) -> Iterator[tuple[Write, Key, Split | None, Split]]:
    """Davy's writes to a route's objects, with the split before and after."""
    for write in _of(history, WEIGHTED | NARROWED):
        for rollout in history.keys("rollouts", write.namespace):
            after = routes.split(history, rollout, write.version)
            if after is not None:
                before = routes.split(history, rollout, write.version - 1)
                yield write, rollout, before, after


def _available(history: History, namespace: str, template_hash: str, at: datetime) -> int:
    """The most pods of a revision that were available at some time from `at` - LAG to `at`."""
    most = 0
    for key in history.keys("replicasets", namespace):
        states = history.states[key]
        for number, state in enumerate(states):
            following = states[number + 1].at if number + 1 < len(states) else history.ended
            if state.found is None or state.at > at or following < at - LAG:
                continue
            if state.found["metadata"]["labels"].get(HASH) == template_hash:
                most = max(most, state.found.get("status", {}).get("availableReplicas", 0))
    return most


def _known_weight(history: History, rollout: Key, write: Write) -> int:
    """The canary's weight before a write, without what another wrote less than LAG before it."""
    known = 0
    for moment in routes.moments(history, rollout):
        unseen = moment.by != DAVY and moment.at > write.received_at - LAG
        if moment.version < write.version and moment.split is not None and not unseen:
            known = moment.split.canary_weight
    return known


def _last_reached(moments: list[Moment], template_hash: str, write: Write) -> datetime | None:
    """When requests could last reach a revision before a write; None: never.

    What another wrote less than LAG before the write doesn't count: Davy couldn't know.
    """
    last: datetime | None = None
    reached = False
    for moment in moments:
        if moment.version >= write.version:
            break
        if moment.by != DAVY and moment.at > write.received_at - LAG:
            continue
        if reached:
            last = moment.at
        reached = moment.split is not None and moment.split.reaches(template_hash)
    return write.answered_at if reached else last


def _delay(rollout: Json, template_hash: str) -> timedelta:
    canary = rollout["spec"]["strategy"]["canary"]
    aborted = _given_up(rollout.get("status") or {}) == template_hash
    name = "abortScaleDownDelaySeconds" if aborted else "scaleDownDelaySeconds"
    return timedelta(seconds=canary.get(name, _DELAY_SECONDS))


def _owner(write: Write) -> Key:
    name = write.answer["metadata"]["ownerReferences"][0]["name"]
    return Key(write.namespace, "rollouts", name)


def _revision(found: Json) -> int:
    annotations = found["metadata"].get("annotations") or {}
    return int(annotations.get("rollout.davy.dev/revision", 0))


def _templates(history: History, rollout: Key, version: int) -> list[Json]:
    """The templates that users applied until then, one for each change."""
    applied: list[Json] = []
    for state in history.states.get(rollout, ()):
        if state.version > version or state.found is None:
            break
        template = state.found["spec"]["template"]
        if not applied or applied[-1] != template:
            applied.append(template)
    return applied


def _has(found: object, wanted: object) -> bool:
    """Whether every leaf of `wanted` is in `found`, which the API server gave its defaults."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(name in found and _has(found[name], value) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        pairs = zip(found, wanted, strict=False)
        return len(found) == len(wanted) and all(_has(each, value) for each, value in pairs)
    return found == wanted


def _theirs(found: Json) -> Json:
    """An object without what is Davy's and the API server's."""
    kept = copy.deepcopy(found)
    kept.pop("status", None)
    metadata = kept["metadata"]
    for name in ("resourceVersion", "generation", "managedFields", "finalizers"):
        metadata.pop(name, None)
    annotations = metadata.pop("annotations", None) or {}
    metadata["annotations"] = {
        name: value for name, value in annotations.items() if "davy.dev/" not in name
    }
    spec = kept["spec"]
    for rule in spec.get("http", ()):
        for destination in rule["route"]:
            destination.pop("weight", None)
    for rule in spec.get("rules", ()):
        for backend in rule["backendRefs"]:
            backend.pop("weight", None)
    for subset in spec.get("subsets", ()):
        subset.get("labels", {}).pop(HASH, None)
    if isinstance(spec.get("selector"), dict):
        spec["selector"].pop(HASH, None)
    return kept
