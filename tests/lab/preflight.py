"""Can this machine run the lab? Answers within seconds, with one sentence when it can't.

Standard library only, and the syntax of old Pythons: `python3 -m tests.lab.preflight` is the first
thing that runs on a fresh machine, to say that its Python is too old.
"""

import errno
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lab import versions
from tests.lab.errors import LabError, PreflightError

GIB: Final = 1 << 30
COMPILE_BYTES: Final = 8 * GIB
"""Free space to compile the control plane: module cache 1.7, build cache 5.6, programs 0.6 GiB."""

RUN_BYTES: Final = 1 * GIB
"""Free space for a run: etcd, Prometheus and logs of an hour."""


@dataclass(frozen=True)
class Host:
    """What decides whether namespaces are allowed here, as found; None where there is no switch."""

    uid: int
    max_user_namespaces: "int | None"
    unprivileged_userns_clone: "int | None"
    apparmor_restrict_unprivileged_userns: "int | None"
    seccomp: int
    """0 none, 2 a filter (a container's)."""


def check() -> None:
    """Return when this machine can run the lab.

    Raises:
        PreflightError: it can't; the text is one sentence with what to change.
    """
    check_python(sys.version_info[:2])
    check_platform(sys.platform)
    check_namespaces()
    from tests.lab import assets, paths  # noqa: PLC0415 after the check that this Python can

    _, missing = assets.find()
    check_disk(paths.lab_cache(), COMPILE_BYTES if missing else 0, "to compile the control plane")
    check_disk(paths.RUNS, RUN_BYTES, "to run the lab")


def check_python(found: "tuple[int, int]") -> None:
    """Return when `found` is a Python that the lab runs on.

    Raises:
        PreflightError: it is too old.
    """
    if found < versions.PYTHON:
        raise PreflightError(
            f"Python {_dotted(versions.PYTHON)} or later is needed, "
            f"this is {_dotted(found)} ({sys.executable})."
        )


def check_platform(found: str) -> None:
    """Return on Linux.

    Raises:
        PreflightError: the lab needs Linux namespaces.
    """
    if found != "linux":
        raise PreflightError(f"The lab needs Linux namespaces; this is {found}.")


def check_disk(folder: Path, needed: int, purpose: str) -> None:
    """Return when the file system of `folder` (which need not exist yet) has `needed` bytes free.

    Raises:
        PreflightError: it hasn't.
    """
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise PreflightError(
            f"{needed / GIB:.0f} GiB of free disk are needed {purpose} in {folder}, "
            f"{free / GIB:.1f} GiB are there."
        )


def check_namespaces() -> None:
    """Return when this user may make the namespaces and the network that the lab lives in.

    Tried in a child process, because only trying tells.

    Raises:
        PreflightError: refused; names the sysctl or switch to change.
    """
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        stage, number = _try_namespaces()
        os.write(writable, json.dumps([stage, number]).encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as answer:
        stage, number = json.loads(answer.read() or '["unshare", 1]')
    os.waitpid(child, 0)
    if number:
        raise PreflightError(why_refused(stage, number, inspect_host()))


def _try_namespaces() -> "tuple[str, int]":
    from tests.lab import linux, netlink  # noqa: PLC0415 after the check that this Python can

    stage = "unshare"
    try:
        linux.enter_user_namespace(linux.CLONE_NEWNET | linux.CLONE_NEWNS | linux.CLONE_NEWPID)
        stage = "network"
        netlink.set_up()
    except PermissionError as error:
        return ("map" if error.filename else stage), error.errno or errno.EPERM
    except OSError as error:
        return ("map" if error.filename else stage), error.errno or errno.EIO
    return "", 0


def inspect_host() -> Host:
    """The switches of this machine that decide about namespaces."""
    return Host(
        uid=os.geteuid(),
        max_user_namespaces=_sysctl("user/max_user_namespaces"),
        unprivileged_userns_clone=_sysctl("kernel/unprivileged_userns_clone"),
        apparmor_restrict_unprivileged_userns=_sysctl(
            "kernel/apparmor_restrict_unprivileged_userns"
        ),
        seccomp=_seccomp(),
    )


def why_refused(stage: str, number: int, host: Host) -> str:  # noqa: PLR0911 a table
    """One sentence: which switch keeps this machine from making the lab's namespaces.

    Args:
        stage: what was refused: `unshare`, `map` (writing the user's map) or `network`.
        number: the errno of the refusal.
        host: the switches found.
    """
    refused = "The lab needs its own user, network, mount and PID namespace: "
    if host.max_user_namespaces == 0:
        return refused + (
            "the sysctl user.max_user_namespaces is 0; "
            "`sudo sysctl -w user.max_user_namespaces=15000` allows it."
        )
    if host.unprivileged_userns_clone == 0 and host.uid != 0:
        return refused + (
            "the sysctl kernel.unprivileged_userns_clone is 0; "
            "`sudo sysctl -w kernel.unprivileged_userns_clone=1` allows it."
        )
    if host.apparmor_restrict_unprivileged_userns == 1 and host.uid != 0:
        return refused + (
            "AppArmor refuses (the sysctl kernel.apparmor_restrict_unprivileged_userns is 1); "
            "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` allows it."
        )
    if number == errno.EINVAL and stage == "unshare":
        return refused + "this kernel was built without user namespaces (CONFIG_USER_NS)."
    if number == errno.ENOSPC:
        return refused + (
            "this user has too many already; raise the sysctls user.max_user_namespaces, "
            "user.max_net_namespaces, user.max_mnt_namespaces and user.max_pid_namespaces."
        )
    if stage == "map" and host.uid == 0:
        return refused + (
            "root lacks the capability SETFCAP here; run as an ordinary user, or start the "
            "container with `--cap-add SETFCAP`."
        )
    if host.seccomp:
        return refused + (
            "a container's seccomp filter refuses; "
            "start the container with `--security-opt seccomp=unconfined`."
        )
    return refused + f"{stage} was refused ({os.strerror(number)})."


def _dotted(version: "tuple[int, int]") -> str:
    return f"{version[0]}.{version[1]}"


def _sysctl(name: str) -> "int | None":
    try:
        return int(Path("/proc/sys", name).read_text())
    except (OSError, ValueError):
        return None


def _seccomp() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Seccomp:"):
            return int(line.split()[1])
    return 0


def main() -> int:
    """0 when this machine can run the lab, else 1 and a sentence."""
    try:
        check()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
