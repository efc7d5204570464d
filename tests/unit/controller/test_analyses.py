"""A rollout's analyses, from its reference to the AnalysisRun, through the whole operator."""

from datetime import timedelta
from typing import Any

from davy.analysis.answer import Answered
from davy.api.fields import format_instant, parse_instant
from davy.cluster.cache import Json
from tests.unit.controller.stage import Stage, manifest, network, playing
from tests.unit.controller.test_measure import a_metric

STEPS: list[Json] = [{"setWeight": 10}, {"pause": {"duration": "5s"}}]


def a_template(stage: Stage, name: str, **spec: Any) -> None:
    stage.cluster.put(
        stage.operator.kinds.analysis_template,
        {"metadata": {"namespace": "shop", "name": name}, "spec": spec},
    )


def a_release(version: str, **analysis: Any) -> Json:
    """Two steps, and between them an analysis by the template `errors`."""
    asked = {"templates": [{"templateName": "errors"}], **analysis}
    return manifest(version=version, steps=[STEPS[0], {"analysis": asked}, *STEPS[1:]])


async def a_first_release(stage: Stage, **analysis: Any) -> None:
    """The first revision is stable."""
    network(stage.cluster)
    stage.apply(a_release("1", **analysis))
    await stage.until(lambda: stage.status().get("phase") == "Healthy")


def after(instant: str, seconds: float) -> str:
    """The moment so much later."""
    return format_instant(parse_instant(instant) + timedelta(seconds=seconds))


def the_run(stage: Stage) -> Json:
    """The only AnalysisRun."""
    (found,) = stage.cluster.every(stage.operator.kinds.analysis_run)
    return found


async def test_a_failed_dry_run_lets_the_release_go_on() -> None:
    """The rollout's own rule; what it found is told in the run."""
    async with playing() as stage:
        a_template(stage, "errors", metrics=[a_metric()])
        rules: Json = {
            "dryRun": [{"metricName": ".*"}],
            "measurementRetention": [{"metricName": "error-rate", "limit": 3}],
        }
        await a_first_release(stage, **rules)
        stage.provider.answer = Answered([0.5])
        stage.apply(a_release("2", **rules))
        await stage.until(lambda: stage.status()["currentStepIndex"] == 2)
        run = the_run(stage)
        assert run["spec"]["dryRun"] == rules["dryRun"]
        assert run["spec"]["measurementRetention"] == rules["measurementRetention"]
        assert run["status"]["phase"] == "Successful"
        assert run["status"]["dryRunSummary"]["failed"] == 1
        assert run["status"]["metricResults"][0]["dryRun"] is True


async def test_runs_carry_the_users_labels_and_davys_own() -> None:
    """They are how people select them, and how Davy tells them apart."""
    async with playing() as stage:
        a_template(stage, "errors", metrics=[a_metric()])
        metadata = {"labels": {"team": "shop"}, "annotations": {"example.com/why": "a release"}}
        await a_first_release(stage)
        stage.apply(a_release("2", analysisRunMetadata=metadata))
        await stage.until(lambda: stage.status()["currentStepIndex"] == 2)
        made = the_run(stage)["metadata"]
        assert {"team": "shop", "rollout-type": "Step", "step-index": "1"}.items() <= (
            made["labels"].items()
        )
        assert made["annotations"]["example.com/why"] == "a release"
        assert len(made["annotations"]) == 2


async def test_a_nested_template_that_comes_later_is_heard_of() -> None:
    """The rollout says where it is missed, and goes on when it is there."""
    async with playing() as stage:
        a_template(stage, "errors", metrics=[a_metric()])
        await a_first_release(stage)
        a_template(stage, "errors", templates=[{"templateName": "inner"}])
        stage.apply(a_release("2"))
        missing = "there is no AnalysisTemplate inner in namespace shop; create it."
        said = f"AnalysisTemplate errors: templates[0].templateName: {missing}"
        await stage.until(lambda: said in stage.status()["message"])
        a_template(stage, "inner", metrics=[a_metric("inner-rate")])
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        assert [metric["name"] for metric in the_run(stage)["spec"]["metrics"]] == ["inner-rate"]


async def test_a_circle_of_templates_is_said() -> None:
    """It holds the release before its first step, as everything that is wrong does."""
    async with playing() as stage:
        a_template(stage, "errors", metrics=[a_metric()])
        await a_first_release(stage)
        a_template(stage, "errors", metrics=[a_metric()], templates=[{"templateName": "errors"}])
        stage.apply(a_release("2"))
        await stage.until(lambda: "leads in a circle" in stage.status()["message"])
        assert stage.weight() == 0


async def test_a_metric_warms_up_after_each_change_of_the_weight() -> None:
    """It isn't asked for 20 s after the route was written, and no further weight is raised."""
    async with playing() as stage:
        a_template(stage, "errors", metrics=[a_metric(interval="1s", warmup="20s")])
        steps: list[Json] = [*STEPS, {"setWeight": 50}, {"pause": {}}]
        network(stage.cluster)

        def release(version: str) -> None:
            made = manifest(version=version, steps=steps)
            beside = {"templates": [{"templateName": "errors"}]}
            made["spec"]["strategy"]["canary"]["analysis"] = beside
            stage.apply(made)

        release("1")
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        release("2")
        for weight in (10, 50):
            await stage.until(lambda: stage.weight() == weight)  # noqa: B023 - awaited here
            asked = len(stage.provider.asked)
            await stage.turn(18)
            assert stage.weight() == weight
            assert len(stage.provider.asked) == asked
            status = the_run(stage)["status"]
            began = max(stage.status()["traffic"]["changedAt"], status["startedAt"])
            assert f"warms up until {after(began, 20)}" in status["message"]
            await stage.turn(3)
            assert len(stage.provider.asked) > asked
