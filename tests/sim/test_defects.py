"""The simulation is worth something only if it finds what is wrong: defects, seeded one by one.

Each is made where the rule is; the simulation must break within some hundred schedules.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, islice
from typing import Any

import pytest

from davy.analysis import judge, warmup
from davy.analysis.answer import Answer, Decided, NotAnswered, Underway
from davy.api import template_hash
from davy.api.analysis import Phase
from davy.api.capacity import Capacity
from davy.cluster import apply
from davy.controller import jobs
from davy.engine import (
    basic,
    by_pods,
    by_route,
    decide,
    destinations,
    effect,
    handover,
    plan,
    position,
    restart,
    roles,
    scale,
    stable_scale,
    steps,
    swap,
    weights,
    window,
)
from davy.metrics import job
from davy.traffic import elsewhere, ping_pong
from tests.sim.runner import one
from tests.sim.schedule import PODS, Setup, generate

pytestmark = pytest.mark.sim
ENOUGH = 300


def no_drain(patch: pytest.MonkeyPatch) -> None:
    """Pods go with their weight."""
    patch.setattr(scale, "_delay_seconds", lambda *_: 0)


def weight_before_capacity(patch: pytest.MonkeyPatch) -> None:
    """As if all pods were there."""
    patch.setattr(weights, "_may_rise", lambda *_: True)
    patch.setattr(Capacity, "carried", lambda *_: 100)


def no_settling(patch: pytest.MonkeyPatch) -> None:
    """What is written is taken for what is so."""
    real = effect.effect

    def at_once(*arguments: Any) -> effect.Effect:
        found = real(*arguments)
        known = arguments[0].canary_weight is not None
        return replace(found, in_effect=known, settles_at=None)

    patch.setattr(by_route, "effect", at_once)


def no_resource_version(patch: pytest.MonkeyPatch) -> None:
    """Statuses are written over what came meanwhile."""

    async def blind(api: Any, kind: Any, found: Any, *, before: Any, after: Any) -> Any:
        patch_ = apply.difference(before, after)
        name = found["metadata"]["namespace"], found["metadata"]["name"]
        body = {"status": patch_}
        return await api.patch_merge(kind, *name, body, subresource="status") if patch_ else None

    patch.setattr(apply, "write_status", blind)


def pauses_are_skipped(patch: pytest.MonkeyPatch) -> None:
    """A pause is over when it begins."""
    patch.setattr(steps, "_pause", lambda position, _: (position, True))


def a_pause_by_hand_holds_no_weight(patch: pytest.MonkeyPatch) -> None:
    """`spec.paused` holds the steps, and not what the step under way asks for."""

    def of_step(_: Any, where: Any) -> int:
        aborted = where.stage is position.Stage.ABORTED
        return 0 if aborted else weights.of_step(where.steps, where.index, where.total)

    patch.setattr(decide, "_target", of_step)


def nothing_is_a_success(patch: pytest.MonkeyPatch) -> None:
    """An analysis step is passed without its run's success."""
    patch.setattr(steps, "_analysis", lambda position, _: (position, position.step_run is not None))


def nothing_warms_up(patch: pytest.MonkeyPatch) -> None:
    """A metric is asked right after a weight change."""
    patch.setattr(warmup, "held", lambda *_: None)


def a_plugin_is_not_heard(patch: pytest.MonkeyPatch) -> None:
    """A step of a plugin's is over when it begins."""
    real = steps._plugin

    def begun(position: Any, around: Any) -> Any:
        where, _ = real(position, around)
        return where, where.step_plugin is not None

    patch.setattr(steps, "_plugin", begun)


def a_dry_run_decides(patch: pytest.MonkeyPatch) -> None:
    """As if it were none."""
    patch.setattr(judge, "_deciding", lambda results: results)


def a_job_is_a_success_when_it_is_made(patch: pytest.MonkeyPatch) -> None:
    """Whatever its pod will say."""
    patch.setattr(job, "decided", lambda _: Decided(Phase.SUCCESSFUL, "made"))


def a_job_that_cant_be_read_is_given_up(patch: pytest.MonkeyPatch) -> None:
    """And another one is made beside it."""
    real = jobs.Jobs._look

    async def hasty(*arguments: Any) -> Answer:
        found = await real(*arguments)
        lost = isinstance(found, Underway) and "can't be read" in found.message
        return NotAnswered("who knows") if lost else found

    patch.setattr(jobs.Jobs, "_look", hasty)


def an_ended_run_leaves_its_job(patch: pytest.MonkeyPatch) -> None:
    """Nobody deletes it."""

    async def gone(*_: Any) -> bool:
        return True

    patch.setattr(jobs.Jobs, "close", gone)


def an_abort_is_no_haste(patch: pytest.MonkeyPatch) -> None:
    """An abort waits for the mesh, as a step does."""
    real = weights.wanted

    def patient(around: Any, position: Any, target: int) -> int | None:
        goal = real(around, position, target)
        return goal if around.took.in_effect else around.world.route.canary_weight

    patch.setattr(weights, "wanted", patient)


def pods_go_before_others_are_there(patch: pytest.MonkeyPatch) -> None:
    """Without a router: maxUnavailable isn't looked at."""
    patch.setattr(basic, "_shrunk", lambda has, wants, _: min(has, wants))


def pods_come_before_others_went(patch: pytest.MonkeyPatch) -> None:
    """Without a router: maxSurge isn't looked at."""
    patch.setattr(basic, "_grown", lambda has, wants, _: max(has, wants))


def a_weight_of_pods_is_taken_for_granted(patch: pytest.MonkeyPatch) -> None:
    """Without a router: a step is passed while its pods start."""
    patch.setattr(by_pods.ByPods, "in_place", lambda *_: True)


def a_restart_takes_all_at_once(patch: pytest.MonkeyPatch) -> None:
    """Whatever may be missing."""
    patch.setattr(restart, "_at_once", lambda around: max(1, around.full))


def stable_shrinks_under_its_weight(patch: pytest.MonkeyPatch) -> None:
    """dynamicStableScale: weights that come back don't look at stable's pods."""
    patch.setattr(stable_scale, "left", lambda _around, _position, goal: goal)


def a_scale_is_taken_for_granted(patch: pytest.MonkeyPatch) -> None:
    """`setCanaryScale` is passed while its pods start."""
    patch.setattr(steps, "_set_canary_scale", lambda position, _: (position, True))


def every_rollback_skips_the_steps(patch: pytest.MonkeyPatch) -> None:
    """As if `rollbackWindow` had no end."""
    patch.setattr(window, "reaches", lambda _, where: where.stage is position.Stage.UPDATING)


def pods_keep_the_role_they_had(patch: pytest.MonkeyPatch) -> None:
    """Only new pods get what the new role has."""
    real = roles._changes

    def some(*arguments: Any) -> Any:
        return (found for found in real(*arguments) if not isinstance(found, plan.AddToPods))

    patch.setattr(roles, "_changes", some)


def other_words_are_another_template(patch: pytest.MonkeyPatch) -> None:
    """The hash is that of what was written."""
    patch.setattr(template_hash, "normal", lambda template: template)


def the_roles_never_swap(patch: pytest.MonkeyPatch) -> None:
    """pingPong: ping is stable's for ever, though pong leads to the stable revision."""

    def as_named(router: Any, rollout: Any, objects: Any, _: object) -> Any:
        return rollout, router.read(rollout, objects)

    patch.setattr(ping_pong, "read", as_named)
    patch.setattr(swap, "after", lambda route, _: route)


def a_service_moves_with_its_traffic(patch: pytest.MonkeyPatch) -> None:
    """pingPong: the canary's Service is led elsewhere, whatever is sent to it."""
    patch.setattr(destinations, "_is_quiet_canary", lambda _: True)


def a_deployment_goes_at_once(patch: pytest.MonkeyPatch) -> None:
    """Before the rollout's pods are there, or the route leads to them."""
    patch.setattr(handover, "_kept", lambda *_, **__: 0)


def a_destination_is_opened_at_once(patch: pytest.MonkeyPatch) -> None:
    """Before the Deployment's pods are there."""
    patch.setattr(handover, "_is_there", lambda _: True)


def anybody_may_write_anywhere(patch: pytest.MonkeyPatch) -> None:
    """A VirtualService of another namespace is as one of the rollout's own."""
    patch.setattr(elsewhere.Guest, "may_write", lambda *_: True)


def a_withdrawn_route_is_let_alone(patch: pytest.MonkeyPatch) -> None:
    """Nothing more is seen of it, nor written."""
    patch.setattr(elsewhere.Guest, "may_look", elsewhere.Guest.may_write)


DEFECTS: list[Callable[[pytest.MonkeyPatch], None]] = [
    no_drain,
    weight_before_capacity,
    no_settling,
    no_resource_version,
    pauses_are_skipped,
    a_pause_by_hand_holds_no_weight,
    nothing_is_a_success,
    nothing_warms_up,
    a_plugin_is_not_heard,
    a_dry_run_decides,
    a_job_is_a_success_when_it_is_made,
    a_job_that_cant_be_read_is_given_up,
    an_ended_run_leaves_its_job,
    an_abort_is_no_haste,
    pods_go_before_others_are_there,
    pods_come_before_others_went,
    a_weight_of_pods_is_taken_for_granted,
    a_restart_takes_all_at_once,
    stable_shrinks_under_its_weight,
    a_scale_is_taken_for_granted,
    every_rollback_skips_the_steps,
    pods_keep_the_role_they_had,
    the_roles_never_swap,
    a_service_moves_with_its_traffic,
    other_words_are_another_template,
    a_deployment_goes_at_once,
    a_destination_is_opened_at_once,
    anybody_may_write_anywhere,
    a_withdrawn_route_is_let_alone,
]


SEEN_IN: dict[Callable[[pytest.MonkeyPatch], None], Callable[[Setup], bool]] = {
    nothing_warms_up: lambda setup: setup.warmup > 0,
    a_dry_run_decides: lambda setup: bool(setup.dry_run),
    a_job_is_a_success_when_it_is_made: lambda setup: bool(setup.job),
    a_job_that_cant_be_read_is_given_up: lambda setup: bool(setup.job),
    an_ended_run_leaves_its_job: lambda setup: bool(setup.job),
    pods_go_before_others_are_there: lambda setup: setup.router == PODS,
    pods_come_before_others_went: lambda setup: setup.router == PODS,
    a_weight_of_pods_is_taken_for_granted: lambda setup: setup.router == PODS,
    a_restart_takes_all_at_once: lambda setup: setup.pods_shown,
    stable_shrinks_under_its_weight: lambda setup: setup.dynamic,
    every_rollback_skips_the_steps: lambda setup: setup.window > 0,
    pods_keep_the_role_they_had: lambda setup: setup.roles,
    the_roles_never_swap: lambda setup: setup.swaps,
    a_service_moves_with_its_traffic: lambda setup: setup.swaps,
    anybody_may_write_anywhere: lambda setup: setup.elsewhere,
    a_withdrawn_route_is_let_alone: lambda setup: setup.elsewhere,
}
"""The worlds in which a defect can be seen; one that isn't named here: in all."""


def seeds(seed_defect: Callable[[pytest.MonkeyPatch], None]) -> Iterator[int]:
    """Of the worlds in which it can be seen, so many that it must be."""
    return islice((seed for seed in count(1) if _is_seen(seed_defect, seed)), ENOUGH)


def _is_seen(seed_defect: Callable[[pytest.MonkeyPatch], None], seed: int) -> bool:
    in_all = seed_defect not in SEEN_IN
    return in_all or SEEN_IN[seed_defect](generate(seed).setup)


@pytest.mark.parametrize("seed_defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_seeded_defect_is_found(
    seed_defect: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an invariant, not by an error of the simulation's own."""
    seed_defect(monkeypatch)
    found = next((why for seed in seeds(seed_defect) if (why := one(seed).broken)), "")
    assert found
    assert not found.startswith("simulation")
