"""`davy migrate`: files, the cluster, exit codes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from davy.api.errors import Forbidden, Unreachable
from tests.unit.cli.cluster import FakeCluster, Shell

SAMPLES = Path(__file__).parents[1] / "migrate" / "samples"


def cluster(*names: str, **failures: Any) -> FakeCluster:
    """A cluster with these samples' objects, as its server lists them: without their kinds."""
    objects: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        for found in yaml.safe_load_all((SAMPLES / f"{name}.yaml").read_text(encoding="utf-8")):
            kind = found.pop("kind").lower()
            found.pop("apiVersion")
            found["metadata"] = {"namespace": None, "uid": "1", **found["metadata"]}
            plural = "canaries" if kind == "canary" else f"{kind}s"
            objects.setdefault(plural, []).append(found)
    return FakeCluster(objects, failures=failures)


def test_the_cluster_is_read_and_nothing_is_written(davy: Shell) -> None:
    """Rollouts and Canaries with the workloads they name, of one namespace; no uid is printed."""
    shop = cluster("argo_istio_subsets", "argo_basic", "flagger_istio", "argo_analysis_web")
    found = davy(shop, "migrate", "--cluster", "--prometheus", "http://prometheus:9090")
    made = [*yaml.safe_load_all(found.out)]
    assert [(one["kind"], one["metadata"]["name"]) for one in made][:3] == [
        ("Rollout", "checkout"),
        ("AnalysisTemplate", "success-rate"),
        ("ClusterAnalysisTemplate", "synthetic-checks"),
    ]
    assert {one["metadata"]["name"] for one in made if one["kind"] == "Rollout"} == {
        "checkout",
        "cart",
    }
    assert "HorizontalPodAutoscaler" in {one["kind"] for one in made}
    assert "uid" not in found.out
    assert (found.code, shop.patches) == (1, [])
    assert "cluster canary shop/cart: spec.analysis.webhooks[1]: (rollout load)" in found.err


def test_all_namespaces_are_read_with_an_option(davy: Shell) -> None:
    """As with `davy list`."""
    found = davy(cluster("argo_istio_subsets", "argo_basic"), "migrate", "--cluster", "-A")
    names = [one["metadata"]["name"] for one in yaml.safe_load_all(found.out)]
    assert names == ["checkout", "guestbook", "success-rate"]
    assert (found.code, found.err) == (
        0,
        "3 objects written, 0 as comments; 0 not carried over, 0 notes.\n",
    )


def test_a_kind_that_may_not_be_read_is_said(davy: Shell) -> None:
    """The others are translated all the same; the exit code tells."""
    failure = Forbidden("list analysistemplates.argoproj.io: not allowed.", status=403)
    found = davy(cluster("argo_istio_subsets", analysistemplates=failure), "migrate", "--cluster")
    assert found.code == 2
    assert "error: list analysistemplates.argoproj.io: not allowed." in found.err
    assert "kind: Rollout" in found.out


def test_a_cluster_without_either_controller_has_nothing(davy: Shell) -> None:
    """Kinds that aren't served are passed over, and no Deployment is read for nothing."""
    found = davy(cluster("argo_workload_ref"), "migrate", "--cluster", "-n", "nowhere")
    assert (found.code, found.out) == (0, "")


def test_a_cluster_that_cant_be_reached_is_said(davy: Shell) -> None:
    """In a sentence, with the exit code of what can't be read."""
    down = cluster(rollouts=Unreachable("The API server can't be reached."))
    found = davy(down, "migrate", "--cluster")
    assert found.code == 2
    assert "error: The API server can't be reached." in found.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give files, or --cluster."),
        (("--cluster", "x.yaml"), "give files, or --cluster."),
        (("/nonexistent.yaml",), "error: /nonexistent.yaml: No such file or directory"),
    ],
)
def test_what_cant_be_done_is_exit_code_2(
    davy: Shell, arguments: tuple[str, ...], said: str
) -> None:
    """Bad usage, and files that can't be read."""
    found = davy(FakeCluster({}), "migrate", *arguments)
    assert found.code == 2
    assert said in found.err


def test_a_file_that_is_no_yaml_leaves_the_others(davy: Shell, tmp_path: Path) -> None:
    """Each is said by its name and line."""
    (tmp_path / "a.yaml").write_text("a: [", encoding="utf-8")
    (tmp_path / "b.yaml").write_text((SAMPLES / "argo_basic.yaml").read_text(), encoding="utf-8")
    found = davy(FakeCluster({}), "migrate", str(tmp_path))
    assert found.code == 2
    assert f"error: {tmp_path / 'a.yaml'}: line 1: not YAML" in found.err
    assert "name: guestbook" in found.out


def test_what_else_is_wrong_is_said_too(davy: Shell, tmp_path: Path) -> None:
    """A field that is lost doesn't hide one that was missing before."""
    path = tmp_path / "more.yaml"
    text = (SAMPLES / "argo_basic.yaml").read_text(encoding="utf-8")
    other = text.replace("  selector:\n    matchLabels: {app: guestbook}\n", "")
    path.write_text(other.replace("- setWeight: 20\n", "- experiment: {}\n"), "utf-8")
    found = davy(FakeCluster({}), "migrate", str(path))
    assert "spec.strategy.canary.steps[0].experiment: experiments are" in found.err
    assert "spec.selector: is missing" in found.err
    assert "the rollout is a comment until it is mended" in found.err


def test_texts_of_several_lines_stay_as_they_are(davy: Shell, tmp_path: Path) -> None:
    """Whatever Unicode calls the end of a line."""
    path = tmp_path / "lines.yaml"
    said = "one\n  two \x85three\u2028four\tfive\n\n"
    manifest = yaml.safe_load((SAMPLES / "argo_analysis_web.yaml").read_text(encoding="utf-8"))
    manifest["metadata"]["annotations"] = {"said": said}
    path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
    found = davy(FakeCluster({}), "migrate", str(path))
    assert yaml.safe_load(found.out)["metadata"]["annotations"]["said"] == said


def test_a_field_written_twice_is_said(davy: Shell, tmp_path: Path) -> None:
    """YAML's readers keep one of them in silence."""
    path = tmp_path / "twice.yaml"
    text = (SAMPLES / "argo_basic.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("  replicas: 5\n", "  replicas: 5\n  replicas: 6\n"), "utf-8")
    found = davy(FakeCluster({}), "migrate", str(path))
    assert found.code == 1
    assert "spec.replicas: is written again in line 10; keep one of them" in found.err
