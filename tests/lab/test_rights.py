"""The rights of `manifests/rbac.yaml`: each is needed, and no more are, on a real API server."""

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio
import yaml

from davy.api.group import ApiGroup
from davy.cluster import client
from davy.cluster.kinds import Kinds
from davy.cluster.lease import Place
from davy.controller import startup
from davy.metrics.accounts import Accounts
from tests.lab import audit, paths
from tests.lab import davy as davy_process
from tests.lab.kube_errors import KubeError
from tests.lab.lab import Lab
from tests.lab.shop import Router, Shop
from tests.lab.workload import Deployed

MANIFESTS: Final = paths.REPOSITORY / "manifests"
NAMESPACE: Final = davy_process.NAMESPACE
KINDS: Final = Kinds(ApiGroup())


class Right(NamedTuple):
    """One verb on one resource, in one of the two roles."""

    role: str
    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


def documents(name: str) -> list[dict[str, Any]]:
    """The objects of one of the shipped files."""
    return [each for each in yaml.safe_load_all((MANIFESTS / name).read_text()) if each]


def granted() -> Iterator[Right]:
    """Every right that is shipped."""
    for role in documents("rbac.yaml"):
        for rule in role.get("rules", ()):
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        yield Right(role["kind"], group, resource, verb)


NONE: Final = Right("", "", "", "")
"""No right is taken away."""

NOT_ASKED_FOR: Final = {
    ("rollouts/finalizers", "update"),  # by an admission plugin that not every cluster has
    ("customresourcedefinitions", "list"),  # without it a mesh is noticed at the next start
    ("customresourcedefinitions", "watch"),
}
"""Rights whose lack doesn't stop the start."""

NOT_SERVED: Final = {"traefikservices", "apisixroutes", "httpproxies"}
"""Resources that the lab's API server doesn't have: rights on them aren't asked for."""

NO_CONTROLLER: Final = {("ingresses", verb) for verb in ("get", "create", "patch")}
"""Rights for routes that no release of the lab has: `tests/sim`, `tests/unit/controller`."""

ON_TROUBLE_ONLY: Final = {
    # After a conflict the object is read again: `tests/unit/controller`, `tests/conformance`.
    *((resource, "get") for resource in ("services", "virtualservices", "destinationrules")),
    *(("httproutes", "get"), ("analysisruns", "get"), ("replicasets", "get"), ("rollouts", "get")),
    ("events", "patch"),  # the count of what is said for more than a minute: `test_events.py`
    # As HTTPRoutes; the lab's speak HTTP.
    *((f"{kind}routes", verb) for kind in ("grpc", "tcp", "tls") for verb in ("get", "patch")),
    ("rollouts/finalizers", "update"),
}
"""Rights that a release without trouble doesn't use."""


def roles_without(right: Right, account: str) -> list[dict[str, Any]]:
    """The shipped roles without one right, for an account of their own."""
    made = copy.deepcopy(documents("rbac.yaml"))
    for role in made:
        role["metadata"]["name"] += f"-{account}"
        if "rules" not in role:
            role["roleRef"]["name"] += f"-{account}"
            role["subjects"][0]["name"] = account
        elif role["kind"] == right.role:
            role["rules"] = [
                {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                for kind, group, resource, verb in granted()
                if kind == right.role and (group, resource, verb) != right[1:]
            ]
    account_manifest = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": account, "namespace": NAMESPACE},
    }
    return [account_manifest, *made]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def installed(lab: Lab) -> AsyncIterator[None]:
    """CRDs and roles are there; the accounts with less are removed at the end."""
    await davy_process.install(lab)
    yield
    for number, right in enumerate(granted()):
        for each in roles_without(right, f"less-{number}"):
            name, namespace = each["metadata"]["name"], each["metadata"].get("namespace")
            await lab.kube.delete(each["kind"].lower(), name, namespace=namespace)


async def start_without(lab: Lab, right: Right, account: str) -> startup.Found:
    """What Davy finds at its start without this right."""
    for each in roles_without(right, account):
        await lab.kube.apply(each)
    kubeconfig = await lab.service_account_kubeconfig(NAMESPACE, account)
    api = await client.connect(str(kubeconfig), timeout=15)
    try:
        return await startup.check(api, KINDS, (), Place(NAMESPACE, f"rights-{account}"))
    finally:
        await api.close()


async def test_without_any_one_right_the_start_is_refused_by_name(
    lab: Lab, installed: None
) -> None:
    """Each right of the two roles, one after the other taken away on the real API server."""
    for number, right in enumerate(granted()):
        if right[2:] in NOT_ASKED_FOR or right.resource in NOT_SERVED:
            continue
        with pytest.raises(startup.CannotStart) as refused:
            await start_without(lab, right, f"less-{number}")
        assert f"service account to: {right}" in str(refused.value), right


@pytest.mark.parametrize("verb", ["get", "create", "delete"])
async def test_without_any_one_right_on_jobs_the_start_is_refused_where_they_are_allowed(
    lab: Lab, installed: None, verb: str
) -> None:
    """Each right of `manifests/metric-jobs`; with all of them, in one namespace, it starts."""
    account = f"no-{verb}"
    role, binding = job_roles_without(verb, account)
    made = [*roles_without(NONE, account), role, binding]
    for each in made:
        await lab.apply(each, namespace=NAMESPACE)
    kubeconfig = await lab.service_account_kubeconfig(NAMESPACE, account)
    api = await client.connect(str(kubeconfig), timeout=15)
    accounts = Accounts.of([f"{NAMESPACE}/default"])
    place = Place(NAMESPACE, f"rights-{account}")
    try:
        with pytest.raises(startup.CannotStart, match=rf"service account to: {verb} jobs\.batch"):
            await startup.check(api, KINDS, (), place, accounts)
        role["rules"] = documents("metric-jobs/role.yaml")[0]["rules"]
        await lab.apply(role, namespace=NAMESPACE)

        async def starts() -> bool:
            try:
                await startup.check(api, KINDS, (), place, accounts)
            except startup.CannotStart:  # a changed role is read a moment after it was written
                return False
            return True

        await lab.until(starts, describe="the start succeeds with all rights")
    finally:
        await api.close()
        for each in made:
            name, namespace = each["metadata"]["name"], each["metadata"].get("namespace")
            await lab.kube.delete(each["kind"].lower(), name, namespace=namespace)


def job_roles_without(verb: str, account: str) -> list[dict[str, Any]]:
    """The shipped role for Jobs without one verb, for an account, in Davy's namespace alone."""
    role, binding = copy.deepcopy(documents("metric-jobs/role.yaml"))
    for each in (role, binding):
        each["metadata"]["name"] = f"jobs-{account}"
    for rule in role["rules"]:
        rule["verbs"] = [known for known in rule["verbs"] if known != verb]
    binding["metadata"]["namespace"] = NAMESPACE
    binding["roleRef"]["name"] = f"jobs-{account}"
    binding["subjects"][0]["name"] = account
    return [role, binding]


async def test_without_the_right_to_look_at_crds_new_kinds_arent_noticed(
    lab: Lab, installed: None
) -> None:
    """The only right whose lack is a lack of comfort."""
    for number, right in enumerate(granted()):
        if right.resource == "customresourcedefinitions":
            found = await start_without(lab, right, f"less-{number}")
            assert not found.scanning


async def test_a_release_uses_every_right_and_is_refused_nothing(
    lab: Lab, installed: None, namespace: str
) -> None:
    """First deployment, analysis, abort, promotion, history, deletion, on both kinds of route.

    The audit log is that of the whole run, so that no other test asked for more either. What is
    granted may be refused there all the same: an API server that was restarted has not read the
    roles yet when it begins to answer.
    """
    other, third = [await lab.new_namespace() for _ in range(2)]
    async with davy_process.running(lab):
        await asyncio.gather(
            a_life(lab, namespace, Router.ISTIO_SUBSETS),
            a_life(lab, other, Router.GATEWAY_API),
            a_handover(lab, third),
        )

        def unused() -> set[Right]:
            asked = audit.requests(audit.log(lab.folder), davy_process.USER)
            used = {(each.group, each.resource, each.verb) for each in asked if each.code < 300}
            idle = ON_TROUBLE_ONLY | NO_CONTROLLER
            needed = {
                right
                for right in granted()
                if right[2:] not in idle and right.resource not in NOT_SERVED
            }
            return {right for right in needed if right[1:] not in used}

        async def all_used() -> bool:
            return not unused()

        left = ", ".join(map(str, sorted(unused()))) or "none"
        described = f"every right is used; left after the releases: {left}"
        await lab.until(all_used, describe=described, namespace=namespace)
    rights = {right[1:] for right in granted()}
    asked = audit.requests(audit.log(lab.folder), davy_process.USER)
    refused = [each for each in asked if each.code == 403]
    assert [each for each in refused if (each.group, each.resource, each.verb) not in rights] == []
    for name in (other, third):
        await lab.delete_namespace(name)


async def a_life(lab: Lab, namespace: str, router: Router) -> None:
    """One rollout from its first deployment to its deletion."""
    background = {"templates": [{"templateName": "always"}]}
    shop = await Shop.open(
        lab,
        namespace,
        router,
        steps=[{"setWeight": 50}, {"pause": {}}],
        canary={
            "analysis": background,
            "stableMetadata": {"labels": {"role": "stable"}},
            "scaleDownDelaySeconds": 1,
            "abortScaleDownDelaySeconds": 1,
        },
        revisionHistoryLimit=0,
        analysis={"successfulRunHistoryLimit": 0, "unsuccessfulRunHistoryLimit": 0},
    )
    await lab.apply(_always(lab), namespace=namespace)
    await shop.healthy()
    soon = datetime.now(UTC) + timedelta(seconds=2)
    shop.rollout["spec"]["restartAt"] = soon.strftime("%Y-%m-%dT%H:%M:%SZ")
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    await shop.edit_status(abort=True)
    await shop.until(phase="Degraded", weight=0)
    for version in ("v3", "v4"):
        await shop.release(version)
        await shop.until(phase="Paused", weight=50)
        await shop.edit_status(promoteFull=True)
        await shop.until(phase="Healthy", weight=0)

    async def is_forgotten() -> bool:
        return len(await lab.kube.list("replicaset", namespace=namespace)) == 1

    await lab.until(is_forgotten, describe="one revision is kept", namespace=namespace)
    await lab.kube.delete(shop.kind, "shop", namespace=namespace)


async def a_handover(lab: Lab, namespace: str) -> None:
    """One rollout that takes over from a Deployment, and then takes a PodTemplate's template."""
    pods = {"trafficRouting": None, "maxUnavailable": 0}
    shop = await Shop.open(lab, namespace, steps=[], canary=pods, applies_network=False)
    deployed = Deployed.of(shop, "onsuccess")
    await deployed.create("v1")
    await shop.apply()
    await shop.until(phase="Healthy")
    await deployed.has_pods(0)
    template = {"kind": "PodTemplate", "apiVersion": "v1", "metadata": {"name": "shop"}}
    await lab.apply({**template, "template": deployed.with_version("v2")}, namespace=namespace)
    spec = shop.rollout["spec"]
    spec["workloadRef"] = {"apiVersion": "v1", "kind": "PodTemplate", "name": "shop"}
    spec["selector"] = {"matchLabels": {"app": "shop"}}
    await shop.apply()
    await shop.until(phase="Healthy", message_has="Revision 2 is stable")


def _always(lab: Lab) -> dict[str, Any]:
    """A template that asks each second and is always content."""
    provider = {"prometheus": {"address": lab.prometheus_url, "query": "vector(1)"}}
    metric = {"name": "one", "interval": "1s", "successCondition": "true", "provider": provider}
    return {
        "apiVersion": ApiGroup().api_version,
        "kind": "AnalysisTemplate",
        "metadata": {"name": "always"},
        "spec": {"metrics": [metric]},
    }


async def test_the_deployment_is_admitted_where_pod_security_is_restricted(
    lab: Lab, installed: None
) -> None:
    """In its own namespace, which enforces that; its pod is one that the standard refuses not."""
    await dry_run(lab, pod())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("securityContext.runAsNonRoot", False),
        ("containers.0.securityContext.allowPrivilegeEscalation", True),
        ("containers.0.securityContext.capabilities", {}),
        ("hostNetwork", True),
    ],
)
async def test_a_pod_with_less_care_is_not_admitted(
    lab: Lab, installed: None, path: str, value: Any
) -> None:
    """So that the test beside this one shows something."""
    made = pod()
    here: Any = made["spec"]
    *parents, last = path.split(".")
    for part in parents:
        here = here[int(part)] if part.isdigit() else here[part]
    here[last] = value
    with pytest.raises(KubeError, match=r"violates PodSecurity .restricted"):
        await dry_run(lab, made)


async def test_the_network_policy_is_one_that_the_server_takes(lab: Lab, installed: None) -> None:
    """Ports by name, both families of addresses."""
    (policy,) = documents("network-policy/policy.yaml")
    path = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
    await lab.kube.request("POST", path, policy, query={"dryRun": "All"})


def pod() -> dict[str, Any]:
    """The pod that the Deployment would make."""
    (deployment,) = [each for each in documents("deployment.yaml") if each["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "davy", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    }


async def dry_run(lab: Lab, made: dict[str, Any]) -> None:
    """Create it without keeping it.

    Raises:
        KubeError: it isn't admitted.
    """
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    await lab.kube.request("POST", path, made, query={"dryRun": "All"})
