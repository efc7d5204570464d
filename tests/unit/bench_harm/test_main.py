"""What is wrong with the command is said before a lab is started."""

import sys
from pathlib import Path

import pytest

from tests.bench_harm.__main__ import main


def test_an_unknown_row_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench-harm", "--rows", "fifth,sixth"])
    with pytest.raises(SystemExit):
        main()
    assert "no row 'sixth'; there are fifth, regression, total" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[1]", '[{"row": "fifth"}]', '[{"figures": {"x": 1}}]'])
def test_another_programs_file_is_not_added_to(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    text: str,
) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    monkeypatch.setattr(sys, "argv", ["bench-harm", "--json", str(path)])
    assert main() == 1
    assert f"{path} isn't of this bench" in capsys.readouterr().err
    assert path.read_text() == text


def test_without_rows_the_table_is_told_of_what_was_played(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "page.md"
    path.write_text("<!-- bench-harm: begin --><!-- bench-harm: end -->\n")
    monkeypatch.setattr(sys, "argv", ["bench-harm", "--rows", "", "--page", str(path)])
    assert main() == 0
    assert "No release was played." in path.read_text()
