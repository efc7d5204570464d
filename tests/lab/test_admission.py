"""The CRDs on a real API server: what is refused with which sentence, what is accepted.

Cases go into `tests/unit/api/*_cases.py`, one table for validation and for this; what the CRD
can't say (`ONLY_VALIDATION`) must pass here, since the controller is to find it.
"""

import json
from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import pytest
import pytest_asyncio

from davy.api import unbuilt
from davy.api.crd import crds
from davy.api.group import ARGO, ApiGroup
from tests.lab.kube_errors import Invalid, KubeError
from tests.lab.lab import Lab
from tests.unit.api import cases
from tests.unit.api.bad import Bad
from tests.unit.api.documents import GOOD, changed

Json = dict[str, Any]

UNBUILT = [
    (base, entry)
    for base, table in (
        ("gateway", unbuilt.ROLLOUT),
        ("template", unbuilt.ANALYSIS_TEMPLATE),
        ("run", unbuilt.ANALYSIS_RUN),
    )
    for entry in table
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(lab: Lab) -> Lab:
    """The lab with Davy's CRDs established in Davy's group."""
    await _establish(lab, ApiGroup())
    return lab


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(served: Lab) -> AsyncIterator[str]:
    """One namespace for all dry runs, which leave nothing in it."""
    name = await served.new_namespace()
    yield name
    await served.delete_namespace(name)


async def _establish(lab: Lab, group: ApiGroup) -> None:
    wanted = crds(group)
    await lab.apply(wanted)

    async def established() -> bool:
        found = [await lab.kube.get("crd", crd["metadata"]["name"]) for crd in wanted]
        return all(
            any(
                {"type": "Established", "status": "True"}.items() <= condition.items()
                for condition in crd.get("status", {}).get("conditions") or ()  # none at first
            )
            for crd in found
        )

    await lab.until(established, describe=f"the CRDs of {group.name}")


def _placed(document: Json, namespace: str) -> Json:
    """The object in the test's namespace."""
    placed = deepcopy(document)
    if "namespace" in placed["metadata"]:
        placed["metadata"]["namespace"] = namespace
    return placed


async def _refusal(lab: Lab, document: Json, namespace: str) -> str:
    """What the API server says against it; "" when it would take it."""
    try:
        await lab.kube.create(_placed(document, namespace), dry_run=True)
    except Invalid as error:
        return error.message
    return ""


@pytest.mark.parametrize("base", GOOD)
async def test_a_good_object_is_accepted(served: Lab, place: str, base: str) -> None:
    """The accepted case of every rule: each bad one is one change away."""
    assert await _refusal(served, GOOD[base], place) == ""


@pytest.mark.parametrize("bad", cases.ALL, ids=lambda bad: f"{bad.base}: {bad.because}")
async def test_a_bad_object_is_refused_with_its_sentence(served: Lab, place: str, bad: Bad) -> None:
    """Refused before it is stored; what the CRD can't say is stored and found by validation."""
    message = await _refusal(served, changed(bad.base, bad.changes), place)
    assert bad.server in message
    assert bool(message) == bool(bad.server)


@pytest.mark.parametrize(
    ("base", "entry"), UNBUILT, ids=[f"{base}-{entry.at}.{entry.field}" for base, entry in UNBUILT]
)
async def test_a_field_that_is_not_built_is_refused_at_its_place(
    served: Lab, place: str, base: str, entry: unbuilt.Unbuilt
) -> None:
    """Neither ignored nor pruned: the error names the field and what to use."""
    document = cases.with_unbuilt(base, entry, cases.sample(entry))
    message = await _refusal(served, document, place)
    assert entry.message in message
    assert f".{entry.field}: Invalid value" in message
    for value in entry.neutral:
        assert await _refusal(served, cases.with_unbuilt(base, entry, value), place) == ""


async def test_blue_green_alone_gets_one_sentence(served: Lab, place: str) -> None:
    """A missing required field would keep every rule from being checked; none is required there."""
    document = changed("gateway", {"spec.strategy": {"blueGreen": {"activeService": "cart"}}})
    message = await _refusal(served, document, place)
    assert "spec.strategy.blueGreen" in message
    assert "blue-green updates are not built yet; use strategy.canary" in message
    assert "spec.strategy.canary is missing" not in message


async def test_a_selector_is_never_changed(served: Lab, namespace: str) -> None:
    """The ReplicaSets of another selector would be nobody's."""
    await served.kube.create(_placed(GOOD["gateway"], namespace))
    labels = {"spec": {"selector": {"matchLabels": {"tier": "web"}}}}
    with pytest.raises(KubeError, match="can't be changed; delete the Rollout and create it anew"):
        await served.kube.patch("rollouts.davy.dev", "cart", labels, namespace=namespace)
    replicas = await served.kube.patch(
        "rollouts.davy.dev", "cart", {"spec": {"replicas": 7}}, namespace=namespace
    )
    assert replicas["spec"]["replicas"] == 7


async def test_an_autoscaler_can_read_and_write_the_scale(served: Lab, namespace: str) -> None:
    """GET /scale answers although replicas was left out: the one default of the schema."""
    document = _placed(GOOD["gateway"], namespace)
    del document["spec"]["replicas"]
    stored = await served.kube.create(document)
    assert stored["spec"]["replicas"] == 1
    name = ("rollouts.davy.dev", "cart")
    scale = await served.kube.get(*name, namespace=namespace, subresource="scale")
    assert scale["spec"] == {"replicas": 1}
    await served.kube.patch(
        *name,
        {"status": {"HPAReplicas": 3, "selector": "app=cart"}},
        namespace=namespace,
        subresource="status",
    )
    await served.kube.patch(
        *name, {"spec": {"replicas": 4}}, namespace=namespace, subresource="scale"
    )
    scale = await served.kube.get(*name, namespace=namespace, subresource="scale")
    assert (scale["spec"], scale["status"]) == (
        {"replicas": 4},
        {"replicas": 3, "selector": "app=cart"},
    )


async def test_defaults_are_not_written_into_objects(served: Lab, namespace: str) -> None:
    """GitOps sees what it applied, and nothing else."""
    stored = await served.kube.create(_placed(GOOD["gateway"], namespace))
    assert stored["spec"] == GOOD["gateway"]["spec"]


async def test_the_verbs_of_argos_tools_are_stored(served: Lab, namespace: str) -> None:
    """`abort`, `promoteFull`, `pauseConditions` and `currentStepIndex` are fields of the status."""
    await served.kube.create(_placed(GOOD["gateway"], namespace))
    written = {
        "abort": True,
        "promoteFull": False,
        "controllerPause": False,
        "currentStepIndex": 2,
        "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-01-02T03:04:05Z"}],
    }
    stored = await served.kube.patch(
        "rollouts.davy.dev", "cart", {"status": written}, namespace=namespace, subresource="status"
    )
    assert stored["status"] == written
    stored = await served.kube.patch(
        "rollouts.davy.dev",
        "cart",
        {"status": {"pauseConditions": None}},
        namespace=namespace,
        subresource="status",
    )
    assert "pauseConditions" not in stored["status"]


async def test_kubectl_shows_columns_and_explains_fields(served: Lab, namespace: str) -> None:
    """Short names, category `all`, the message with `-o wide`, descriptions of fields."""
    await served.kube.create(_placed(GOOD["gateway"], namespace))
    await served.kube.patch(
        "rollouts.davy.dev",
        "cart",
        {
            "status": {
                "phase": "Paused",
                "currentStep": "2/5",
                "message": "Until somebody promotes.",
            }
        },
        namespace=namespace,
        subresource="status",
    )
    wide = await served.kubectl("get", "ro", "-n", namespace, "-o", "wide")
    assert wide.split()[:8] == [
        "NAME",
        "PHASE",
        "STEP",
        "WEIGHT",
        "STABLE",
        "CANARY",
        "AGE",
        "MESSAGE",
    ]
    assert "Until somebody promotes." in wide
    assert "rollout.davy.dev/cart" in await served.kubectl("get", "all", "-n", namespace)
    explained = await served.kubectl("explain", "rollout.spec.strategy.canary.steps")
    assert "part of the route's traffic, a whole number" in " ".join(explained.split())


async def test_kubectl_refuses_a_misspelt_field(served: Lab, namespace: str) -> None:
    """The API server prunes what the schema doesn't know; kubectl's strict validation tells."""
    document = _placed(changed("gateway", {"spec.minReadySecond": 5}), namespace)
    with pytest.raises(Exception, match=r'unknown field "spec\.minReadySecond"'):
        await served.kubectl("apply", "-f", "-", stdin=json.dumps(document))


async def test_the_crds_are_accepted_in_argos_group(lab: Lab, namespace: str) -> None:
    """`--api-group argoproj.io` with Davy's CRDs: existing manifests are served unchanged."""
    await _establish(lab, ApiGroup(ARGO))
    document = _placed(GOOD["istio"], namespace) | {"apiVersion": ApiGroup(ARGO).api_version}
    assert (await lab.kube.create(document, dry_run=True))["metadata"]["name"] == "cart"
    for crd in crds(ApiGroup(ARGO)):
        await lab.kube.delete("crd", crd["metadata"]["name"])
