"""State in, patch of the spec or sentence out."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from davy.api import anti_affinity
from davy.api.anti_affinity import Apart
from davy.api.group import ApiGroup
from davy.api.template_hash import template_hash
from davy.cli import revisions, verbs_spec
from davy.cli.verbs import Already, Refuse, Write
from tests.unit.cli.cluster import FakeCluster, Shell
from tests.unit.cli.manifests import (
    a_paused_rollout,
    a_replica_set,
    a_rollout,
)

Json = dict[str, Any]
GROUP = ApiGroup()
WHO = "rollout shop/cart"


def a_template(version: str, **container: Any) -> Json:
    """Of two containers and an init container."""
    return {
        "metadata": {"labels": {"app": "cart"}},
        "spec": {
            "initContainers": [{"name": "migrate", "image": f"shop/migrate:{version}"}],
            "containers": [
                {"name": "app", "image": f"shop/cart:{version}", **container},
                {"name": "proxy", "image": "shop/proxy:1"},
            ],
        },
    }


def with_template(version: str, **container: Any) -> Json:
    """A rollout in an update to this version."""
    rollout = a_rollout()
    rollout["spec"]["template"] = a_template(version, **container)
    return rollout


def test_pause_and_resume_write_one_field() -> None:
    """As Argo's `pause`, and its `promote` of such a pause."""
    paused = verbs_spec.pause(a_rollout(), GROUP)
    assert isinstance(paused, Write)
    assert (paused.spec, paused.status) == ({"paused": True}, {})
    rollout = a_rollout()
    rollout["spec"]["paused"] = True
    resumed = verbs_spec.resume(rollout, GROUP)
    assert isinstance(resumed, Write)
    assert (resumed.spec, resumed.status) == ({"paused": False}, {})
    assert verbs_spec.pause(rollout, GROUP) == Already(f"{WHO} is already paused by spec.paused.")


def test_resume_of_what_isnt_paused_by_hand() -> None:
    """A step's pause is promote's; without any there is nothing to do."""
    assert verbs_spec.resume(a_paused_rollout(), GROUP) == Refuse(
        f"{WHO} isn't paused by spec.paused but by its steps: "
        "Step 5 of 5: paused at weight 50 until somebody promotes. To go on: davy promote cart"
    )
    assert isinstance(verbs_spec.resume(a_rollout(), GROUP), Already)


def test_an_image_is_set_in_its_container_alone() -> None:
    """The whole list is written, with all else that is in it."""
    rollout = with_template("1", env=[{"name": "A"}])
    decision = verbs_spec.set_image({"app": "shop/cart:2"})(rollout, GROUP)
    assert isinstance(decision, Write)
    assert decision.said == f"{WHO}: image of app shop/cart:1 → shop/cart:2."
    assert decision.spec == {
        "template": {
            "spec": {
                "containers": [
                    {"name": "app", "image": "shop/cart:2", "env": [{"name": "A"}]},
                    {"name": "proxy", "image": "shop/proxy:1"},
                ]
            }
        }
    }


def test_a_star_is_every_container_that_isnt_named() -> None:
    """Init containers too, as in Argo."""
    decision = verbs_spec.set_image({"*": "all:2", "proxy": "shop/proxy:2"})(
        with_template("1"), GROUP
    )
    assert isinstance(decision, Write)
    held = decision.spec["template"]["spec"]
    assert [found["image"] for found in held["initContainers"]] == ["all:2"]
    assert [found["image"] for found in held["containers"]] == ["all:2", "shop/proxy:2"]


@pytest.mark.parametrize(
    ("images", "rollout", "decision"),
    [
        ({"app": "shop/cart:1"}, with_template("1"), Already(f"{WHO} has these images already.")),
        (
            {"ap": "x:1", "app": "x:1"},
            with_template("1"),
            Refuse(f"{WHO} has no container ap; it has migrate, app, proxy.", of_status=False),
        ),
        (
            {"*": "x:1"},
            a_rollout(),
            Refuse(f"{WHO} has nothing to set; its template has no containers.", of_status=False),
        ),
    ],
)
def test_images_that_cant_be_set(images: dict[str, str], rollout: Json, decision: Refuse) -> None:
    """The sentence names the containers that are there."""
    assert verbs_spec.set_image(images)(rollout, GROUP) == decision


def a_kept(number: int, version: str, *, exact: bool = True) -> Json:
    """A ReplicaSet of this version, as the API server has it: with a default."""
    template = a_template(version)
    found = a_replica_set(template_hash(template), number, desired=0, available=0)
    labels = {"app": "cart", "rollouts-pod-template-hash": template_hash(template)}
    filled = {**template["spec"], "restartPolicy": "Always"}
    found["spec"]["template"] = {"metadata": {"labels": labels}, "spec": filled}
    if exact:
        found["metadata"]["annotations"][GROUP.template_annotation] = json.dumps(template)
    return found


def kept(*replica_sets: Json) -> list[revisions.Revision]:
    """What they keep."""
    return revisions.kept(a_rollout(), replica_sets, GROUP)


def test_a_revision_is_kept_as_the_user_wrote_it() -> None:
    """Without the server's defaults; a text that was changed, or is none, isn't believed."""
    (found,) = kept(a_kept(6, "1"))
    assert (found.number, found.template, found.exact) == (6, a_template("1"), True)
    for text in ("{}", "[]", "{", "[" * 100_000):
        broken = a_kept(6, "1")
        broken["metadata"]["annotations"][GROUP.template_annotation] = text
        (found,) = kept(broken)
        assert not found.exact
        assert found.template["spec"]["restartPolicy"] == "Always"
        assert found.template["metadata"]["labels"] == {"app": "cart"}


def test_replica_sets_of_others_and_without_a_number_arent_kept() -> None:
    """By owner and by annotation."""
    foreign, unnumbered = a_kept(5, "1"), a_kept(6, "2")
    foreign["metadata"]["ownerReferences"][0]["uid"] = "uid-other"
    unnumbered["metadata"]["annotations"][GROUP.revision_annotation] = "x"
    assert kept(foreign, unnumbered) == []


def test_undo_in_the_middle_goes_back_to_stable() -> None:
    """The newest but one; the merge patch takes away what the older one hasn't."""
    rollout = with_template("2", env=[])
    rollout["spec"]["template"]["metadata"]["annotations"] = {"a": "b"}
    rollout["status"]["stableRS"] = template_hash(a_template("1"))
    decision = verbs_spec.undo(kept(a_kept(7, "2"), a_kept(5, "0"), a_kept(6, "1")), 0)(
        rollout, GROUP
    )
    assert isinstance(decision, Write)
    assert decision.said == (
        f"{WHO}: the template of revision 6 again; it is stable, so all traffic goes to it at once."
    )
    assert decision.spec["template"]["metadata"] == {"annotations": None}
    assert decision.spec["template"]["spec"]["containers"] == a_template("1")["spec"]["containers"]


def test_undo_to_a_revision_by_its_number() -> None:
    """It passes all steps; one that only the API server's form is kept of is a new revision."""
    for exact, follows in ((True, "it passes all steps"), (False, "with what the API server")):
        decision = verbs_spec.undo(kept(a_kept(5, "0", exact=exact)), 5)(with_template("2"), GROUP)
        assert isinstance(decision, Write)
        assert follows in decision.said


def test_undo_speaks_of_the_rollback_window_where_there_is_one() -> None:
    """Which revisions it reaches is the operator's to count."""
    rollout = with_template("2")
    rollout["spec"]["rollbackWindow"] = {"revisions": 2}
    decision = verbs_spec.undo(kept(a_kept(5, "0")), 5)(rollout, GROUP)
    assert isinstance(decision, Write)
    assert "it passes all steps, unless it is within spec.rollbackWindow" in decision.said


def test_what_davy_added_for_a_role_is_no_part_of_a_kept_template() -> None:
    """Where the user's own wasn't kept: labels, annotations and the anti-affinity go."""
    found = a_kept(6, "1", exact=False)
    plain = kept(found)[0].template
    template = found["spec"]["template"]
    own = {"nodeAffinity": {"some": "rule"}}
    for affinity, left in ((None, {}), (own, {"affinity": own})):
        spec = plain["spec"] | ({"affinity": affinity} if affinity else {})
        apart = Apart("abc", 5)
        template["spec"] = {**spec, "affinity": anti_affinity.changed(spec, None, apart)}
        template["metadata"]["labels"] |= {"role": "stable"}
        template["metadata"]["annotations"] = {"since": "long", GROUP.role_annotation: "{}"}
        found["metadata"]["annotations"] |= {
            GROUP.role_annotation: '{"labels":{"role":"stable"},"annotations":{"since":"long"}}',
            GROUP.anti_affinity_annotation: str(apart),
        }
        (made,) = kept(found)
        assert made.template["metadata"] == {"labels": {"app": "cart"}}
        assert made.template["spec"] == plain["spec"] | left


@pytest.mark.parametrize(
    ("replica_sets", "to_revision", "decision"),
    [
        (
            [a_kept(7, "2")],
            0,
            Refuse(
                f"{WHO} keeps no revision before this one to go back to (kept: 7).",
                of_status=False,
            ),
        ),
        (
            [],
            3,
            Refuse(f"{WHO} keeps no revision 3 to go back to (kept: none).", of_status=False),
        ),
        ([a_kept(7, "2")], 7, Already(f"{WHO} has revision 7's template already.")),
    ],
)
def test_undo_without_anything_to_go_back_to(
    replica_sets: list[Json], to_revision: int, decision: Refuse
) -> None:
    """The sentence says what is kept."""
    assert verbs_spec.undo(kept(*replica_sets), to_revision)(with_template("2"), GROUP) == decision


def a_cluster(rollout: Json, *replica_sets: Json) -> FakeCluster:
    """With ReplicaSets."""
    return FakeCluster({"rollouts": [rollout], "replicasets": [*replica_sets]})


def test_the_commands_write_the_spec_at_once(davy: Shell) -> None:
    """Nothing of the status counts, so a spec that the operator has yet to see isn't waited for."""
    rollout = with_template("1")
    rollout["status"]["observedGeneration"] = "6"
    cluster = a_cluster(rollout, a_kept(6, "0"), a_kept(7, "1"))
    for arguments in (
        ("pause", "cart"),
        ("resume", "cart"),
        ("set", "image", "cart", "app=shop/cart:2"),
        ("undo", "cart", "--to-revision=6"),
    ):
        assert davy(cluster, *arguments).code == 0
    assert [(part, [*body["spec"]]) for part, body in cluster.patches] == [
        ("", ["paused"]),
        ("", ["paused"]),
        ("", ["template"]),
        ("", ["template"]),
    ]
    assert rollout["spec"]["template"] == a_template("0")


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (("app",), "app isn't CONTAINER=IMAGE, such as app=shop/cart:2."),
        (("=x",), "=x isn't CONTAINER=IMAGE"),
        (("app=",), "app= isn't CONTAINER=IMAGE"),
        (("app=a", "app=b"), "app is given two images; give it one."),
    ],
)
def test_images_that_are_written_wrongly(davy: Shell, images: tuple[str, ...], said: str) -> None:
    """Bad usage; nothing is read."""
    cluster = a_cluster(with_template("1"))
    done = davy(cluster, "set", "image", "cart", *images)
    assert (done.code, cluster.reads) == (2, 0)
    assert said in done.err


def test_restart_writes_a_moment_in_whole_seconds(davy: Shell) -> None:
    """As old as pods tell their age; said twice within one it is written once."""
    at = datetime(2031, 5, 4, 16, 0, 0, 999_000, tzinfo=timezone(timedelta(hours=2)))
    rollout = a_rollout()
    decision = verbs_spec.restart(at)(rollout, GROUP)
    assert isinstance(decision, Write)
    assert decision.spec == {"restartAt": "2031-05-04T14:00:00Z"}
    rollout["spec"] |= decision.spec
    assert isinstance(verbs_spec.restart(at)(rollout, GROUP), Already)
    cluster = a_cluster(a_rollout())
    assert davy(cluster, "restart", "cart", "--in", "10m").code == 0
    ((part, body),) = cluster.patches
    assert (part, [*body["spec"]]) == ("", ["restartAt"])
    wrong = davy(cluster, "restart", "cart", "-i", "soon")
    assert wrong.code == 2
    assert "'soon' is not a duration" in wrong.err


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("Deployment", "; change it there: kubectl {} deployment/web{}"),
        ("PodTemplate", "; change it there"),
    ],
)
def test_the_template_of_a_workload_is_changed_there(kind: str, says: str) -> None:
    """Written into the Rollout it would be a second template, which is refused."""
    rollout = a_rollout()
    rollout["spec"]["workloadRef"] = {"kind": kind, "name": "web"}
    told = f"{WHO} takes its pod template from {kind} web{says}"
    image = verbs_spec.set_image({"app": "shop/cart:2"})(rollout, GROUP)
    assert image == Refuse(told.format("set image", " app=shop/cart:2"), of_status=False)
    undone = verbs_spec.undo([], 0)(rollout, GROUP)
    assert undone == Refuse(told.format("rollout undo", ""), of_status=False)
