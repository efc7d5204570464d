"""I8: ReplicaSets of the same template under another hash are the revision's, whoever made them."""

import copy
from typing import Any

import pytest

from davy.api.group import ARGO, ApiGroup
from davy.api.template_hash import template_hash, written_hash
from davy.cluster.cache import Json
from davy.cluster.kinds import DESTINATION_RULE, REPLICA_SET, VIRTUAL_SERVICE
from tests.unit.controller.stage import Stage, manifest, network, playing

GROUP = ApiGroup(ARGO)
THEIRS = "6f8b9d7c5"
"""A hash of Argo's controller."""
LABEL = "rollouts-pod-template-hash"


def served(template: Json) -> Json:
    """The template with some of what an API server fills in."""
    found = copy.deepcopy(template)
    found["metadata"]["creationTimestamp"] = None
    found["spec"] |= {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
    }
    for container in found["spec"]["containers"]:
        container |= {
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": "IfNotPresent",
        }
    return found


def a_replica_set(rollout: Json, hash_: str, revision: int = 1, role: str = "{}") -> Json:
    """As another controller made it for this Rollout, with four pods."""
    template = served(rollout["spec"]["template"])
    template["metadata"]["labels"][LABEL] = hash_
    owner = {"apiVersion": GROUP.api_version, "kind": "Rollout", "controller": True}
    metadata = {
        "namespace": "shop",
        "name": f"cart-{hash_}",
        "labels": {"app": "cart", LABEL: hash_},
        "annotations": {
            GROUP.revision_annotation: str(revision),
            GROUP.desired_replicas_annotation: "4",
            GROUP.role_annotation: role,
        },
        "ownerReferences": [
            {**owner, "name": "cart", "uid": rollout["metadata"]["uid"], "blockOwnerDeletion": True}
        ],
    }
    selector = {"matchLabels": {"app": "cart", LABEL: hash_}}
    return {
        "metadata": metadata,
        "spec": {"replicas": 4, "selector": selector, "template": template},
    }


def taken_over(stage: Stage, hash_: str, written: Json | None = None, **status: Any) -> None:
    """A Rollout that another controller had in hand, Healthy, its route led to this hash."""
    network(stage.cluster)

    def narrow(rule: Json) -> None:
        for subset in rule["spec"]["subsets"]:
            subset["labels"][LABEL] = hash_

    stage.cluster.edit(DESTINATION_RULE, "shop", "cart", narrow)
    rollout = written or manifest()
    rollout["metadata"]["annotations"] = {GROUP.revision_annotation: "1"}
    rollout["status"] = {
        "phase": "Healthy",
        "stableRS": hash_,
        "currentPodHash": hash_,
        "currentStepHash": "57b9899c6d",
        "currentStepIndex": 3,
        "observedGeneration": "1",
        "replicas": 4,
        "HPAReplicas": 4,
        "selector": "app=cart",
        **status,
    }
    made = stage.cluster.put(stage.operator.kinds.rollout, rollout)
    stage.cluster.put(REPLICA_SET, a_replica_set(made, hash_))


async def settled(stage: Stage) -> None:
    """Healthy, and nothing more happens."""
    await stage.until(lambda: stage.status().get("message", "").endswith("has all traffic."))
    await stage.turn(10)


async def test_a_rollout_of_argos_goes_on_with_its_replica_set() -> None:
    """Neither a revision nor a pod nor a weight is new; the next release goes through the steps."""
    async with playing(api_group=GROUP) as stage:
        taken_over(stage, THEIRS)
        before = stage.cluster.peek(VIRTUAL_SERVICE, "shop", "cart")
        await settled(stage)
        (found,) = stage.replica_sets()
        assert found["metadata"]["name"] == f"cart-{THEIRS}"
        assert found["spec"]["replicas"] == 4
        status = stage.status()
        assert (status["stableRS"], status["currentPodHash"]) == (THEIRS, THEIRS)
        assert status["currentStepIndex"] == 3
        assert stage.cluster.peek(VIRTUAL_SERVICE, "shop", "cart") == before
        assert [text for text in stage.events() if "NewReplicaSet" in text] == []
        stage.apply(manifest(version="2"))
        await stage.until(lambda: stage.weight() == 10)
        assert stage.status()["stableRS"] == THEIRS
        await settled(stage)
        assert stage.status()["stableRS"] == template_hash(
            manifest(version="2")["spec"]["template"]
        )
        old, new = sorted(stage.replica_sets(), key=lambda each: int(each["spec"]["replicas"]))
        assert (old["metadata"]["name"], old["spec"]["replicas"]) == (f"cart-{THEIRS}", 0)
        assert new["metadata"]["annotations"][GROUP.revision_annotation] == "2"


async def test_a_rollback_to_argos_template_needs_no_new_replica_set() -> None:
    """In the middle of an update: at once, to the pods that were there all the time."""
    async with playing(api_group=GROUP) as stage:
        taken_over(stage, THEIRS)
        await settled(stage)
        stage.apply(manifest(version="2"))
        await stage.until(lambda: stage.weight() == 10)
        stage.apply(manifest())
        await settled(stage)
        assert stage.status()["stableRS"] == THEIRS
        assert stage.weight() == 0
        assert len(stage.replica_sets()) == 2


async def test_argos_update_in_the_middle_goes_on_with_its_pods() -> None:
    """The steps begin again, as their hash is Argo's; both revisions keep their ReplicaSets."""
    async with playing(api_group=GROUP) as stage:
        taken_over(stage, THEIRS)
        rollout = stage.rollout()
        rollout["spec"] = manifest(version="2")["spec"]
        rollout["status"] |= {"currentPodHash": "77c9dc5f4", "currentStepIndex": 1}
        made = stage.cluster.put(stage.operator.kinds.rollout, rollout)
        stage.cluster.put(REPLICA_SET, a_replica_set(made, "77c9dc5f4", 2))
        await stage.until(lambda: stage.weight() == 10)
        assert len(stage.replica_sets()) == 2
        await settled(stage)
        assert stage.status()["stableRS"] == "77c9dc5f4"
        assert len(stage.replica_sets()) == 2


async def test_a_template_that_differs_is_a_new_revision() -> None:
    """What isn't the same beyond doubt goes through the steps."""
    other = manifest()
    other["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": False}
    async with playing(api_group=GROUP) as stage:
        taken_over(stage, THEIRS)
        stage.apply(other)
        await stage.until(lambda: stage.weight() == 10)
        assert stage.status()["stableRS"] == THEIRS
        assert stage.status()["currentPodHash"] == template_hash(other["spec"]["template"])


async def test_what_argo_put_there_for_a_role_is_no_other_template() -> None:
    """Its annotation says what it was."""
    role = '{"labels":{"role":"stable"}}'
    async with playing(api_group=GROUP) as stage:
        taken_over(stage, THEIRS)
        found = a_replica_set(stage.rollout(), THEIRS, role=role)
        found["spec"]["template"]["metadata"]["labels"]["role"] = "stable"
        stage.cluster.put(REPLICA_SET, found)
        await settled(stage)
        assert len(stage.replica_sets()) == 1
        assert stage.status()["currentPodHash"] == THEIRS


@pytest.mark.parametrize("has_replica_set", [True, False])
async def test_the_hash_of_an_earlier_davy_stays(*, has_replica_set: bool) -> None:
    """An upgrade starts nothing, though the template says what the server would fill in."""
    wordy = manifest()
    wordy["spec"]["template"] = served(wordy["spec"]["template"])
    earlier = written_hash(wordy["spec"]["template"])
    assert earlier != template_hash(wordy["spec"]["template"])
    async with playing(api_group=GROUP) as stage:
        taken_over(stage, earlier, wordy)
        if not has_replica_set:
            stage.cluster.remove(REPLICA_SET, "shop", f"cart-{earlier}")
        await settled(stage)
        assert stage.status()["stableRS"] == earlier
        assert [each["metadata"]["name"] for each in stage.replica_sets()] == [f"cart-{earlier}"]


async def test_other_words_for_the_template_change_nothing() -> None:
    """A client that writes defaults re-applies: no status, no ReplicaSet is written."""
    async with playing() as stage:
        network(stage.cluster)
        stage.apply(manifest())
        await settled(stage)
        before = copy.deepcopy(stage.replica_sets())
        wordy = manifest()
        wordy["spec"]["template"] = served(wordy["spec"]["template"])
        stage.apply(wordy)
        await settled(stage)
        assert stage.replica_sets() == before
        assert stage.status()["currentPodHash"] == before[0]["metadata"]["labels"][LABEL]
