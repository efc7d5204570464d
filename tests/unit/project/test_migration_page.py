"""docs/argo-rollouts.md is true: its tables are held to the CRDs and to what Davy refuses.

A row is `| names | verdict | text |`; the names are of the objects that its heading names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from davy.api import conditions, group, unbuilt
from davy.api.crd import crds
from davy.api.group import ARGO, ApiGroup
from davy.cli.main import PARTS

_ROOT = Path(__file__).parents[3]
_PAGE = _ROOT / "docs" / "argo-rollouts.md"
_OPAQUE = {"spec.template", "spec.selector"}
"""Kubernetes' own objects: their fields are described there."""
_HERE = {"same", "better", "Davy's"}
"""Verdicts of what Davy has."""
TABLES = {
    "Rollout": unbuilt.ROLLOUT,
    "AnalysisTemplate": unbuilt.ANALYSIS_TEMPLATE,
    "AnalysisRun": unbuilt.ANALYSIS_RUN,
}


@dataclass(frozen=True)
class Row:
    """One name of a row."""

    heading: str
    path: str
    """With the heading's object before it, in tables of fields."""
    name: str
    verdict: str
    text: str


@cache
def rows() -> tuple[Row, ...]:
    return tuple(_rows(_PAGE.read_text(encoding="utf-8")))


def _rows(page: str) -> Iterator[Row]:
    heading, objects = "", [""]
    for line in page.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
            objects = re.findall(r"`([^`]+)`", heading) or [""]
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        names = re.findall(r"`([^`]+)`", cells[0]) if len(cells) == 3 else []
        for name in names:
            for parent in objects:
                yield Row(heading, f"{parent}.{name}", name, cells[1], cells[2])


def fields(kind: str) -> dict[str, dict[str, Any]]:
    """Every field of a kind's CRD by its path, `AnalysisRun.spec.metrics[].name`."""
    crd = next(one for one in crds(ApiGroup()) if one["spec"]["names"]["kind"] == kind)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    before = "" if kind == "Rollout" else f"{kind}."
    parts = {
        name: schema["properties"][name]
        for name in ("spec", "status")
        if name in schema["properties"]
    }
    return {
        before + path: node for name, part in parts.items() for path, node in _below(part, name)
    }


def _below(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, inner in node.get("properties", {}).items():
        at = f"{path}.{name}"
        yield at, inner
        if at not in _OPAQUE:
            yield from _below(inner, at)
            yield from _below(inner.get("items", {}), f"{at}[]")


def of_kind(kind: str) -> list[Row]:
    """The rows about a kind's fields."""
    starts = ("spec.", "status.") if kind == "Rollout" else (f"{kind}.",)
    return [row for row in rows() if row.path.startswith(starts)]


@pytest.mark.parametrize("kind", TABLES)
def test_every_field_has_one_row(kind: str) -> None:
    """A new field needs its row; a row of a field that is gone is found too."""
    told = [row.path for row in of_kind(kind) if row.verdict != "absent"]
    assert sorted(told) == sorted(fields(kind))


@pytest.mark.parametrize("kind", TABLES)
def test_a_field_is_refused_when_its_row_says_so(kind: str) -> None:
    """And then the row has Davy's own sentence; no refused field is called the same."""
    before = "" if kind == "Rollout" else f"{kind}."
    refused = {f"{before}{one.at}.{one.field}": one for one in TABLES[kind]}
    told = {row.path: row for row in of_kind(kind) if row.verdict == "refused"}
    assert sorted(told) == sorted(refused)
    for path, row in told.items():
        assert row.text.replace("NAME", row.name).startswith(refused[path].message), path


@pytest.mark.parametrize("kind", TABLES)
def test_what_is_absent_is_absent(kind: str) -> None:
    """A field of Argo's status that Davy writes by now isn't called absent."""
    absent = {row.path for row in of_kind(kind) if row.verdict == "absent"}
    assert not absent & fields(kind).keys()


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("Conditions", conditions.ConditionType),
        ("Reasons of conditions", conditions.Reason),
        ("Pause reasons", conditions.PauseReason),
        ("Events", conditions.EventReason),
    ],
)
def test_every_word_of_a_status_has_a_row(heading: str, known: type[StrEnum]) -> None:
    """Types and reasons; those that are absent aren't Davy's."""
    _held(heading, {one.value for one in known})


def test_every_label_and_annotation_has_a_row() -> None:
    """By the names that Argo has."""
    argo = ApiGroup(ARGO)
    _held(
        "Labels and annotations",
        {
            group.POD_TEMPLATE_HASH_LABEL,
            group.SCALE_DOWN_DEADLINE,
            group.RUN_TYPE_LABEL,
            group.STEP_INDEX_LABEL,
            argo.revision_annotation,
            argo.role_annotation,
            argo.desired_replicas_annotation,
            argo.template_annotation,
            argo.workload_generation_annotation,
            argo.managed_by_annotation,
            argo.finalizer,
            argo.metric_addresses_annotation,
            argo.allowed_from_annotation,
        },
    )


def test_every_command_has_a_row() -> None:
    """Argo's and Davy's."""
    _held("Command line", set(PARTS))


def _held(heading: str, known: set[str]) -> None:
    of_heading = [row for row in rows() if row.heading == heading]
    here = [row.name for row in of_heading if row.verdict in _HERE]
    absent = {row.name for row in of_heading if row.verdict == "absent"}
    assert sorted(here) == sorted(known)
    assert not absent & known
    assert len(here) + len(absent) == len(of_heading)


def test_verdicts_are_of_the_list() -> None:
    """Those that the page explains, and no others."""
    explained = re.findall(
        r"^\| (same|better|refused|absent|Davy's) \|", _PAGE.read_text(), re.MULTILINE
    )
    assert {row.verdict for row in rows()} == set(explained) == _HERE | {"refused", "absent"}
    assert all(row.text for row in rows() if row.verdict in {"better", "refused"})


def test_the_seven_defects_are_held_by_tests_that_exist() -> None:
    """Each by its name."""
    found = dict(re.findall(r"^\| (H\d) \|.*\| `(\S+)` \|$", _PAGE.read_text(), re.MULTILINE))
    assert sorted(found) == [f"H{number}" for number in range(1, 8)]
    for where in found.values():
        path, _, test = where.partition("::")
        assert f"def {test}(" in (_ROOT / path).read_text(encoding="utf-8"), where
