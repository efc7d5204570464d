"""`davy simulate`: its course as a person reads it, its files, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.text import Text

from tests.unit.cli import golden
from tests.unit.cli.cluster import FakeCluster, Outcome, Shell
from tests.unit.rehearsal.releases import JUDGE, PROMETHEUS, STEPS, a_manifest

EXAMPLES = Path(__file__).parents[3] / "manifests" / "examples"
METRIC = {
    "name": "success",
    "successCondition": "result[0] >= 0.99",
    "provider": {"prometheus": {**PROMETHEUS, "query": "up"}},
}
TEMPLATE = {
    "apiVersion": a_manifest()["apiVersion"],
    "kind": "AnalysisTemplate",
    "metadata": {"name": "rate"},
    "spec": {"metrics": [METRIC]},
}
ANALYSIS = {"analysis": {"templates": [{"templateName": "rate"}]}}


@pytest.fixture
def simulate(davy: Shell) -> Any:
    """`simulate(*arguments)`."""

    def asked(*arguments: str) -> Outcome:
        return davy(FakeCluster({}), "simulate", *arguments)

    return asked


def written(folder: Path, *objects: dict[str, Any]) -> str:
    """A file of these objects."""
    path = folder / "rollout.yaml"
    path.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("scenario", ["good", "bad:5%", "no-traffic", "prometheus-down:2m"])
def test_a_course_reads_as_a_story(simulate: Any, tmp_path: Path, scenario: str) -> None:
    """Weights, verdicts and harm, and how it ended."""
    done = simulate(written(tmp_path, a_manifest(*STEPS, judge=JUDGE)), "--scenario", scenario)
    assert (done.code, done.err) == (0, "")
    name = scenario.partition(":")[0].replace("-", "_")
    golden.check(f"simulate_{name}", Text(done.out), width=500)


def test_a_slow_canary_and_a_bad_one_are_told_apart(simulate: Any, tmp_path: Path) -> None:
    """A comparison of errors doesn't see that one is slow."""
    file = written(tmp_path, a_manifest(*STEPS, judge=JUDGE))
    assert "\nPromoted after " in simulate(file, "--scenario", "slow:3x").out
    assert "\nAborted after " in simulate(file, "--scenario", "bad:5%").out


def test_json_has_each_moment_and_the_end(simulate: Any, tmp_path: Path) -> None:
    """With what was asked for."""
    file = written(tmp_path, a_manifest(*STEPS, judge=JUDGE))
    done = simulate(file, "--scenario", "bad:5%", "--seed", "7", "-o", "json")
    told = json.loads(done.out)
    found = told["simulation"]
    assert (told["scenario"], told["seed"], found["end"]) == ("bad:5%", 7, "aborted")
    assert found["moments"][-1]["served"] == 0
    assert 0 < found["harmed"] < found["requests"]


def test_templates_lie_in_other_files(simulate: Any, tmp_path: Path) -> None:
    """A folder's are all read; the answer is its user's."""
    written(tmp_path, a_manifest({"setWeight": 10}, ANALYSIS))
    (tmp_path / "rate.yaml").write_text(yaml.safe_dump(TEMPLATE), encoding="utf-8")
    good = simulate(str(tmp_path), "--answer", "success=0.995")
    bad = simulate(str(tmp_path), "--answer", "success=success", "--scenario", "bad:5%")
    assert "Promoted after 2" in good.out
    assert "Aborted after " in bad.out
    assert "success: Failed: 0.9" in bad.out


def test_a_template_of_a_workload_is_played(simulate: Any, tmp_path: Path) -> None:
    """What of it isn't is said."""
    rollout = a_manifest({"setWeight": 10})
    template, selector = rollout["spec"].pop("template"), rollout["spec"].pop("selector")
    rollout["spec"]["workloadRef"] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "cart",
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"template": template, "selector": selector},
    }
    done = simulate(written(tmp_path, rollout, deployment))
    assert "Promoted after 2" in done.out
    assert "spec.workloadRef: the template is played, a handover of pods isn't." in done.out
    alone = simulate(written(tmp_path, rollout))
    assert alone.code == 1
    assert "rollout cart: spec.workloadRef: there is no Deployment cart" in alone.err


@pytest.mark.parametrize("example", ["gateway-api", "istio-services", "istio-subsets"])
def test_the_examples_can_be_played(simulate: Any, example: str) -> None:
    """As they are."""
    done = simulate(str(EXAMPLES / example), "--answer", "error-rate=errors")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scenario", "worse"), "worse is no scenario; there are good|bad:SHARE|"),
        (("--scenario", "good:1"), "good:1 is no scenario"),
        (("--scenario", "bad"), "bad is no scenario"),
        (("--scenario", "bad:5x"), "5x is no share of requests; write 2% or 0.02"),
        (("--scenario", "bad:0%"), "a bad canary fails in more than 0 % of its requests"),
        (("--scenario", "slow:3"), "write how many times as slow, such as slow:3x"),
        (("--scenario", "slow:1x"), "such as slow:3x; more than 1"),
        (("--scenario", "slow:nanx"), "such as slow:3x; more than 1"),
        (("--scenario", "prometheus-down:soon"), "prometheus-down:soon: "),
        (("--scenario", "prometheus-down:0s"), "an outage lasts longer than nothing"),
        (("--answer", "success"), "success isn't NAME=VALUE"),
        (("--answer", "success=often"), "often is no number and no JSON"),
        (("--rate", "0"), "0 is no rate"),
        (("--scrape", "0s"), "--scrape is from 1s to 1h"),
        (("--ready", "0s"), "--ready is longer than nothing"),
    ],
)
def test_bad_usage_is_refused(
    simulate: Any, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """With what would be right."""
    done = simulate(written(tmp_path, a_manifest(*STEPS)), *arguments)
    assert done.code == 2
    assert message in " ".join(done.err.split())


def test_files_that_dont_have_one_rollout_are_refused(simulate: Any, tmp_path: Path) -> None:
    """None, two, one that has findings, one that names what isn't there."""
    none = simulate(written(tmp_path, TEMPLATE))
    two = simulate(written(tmp_path, a_manifest(), a_manifest()))
    wrong = simulate(written(tmp_path, a_manifest({"setWeight": 120})))
    absent = simulate(written(tmp_path, a_manifest(ANALYSIS)))
    away = simulate(str(tmp_path / "other.yaml"))
    assert {done.code for done in (none, two, wrong, absent, away)} == {1}
    assert "has no Rollout; give a file with one." in none.err
    assert "has 2 Rollouts (cart, cart); give a file with one." in two.err
    assert "rollout cart: spec.strategy.canary.steps[0].setWeight: " in wrong.err
    assert "names the AnalysisTemplate rate, which isn't in the files given" in absent.err
    assert "other.yaml: No such file or directory" in away.err


def test_a_template_with_findings_is_refused_with_them(simulate: Any, tmp_path: Path) -> None:
    """It isn't said to be absent."""
    metric = {**METRIC, "successCondition": "result[0] >="}
    broken = {**TEMPLATE, "spec": {"metrics": [metric]}}
    done = simulate(written(tmp_path, a_manifest(ANALYSIS), broken))
    assert done.code == 1
    assert "AnalysisTemplate rate: spec.metrics[0].successCondition: the expression" in done.err
