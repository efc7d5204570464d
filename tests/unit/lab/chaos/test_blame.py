"""A failed request is a fault's own doing only in that fault's place and time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.lab.chaos import blame
from tests.lab.chaos.blame import Cause, Window
from tests.lab.chaos.history import DAVY, Fault, FaultKind, Lost
from tests.lab.chaos.replica import Exit
from tests.lab.load_records import MadeBy, Request
from tests.unit.lab.chaos.story import SHOP, Story, at

POD, OTHER = "10.64.0.7", "10.64.0.8"


def failed(
    second: float,
    *,
    flags: str = "UF",
    address: str = POD,
    version: str | None = None,
    shop: str = SHOP,
) -> Lost:
    """By the proxy, or by the app of a version; it took 10 ms."""
    made_by = MadeBy.APP if version else MadeBy.PROXY
    status = 500 if version else 503
    request = Request(1, at(second), 0.0, 0.01, made_by, status, version)
    return Lost(shop, request, "" if version else flags, address)


def fault(
    kind: FaultKind, start: float, end: float, *, target: str = "", shop: str = "", pod: str = ""
) -> Fault:
    return Fault(kind, target, at(start), at(end), shop, pod)


def cause(lost: Lost, *faults: Fault, story: Story | None = None) -> Cause:
    story = story or Story()
    story.wait(1000)
    story.faults, story.lost = list(faults), [lost]
    ((_, found),) = blame.causes(story.history(), frozenset({(SHOP, "v3")}))
    return found


def outage(component: str, start: float, end: float) -> Fault:
    return fault(FaultKind.OUTAGE, start, end, target=component)


def outage_heard(component: str, start: float, end: float, heard: float) -> Fault:
    return replace(outage(component, start, end), heard=at(heard))


KILL = fault(FaultKind.KILL_POD, 10, 10, shop=SHOP, pod=POD)
DELETE = fault(FaultKind.DELETE_ROUTE, 10, 14, shop=SHOP)


@pytest.mark.parametrize(
    ("lost", "wanted"),
    [
        (failed(1, version="v3"), Cause.BAD_CANARY),
        (failed(1, version="v2"), Cause.UNEXPLAINED),
        (failed(1, version="v3", shop="shop-2"), Cause.UNEXPLAINED),
        (failed(1), Cause.UNEXPLAINED),
    ],
    ids=["the bad release", "a good one", "the same version elsewhere", "nobody"],
)
def test_without_faults_only_a_bad_release_may_fail_requests(lost: Lost, wanted: Cause) -> None:
    """The app's own 5xx of that very shop and version."""
    assert cause(lost) is wanted


@pytest.mark.parametrize(
    ("lost", "wanted"),
    [
        (failed(9.995), Cause.POD_AWAY),
        (failed(14.9), Cause.POD_AWAY),
        (failed(9.0), Cause.UNEXPLAINED),
        (failed(15.1), Cause.UNEXPLAINED),
        (failed(11, address=OTHER), Cause.UNEXPLAINED),
        (failed(11, flags="UH", address=""), Cause.POD_AWAY),
        (failed(11, flags="UH", address="", shop="shop-2"), Cause.UNEXPLAINED),
    ],
    ids=[
        "under way",
        "until recovered",
        "before",
        "after",
        "another pod",
        "none left",
        "elsewhere",
    ],
)
def test_a_killed_pod_explains_what_was_sent_to_it(lost: Lost, wanted: Cause) -> None:
    """From the kill until five undisturbed seconds later."""
    assert cause(lost, KILL) is wanted


def test_an_evicted_pod_explains_that_none_is_left_and_nothing_else() -> None:
    """It drains: what was sent to it is answered."""
    evicted = fault(FaultKind.EVICT_POD, 10, 10, shop=SHOP, pod=POD)
    assert cause(failed(11, flags="UH", address=""), evicted) is Cause.POD_AWAY
    assert cause(failed(11), evicted) is Cause.UNEXPLAINED


def test_an_operator_ends_by_itself_only_without_its_api_server() -> None:
    """It says so and starts anew; any other end is a crash."""
    story = Story()
    story.wait(1000)
    story.faults = [outage("etcd", 10, 20), outage("prometheus", 50, 90)]
    exits = [Exit("davy-0", at(second), 1) for second in (12, 24, 26, 60)]
    crashes = blame.unexplained_exits(story.history(), exits)
    assert [each.at for each in crashes] == [at(26), at(60)]


def test_recovery_waits_for_what_has_to_mend() -> None:
    """While the API server is away nobody tells Envoy that a pod has died."""
    late = failed(40)
    assert cause(late, KILL) is Cause.UNEXPLAINED
    assert cause(late, KILL, outage("kube-apiserver", 11, 38)) is Cause.POD_AWAY
    assert cause(late, KILL, outage("prometheus", 11, 38)) is Cause.UNEXPLAINED


@pytest.mark.parametrize(
    ("lost", "wanted"),
    [
        (failed(12, flags="NR", address=""), Cause.ROUTE_AWAY),
        (failed(18.9, flags="NC", address=""), Cause.ROUTE_AWAY),
        (failed(19.1, flags="NR", address=""), Cause.UNEXPLAINED),
        (failed(12, flags="NR", address="", shop="shop-2"), Cause.UNEXPLAINED),
        (failed(12, version="v2"), Cause.UNEXPLAINED),
    ],
    ids=["away", "until recovered", "after", "elsewhere", "the app answered"],
)
def test_a_deleted_route_explains_its_own_shops_answers(lost: Lost, wanted: Cause) -> None:
    """From the deletion until five undisturbed seconds after it is back."""
    assert cause(lost, DELETE) is wanted


def test_a_writers_call_that_is_done_late_explains_what_it_broke() -> None:
    """Its answer was lost; what it did came after the fault's end. Davy's own explain nothing."""
    for user, wanted in (("admin", Cause.ROUTE_AWAY), (DAVY, Cause.UNEXPLAINED)):
        story = Story()
        story.wait(30)
        story.weights(100, 0, by=user)
        assert cause(failed(31, flags="NR", address=""), story=story) is wanted


@pytest.mark.parametrize(
    ("away", "wanted"),
    [
        (outage("istiod", 15, 60), Cause.MESH_AWAY),
        (outage("etcd", 10, 19), Cause.MESH_AWAY),
        (outage("istiod", 45, 60), Cause.UNEXPLAINED),
        (outage("istiod", 2, 12), Cause.UNEXPLAINED),
        (outage("prometheus", 15, 60), Cause.UNEXPLAINED),
    ],
    ids=["no news", "just before it left", "after the failure", "long over", "not the mesh"],
)
def test_a_pod_that_left_unheard_is_the_outages_doing(away: Fault, wanted: Cause) -> None:
    """It left at second 20, was tried at 40, and Envoy couldn't hear of it in between."""
    story = Story()
    pod = {"metadata": {}, "status": {"podIP": POD}}
    story.see("pods", "shop-x", pod)
    story.wait(20)
    story.see("pods", "shop-x", {**pod, "metadata": {"deletionTimestamp": "now"}})
    assert cause(failed(40), away, story=story) is wanted
    assert cause(failed(40, address=OTHER), away, story=story) is Cause.UNEXPLAINED


def test_pods_that_envoy_has_not_heard_of_are_the_outages_doing() -> None:
    """Until the mesh's control plane has recovered; not later, and not without an outage."""
    away = outage("kube-apiserver", 10, 20)
    assert cause(failed(24, flags="UH", address=""), away) is Cause.MESH_AWAY
    assert cause(failed(26, flags="UH", address=""), away) is Cause.UNEXPLAINED
    assert cause(failed(24, flags="UH", address=""), outage("prometheus", 10, 20)) is (
        Cause.UNEXPLAINED
    )


def test_recovered_counts_undisturbed_time_only() -> None:
    """Two seconds, a disturbance, three more."""
    assert blame.recovered(at(0), []) == at(5)
    assert blame.recovered(at(0), [Window(at(2), at(10))]) == at(13)
    assert blame.recovered(at(3), [Window(at(2), at(10)), Window(at(14), at(20))]) == at(21)
    assert blame.recovered(at(0), [Window(at(6), at(10))]) == at(5)


def test_undisturbed_time_leaves_out_what_overlaps() -> None:
    """A disturbance counts as far as it is between start and end."""
    windows = [Window(at(0), at(2)), Window(at(5), at(6)), Window(at(9), at(20))]
    assert blame.undisturbed(windows, at(1), at(10)) == timedelta(seconds=6)
    assert blame.undisturbed(windows, at(3), at(4)) == timedelta(seconds=1)
    assert blame.undisturbed(windows, at(10), at(12)) == timedelta(0)


def test_windows_are_merged_in_order() -> None:
    """Overlapping ones become one."""
    windows = [Window(at(8), at(9)), Window(at(1), at(3)), Window(at(2), at(5))]
    assert blame.merged(windows) == [Window(at(1), at(5)), Window(at(8), at(9))]


def test_the_mesh_is_away_until_it_hears_again() -> None:
    """Watches of istiod come back after the API server; recovered is 5 s later."""
    away = outage_heard("kube-apiserver", 10, 20, 32)
    none_left = {"flags": "UH", "address": ""}
    assert cause(failed(36.9, **none_left), away) is Cause.MESH_AWAY
    assert cause(failed(37.1, **none_left), away) is Cause.UNEXPLAINED
    assert cause(failed(26, **none_left), outage("kube-apiserver", 10, 20)) is Cause.UNEXPLAINED
