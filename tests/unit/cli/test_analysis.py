"""`davy analysis`: each measurement of a run, drawn, printed and followed."""

import json
from io import StringIO
from typing import Any

import pytest
import yaml
from rich.console import Console

from davy.api.errors import Forbidden
from davy.cli import render, render_analysis, view_analysis
from davy.cli.view_analysis import ComparedView
from davy.cli.view_history import SideView
from tests.unit.cli import golden
from tests.unit.cli.cluster import FakeCluster, Shell
from tests.unit.cli.manifests import CANARY, NOW, a_finished_rollout, a_rollout, a_run, ago
from tests.unit.cli.test_follow import Slow

Json = dict[str, Any]
SIDE = {"requests": ["requests"], "errors": ["errors"]}


def a_value(canary: tuple[int, int], stable: tuple[int, int], **near: float) -> str:
    """Of a comparison: errors and requests of both sides since the run began."""
    sides = {"canary": canary, "stable": stable}
    counts = {side: {"errors": found[0], "requests": found[1]} for side, found in sides.items()}
    return json.dumps({"toAbort": 0.0, "toPass": 0.0, **near, **counts})


def a_measurement(seconds: int, phase: str, value: str | None, message: str = "") -> Json:
    """One, so many seconds before NOW."""
    found = {"phase": phase, "finishedAt": ago(seconds), "message": message}
    return found if value is None else {**found, "value": value}


def a_comparison(name: str = "cart-bbb-7", **run: Any) -> Json:
    """A run whose judge saw the canary fail after a measurement that nobody answered."""
    counts = "canary 11 errors of 142 (7.7 %), stable 6 errors of 1290 (0.47 %)"
    measurements = [
        a_measurement(
            34,
            "Inconclusive",
            a_value((0, 60), (2, 540), toPass=0.099),
            "undecided: canary 0 errors of 60 (0 %), stable 2 errors of 540 (0.37 %)",
        ),
        a_measurement(24, "Error", None, "http://prometheus:9090 refused the connection"),
        a_measurement(
            14,
            "Inconclusive",
            a_value((6, 120), (5, 1080), toAbort=0.58),
            "undecided: canary 6 errors of 120 (5 %), stable 5 errors of 1080 (0.46 %)",
        ),
        a_measurement(
            10, "Failed", a_value((11, 142), (6, 1290), toAbort=1.31), f"worse: {counts}"
        ),
    ]
    result = {"name": "judge", "phase": "Failed", "measurements": measurements}
    made = a_run(name, **{"step": None, "phase": "Failed", "results": [result], **run})
    made["spec"] = {"metrics": [{"name": "judge", "compare": {"canary": SIDE, "stable": SIDE}}]}
    made["status"] |= {"message": f"Metric judge worse: {counts}.", "completedAt": ago(10)}
    return made


def an_error_rate() -> Json:
    """A run of a step with one query; the newest value is no number."""
    values = ["[0.01]", "0.04", "[0.182]", "[0.1,0.2]"]
    measurements = [
        a_measurement(100_000 - index, "Failed", value, f"{value}, limit result[0] <= 0.05")
        for index, value in enumerate(values)
    ]
    result = {"name": "error-rate", "phase": "Running", "measurements": measurements}
    latency = {"name": "latency", "phase": "Pending", "dryRun": True}
    made = a_run("cart-bbb-7-3", step=3, phase="Running", results=[result, latency])
    provider = {"prometheus": {"address": "http://prometheus", "query": "q"}}
    metrics = [{"name": name, "provider": provider} for name in ("error-rate", "latency")]
    made["spec"] = {"metrics": metrics}
    return made


def a_cluster(*runs: Json, rollouts: list[Json] | None = None, **more: Any) -> FakeCluster:
    """With the rollout `shop/cart`, unless others are given."""
    known = [a_rollout()] if rollouts is None else rollouts
    return FakeCluster({"rollouts": known, "analysisruns": [*runs]}, **more)


def test_a_comparison_and_a_query() -> None:
    """Rates are since the row before; one without an answer has none, and is no row before."""
    view = view_analysis.of_rollout(a_rollout(), [a_comparison(), an_error_rate()])
    golden.check("analysis", render_analysis.analyses(view, now=NOW), width=140)


def test_what_fits_a_terminal() -> None:
    """The newest rows, a line each."""
    view = view_analysis.of_rollout(a_rollout(), [a_comparison()])
    drawn = render_analysis.analyses(view, now=NOW, height=12)
    golden.check("analysis_short", drawn, width=100)


def test_a_terminal_without_unicode() -> None:
    """Every glyph has an ASCII twin."""
    view = view_analysis.of_rollout(a_rollout(), [a_comparison(), an_error_rate()])
    drawn = render_analysis.analyses(view, now=NOW, glyphs=render.ASCII)
    assert golden.text_of(drawn).isascii()


def test_the_rows_of_a_comparison() -> None:
    """Both sides' errors and requests since the row before, from the run's start in the first."""
    (run,) = view_analysis.of_run(a_comparison()).runs
    rows = run.metrics[0].measurements
    assert [row.compared for row in rows] == [
        ComparedView(SideView(60, 0), SideView(540, 2), 0.0, 0.099),
        None,
        ComparedView(SideView(60, 6), SideView(540, 3), 0.58, 0.0),
        ComparedView(SideView(22, 5), SideView(210, 1), 1.31, 0.0),
    ]


def test_counts_that_fall_are_no_rate() -> None:
    """Somebody wrote them; nothing is made up of it."""
    made = a_comparison()
    measurements = made["status"]["metricResults"][0]["measurements"]
    measurements[2]["value"] = a_value((0, 10), (0, 10))
    rows = view_analysis.of_run(made).runs[0].metrics[0].measurements
    assert rows[2].compared == ComparedView(None, None, 0.0, 0.0)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0.97", 0.97),
        ("[0.97]", 0.97),
        ("[1,2]", None),
        ("NaN", None),
        ("true", None),
        ('"0.97"', None),
        ("no JSON", None),
        (f"1{'0' * 400}", None),
        ("[" * 100_000, None),
        ("", None),
    ],
)
def test_a_value_that_is_one_number_has_a_bar(value: str, number: float | None) -> None:
    """Whatever a provider answered."""
    made = an_error_rate()
    made["status"]["metricResults"][0]["measurements"] = [a_measurement(1, "Failed", value)]
    view = view_analysis.of_run(made)
    assert view.runs[0].metrics[0].measurements[0].number == number
    assert golden.text_of(render_analysis.analyses(view, now=NOW))


def test_bars_of_the_largest_numbers() -> None:
    """Their difference is more than a number can say."""
    made = an_error_rate()
    found = [a_measurement(1, "Failed", value) for value in ("-1.7e308", "0", "1.7e308")]
    made["status"]["metricResults"][0]["measurements"] = found
    drawn = golden.text_of(render_analysis.analyses(view_analysis.of_run(made), now=NOW))
    assert "value  ▁▅█  last 1.7e+308, -1.7e+308 to 1.7e+308" in drawn


def test_an_answer_moves_no_cursor() -> None:
    """Nothing that a provider says is obeyed by a terminal, or begins a line."""
    made = an_error_rate()
    evil = "\x1b[2Jx\ny"
    made["status"]["metricResults"][0]["measurements"] = [a_measurement(1, "Error", evil, evil)]
    view = view_analysis.of_run(made)
    assert "\x1b" not in golden.text_of(render_analysis.analyses(view, now=NOW))
    (line,) = render_analysis.lines(view)
    assert line.endswith(" [2Jx y")


def test_runs_of_the_current_update_alone() -> None:
    """Not of another template, another rollout, or of the try before a retry."""
    begun = {"revision": 7, "podTemplateHash": CANARY, "startedAt": ago(60)}
    another, foreign = a_comparison("another"), a_comparison("foreign")
    another["metadata"]["labels"] = {"rollouts-pod-template-hash": "aaa"}
    foreign["metadata"]["ownerReferences"] = []
    before = a_comparison("before")
    before["metadata"]["creationTimestamp"] = ago(70)
    runs = [another, foreign, before, a_comparison("own"), an_error_rate()]
    view = view_analysis.of_rollout(a_rollout(history=[begun]), runs)
    assert [run.name for run in view.runs] == ["cart-bbb-7-3", "own"]
    assert len(view_analysis.of_rollout(a_rollout(), runs).runs) == 3


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"spec": None, "status": None},
        {"spec": {"metrics": 5}, "status": {"metricResults": [{"measurements": [{}, 5]}, "x"]}},
    ],
)
def test_the_strangest_run_is_still_shown(broken: Json) -> None:
    """A broken object is what a person wants to see."""
    strange = {"metadata": {"namespace": "shop", "name": "run"}, **broken}
    view = view_analysis.of_run(strange)
    assert "AnalysisRun run" in golden.text_of(render_analysis.analyses(view, now=NOW))
    assert list(render_analysis.lines(view)) or not view.runs[0].metrics


def test_the_verdict_of_a_run_that_goes_on() -> None:
    """What the judge knows so far."""
    (run,) = view_analysis.of_run(an_error_rate()).runs
    assert run.verdict.startswith("error-rate [0.1,0.2], limit result[0] <= 0.05 (measurement ")


@pytest.mark.parametrize("name", ["cart", "ro/cart", "rollout/cart", "rollout.davy.dev/cart"])
def test_a_rollouts_runs(davy: Shell, name: str) -> None:
    """Each by its name; on a pipe a row is a line."""
    done = davy(a_cluster(a_comparison()), "analysis", name)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("AnalysisRun cart-bbb-7  background analysis\nmetric judge  ")
    assert done.out.splitlines()[-1].startswith("Verdict  ✘ Failed: Metric judge worse: canary 11")


@pytest.mark.parametrize("name", ["cart-bbb-7", "ar/cart-bbb-7", "analysisrun/cart-bbb-7"])
def test_a_run_by_its_name(davy: Shell, name: str) -> None:
    """Whoever made it."""
    done = davy(a_cluster(a_comparison(), rollouts=[]), "analysis", name)
    assert (done.code, done.err) == (0, "")
    assert "CANARY ERRORS" in done.out


def test_a_rollout_without_analysis(davy: Shell) -> None:
    """That is said, and no error."""
    done = davy(a_cluster(rollouts=[a_finished_rollout()]), "analysis", "cart")
    said = "No analysis of the current update of rollout shop/cart.\n"
    assert (done.code, done.out) == (0, said)


def test_the_same_as_data(davy: Shell) -> None:
    """JSON and YAML say the same."""
    cluster = a_cluster(a_comparison())
    found = json.loads(davy(cluster, "analysis", "cart", "-o", "json").out)
    assert found == yaml.safe_load(davy(cluster, "analysis", "cart", "-o", "yaml").out)
    assert found["of"] == "rollout shop/cart"
    last = found["runs"][0]["metrics"][0]["measurements"][-1]
    compared = last["compared"]
    assert (compared["canary"], compared["toAbort"]) == ({"requests": 22, "errors": 5}, 1.31)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x", "error: there is neither a rollout nor an analysisrun shop/x; kubectl get "),
        ("ar/x", "error: analysisrun shop/x isn't there; kubectl get analysisruns.davy.dev"),
        ("ro/x", "error: rollout shop/x isn't there; "),
    ],
)
def test_a_name_that_nobody_has(davy: Shell, name: str, said: str) -> None:
    """The sentence says what was looked for."""
    done = davy(a_cluster(a_comparison()), "analysis", name)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(said)


@pytest.mark.parametrize("name", ["pod/x", "ro/", "/"])
def test_a_name_of_something_else_is_bad_usage(davy: Shell, name: str) -> None:
    """Nothing is asked."""
    assert davy(a_cluster(), "analysis", name).code == 2


def test_runs_that_may_not_be_read(davy: Shell) -> None:
    """There is nothing to show without them."""
    refused = Forbidden("list analysisruns: not allowed", status=403)
    done = davy(a_cluster(failures={"analysisruns": refused}), "analysis", "cart")
    assert (done.code, done.err) == (1, "error: list analysisruns: not allowed\n")


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes between a change and the next."""
    monkeypatch.setattr("davy.cli.access._SETTLE_SECONDS", 0)


@pytest.mark.usefixtures("_at_once")
def test_a_line_per_measurement_until_it_is_deleted(davy: Shell) -> None:
    """Each once, and the verdict when the run is over."""
    over, begun = a_comparison(), a_comparison()
    begun["status"]["metricResults"][0]["measurements"][1:] = []
    begun["status"] |= {"phase": "Running", "message": None, "completedAt": None}
    events = [(kind, "analysisruns", over) for kind in ("MODIFIED", "DELETED")]
    objects = {"rollouts": [], "analysisruns": [begun]}
    done = davy(Slow(objects, events=events), "analysis", "cart-bbb-7", "-w")
    said = [line.split("  ")[2:4] for line in done.out.splitlines()]
    assert said[:2] == [["judge", "Inconclusive"], ["judge", "Error"]]
    assert said[-1][0].startswith("Failed: Metric judge worse: ")
    assert len(said) == 5
    assert (done.code, done.err) == (1, "error: analysisrun shop/cart-bbb-7 was deleted.\n")


@pytest.mark.usefixtures("_at_once")
def test_a_picture_on_a_terminal(davy: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is seen, however few lines there are."""
    screen = Console(file=StringIO(), force_terminal=True, width=120, height=12)
    monkeypatch.setattr("davy.cli.output.console", lambda: screen)
    gone = ("DELETED", "rollouts", a_rollout())
    done = davy(a_cluster(a_comparison(), events=[gone]), "analysis", "cart", "-w")
    assert isinstance(screen.file, StringIO)
    drawn = screen.file.getvalue()
    assert "refused the connection" not in drawn
    assert "Metric judge worse: canary 11 errors" in drawn
    assert done.err == "error: rollout shop/cart was deleted.\n"


@pytest.mark.usefixtures("_at_once")
def test_a_stream_of_json(davy: Shell) -> None:
    """A document a line."""
    gone = ("DELETED", "analysisruns", a_comparison())
    cluster = a_cluster(a_comparison(), events=[gone])
    done = davy(cluster, "analysis", "ar/cart-bbb-7", "-w", "-o", "json")
    assert [json.loads(line)["runs"][0]["phase"] for line in done.out.splitlines()] == ["Failed"]
    assert done.err == "error: analysisrun shop/cart-bbb-7 was deleted.\n"
