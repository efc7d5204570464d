"""The few system calls that Python 3.11 doesn't offer: namespaces, mounts, the parent's death.

Called through libc, because a slim container has no `unshare` or `mount` program. Standard library
only: the preflight uses this before a virtual environment exists.
"""

import ctypes
import os
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Give the caller new namespaces; a new PID namespace holds only its later children.

    Raises:
        OSError: the kernel or a container's filter refuses; the caller must have one thread only.
    """
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, flags: int) -> None:
    """Move the caller into the namespace that `fd` (an open /proc/PID/ns/…) stands for.

    Raises:
        OSError: it belongs to somebody else, or is of another kind than `flags` says.
    """
    _checked(_libc.setns(ctypes.c_int(fd), ctypes.c_int(flags)), "setns")


def mount(source: str, target: str, kind: str, flags: int) -> None:
    """Mount `source` at `target` in the caller's mount namespace.

    Raises:
        OSError: refused; a container that hides parts of /proc refuses a fresh /proc.
    """
    _checked(
        _libc.mount(
            source.encode(),
            target.encode(),
            kind.encode(),
            ctypes.c_ulong(flags),
            ctypes.c_void_p(),
        ),
        f"mount {target}",
    )


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when the thread that started it ends.

    Cleared by a change of user id and by setuid programs; so it comes after those, and whoever
    must be certain also watches a pipe.

    Raises:
        OSError: never seen; the signal number is wrong.
    """
    _checked(
        _libc.prctl(ctypes.c_int(_PR_SET_PDEATHSIG), ctypes.c_ulong(signal_number), 0, 0, 0),
        "prctl",
    )


def set_name(name: str) -> None:
    """Show up as `name` (15 bytes at most) in `ps` and `top`."""
    _libc.prctl(ctypes.c_int(_PR_SET_NAME), ctypes.c_char_p(name.encode()[:15]), 0, 0, 0)


def enter_user_namespace(flags: int) -> None:
    """Be root of a new user namespace, with the other namespaces in `flags` belonging to it.

    Root inside is the caller outside and has no right the caller lacks, but owns the network: the
    lab is the same whether an ordinary user or root starts it. A root without the right to make
    user namespaces (`user.max_user_namespaces=0` in a privileged container) goes without one.

    Raises:
        OSError: neither is allowed.
    """
    uid, gid = os.geteuid(), os.getegid()
    try:
        unshare(CLONE_NEWUSER | flags)
    except OSError:
        if uid != 0:
            raise
        unshare(flags)
        return
    _write("/proc/self/setgroups", "deny")  # without it an ordinary user may map no group
    _write("/proc/self/uid_map", f"0 {uid} 1")
    _write("/proc/self/gid_map", f"0 {gid} 1")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
