"""From a shell to a command inside the lab: check, obtain, run, clean up."""

import os
import socket
import sys
from collections.abc import Sequence

from tests.lab import binaries, namespace, paths, preflight, rundir
from tests.lab.errors import LabError

OUTSIDE_PORTS = ("kubernetes", "istio-gateway", "gateway-api", "prometheus")
"""What can be reached from the host's 127.0.0.1 when a lab is opened to the outside."""


def reexecute_inside(*, outside: bool = False) -> None:
    """Return when inside a lab's namespaces; else run this very command line there and exit.

    A program that needs the lab calls it first thing in `main`: `python -m tests.lab.demo` then
    works from any shell.

    Args:
        outside: also listen on the host's 127.0.0.1, for `Lab.open_to_outside`.
    """
    if namespace.run_folder() is None:
        sys.exit(launch([sys.executable, *sys.orig_argv[1:]], outside=outside))


def launch(argv: Sequence[str], *, outside: bool = False) -> int:
    """The exit code of `argv` run inside new namespaces; 1 with a sentence if that can't be.

    Leaves no process and, but for the logs in `build/lab/last`, no file behind.
    """
    try:
        preflight.check()
        binaries.obtain()
        for folder in rundir.remove_stale(paths.RUNS):
            print(f"lab: removed what a killed run left: {folder.name}", file=sys.stderr)
        run = rundir.RunDir(paths.RUNS)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nlab: interrupted", file=sys.stderr)
        return 130
    try:
        listeners = {name: _listen() for name in OUTSIDE_PORTS} if outside else {}
        return namespace.run(argv, run.path, listeners)
    except OSError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    finally:
        run.remove()


def _listen() -> socket.socket:
    """A socket in the host's network that only this machine can reach, on a free port.

    A socket stays in the network it was made in, so the process inside that accepts from it is a
    bridge between the two, with no program outside.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    os.set_inheritable(listener.fileno(), False)
    return listener
