"""Running a command inside the lab's namespaces, so that one kill ends everything it started.

Three processes: the *launcher* (outside, waits and cleans up), the *init* (PID 1 inside, reaps),
and the *command* (pytest, the demo, `make lab`), which starts the components as its children. When
the command ends, the init ends, and the kernel kills whatever is left in its PID namespace. When
the launcher dies, even of SIGKILL, the kernel kills the init, which also sees the end of a pipe.

The command keeps the terminal, standard streams, process group (Ctrl-C) and exit code.
"""

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from tests.lab import linux, netlink

RUN: Final = "DAVY_LAB_RUN"
"""The environment variable that names the run's folder; set inside, and only there."""

OUTSIDE: Final = "DAVY_LAB_OUTSIDE"
"""`name=fd,…`: sockets that listen outside, on the host's 127.0.0.1; see `relay`."""

INIT: Final = "init.pid"
"""A file in the run's folder: the init's process id outside, for `join`."""

GRACE_SECONDS: Final = 20.0
"""How long the command may clean up after SIGTERM before everything is killed."""

_HOSTS = (("prometheus", "istio-system"), ("prometheus", "monitoring"))
_NOT_FOUND = 127
_KILLED = 128


def run_folder() -> Path | None:
    """This run's folder when the caller is inside a lab, else None."""
    folder = os.environ.get(RUN)
    return Path(folder) if folder else None


def run(argv: Sequence[str], folder: Path, outside: Mapping[str, socket.socket]) -> int:
    """The exit code of `argv`, run inside new namespaces; 128 + N if signal N ended it.

    To be called once per process, with no other thread: the caller itself enters the new user,
    network and mount namespace and stays there as the launcher.

    Args:
        argv: program and arguments; the program is looked up in PATH.
        folder: the run's folder, for the command's environment and temporary files.
        outside: sockets that listen in the host's network, handed on to the command.

    Raises:
        OSError: namespaces are refused; `preflight` says why.
    """
    linux.enter_user_namespace(linux.CLONE_NEWNET | linux.CLONE_NEWNS | linux.CLONE_NEWPID)
    alive, launcher_end = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(launcher_end)
        _run_as_init(argv, folder, outside, alive)
    os.close(alive)
    (folder / INIT).write_text(str(init))
    for listener in outside.values():
        listener.close()
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # the terminal sends these to the command too
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: _send(init, received))
    _, status = os.waitpid(init, 0)
    os.close(launcher_end)
    return _exit_code(status)


def join(argv: Sequence[str], folder: Path) -> int:
    """The exit code of `argv`, run inside the namespaces of a lab that is up.

    Args:
        argv: program and arguments; the program is looked up in PATH.
        folder: the folder of that lab's run.

    Raises:
        OSError: the lab is gone, or another user's.
        ValueError: the lab has no init yet.
    """
    init = int((folder / INIT).read_text())
    kinds = (
        ("user", linux.CLONE_NEWUSER),
        ("net", linux.CLONE_NEWNET),
        ("pid", linux.CLONE_NEWPID),
        ("mnt", linux.CLONE_NEWNS),
    )
    opened = [(os.open(f"/proc/{init}/ns/{name}", os.O_RDONLY), name, flag) for name, flag in kinds]
    where = Path.cwd()
    for fd, name, flag in opened:
        if not _is_ours(fd, name):
            linux.setns(fd, flag)
        os.close(fd)
    os.chdir(where)  # entering a mount namespace moves to its root
    command = os.fork()
    if command == 0:
        linux.die_with_parent(signal.SIGKILL)
        environment = {**_environment(folder, {}), "KUBECONFIG": str(folder / "kubeconfig")}
        _become(argv, environment, {})
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    _, status = os.waitpid(command, 0)
    return _exit_code(status)


def _is_ours(fd: int, name: str) -> bool:
    """Whether the caller is in that namespace; entering one's own user namespace is an error."""
    return os.fstat(fd).st_ino == Path(f"/proc/self/ns/{name}").stat().st_ino


def _run_as_init(
    argv: Sequence[str], folder: Path, outside: Mapping[str, socket.socket], alive: int
) -> NoReturn:
    code = 1
    try:
        linux.die_with_parent(signal.SIGKILL)
        linux.set_name("davy-lab-init")
        linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)
        with contextlib.suppress(OSError):  # a container that masks /proc keeps its own
            linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        _name_hosts(folder)
        netlink.set_up()
        wakeup = _watch_signals()
        command = os.fork()
        if command == 0:
            _become(argv, _environment(folder, outside), outside)
        for listener in outside.values():
            listener.close()
        code = _reap(command, alive, wakeup)
    except BaseException as error:  # noqa: BLE001 a fork must not run into its caller's code
        print(f"lab: {error}", file=sys.stderr, flush=True)
    os._exit(code)


def _name_hosts(folder: Path) -> None:
    """Give components the names they have in a cluster: there is no cluster DNS in the lab."""
    names = " ".join(
        f"{name}.{where}{suffix}"
        for name, where in _HOSTS
        for suffix in ("", ".svc", ".svc.cluster.local")
    )
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n::1 localhost\n{netlink.CONTROL_PLANE} {names}\n")
    with contextlib.suppress(OSError):
        linux.mount(str(hosts), "/etc/hosts", "", linux.MS_BIND)


def _environment(folder: Path, outside: Mapping[str, socket.socket]) -> dict[str, str]:
    return {
        **os.environ,
        RUN: str(folder),
        OUTSIDE: ",".join(f"{name}={listener.fileno()}" for name, listener in outside.items()),
        "TMPDIR": str(folder / "tmp"),
    }


def _watch_signals() -> int:
    """A file descriptor that becomes readable with the number of each signal for the init."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    return readable


def _become(
    argv: Sequence[str], environment: dict[str, str], outside: Mapping[str, socket.socket]
) -> NoReturn:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    for listener in outside.values():
        listener.set_inheritable(True)
    try:
        os.execvpe(argv[0], list(argv), environment)  # noqa: S606 what it is for
    except OSError as error:
        print(f"lab: {argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(_NOT_FOUND)


def _reap(command: int, alive: int, wakeup: int) -> int:
    """The command's exit code; reaps every orphan until then."""
    deadline: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(alive, selectors.EVENT_READ)
        selector.register(wakeup, selectors.EVENT_READ)
        while True:
            while (reaped := _reap_one()) is not None:
                pid, status = reaped
                if pid == command:
                    return _exit_code(status)
            wait = None if deadline is None else deadline - time.monotonic()
            if wait is not None and wait <= 0:
                return _KILLED + signal.SIGKILL
            for key, _ in selector.select(wait):
                if key.fd == alive:  # nothing is ever written: readable means the launcher died
                    return _KILLED + signal.SIGKILL
                for number in os.read(wakeup, 512):
                    if number in {signal.SIGTERM, signal.SIGHUP}:
                        _send(command, signal.SIGTERM)
                        deadline = deadline or time.monotonic() + GRACE_SECONDS


def _reap_one() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _KILLED - code
