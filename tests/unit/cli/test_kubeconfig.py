"""Which file, context and namespace are meant."""

import os
from pathlib import Path

import click
import pytest
import yaml

from davy.cli import kubeconfig


def _file(path: Path, current: str | None, **namespaces: str) -> str:
    """A kubeconfig with these contexts and their namespaces."""
    contexts = [
        {"name": name, "context": {"namespace": namespace} if namespace else {}}
        for name, namespace in namespaces.items()
    ]
    content = {"contexts": contexts} | ({"current-context": current} if current else {})
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_the_namespace_is_the_current_contexts(tmp_path: Path) -> None:
    """As kubectl has it."""
    choice = kubeconfig.choose(_file(tmp_path / "a", "dev", dev="shop", prod="till"), None, {})
    assert (choice.context, choice.namespace) == ("dev", "shop")


def test_a_chosen_context_brings_its_namespace(tmp_path: Path) -> None:
    """`--context` counts more than the current one."""
    choice = kubeconfig.choose(_file(tmp_path / "a", "dev", dev="shop", prod="till"), "prod", {})
    assert choice.namespace == "till"


def test_a_context_without_a_namespace_means_default(tmp_path: Path) -> None:
    """`default`, as kubectl has it."""
    assert kubeconfig.choose(_file(tmp_path / "a", "dev", dev=""), None, {}).namespace == "default"


def test_the_first_file_that_names_a_context_decides(tmp_path: Path) -> None:
    """KUBECONFIG may hold several files."""
    files = [_file(tmp_path / "a", None, dev="shop"), _file(tmp_path / "b", "prod", prod="till")]
    files.append(_file(tmp_path / "c", "dev"))
    choice = kubeconfig.choose(None, None, {"KUBECONFIG": os.pathsep.join(files)})
    assert (choice.context, choice.namespace) == ("prod", "till")


def test_an_option_counts_more_than_the_environment(tmp_path: Path) -> None:
    """`--kubeconfig` before KUBECONFIG."""
    environment = {"KUBECONFIG": _file(tmp_path / "b", "prod", prod="till")}
    choice = kubeconfig.choose(_file(tmp_path / "a", "dev", dev="shop"), None, environment)
    assert choice.namespace == "shop"


def test_an_unknown_context_is_refused_with_those_there_are(tmp_path: Path) -> None:
    """The sentence is a list to choose from."""
    with pytest.raises(click.ClickException, match=r"context x is in no kubeconfig.*: dev, prod\."):
        kubeconfig.choose(_file(tmp_path / "a", "dev", dev="", prod=""), "x", {})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """Named by hand, it must be there."""
    with pytest.raises(click.ClickException, match="no such file"):
        kubeconfig.choose(str(tmp_path / "nowhere"), None, {})


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "a").write_text("a: [")
    with pytest.raises(click.ClickException, match="can't be read") as refused:
        kubeconfig.choose(str(tmp_path / "a"), None, {})
    assert "\n" not in refused.value.message


def test_without_any_file_nothing_is_reachable(tmp_path: Path) -> None:
    """And the namespace is `default`."""
    choice = kubeconfig.choose(None, None, {"HOME": str(tmp_path)})
    assert (choice.reachable, choice.namespace) == (False, "default")


def test_a_chosen_context_is_told_to_the_client_by_a_file_of_its_own(tmp_path: Path) -> None:
    """That context alone, its cluster and user from wherever they are, and gone after."""
    (tmp_path / "a").write_text(
        yaml.safe_dump(
            {
                "current-context": "dev",
                "contexts": [
                    {"name": "dev", "context": {"cluster": "d", "user": "d"}},
                    {"name": "prod", "context": {"cluster": "p", "user": "p"}},
                ],
            }
        )
    )
    (tmp_path / "b").write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": "p", "cluster": {"certificate-authority": "ca.pem"}}],
                "users": [{"name": "p", "user": {"exec": {"command": "bin/login"}}}],
            }
        )
    )
    both = os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")])
    with kubeconfig.for_client(kubeconfig.choose(both, "prod", {})) as told:
        assert told is not None
        content = yaml.safe_load(Path(told).read_text())
        assert Path(told).stat().st_mode & 0o077 == 0
    assert not Path(told).exists()
    assert content["current-context"] == "prod"
    assert [item["name"] for item in content["contexts"]] == ["prod"]
    assert content["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.pem")
    assert content["users"][0]["user"]["exec"]["command"] == str(tmp_path / "bin/login")


def test_a_context_whose_user_is_nowhere_is_refused(tmp_path: Path) -> None:
    """The sentence says what is missing and where it was looked for."""
    choice = kubeconfig.choose(_file(tmp_path / "a", "dev", dev=""), "dev", {})
    with (
        pytest.raises(click.ClickException, match="is not among the clusters of any kubeconfig"),
        kubeconfig.for_client(choice),
    ):
        pass


def test_the_usual_file_is_left_to_the_client(tmp_path: Path) -> None:
    """Nothing was chosen: in a pod its service account comes first."""
    folder = tmp_path / ".kube"
    folder.mkdir()
    _file(folder / "config", "dev", dev="shop")
    choice = kubeconfig.choose(None, None, {"HOME": str(tmp_path)})
    with kubeconfig.for_client(choice) as told:
        assert (told, choice.namespace) == (None, "shop")
