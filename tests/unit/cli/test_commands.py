"""Command lines on a cluster in memory: what is printed, written and returned."""

import json
from typing import Any

import pytest
import yaml

from davy.api.errors import Forbidden, Unreachable
from davy.api.group import ARGO, ApiGroup
from davy.cli import verb
from tests.unit.cli.cluster import FakeCluster, Shell, changed
from tests.unit.cli.manifests import (
    CANARY,
    STABLE,
    a_finished_rollout,
    a_paused_rollout,
    a_pod,
    a_replica_set,
    a_rollout,
    an_aborted_rollout,
)

Json = dict[str, Any]


def a_cluster(*rollouts: Json, **options: Any) -> FakeCluster:
    """With a ReplicaSet and a pod of each revision."""
    return FakeCluster(
        {
            "rollouts": list(rollouts),
            "replicasets": [
                a_replica_set(STABLE, 6, desired=4, available=4),
                a_replica_set(CANARY, 7, desired=2, available=2),
            ],
            "pods": [a_pod("cart-aaa-1", STABLE), a_pod("cart-bbb-1", CANARY)],
            "analysisruns": [],
        },
        **options,
    )


def test_abort_says_what_comes_next(davy: Shell) -> None:
    """One patch of the status, one sentence, exit 0."""
    cluster = a_cluster(a_rollout())
    done = davy(cluster, "abort", "cart")
    assert done.code == 0
    assert done.out == (
        "rollout shop/cart: abort of revision 7 requested; all traffic goes to stable.\n"
    )
    assert cluster.patches == [("status", {"status": {"abort": True}})]


def test_abort_twice_finds_it_aborted(davy: Shell) -> None:
    """The second writes nothing and is no error."""
    cluster = a_cluster(a_rollout())
    davy(cluster, "abort", "cart")
    again = davy(cluster, "abort", "cart")
    assert (again.code, again.out) == (0, "rollout shop/cart is already aborted.\n")
    assert len(cluster.patches) == 1


def test_promote_twice_passes_one_pause(davy: Shell) -> None:
    """H3: a double click doesn't skip the step after the pause."""
    cluster = a_cluster(a_paused_rollout())
    davy(cluster, "promote", "cart")
    again = davy(cluster, "promote", "cart")
    assert again.code == 0
    assert cluster.patches == [("status", {"status": {"pauseConditions": None}})]


def test_promote_without_a_pause_is_refused(davy: Shell) -> None:
    """H3: the answer is a sentence on stderr and exit 1, nothing is written."""
    cluster = a_cluster(a_rollout())
    refused = davy(cluster, "promote", "cart")
    assert (refused.code, refused.out, cluster.patches) == (1, "", [])
    assert refused.err.startswith("error: rollout shop/cart isn't paused")
    assert refused.err.count("\n") == 1


def test_promote_in_full(davy: Shell) -> None:
    """`--full` needs no pause."""
    cluster = a_cluster(a_rollout())
    assert davy(cluster, "promote", "cart", "--full").code == 0
    assert cluster.patches == [("status", {"status": {"promoteFull": True}})]


@pytest.mark.parametrize(
    ("flag", "index"),
    [("--skip-current-step", 3), ("-c", 3), ("--skip-all-steps", 5), ("-a", 5)],
)
def test_steps_are_skipped(davy: Shell, flag: str, index: int) -> None:
    """One write of the status."""
    cluster = a_cluster(a_rollout())
    assert davy(cluster, "promote", "cart", flag).code == 0
    ((part, body),) = cluster.patches
    assert (part, body["status"]["currentStepIndex"]) == ("status", index)


def test_ways_to_promote_exclude_each_other(davy: Shell) -> None:
    """Bad usage; nothing is read."""
    cluster = a_cluster(a_rollout())
    done = davy(cluster, "promote", "cart", "--full", "-c")
    assert (done.code, cluster.reads) == (2, 0)
    assert "exclude each other; give one" in done.err


@pytest.mark.parametrize("words", [("rollout", "cart"), ("ro", "cart"), ("ro/cart",)])
def test_retry_takes_the_kind_as_argos_does(davy: Shell, words: tuple[str, ...]) -> None:
    """`retry rollout cart`."""
    assert davy(a_cluster(an_aborted_rollout()), "retry", *words).code == 0
    assert davy(a_cluster(an_aborted_rollout()), "retry", "pod", "cart").code == 2


def test_retry_of_an_aborted_rollout(davy: Shell) -> None:
    """`abort` is set to false, not removed: as Argo writes it."""
    cluster = a_cluster(an_aborted_rollout())
    assert davy(cluster, "retry", "cart").code == 0
    assert cluster.patches == [("status", {"status": {"abort": False}})]


def test_argos_spec_paused_is_written_before_the_status(davy: Shell) -> None:
    """Two writes, the second on the version that the first made."""
    rollout = a_paused_rollout(group=ApiGroup(ARGO))
    rollout["spec"]["paused"] = True
    cluster = a_cluster(rollout)
    assert davy(cluster, "promote", "cart", "--api-group", ARGO).code == 0
    assert cluster.patches == [
        ("", {"spec": {"paused": False}}),
        ("status", {"status": {"pauseConditions": None}}),
    ]


def test_a_conflict_is_decided_again(davy: Shell) -> None:
    """What the operator wrote in between counts: the pause was over, so nothing is promoted."""

    def operator(found: Json) -> None:
        found["status"].pop("pauseConditions", None)
        found["status"].pop("controllerPause", None)
        changed(found)

    cluster = a_cluster(a_paused_rollout(), meddle=operator)
    done = davy(cluster, "promote", "cart")
    assert (done.code, cluster.patches, cluster.reads) == (1, [], 2)


def test_conflicts_without_end_end(davy: Shell) -> None:
    """A bounded number of attempts, then a sentence."""
    cluster = a_cluster(a_rollout(), meddle=changed)
    done = davy(cluster, "abort", "cart")
    assert (done.code, cluster.reads) == (1, verb.ATTEMPTS)
    assert "nothing was written. Try again." in done.err


def test_an_update_applied_a_moment_ago_is_waited_for(
    davy: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal isn't final while the status is older than the spec."""
    cluster = a_cluster(a_finished_rollout(observedGeneration="6"))

    async def passes(_: float) -> None:
        cluster.objects["rollouts"] = [a_rollout()]

    monkeypatch.setattr("davy.cli.verb.asyncio.sleep", passes)
    assert davy(cluster, "abort", "cart").code == 0


def test_an_abort_waits_until_the_operator_has_seen_what_it_is_of(
    davy: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written before, it would be the old revision's, and the new one would go on (I3)."""
    cluster = a_cluster(a_rollout(observedGeneration="6"))

    async def passes(_: float) -> None:
        assert cluster.patches == []
        cluster.objects["rollouts"] = [a_rollout()]

    monkeypatch.setattr("davy.cli.verb.asyncio.sleep", passes)
    done = davy(cluster, "abort", "cart")
    assert cluster.patches == [("status", {"status": {"abort": True}})]
    assert "yet to see" not in done.out


def test_an_abort_that_no_operator_sees_says_so(
    davy: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody acts on it now; it is written all the same."""
    cluster = a_cluster(a_rollout(observedGeneration="6"))

    async def passes(_: float) -> None:
        """No operator runs."""

    monkeypatch.setattr("davy.cli.verb.asyncio.sleep", passes)
    done = davy(cluster, "abort", "cart")
    assert cluster.patches == [("status", {"status": {"abort": True}})]
    assert "But the operator has yet to see the newest spec" in done.out


@pytest.mark.parametrize("arguments", [("abort", "cart"), ("promote", "cart", "--full")])
def test_verbs_print_the_object_as_data(davy: Shell, arguments: tuple[str, ...]) -> None:
    """`-o json` and `-o yaml` are the rollout after the write, `-o name` is kubectl's form."""
    printed = davy(a_cluster(a_rollout()), *arguments, "-o", "json").out
    assert json.loads(printed)["metadata"]["resourceVersion"] == "101"
    printed = davy(a_cluster(a_rollout()), *arguments, "-o", "yaml").out
    assert yaml.safe_load(printed)["metadata"]["name"] == "cart"
    printed = davy(a_cluster(a_rollout()), *arguments, "-o", "name").out
    assert printed == "rollout.davy.dev/cart\n"


@pytest.mark.parametrize("name", ["cart", "ro/cart", "rollout/cart", "rollout.davy.dev/cart"])
def test_names_as_kubectl_writes_them(davy: Shell, name: str) -> None:
    """What `-o name` prints can be given back."""
    assert davy(a_cluster(a_rollout()), "abort", name).code == 0


def test_get_draws_the_tree(davy: Shell) -> None:
    """On a pipe: no colours, no blanks at line ends."""
    done = davy(a_cluster(a_rollout()), "get", "ro", "cart")
    assert done.code == 0
    assert "└─ ReplicaSet cart-bbb" in done.out
    assert "\x1b" not in done.out


def test_get_as_data(davy: Shell) -> None:
    """The same facts, in JSON and in YAML."""
    cluster = a_cluster(a_rollout())
    found = json.loads(davy(cluster, "get", "ro", "cart", "-o", "json").out)
    assert found == yaml.safe_load(davy(cluster, "get", "ro", "cart", "-o", "yaml").out)
    weight = {"wanted": 50, "written": 50, "verified": 10, "total": 100}
    assert found["headline"]["weight"] == weight
    assert found["revisions"][0]["replicaSet"]["pods"][0]["name"] == "cart-bbb-1"


def test_get_without_the_right_to_see_pods(davy: Shell) -> None:
    """The rollout is shown all the same, and what is missing is said."""
    cluster = a_cluster(a_rollout(), failures={"pods": Forbidden("no", status=403)})
    done = davy(cluster, "get", "ro", "cart")
    assert done.code == 0
    assert "Not shown: pods (not allowed)" in done.out


def test_a_rollout_that_is_not_there(davy: Shell) -> None:
    """The sentence names it and how to find others."""
    done = davy(a_cluster(), "get", "ro", "cart")
    assert (done.code, done.err) == (
        1,
        "error: rollout shop/cart isn't there; `davy list -n shop` shows those that are.\n",
    )


@pytest.mark.parametrize("arguments", [("list",), ("get", "ro", "cart"), ("abort", "cart")])
def test_a_cluster_without_the_crds(davy: Shell, arguments: tuple[str, ...]) -> None:
    """A newcomer is told what to install."""
    done = davy(FakeCluster({"pods": []}), *arguments)
    assert done.code == 1
    assert "has no rollouts.davy.dev (v1alpha1): install the CRDs" in done.err


def test_a_cluster_that_does_not_answer(davy: Shell) -> None:
    """The client's sentence, exit 1."""
    failures = {"rollouts": Unreachable("list rollouts: no connection to the API server.")}
    done = davy(a_cluster(failures=failures), "list")
    assert (done.code, done.err) == (1, "error: list rollouts: no connection to the API server.\n")


def test_the_list(davy: Shell) -> None:
    """A line each; as data a list; as names kubectl's form."""
    cluster = a_cluster(a_rollout())
    assert davy(cluster, "list", "ro").out.splitlines()[1].split()[:2] == ["cart", "Canary"]
    assert json.loads(davy(cluster, "list", "-A", "-o", "json").out)[0]["namespace"] == "shop"
    assert davy(cluster, "list", "-o", "name").out == "rollout.davy.dev/cart\n"


def test_an_empty_list(davy: Shell) -> None:
    """Nothing on standard output, a sentence beside it, no error."""
    done = davy(a_cluster(), "list")
    assert (done.code, done.out) == (0, "")
    assert done.err == "No rollouts of davy.dev in namespace shop.\n"
    assert json.loads(davy(a_cluster(), "list", "-o", "json").out) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "-n", "other"),
        ("-n", "other", "list"),
        ("-n", "shop", "list", "-n", "other"),
    ],
)
def test_global_options_before_and_after_the_command(
    davy: Shell, arguments: tuple[str, ...]
) -> None:
    """The one after the command counts more."""
    assert "namespace other" in davy(a_cluster(a_rollout()), *arguments).err


def test_the_environment_sets_the_namespace(davy: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """DAVY_NAMESPACE is read where no option says otherwise."""
    monkeypatch.setenv("DAVY_NAMESPACE", "other")
    assert "namespace other" in davy(a_cluster(a_rollout()), "list").err


def test_argos_rollouts(davy: Shell) -> None:
    """With their group their annotations count: the revision is known."""
    cluster = a_cluster(a_rollout(group=ApiGroup(ARGO)))
    done = davy(cluster, "abort", "cart", "--api-group", ARGO)
    assert "abort of revision 7" in done.out


def test_the_version_and_the_cluster(davy: Shell) -> None:
    """Which kinds are there and which are missing."""
    done = davy(a_cluster(), "version", "--kubeconfig", "x")
    assert "davy.dev/v1alpha1 serves rollouts, analysisruns; missing: analysistemplates" in done.out
    found = json.loads(davy(a_cluster(), "version", "--client", "-o", "json").out)
    assert found["server"] is None


def test_the_version_without_a_cluster(davy: Shell) -> None:
    """No cluster is no error."""
    done = davy(a_cluster(), "version")
    assert done.code == 0
    assert done.out.endswith("cluster: not asked: no kubeconfig is set.\n")
