"""Each right that Davy asks for at its start is one without which it doesn't start."""

import pytest

from davy.api.group import ApiGroup
from davy.cluster.kinds import JOB, Kinds
from davy.cluster.lease import Place
from davy.controller import startup
from davy.controller.startup import CannotStart, Need
from davy.metrics.accounts import Accounts
from tests.sim.cluster import Cluster

KINDS = Kinds(ApiGroup())
NEEDS = [*startup.needs(KINDS), *startup.lease_needs()]
JOBS = Accounts.of(["*/default"])


@pytest.mark.parametrize("need", [*NEEDS, *startup.job_needs()], ids=str)
async def test_without_a_right_the_start_is_refused_by_its_name(need: Need) -> None:
    """Found out within a second, not by a rollout that stands still one day."""
    resource = "/".join(filter(None, [need.kind.plural, need.subresource]))
    cluster = Cluster(denied={(need.verb, resource)})
    with pytest.raises(CannotStart, match=rf"service account to: .*{need}"):
        await startup.check(cluster, KINDS, (), Place("davy-system", "davy.dev"), JOBS)


def test_jobs_are_no_right_where_no_metric_may_make_one() -> None:
    """They are granted where an administrator allows them: `manifests/metric-jobs`."""
    assert not [need for need in NEEDS if need.kind == JOB]


def test_secrets_are_no_right_of_the_whole_cluster() -> None:
    """They are granted one namespace at a time: `manifests/secrets-reader`."""
    assert not [need for need in NEEDS if need.kind.plural == "secrets"]
