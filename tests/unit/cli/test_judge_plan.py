"""`davy judge plan`: its tables, its drawing, a Rollout's steps, and what it refuses."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from davy.api.group import DAVY, VERSION
from tests.unit.cli.cluster import FakeCluster, Outcome, Shell

EXAMPLES = Path(__file__).parents[3] / "manifests" / "examples"
ASKED = ("--rate", "200", "--baseline", "0.1%", "--bad", "2%")
STEPS = ("--weight", "10:30s", "--weight", "50:2m")


@pytest.fixture
def plan(davy: Shell) -> Any:
    """`plan(*arguments)`, with few plays."""

    def asked(*arguments: str) -> Outcome:
        return davy(FakeCluster({}), "judge", "plan", *arguments, "--plays", "20")

    return asked


def a_rollout(*steps: dict[str, Any], **canary: Any) -> dict[str, Any]:
    """A Rollout without a router."""
    return {
        "apiVersion": f"{DAVY}/{VERSION}",
        "kind": "Rollout",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "cart"}},
            "template": {
                "metadata": {"labels": {"app": "cart"}},
                "spec": {"containers": [{"name": "app", "image": "cart"}]},
            },
            "strategy": {"canary": {"steps": [*steps], **canary}},
        },
    }


def written(folder: Path, *objects: dict[str, Any]) -> str:
    """A file of these objects."""
    path = folder / "rollout.yaml"
    path.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    return str(path)


def test_a_step_that_is_too_short_is_named_with_what_it_needs(plan: Any) -> None:
    """Two tables, and sentences: which step, what it sees, what it would need."""
    done = plan(*ASKED, *STEPS)
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines[0] == "A bad release: 2 % of errors, 0.1 % before."
    assert lines[1].split()[:4] == ["STEP", "WEIGHT", "LENGTH", "REQUESTS"]
    assert lines[2].startswith("1     10      30 s    600       ")
    assert lines[3].startswith("2     50      2 min   12000     ")
    assert "A good release: 0.1 % of errors." in lines
    (short,) = [line for line in lines if "too short" in line]
    assert short.startswith(
        "Step 1 of 2 (weight 10, 30 s) is too short: it sees 600 canary requests and aborts "
    )
    assert " of the bad releases; 2 % of errors needs about 1" in short
    assert "20 releases of each kind were played; 0 % means below 15 %." in done.out


def test_a_difference_that_nobody_is_aborted_for_is_told(plan: Any) -> None:
    """The steps aren't at fault then."""
    done = plan("--rate", "5", "--baseline", "2%", "--bad", "2.4%", "--weight", "10:1m")
    assert "2.4 % of errors is at most 1.25 times 2 %: the judge aborts nobody" in done.out
    assert "2.4 % of errors needs more than 24 h." in done.out


def test_errors_that_nobody_minds_are_told(plan: Any) -> None:
    """A pass by `accept` may come before the abort."""
    done = plan("--rate", "5", "--baseline", "0.1%", "--bad", "0.5%", "--weight", "10:1m")
    assert "0.5 % of errors is at most 1 %, which nobody minds (accept)" in done.out


def test_a_step_without_end_is_not_called_short(plan: Any) -> None:
    """What a day of it shows is told."""
    done = plan("--rate", "0.01", "--baseline", "0.1%", "--bad", "1%", "--weight", "5")
    assert "Step 1 of 1 (weight 5, no end) aborts 0 % of the bad releases in 24 h." in done.out
    assert done.out.splitlines()[2].split()[3:10] == ["end", "-", ">", "24", "h", ">", "24"]


def test_json_has_the_same_numbers(plan: Any) -> None:
    """For programs; lengths are seconds, shares are from 0 to 1."""
    found = json.loads(plan(*ASKED, *STEPS, "--alpha", "0.01", "-o", "json").out)
    assert found["service"] == {"rate": 200, "baseline": 0.001, "scrapeSeconds": 15}
    assert (found["bad"], found["plays"], found["judge"]["alpha"]) == (0.02, 20, 0.01)
    one, other = found["plan"]["steps"]
    assert one["step"] == {"weight": 10, "seconds": 30, "whole": 100}
    assert 0 < one["aborted"] < other["aborted"] == 1
    assert set(one["abortSeconds"]) == {"median", "most"}
    assert any("too short" in note for note in found["notes"])


def test_a_rollouts_steps_and_judge_are_taken(plan: Any, tmp_path: Path) -> None:
    """Pauses at one weight are one step; what takes unknown time is told; options count more."""
    steps: list[dict[str, Any]] = [
        {"pause": {"duration": "1h"}},
        {"setWeight": 5},
        {"setWeight": 20},
        {"pause": {"duration": 30}},
        {"analysis": {"templates": [{"templateName": "errors"}]}},
        {"setWeight": 20},
        {"pause": {"duration": "1m"}},
        {"setWeight": 60},
        {"pause": {}},
    ]
    judge = {"preset": "app", "alpha": 0.02, "minRequests": 7}
    file = written(tmp_path, {"kind": "Service"}, a_rollout(*steps, judge=judge))
    done = plan(*ASKED, "-f", file, "--min-requests", "9", "-o", "json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert [one["step"] for one in found["plan"]["steps"]] == [
        {"weight": 20, "seconds": 90, "whole": 100},
        {"weight": 60, "seconds": None, "whole": 100},
    ]
    assert (found["judge"]["alpha"], found["judge"]["least"]) == (0.02, 9)
    assert found["notes"][0] == (
        "spec.strategy.canary.steps[4].analysis isn't played: how long it takes isn't known."
    )


def test_a_harm_budget_says_what_it_spares_and_what_it_costs(plan: Any, tmp_path: Path) -> None:
    """Of the command line, else of the file."""
    done = plan(*ASKED, *STEPS, "--harm-budget", "50")
    assert "With the harm budget of 50 requests a release that always fails costs " in done.out
    assert "a good release takes 30 s longer" in done.out
    routing = {"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}}
    canary = {
        "judge": {"preset": "app", "prometheus": {"address": "http://prometheus:9090"}},
        "stableService": "cart",
        "canaryService": "cart-canary",
        "trafficRouting": routing,
        "harmBudget": {"share": 0.02},
    }
    steps = ({"setWeight": 10}, {"pause": {"duration": "5m"}})
    file = written(tmp_path, a_rollout(*steps, **canary))
    found = json.loads(plan(*ASKED, "-f", file, "-o", "json").out)
    assert found["harmBudget"] == {"share": 0.02}
    assert found["plan"]["budget"]["totalHarm"]["mean"] > 0


def test_a_weight_of_another_total_is_a_share_of_it(plan: Any, tmp_path: Path) -> None:
    """With maxTrafficWeight 1000 a weight of 50 is 5 %."""
    routing = {"maxTrafficWeight": 1000, "gatewayAPI": {"httpRoutes": [{"name": "cart"}]}}
    rollout = a_rollout(
        {"setWeight": 50},
        {"pause": {"duration": "1m"}},
        trafficRouting=routing,
        stableService="cart",
        canaryService="cart-canary",
    )
    done = plan(*ASKED, "-f", written(tmp_path, rollout))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[2].startswith("1     50/1000  60 s    600 ")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*/rollout.yaml")), ids=str)
def test_the_examples_can_be_planned(plan: Any, file: Path) -> None:
    done = plan(*ASKED, "-f", str(file))
    assert (done.code, done.err) == (0, "")


def test_the_drawing_is_svg(plan: Any, tmp_path: Path) -> None:
    """Two panels: the share aborted, and the requests harmed on average and at most."""
    file = tmp_path / "plan.svg"
    assert plan(*ASKED, *STEPS, "--plot", str(file)).code == 0
    root = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314 our own file
    assert root.tag.endswith("svg")
    texts = [each.text for each in root.iter() if each.tag.endswith("text")]
    assert "A bad release: 2 % of errors, 200/s" in texts
    assert {"weight 10", "weight 50", "100 %"} <= {*texts}
    curves = [each for each in root.iter() if each.tag.endswith("polyline")]
    assert len(curves) == 3
    for curve in curves:
        points = [tuple(map(float, each.split(","))) for each in curve.attrib["points"].split()]
        assert all(60 <= x <= 700 and 60 <= y <= 460 for x, y in points)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give --weight or -f, one of them."),
        ((*STEPS, "-f", "x.yaml"), "give --weight or -f, one of them."),
        (("--weight", "101"), "101 has no weight from 1 to 100; write 10 or 10:5m."),
        (("--weight", "10:0s"), "10:0s is shorter than a second; write 10:5m, or 10 without end."),
        (("--weight", "10:soon"), "10:soon: 'soon' is not a duration; "),
        ((*STEPS, "--bad", "2"), "2 is no share of requests; write 2% or 0.02."),
        ((*STEPS, "--bad", "0.1%"), "--bad isn't more than --baseline; a bad release errs more"),
        ((*STEPS, "--rate", "0"), "0 is no rate; write requests per second, from 0.001 to"),
        ((*STEPS, "--rate", "nan"), "nan is no rate; "),
        ((*STEPS, "--scrape", "0s"), "--scrape is from 1s to 1h."),
        ((*STEPS, "--alpha", "0.9"), "alpha: is 0.9; write a number from 1e-06 to 0.5."),
        ((*STEPS, "--abort-ratio", "nan"), "abortRatio: is NaN; write a number from 1 to 100."),
        ((*STEPS, "--abort-ratio", "3"), "tolerateRatio: is 2, not more than abortRatio (3): "),
        ((*STEPS, "--min-requests", "0"), "minRequests: is 0; write a whole number from 1 to "),
        ((*STEPS, "--plot", "plan.png"), "--plot plan.png doesn't end in .svg; only SVG is drawn"),
    ],
)
def test_bad_usage_is_a_sentence(plan: Any, arguments: tuple[str, ...], said: str) -> None:
    """Nothing is played."""
    done = plan(*ASKED, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([{"kind": "Service"}], "has no Rollout; give a file with one."),
        ([a_rollout(), a_rollout()], "has 2 Rollouts (cart, cart); give a file with one."),
        ([a_rollout({"setWeight": 10})], "rollout cart holds no weight for a time; give a "),
        ([a_rollout({"setWeight": 120})], "spec.strategy.canary.steps[0].setWeight: is 120; "),
    ],
)
def test_a_file_that_says_no_steps_is_a_sentence(
    plan: Any, tmp_path: Path, objects: list[dict[str, Any]], said: str
) -> None:
    """What is missing, and what to write."""
    done = plan(*ASKED, "-f", written(tmp_path, *objects))
    assert (done.code, done.out) == (1, "")
    assert said in done.err


def test_a_plot_that_cannot_be_written_is_a_sentence(plan: Any, tmp_path: Path) -> None:
    done = plan(*ASKED, *STEPS, "--plot", str(tmp_path / "none" / "plan.svg"))
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith("plan.svg: No such file or directory.\n")
