"""The entry point: exit codes, help, and parts that can't be loaded."""

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from davy.api.errors import InvalidObject
from davy.cli import main
from tests.unit.cli.cluster import FakeCluster, Shell


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("get",), ("get", "pod", "x"), ("abort", "pod/x"), ("list", "-o", "xml"), ()],
)
def test_bad_usage_is_two(davy: Shell, arguments: tuple[str, ...]) -> None:
    """The usage goes to standard error."""
    done = davy(FakeCluster({}), *arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage" in done.err


@pytest.mark.parametrize("name", sorted(set(main.PARTS) - {"run"}))
def test_every_command_explains_itself(davy: Shell, name: str) -> None:
    """A newcomer finds an example in each."""
    done = davy(FakeCluster({}), name, "--help")
    assert done.code == 0
    assert "Example" in done.out


def _helps(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of a command and of all below it."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _helps(found, (*words, name))


def test_every_help_keeps_the_lines_of_its_examples(davy: Shell) -> None:
    """Click's mark for that is a character, and is not shown."""
    for words in _helps(main.cli):
        text = davy(FakeCluster({}), *words, "--help").out
        assert ("\\b" in text, "\b" in text) == (False, False), words
        examples = {line for line in text.splitlines() if line.startswith("  Example")}
        assert examples <= {"  Example:", "  Examples:"}, words


def test_a_part_that_cannot_be_loaded_leaves_the_others_alone(
    davy: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own use is a sentence and exit 1; the help and other commands work."""
    part = main._Part("davy.cli.broken", "Broken.")
    monkeypatch.setitem(main.PARTS, "broken", part)
    done = davy(FakeCluster({}), "broken")
    assert (done.code, done.err) == (
        1,
        "error: davy broken can't be loaded: No module named 'davy.cli.broken'\n",
    )
    assert "Broken." in davy(FakeCluster({}), "--help").out
    assert davy(FakeCluster({}), "version", "--client").code == 0


def _part_that_raises(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr(main, "import_module", lambda _: type("module", (), {"command": command}))


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (InvalidObject([]), 1, "error: "),
        (click.ClickException("no."), 1, "error: no."),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_exit_codes(
    davy: Shell, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    """Ctrl-C is quiet, an error is a sentence, a closed pipe is nobody's fault."""
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # restored: a broken pipe takes it away
    _part_that_raises(error, monkeypatch)
    done = davy(FakeCluster({}), "run")
    assert (done.code, done.err.strip()) == (code, said.strip())


def test_global_options_reach_commands_with_their_own(
    davy: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`davy --api-group G crds` is `davy crds --api-group G`; a repeatable option gets a list."""
    seen: list[object] = []

    @click.command()
    @click.option("--api-group", default="davy.dev")
    @click.option("--namespace", multiple=True)
    def command(api_group: str, namespace: tuple[str, ...]) -> None:
        seen.extend([api_group, namespace])

    monkeypatch.setattr(main, "import_module", lambda _: type("module", (), {"command": command}))
    assert davy(FakeCluster({}), "--api-group", "x.y", "-n", "shop", "run").code == 0
    assert seen == ["x.y", ("shop",)]


def test_the_version_needs_no_kubernetes_client() -> None:
    """`davy version` is fast, and works where a part is broken."""
    code = (
        "import sys; from davy.cli import main; main.run(['version', '--client']); "
        "print(sorted({'kubernetes', 'kopf', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_asks_davy_itself(davy: Shell, shell: str) -> None:
    """The script sets the variable that `davy` answers to."""
    done = davy(FakeCluster({}), "completion", shell)
    assert done.code == 0
    assert f"_DAVY_COMPLETE={shell}_complete" in done.out


@pytest.mark.parametrize(
    ("words", "found"),
    [("davy prom", "plain,promote"), ("davy promote --skip-c", "plain,--skip-current-step")],
)
def test_commands_and_options_are_completed(words: str, found: str) -> None:
    """Of the commands none is loaded for it."""
    code = "import sys; sys.argv = ['davy']; from davy.cli import main; main.main()"
    asked = {
        "_DAVY_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, **asked},
    )
    assert done.stdout.splitlines() == [found]


def test_an_address_to_sign_for_that_is_none_stops_the_start(davy: Shell) -> None:
    """Said at once, as every metric that needs it would fail."""
    done = davy(FakeCluster({}), "run", "--sigv4-addresses", "aps-workspaces.amazonaws.com")
    assert done.code == 2
    assert "is no address to sign for; write a URL, such as https://aps-workspaces." in done.err


@pytest.mark.parametrize("account", ["default", "shop/", "shop/a/b", "Shop/x"])
def test_a_service_account_that_is_none_stops_the_start(davy: Shell, account: str) -> None:
    """Said at once: an entry that is never met would be a release that never goes on."""
    done = davy(FakeCluster({}), "run", "--job-service-accounts", account)
    assert done.code == 2
    assert "write NAMESPACE/NAME, such as shop/default" in done.err
