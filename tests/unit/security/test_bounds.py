"""Bounds in size and time, and what fuzzing found; `docs/security.md` lists them."""

import json
from typing import Any

import pytest

from davy.analysis import condition, judge, render
from davy.analysis.answer import Answered, NotAnswered
from davy.api import fields, paths, validate
from davy.api.errors import ConditionError, together
from davy.cli.documents import UnreadableFileError, documents
from davy.plugins.installed import Installed
from davy.traffic.registry import Routers
from tests.fuzz import strange
from tests.unit.analysis.runs import a_metric
from tests.unit.api.documents import GOOD, changed
from tests.unit.traffic import routes

ROUTERS = Routers(Installed())


@pytest.mark.parametrize("kind", [dict, list])
def test_a_spec_nested_without_end_is_refused(kind: type) -> None:
    """The API server takes 10 000 levels in a pod template; a copy of them ends in a crash."""
    document = changed("gateway", {})
    for levels in (98, 5000):
        document["spec"]["template"]["spec"]["x"] = strange.nested(levels, kind)
        found = validate.rollout(document)
        assert [finding.path for finding in found] == ["spec"]
        assert "nests more than 100 levels deep" in found[0].message
    document["spec"]["template"]["spec"]["x"] = strange.nested(90, kind)
    assert validate.rollout(document) == []


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_lacks_is_refused(number: float) -> None:
    """YAML has them; written to the API server or hashed they would be something else."""
    document = changed("gateway", {"spec.template.spec.x": [{"y": number}]})
    (found,) = validate.rollout(document)
    assert (found.path, "has what JSON doesn't have" in found.message) == ("spec", True)


@pytest.mark.parametrize("text", [{"\ud800": "a"}, {"a": "\udfff"}])
def test_half_of_a_character_is_refused(text: dict[str, str]) -> None:
    """A YAML file may escape it; no request can carry it."""
    (found,) = validate.rollout(changed("gateway", {"spec.template.spec.x": text}))
    assert (found.path, "has what JSON doesn't have" in found.message) == ("spec", True)


def test_of_thousands_of_findings_a_status_tells_the_first() -> None:
    """Each container is wrong, and there are many: `davy lint` has the place for all of them."""
    found = validate.rollout(changed("gateway", {"spec.template.spec.containers": [1] * 3000}))
    assert len(found) == 3000
    text = together(found)
    assert text.startswith(f"{found[0]}; {found[1]}; ")
    assert text.endswith(f"{found[19]}; and 2980 more; `davy lint` tells them all")
    assert together(found[:20]).endswith(str(found[19]))


def test_a_key_without_end_is_cut_in_the_path() -> None:
    """A label's name may have a megabyte, and the status has no room for it."""
    path = "spec.strategy.canary.analysis.analysisRunMetadata"
    for labels in ({"x" * 5000: "y" * 64}, {"x" * 5000: "y"}):
        (found,) = validate.rollout(changed("gateway", {path: {"labels": labels}}))
        assert found.path.startswith(f"{path}.labels[")
        assert len(str(found)) < 600


def test_a_spec_with_values_without_end_is_refused() -> None:
    """Half a megabyte of empty lists is a hundred of memory."""
    found = validate.rollout(changed("gateway", {"spec.template.spec.x": [[]] * 100_001}))
    assert [finding.path for finding in found] == ["spec"]


def test_a_value_that_contains_itself_is_beyond_all_bounds() -> None:
    """YAML's anchors can make one."""
    cycle: list[Any] = []
    cycle.append(cycle)
    assert paths.beyond(cycle, levels=100, values=1000)
    assert not paths.beyond({"a": [1, {"b": []}]}, levels=3, values=4)
    assert paths.beyond({"a": [1, {"b": []}]}, levels=3, values=3)
    assert paths.beyond({"a": [1, {"b": []}]}, levels=2, values=4)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a {x: *a}",
        "[" * 5000,
        "a: 2026-13-45",
        "\n".join(
            [
                "a0: &a0 [x]",
                *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)),
            ]
        ),
    ],
)
def test_a_file_that_is_a_trap_can_t_be_read(text: str) -> None:
    """`davy lint` says so, instead of a traceback or nothing for ever."""
    with pytest.raises(UnreadableFileError, match=r"^f\.yaml: not YAML that can be read: "):
        list(documents("f.yaml", text))


def test_a_message_of_a_measurement_is_bounded() -> None:
    """Ten thousand warnings would make an object that no API server takes: the run never ends."""
    warned = Answered([0.0], tuple("w" * 300 for _ in range(10_000)))
    for answer in (warned, NotAnswered("why", "x" * 100_000)):
        judged = judge.measurement(a_metric(), answer, limit=None)
        assert len(judged.message) == render.VALUE_LENGTH


def test_a_number_of_any_size_is_written() -> None:
    """A third party's JSON may have it; a float has no room for it."""
    assert render.number(10**400) == "1.000000e+400"
    assert render.number(-(10**18)) == "-1.000000e+18"


@pytest.mark.parametrize("source", ["all({#}, result)", "sum({#}, {#})"])
def test_a_predicate_in_the_wrong_place_is_refused(source: str) -> None:
    """It was an exception, and the run was tried for ever without a word."""
    with pytest.raises(ConditionError, match="a predicate"):
        condition.decide(source, [1.0])


def test_a_long_duration_is_told_shortly() -> None:
    """A status has room for a sentence, not for five thousand digits."""
    with pytest.raises(ValueError, match=r"^9{40} is longer than ten years"):
        fields.parse_duration("9" * 5000 + "s")


def test_labels_that_are_no_texts_are_told_without_them() -> None:
    """Where a CRD lets them be anything."""
    rollout = routes.by_services()
    service = routes.a_service("cart-stable")
    service["spec"]["selector"] = {"app": {"b": 1}}
    found = routes.a_cluster(service, routes.a_service("cart-canary"))
    told = [
        str(problem) for problem in ROUTERS.router_for(rollout.canary).read(rollout, found).problems
    ]
    assert any("app=something that is no text" in each for each in told)


def test_every_list_and_text_of_a_spec_has_a_bound() -> None:
    """What has none in the schema could fill the server's memory, and ours."""
    for name, base in GOOD.items():
        huge = json.loads(json.dumps(base))
        for holder, key in strange.places(huge["spec"]):
            if isinstance(holder[key], list) and holder[key]:
                holder[key].extend([holder[key][0]] * 3000)
        read = {
            "Rollout": validate.rollout,
            "AnalysisRun": validate.analysis_run,
        }.get(base["kind"], validate.analysis_template)
        assert read(huge), name
