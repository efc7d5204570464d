"""`python -m tests.lab`: bring the lab up, or run a command inside its namespaces."""

import argparse
import sys

from tests.lab import preflight

_USAGE = """\
  up [-- CMD …]   start the lab; stay until Ctrl-C, or until CMD (with KUBECONFIG set) ends
  exec -- CMD …   run CMD inside the lab's namespaces, components not started (pytest starts them)
  build           obtain the programs; compiles them the first time
  preflight       say whether this machine can run the lab
"""


def main() -> int:
    """The exit code of the chosen command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["up", "exec", "build", "preflight"], help=_USAGE)
    own, argv = _split(sys.argv[1:])
    command = parser.parse_args(own).command
    if command == "preflight":
        return preflight.main()
    if command == "build":
        return _build()
    from tests.lab import launcher  # noqa: PLC0415 the preflight must run without a venv

    if command == "exec":
        if not argv:
            parser.error("exec needs a command after `--`")
        return launcher.launch(argv)
    launcher.reexecute_inside(outside=True)
    from tests.lab import up  # noqa: PLC0415 the launcher stays small

    return up.main(argv)


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _build() -> int:
    from tests.lab import binaries  # noqa: PLC0415 the preflight must run without a venv
    from tests.lab.errors import LabError  # noqa: PLC0415

    try:
        preflight.check()
        binaries.obtain()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nlab: interrupted; the next start resumes", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
