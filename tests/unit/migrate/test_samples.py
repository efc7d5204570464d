"""Manifests as users have them, what each becomes, and what is said about it.

After a change that is meant: `DAVY_WRITE_GOLDEN=1 python -m pytest tests/unit/migrate`, and read
what git shows.
"""

import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from davy.cli import lint, migrate
from davy.cli.documents import documents

_HERE = Path(__file__).parent
SAMPLES = sorted((_HERE / "samples").glob("*.yaml"))
FAITHFUL = {
    "argo_alb",
    "argo_analysis_web",
    "argo_basic",
    "argo_gateway_grpc",
    "argo_header_and_mirror",
    "argo_istio_subsets",
    "argo_workload_ref",
}
"""Samples of which all is carried over, without a word."""


def run(sample: Path, *options: str) -> Result:
    """The command's result; files are called as a golden file can."""
    text = sample.read_text(encoding="utf-8")
    return CliRunner().invoke(migrate.command, ["-", *options], input=text)


@pytest.fixture(params=SAMPLES, ids=lambda path: path.stem)
def sample(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_there_are_enough_samples() -> None:
    """Both controllers', of the shapes that users have."""
    assert len(SAMPLES) >= 25
    assert {path.stem.partition("_")[0] for path in SAMPLES} == {"argo", "flagger"}


def test_a_sample_becomes_what_is_expected(sample: Path) -> None:
    """Standard output, then standard error and the exit code."""
    result = run(sample)
    shown = f"{result.stdout}...\n{result.stderr}exit code {result.exit_code}\n"
    golden = _HERE / "golden" / f"{sample.stem}.txt"
    if os.environ.get("DAVY_WRITE_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


def test_what_is_printed_passes_lint(sample: Path) -> None:
    """An object that lint refuses is a comment; so the output may be applied as it is."""
    printed = run(sample).stdout
    linted = CliRunner().invoke(lint.command, ["-"], input=printed)
    assert linted.exit_code == 0, linted.output


def test_the_exit_code_says_whether_something_was_lost(sample: Path) -> None:
    """0 and no comment, or 1 and a comment for each line on standard error."""
    result = run(sample)
    lines = [line for line in result.stderr.splitlines() if line.startswith("-")]
    comments = [line for line in result.stdout.splitlines() if line.startswith(("# n", "# note"))]
    assert len(lines) == len(comments)
    lost = [line for line in lines if ": note: " not in line]
    assert result.exit_code == (1 if lost else 0)
    assert (not lines) == (sample.stem in FAITHFUL)


def test_migrating_what_was_migrated_leaves_it_alone(sample: Path) -> None:
    """The output has nothing of Argo's or Flagger's left."""
    again = CliRunner().invoke(migrate.command, ["-"], input=run(sample).stdout)
    assert again.exit_code == 0
    assert again.stdout == ""


@pytest.mark.parametrize("group", ["davy.dev", "argoproj.io", "deploy.example.com"])
def test_the_group_is_an_option(group: str) -> None:
    """Under Argo's group only what Davy doesn't build is changed."""
    result = run(_HERE / "samples" / "argo_istio_subsets.yaml", "--api-group", group)
    versions = {found["apiVersion"] for found in yaml.safe_load_all(result.stdout)}
    assert versions == {f"{group}/v1alpha1"}


def test_a_faithful_rollout_is_the_same_but_for_its_group() -> None:
    """No field is reordered away, renamed or given a default."""
    source = _HERE / "samples" / "argo_istio_subsets.yaml"
    before = [*yaml.safe_load_all(source.read_text(encoding="utf-8"))]
    after = [*yaml.safe_load_all(run(source).stdout)]
    assert [one["spec"] for one in after] == [one["spec"] for one in before]


def test_lines_point_into_the_file(tmp_path: Path) -> None:
    """An editor can jump there."""
    source = _HERE / "samples" / "argo_rarer_fields.yaml"
    result = CliRunner().invoke(migrate.command, [str(source)])
    text = source.read_text(encoding="utf-8").splitlines()
    line = next(n for n, line in enumerate(text, 1) if "notifications.argoproj" in line)
    assert f"{source}:{line} rollout social/feed: metadata.annotations" in result.stderr
    assert [*documents("printed", result.stdout)]
