import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]


def locked(name: str) -> dict[str, str]:
    """Package to version, as a lock has it."""
    text = (ROOT / "requirements" / name).read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", text, re.MULTILINE))


def wanted(name: str) -> set[str]:
    """The packages that an input file asks for itself."""
    lines = (ROOT / "requirements" / name).read_text().split("\n")
    return {line for line in lines if line and not line.startswith(("-", "#"))}


def declared() -> list[Requirement]:
    """The package's own dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(text) for text in project["dependencies"]]


def test_the_ranges_take_what_is_locked() -> None:
    """What is tested is among what may be installed."""
    versions = locked("runtime.lock")
    outside = [str(each) for each in declared() if versions[each.name] not in each.specifier]
    assert outside == []


def test_the_package_asks_for_what_is_locked_and_nothing_else() -> None:
    """runtime.in and pyproject.toml name the same packages."""
    assert {each.name for each in declared()} == wanted("runtime.in")


def test_development_runs_what_is_shipped() -> None:
    """dev.lock has every package of runtime.lock, in the same version."""
    assert locked("runtime.lock").items() <= locked("dev.lock").items()
