"""Watch and audit log make one timeline, in etcd's order."""

from pathlib import Path

from tests.lab.chaos import envoy_log, routes
from tests.lab.chaos.history import DAVY, Key
from tests.unit.lab.chaos.story import NEW, OLD, ROLLOUT, SHOP, Story, updating

ROUTE = Key(SHOP, "virtualservices", "shop")


def test_states_have_their_writer_where_the_audit_log_knows_it() -> None:
    """A watch alone says what, not who."""
    story = Story()
    story.weights(100, 0, by="admin")
    story.weights(50, 50)
    story.see("virtualservices", "shop", story.objects[ROUTE])
    assert [state.by for state in story.history().states[ROUTE]] == ["admin", DAVY, ""]


def test_a_deletion_is_a_state() -> None:
    """From then on there is no object, whatever was written before."""
    story = Story()
    story.weights(100, 0)
    story.see("virtualservices", "shop", None)
    gone = story.version
    story.weights(90, 10)
    history = story.history()
    assert history.found(ROUTE, gone - 1) is not None
    assert history.found(ROUTE, gone) is None
    assert history.found(ROUTE, gone + 1) is not None


def test_the_split_is_that_of_the_moment() -> None:
    """Weights from one object, revisions from another, each as of the same etcd revision."""
    story = updating()
    before = story.version
    story.weights(0, 100)
    story.subsets(NEW, NEW)
    history = story.history()
    assert routes.split(history, ROLLOUT, before) == routes.Split(50, OLD, NEW)
    assert routes.split(history, ROLLOUT, before + 1) == routes.Split(100, OLD, NEW)
    assert routes.split(history, ROLLOUT, before + 2) == routes.Split(100, NEW, NEW)


def test_a_route_without_one_of_its_objects_has_no_split() -> None:
    """Nobody knows then where requests go."""
    story = updating()
    story.see("destinationrules", "shop", None)
    assert routes.split(story.history(), ROLLOUT, story.version) is None


def test_envoys_line_is_found_by_host_and_number(tmp_path: Path) -> None:
    """Flags and the pod that was tried; other lines are left out."""
    log = tmp_path / "envoy.log"
    log.write_text(
        '[2026-11-22T19:20:11.214Z] "GET /?n=417 HTTP/1.1" 503 UF,URX upstream_reset - '
        '"delayed_connect_error:_Connection_refused" 0 152 61 - "10.0.0.1" "-" '
        '"9ef2b9c4" "shop-1.example" "10.64.0.7:8080" outbound|80|canary|shop.shop-1.svc '
        "- 10.0.0.1:15080 10.0.0.1:45678 - primary\n"
        '[2026-11-22 19:20:11.300][12][warning][config] something else "n=418"\n'
    )
    found = envoy_log.read(log)
    assert found == {("shop-1.example", 417): envoy_log.Line("UF,URX", "10.64.0.7")}
