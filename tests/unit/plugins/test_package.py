"""A package of somebody else's, from its entry points to a release."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from davy.cli import lint
from davy.cluster.cache import Json
from davy.metrics.plugin import PluginProvider
from davy.metrics.registry import Registry
from davy.plugins.installed import Installed, PluginKind
from tests.sim.plugins import AtOnce
from tests.unit.controller.stage import Stage, manifest, playing
from tests.unit.plugins.conftest import SOURCE

ROUTING = {"plugins": {"acme/notes": {"configMap": "split"}}}
GATE = {"plugin": {"name": "acme/until", "config": {"at": "2026-01-01T12:01:00+00:00"}}}


def a_release(version: str, steps: list[Json], routing: Json | None = None) -> Json:
    made = manifest(version=version, steps=steps)
    made["spec"]["strategy"]["canary"]["trafficRouting"] = routing or ROUTING
    return made


def a_config_map(stage: Stage) -> None:
    (kind,) = stage.operator.kinds.of_plugins
    stage.cluster.put(kind, {"metadata": {"namespace": "shop", "name": "split"}})


def notes(stage: Stage) -> Json:
    (kind,) = stage.operator.kinds.of_plugins
    found = stage.cluster.peek(kind, "shop", "split")
    assert found
    return found["metadata"].get("annotations") or {}


async def a_first_release(stage: Stage, steps: list[Json]) -> None:
    a_config_map(stage)
    stage.apply(a_release("1", steps))
    await stage.until(lambda: stage.status().get("phase") == "Healthy")


def test_a_package_is_found_and_a_broken_part_is_told(plugins: Installed) -> None:
    """The rest of it works."""
    assert plugins.names == (
        "router plugin acme/notes",
        "provider plugin acme/number",
        "step plugin acme/until",
    )
    (why,) = plugins.sentences
    assert why.startswith("router plugin acme/broken (acme_davy_gone:Router) raised ModuleNotFound")
    assert why.endswith("; mend or uninstall its package")


async def test_a_router_carries_a_release_through_a_step(plugins: Installed) -> None:
    """The weight is written into a kind that Davy doesn't know; the step waits, then it goes on."""
    async with playing(plugins=plugins) as stage:
        steps: list[Json] = [{"setWeight": 20}, GATE]
        await a_first_release(stage, steps)
        stage.apply(a_release("2", steps))
        await stage.until(lambda: "it is not 12:01 yet" in stage.status()["message"])
        assert notes(stage)["weight"] == "20"
        assert "asked again 12:01:00" in stage.status()["message"]
        (told,) = stage.status()["canary"]["stepPluginStatuses"]
        assert told["name"] == "acme/until"
        assert told["phase"] == "Running"
        assert told["message"] == "it is not 12:01 yet"
        await stage.until(lambda: stage.status()["phase"] == "Healthy")
        assert stage.clock.now().minute == 1
        assert notes(stage)["weight"] == "0"
        assert notes(stage)["stable"] == stage.status()["currentPodHash"]


async def test_a_metric_of_a_plugin_is_judged(plugins: Installed) -> None:
    """4 is more than 3; args are filled in."""
    async with playing(plugins=plugins) as stage:
        provider = PluginProvider(plugins)
        provider._calls = AtOnce()  # type: ignore[assignment]
        stage.operator.measurer.providers = Registry({"plugin": lambda: provider})
        stage.cluster.put(
            stage.operator.kinds.analysis_template,
            {
                "metadata": {"namespace": "shop", "name": "opinion"},
                "spec": {
                    "args": [{"name": "number", "value": "4"}],
                    "metrics": [a_metric({"acme/number": {"number": "{{args.number}}"}})],
                },
            },
        )
        steps: list[Json] = [{"analysis": {"templates": [{"templateName": "opinion"}]}}]
        await a_first_release(stage, steps)
        stage.apply(a_release("2", steps))
        await stage.until(lambda: stage.cluster.every(stage.operator.kinds.analysis_run))
        await stage.until(lambda: stage.status()["phase"] == "Healthy")
        (run,) = stage.cluster.every(stage.operator.kinds.analysis_run)
        assert run["status"]["phase"] == "Successful"
        assert run["status"]["metricResults"][0]["measurements"][0]["value"] == "4"


def a_metric(plugin: Json) -> Json:
    return {"name": "opinion", "successCondition": "result > 3", "provider": {"plugin": plugin}}


@pytest.mark.parametrize(
    ("plugin", "answer"),
    [
        ({"acme/number": {"number": 4}}, Answered(4.0)),
        ({"acme/number": {}}, NotAnswered("provider plugin acme/number raised KeyError: 'number'")),
        (
            {"acme/gone": {}},
            NotAnswered(
                "there is no provider plugin acme/gone, installed are: acme/number; install the "
                "package that has it beside Davy"
            ),
        ),
    ],
    ids=["answers", "raises", "isn't there"],
)
async def test_a_provider_answers_or_says_why_not(
    plugins: Installed, plugin: Json, answer: Answered | NotAnswered
) -> None:
    """I7: what isn't answered is no evidence."""
    metric = Metric.model_validate(a_metric(plugin))
    assert await PluginProvider(plugins).measure(metric) == answer


@pytest.mark.parametrize(
    ("steps", "routing", "sentence"),
    [
        (
            [{"plugin": {"name": "acme/gone"}}],
            None,
            (
                "spec.strategy.canary.steps[0].plugin.name: there is no step plugin acme/gone, "
                "installed are: acme/until; install the package that has it beside Davy"
            ),
        ),
        (
            [],
            {"plugins": {"acme/broken": {}}},
            (
                "spec.strategy.canary.trafficRouting.plugins['acme/broken']: router plugin "
                "acme/broken (acme_davy_gone:Router) raised ModuleNotFoundError"
            ),
        ),
        (
            [],
            {"plugins": {"acme/notes": {}}},
            (
                "spec.strategy.canary.trafficRouting.plugins: router plugin acme/notes raised "
                "KeyError: 'configMap'"
            ),
        ),
    ],
    ids=["isn't there", "is broken", "raises"],
)
async def test_a_plugin_that_cant_be_used_is_told_where_it_is_named(
    plugins: Installed, steps: list[Json], routing: Json | None, sentence: str
) -> None:
    """I10: by InvalidSpec; other rollouts don't notice."""
    async with playing(plugins=plugins) as stage:
        a_config_map(stage)
        good = a_release("1", [{"setWeight": 20}])
        good["metadata"] = {**good["metadata"], "name": "other"}
        stage.apply(a_release("1", steps, routing))
        stage.apply(good)
        await stage.until(lambda: stage.status("other").get("phase") == "Healthy")
        assert stage.status()["message"].startswith(f"InvalidSpec: {sentence}")


async def test_a_router_that_failed_is_asked_again(plugins: Installed) -> None:
    """I10: nothing changes in the cluster that would wake its rollout."""
    made, trouble = plugins.get(PluginKind.ROUTER, "acme/notes"), ["the disk is full"]

    def flaky(config: Json) -> Any:
        if trouble:
            raise OSError(*trouble)
        return made(config)

    found = replace(plugins, found={PluginKind.ROUTER: {"acme/notes": flaky}})
    async with playing(plugins=found) as stage:
        a_config_map(stage)
        stage.apply(a_release("1", []))
        await stage.turn(5)
        assert "acme/notes raised OSError: the disk is full." in stage.status()["message"]
        trouble.clear()
        await stage.until(lambda: stage.status()["phase"] == "Healthy", within=60)


def test_lint_says_what_is_not_here(plugins: Installed, tmp_path: Path) -> None:
    """A note: where the operator runs, it may be; and a warning for what is broken."""
    del plugins
    text = """
apiVersion: davy.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: opinion}
spec:
  metrics: [{name: opinion, provider: {plugin: {acme/gone: {}}}}]
"""
    result = CliRunner().invoke(lint.command, ["-"], input=text)
    assert result.exit_code == 0
    assert "note: spec.metrics[0].provider.plugin['acme/gone']: there is no provider" in (
        result.stdout
    )
    assert "warning: router plugin acme/broken (acme_davy_gone:Router) raised" in result.stderr


def test_a_plugin_may_not_have_a_secret(plugins: Installed) -> None:
    """A package isn't an address that the Secret names."""
    del plugins
    template: Any = {
        "apiVersion": "davy.dev/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": "opinion"},
        "spec": {
            "args": [{"name": "key", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}],
            "metrics": [a_metric({"acme/number": {"number": "{{args.key}}"}})],
        },
    }
    result = CliRunner().invoke(lint.command, ["-"], input=yaml.safe_dump(template))
    assert result.exit_code == 1
    assert "uses {{args.key}}, a secret; only values of headers" in result.stdout


def test_the_page_shows_this_package() -> None:
    """What docs/plugins.md tells people to write is what is tried here."""
    page = (Path(__file__).parents[3] / "docs" / "plugins.md").read_text(encoding="utf-8")
    shown = re.findall(r"```(?:python|toml)\n(.*?)```", page, re.DOTALL)
    source = "".join(
        (SOURCE / name).read_text("utf-8") for name in ("acme_davy.py", "pyproject.toml")
    )
    assert len(shown) == 5
    missing = [line for block in shown for line in block.splitlines() if line not in source]
    assert missing == []
