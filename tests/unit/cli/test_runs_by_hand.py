"""AnalysisRuns from the command line: created from templates, and ended."""

from typing import Any

import pytest

from tests.unit.cli.cluster import FakeCluster, Shell

Json = dict[str, Any]


def a_template(name: str, *names: str, **more: Any) -> Json:
    """One metric, one argument with a default, and templates within it."""
    metric = {
        "name": f"of-{name}",
        "successCondition": "result[0] < 1",
        "provider": {"prometheus": {"address": "http://prometheus", "query": "q{{args.service}}"}},
    }
    spec: Json = {
        "metrics": [metric],
        "args": [{"name": "service", "value": "none"}],
        "templates": [{"templateName": each} for each in names],
        **more,
    }
    return {"metadata": {"namespace": "shop", "name": name}, "spec": spec}


def a_cluster(*templates: Json, **more: list[Json]) -> FakeCluster:
    """With templates and no runs."""
    objects: dict[str, list[Json]] = {"analysistemplates": [*templates], "analysisruns": [], **more}
    return FakeCluster(objects)


def test_a_run_is_made_from_a_template_and_those_that_it_names(davy: Shell) -> None:
    """Its arguments are filled in; its name is generated from the template's."""
    cluster = a_cluster(a_template("errors", "latency"), a_template("latency", "errors-2"))
    cluster.objects["analysistemplates"].append(a_template("errors-2"))
    done = davy(cluster, "create", "analysisrun", "--from", "errors", "-a", "service=cart")
    assert (done.code, done.out) == (0, "analysisrun.davy.dev/errors-x7k2p created\n")
    (made,) = cluster.objects["analysisruns"]
    assert (made["apiVersion"], made["kind"]) == ("davy.dev/v1alpha1", "AnalysisRun")
    metrics = made["spec"]["metrics"]
    assert [found["name"] for found in metrics] == ["of-errors", "of-latency", "of-errors-2"]
    assert {found["provider"]["prometheus"]["query"] for found in metrics} == {"qcart"}


def test_a_run_of_a_cluster_template_with_a_name(davy: Shell) -> None:
    """`--global`, as Argo has it."""
    template = a_template("errors")
    del template["metadata"]["namespace"]
    cluster = a_cluster(clusteranalysistemplates=[template])
    for named, name in ((("--name", "mine"), "mine"), (("--generate-name", "my-"), "my-x7k2p")):
        done = davy(cluster, "create", "analysisrun", "--global", "--from", "errors", *named)
        assert done.out == f"analysisrun.davy.dev/{name} created\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-a", "server=x"), "errors has no argument server; it has service."),
        (("--from", "latency"), "there is no AnalysisTemplate latency in namespace shop."),
        (("--from", "nest"), "AnalysisTemplate nest: templates[0].templateName: there is no"),
        (("--from", "ring"), "leads in a circle"),
        (("--from", "bad"), "AnalysisTemplate bad"),
        (("--from", "open"), "args[service]"),
        (("-a", "service=" + "x" * 5000), "argument service"),
    ],
)
def test_a_run_that_cant_be_made(davy: Shell, arguments: tuple[str, ...], said: str) -> None:
    """One sentence, exit 1, nothing is created."""
    cluster = a_cluster(
        a_template("errors"),
        a_template("nest", "nowhere"),
        a_template("ring", "ring"),
        a_template("bad", metrics="none"),
        a_template("open", args=[{"name": "service"}]),
    )
    done = davy(cluster, "create", "analysisrun", "--from", "errors", *arguments)
    assert (done.code, cluster.objects["analysisruns"]) == (1, [])
    assert said in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-a", "service"), "service isn't NAME=VALUE, such as service=cart."),
        (("-a", "a=1", "-a", "a=2"), "the argument a is given twice; give it once."),
        (("--name", "a", "--generate-name", "b"), "exclude each other"),
    ],
)
def test_a_run_that_is_asked_for_wrongly(
    davy: Shell, arguments: tuple[str, ...], said: str
) -> None:
    """Bad usage."""
    done = davy(a_cluster(), "create", "analysisrun", "--from", "errors", *arguments)
    assert done.code == 2
    assert said in done.err


def a_run(**more: Any) -> Json:
    """An AnalysisRun under way."""
    metadata = {"namespace": "shop", "name": "run", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Running"}, **more}


def test_a_run_is_terminated_once(davy: Shell) -> None:
    """The second time nothing is written."""
    cluster = a_cluster(analysisruns=[a_run()])
    done = davy(cluster, "terminate", "analysisrun", "run")
    assert (done.code, done.out) == (0, "analysisrun shop/run: termination requested.\n")
    again = davy(cluster, "terminate", "analysisrun", "run")
    assert again.out == "analysisrun shop/run is being terminated already.\n"
    assert cluster.patches == [("", {"spec": {"terminate": True}})]


def test_a_run_that_is_over_stays_as_it_is(davy: Shell) -> None:
    """No error; one that isn't there is one."""
    cluster = a_cluster(analysisruns=[a_run(status={"phase": "Failed"})])
    done = davy(cluster, "terminate", "analysisrun", "run")
    assert (done.code, done.out) == (0, "analysisrun shop/run is over already: Failed.\n")
    gone = davy(cluster, "terminate", "analysisrun", "other")
    assert (gone.code, cluster.patches) == (1, [])
    assert "kubectl get analysisruns.davy.dev -n shop" in gone.err
