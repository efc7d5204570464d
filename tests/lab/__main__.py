"""`python -m tests.lab`: bring the lab up, or run a command inside its namespaces."""

import argparse
import importlib
import sys

from tests.lab import preflight

_USAGE = """\
up [-- CMD …]     start the lab; stay until Ctrl-C, or until CMD (with KUBECONFIG set) ends
exec -- CMD …     run CMD inside the lab's namespaces, components not started (pytest starts them)
join [-- CMD …]   run CMD (default: a shell) inside the lab that is up already
demo [OPTION …]   play the demo; `demo --help` lists its options
chaos [OPTION …]  let everything break under releases; `chaos --help` lists its options
build             obtain the programs; compiles them the first time
preflight         say whether this machine can run the lab
"""
_COMMANDS = ("up", "exec", "join", "demo", "chaos", "build", "preflight")
_MODULES = {"chaos": "chaos.main"}
_WITHOUT_LAB = {"-h", "--help", "--judge"}


def main() -> int:
    """The exit code of the chosen command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=_COMMANDS, metavar="COMMAND", help=_USAGE)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    rest: list[str] = parsed.rest
    argv = rest[1:] if rest[:1] == ["--"] else rest
    if parsed.command == "exec" and not argv:
        parser.error("exec needs a command")
    return _run(parsed.command, argv)


def _run(command: str, argv: list[str]) -> int:
    # Imports wait until here, because the preflight must run without a virtual environment.
    if command == "preflight":
        return preflight.main()
    from tests.lab import launcher  # noqa: PLC0415

    if command == "build":
        return launcher.build()
    if command == "exec":
        return launcher.launch(argv)
    if command == "join":
        return launcher.join(argv)
    if command in {"demo", "chaos"} and _WITHOUT_LAB & {*argv}:
        return _main_of(command, argv)
    launcher.reexecute_inside(outside=True)
    return _main_of(command, argv)


def _main_of(command: str, argv: list[str]) -> int:
    """The exit code of the command's `main(argv)`, imported only where it is run: inside."""
    module = _MODULES.get(command, command)
    return int(importlib.import_module(f"tests.lab.{module}").main(argv))


if __name__ == "__main__":
    sys.exit(main())
