"""Makes `.venv` what `requirements/dev.lock` says, or says in one sentence why it can't.

Run by the Makefile before anything else, with whatever Python is there: standard library only, and
no syntax newer than Python 3.7, so that an old Python explains itself instead of tripping.

The environment counts as made only when its state file is written, which happens last. So an
interrupted or killed run is made anew, a changed lock or a moved checkout too, and a good
environment costs a tenth of a second.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STATE = VENV / "davy-bootstrap.json"
LOCK = ROOT / "requirements" / "dev.lock"
BUILD = ROOT / "build"
LOG = BUILD / "bootstrap.log"

OLDEST = (3, 11)
CANDIDATES = ("python3", "python3.13", "python3.12", "python3.11", "python3.14", "python")
"""In the order they are tried: what the user's PATH prefers, then what has wheels of everything."""
DISK_BYTES = 1_000_000_000
"""Free bytes the environment needs: 0.4 GB installed, about as much while pip unpacks."""
PROBE = ("-vv", "--timeout", "5", "--retries", "0")
"""For the first, small package: a registry out of reach is told within 5 s, and (-vv) why."""
PATIENT = ("--timeout", "30", "--retries", "3")
"""For the rest: the registry did answer, so a hiccup (at most 30 s of silence) is worth a retry."""
HEARTBEAT_SECONDS = 10.0

_STARTED = time.monotonic()

UNREACHABLE = re.compile(
    r"(Name or service not known|Temporary failure in name resolution|Network is unreachable"
    r"|Connection refused|No route to host|timed out|ProxyError|Tunnel connection failed[^')]*"
    r"|CERTIFICATE_VERIFY_FAILED[^')]*|SSLError|Connection reset by peer|NewConnectionError"
    r"|RemoteDisconnected|nodename nor servname provided|\b50[234] (?:Server Error|Bad Gateway"
    r"|Service Unavailable|Gateway Time-?out))"
)


class CannotError(Exception):
    """The set-up can't be done; the message is the one sentence a person needs."""


def say(text: str) -> None:
    """Prints a line with the seconds since the start, so that a slow part is seen as it runs."""
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {text}", flush=True)


def python_version(python: str) -> tuple[int, ...] | None:
    """The version of an interpreter, None if it doesn't run (pyenv's shims exist but may not)."""
    code = "import sys; print(*sys.version_info[:3])"
    try:
        answer = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, timeout=20, check=True
        ).stdout
        return tuple(int(part) for part in answer.split())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def lacks(python: str) -> str | None:
    """The first module a virtual environment needs that this interpreter hasn't, or None.

    Debian and Ubuntu ship Python without ensurepip, so a version check alone isn't enough.
    """
    for module in ("venv", "ensurepip", "ssl"):
        check = subprocess.run(
            [python, "-c", f"import {module}"], capture_output=True, timeout=20, check=False
        )
        if check.returncode:
            return module
    return None


def dotted(version: tuple[int, ...]) -> str:
    """`3.11.7` of (3, 11, 7)."""
    return ".".join(map(str, version))


def fitting_python(wanted: str | None) -> tuple[str, str]:
    """The path and version of the first Python that can make the environment.

    Raises:
        CannotError: none can; says what was found and what each one lacks.
    """
    seen = []
    for name in (wanted,) if wanted else CANDIDATES:
        path = shutil.which(name)
        version = python_version(path) if path else None
        if path is None or version is None:
            continue
        if version < OLDEST:
            seen.append(f"{path} is {dotted(version)}")
            continue
        missing = lacks(path)
        if missing is None:
            return path, dotted(version)
        seen.append(f"{path} ({dotted(version)}) has no {missing} module (Debian: python3-venv)")
    found = "; ".join(dict.fromkeys(seen)) or f"{wanted or 'none on the PATH'} doesn't run"
    raise CannotError(
        f"Davy needs Python {dotted(OLDEST)} or newer with venv and ensurepip; found: {found}."
    )


def digest(*paths: Path) -> str:
    """What the files say, as one hex string: equal exactly when nothing changed."""
    summed = hashlib.sha256()
    for path in paths:
        summed.update(path.read_bytes())
    return summed.hexdigest()


def wanted_state() -> dict[str, str]:
    """What the state file of a good environment says.

    The place is part of it: a virtual environment has absolute paths inside, so a copied or moved
    checkout needs its own.
    """
    return {
        "lock": digest(LOCK),
        "place": str(ROOT),
        "project": digest(ROOT / "pyproject.toml"),
    }


def found_state() -> dict[str, str]:
    """What the environment's state file says; empty if there is none or the Python is gone."""
    try:
        state = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and VENV_PYTHON.exists() else {}


def write_state(wanted: str | None) -> None:
    """Declares the environment good, in one step: a reader sees all of the state or none."""
    fresh = STATE.with_suffix(".new")
    state = dict(wanted_state(), python=wanted or "")
    fresh.write_text(json.dumps(state, indent=1) + "\n")
    fresh.replace(STATE)


def reason(output: str, version: str) -> str:
    """One sentence for a failed pip, from what it printed."""
    unreachable = UNREACHABLE.findall(output)
    missing = re.search(r"No matching distribution found for (\S+)", output)
    if "No space left on device" in output:
        return f"no space left on the disk of {VENV} or of the temporary folder"
    if "DO NOT MATCH THE HASHES" in output:
        return f"a package differs from its hash in {LOCK.name}: the mirror or the lock is wrong"
    if unreachable:
        return (
            f"the Python package registry can't be reached ({unreachable[-1]}): mend the network, "
            "the proxy or PIP_INDEX_URL"
        )
    if "not a trusted or secure host" in output:
        return "pip ignores the registry in PIP_INDEX_URL: it is neither https nor a trusted-host"
    if missing:
        return f"the registry offers no wheel of {missing.group(1)} for Python {version} here"
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    return errors[-1][len("ERROR: ") :] if errors else "pip failed without an error line"


def pip(*arguments: str, why: str, version: str, held: int) -> None:
    """Runs the environment's pip; its output goes to the log, a sign of life to the screen.

    Args:
        arguments: what follows `pip install`.
        why: what is being installed, for the failure's sentence.
        version: the Python it runs on, for the same.
        held: the set-up's lock. pip inherits it, so that a pip that outlives a SIGKILL of this
            script keeps the next run waiting instead of working against it.

    Raises:
        CannotError: pip failed; says what it failed at.
    """
    command = [str(VENV_PYTHON), "-m", "pip", "install", "--no-input", *arguments]
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
    output: list[str] = []
    shown_at = time.monotonic()
    with LOG.open("a") as log, contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                command,
                cwd=str(ROOT),
                env=dict(os.environ, **quiet),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=(held,),
            )
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                log.write(line)
                output.append(line)
                if time.monotonic() - shown_at > HEARTBEAT_SECONDS:
                    shown_at = time.monotonic()
                    say(f"  pip: {line.strip()[:80]}")
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise CannotError(
            f"{why}: {reason(''.join(output), version)}. Details: {LOG.relative_to(ROOT)}."
        )


def smallest_first(lock: str) -> str:
    """The lock's first entry, hashes included: something small to knock at the registry with."""
    kept: list[str] = []
    for line in lock.splitlines():
        if kept and not line.startswith((" ", "\t")):
            break
        if line.strip() and not line.startswith("#"):
            kept.append(line)
    return "\n".join(line for line in kept if not line.strip().startswith("#")) + "\n"


def make_environment(wanted: str | None, held: int) -> None:
    """Makes the environment from nothing, every package checked against its hash.

    Raises:
        CannotError: no fitting Python, no room on the disk, no registry, a wrong hash.
    """
    python, version = fitting_python(wanted)
    say(f"Python {version} ({python})")
    free = shutil.disk_usage(str(ROOT)).free
    if free < DISK_BYTES:
        raise CannotError(
            f"{ROOT} has {free / 1e9:.1f} GB free; the environment needs {DISK_BYTES / 1e9:.0f} GB."
        )
    remove_environment()
    started = time.monotonic()
    say(".venv: making a virtual environment")
    made = subprocess.run(
        [python, "-m", "venv", str(VENV)],
        capture_output=True,
        text=True,
        check=False,
        pass_fds=(held,),
    )
    if made.returncode:
        tail = (made.stdout + made.stderr).strip().splitlines()[-1:]
        raise CannotError(f"{python} -m venv {VENV} failed: {' '.join(tail) or 'no output'}")
    lock = LOCK.read_text()
    count = len(re.findall(r"^[A-Za-z0-9][^\s=]*==", lock, re.MULTILINE))
    why = f".venv: installing {count} packages pinned in {LOCK.relative_to(ROOT)}"
    probe = BUILD / "probe.lock"
    probe.write_text(smallest_first(lock))
    hashed = ("--require-hashes", "--only-binary", ":all:")
    say(why)
    pip(*PROBE, *hashed, "--no-deps", "-r", str(probe), why=why, version=version, held=held)
    probe.unlink()
    pip(*PATIENT, *hashed, "-r", str(LOCK), why=why, version=version, held=held)
    say(f".venv: {count} packages in {time.monotonic() - started:.0f} s")


def install_project(held: int) -> None:
    """Makes `davy` and `kubectl-davy` in the environment run this checkout's sources.

    With the lock's own setuptools, not one fetched for the occasion: nothing unpinned is run.
    """
    say("davy: linking this checkout into .venv")
    version = dotted(python_version(str(VENV_PYTHON)) or ())
    arguments = ("--no-deps", "--no-build-isolation", "--editable", ".")
    pip(*arguments, why="davy: linking this checkout", version=version, held=held)
    # setuptools' working notes; what is installed is in .venv.
    shutil.rmtree(str(ROOT / "operator" / "davy.egg-info"), ignore_errors=True)


def remove_environment() -> None:
    """Removes `.venv`, its state first, so that an interruption leaves nothing that looks good.

    Of a link only the link: what it leads to is another checkout's.
    """
    if VENV.is_symlink():
        VENV.unlink()
        return
    with contextlib.suppress(FileNotFoundError):
        STATE.unlink()
    if VENV.exists():
        say(".venv: removing the old one (unfinished, moved, or of another lock)")
        shutil.rmtree(str(VENV))


@contextlib.contextmanager
def only_one() -> Iterator[int]:
    """Holds this checkout's set-up lock: two `make` at once don't build the same `.venv`."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "bootstrap.flock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(".venv: waiting for another set-up of this checkout to finish")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def set_up(wanted: str | None) -> None:
    """Brings `.venv` to the wanted state with as little work as that takes.

    Raises:
        CannotError: what is missing, in a sentence.
    """
    with only_one() as held:
        needed, found = wanted_state(), found_state()
        if wanted:
            needed["python"] = wanted
        changed = {key for key in needed if needed[key] != found.get(key)}
        if not changed:
            return
        LOG.write_text("")
        if changed != {"project"}:
            make_environment(wanted, held)
        install_project(held)
        write_state(wanted or found.get("python"))
        say(".venv: ready")


def preflight() -> int:
    """Asks the lab whether it can run on this machine, before minutes go into preparing it."""
    if not (ROOT / "tests" / "lab" / "preflight.py").exists():
        return 0
    python = str(VENV_PYTHON) if found_state() else fitting_python(None)[0]
    asked = subprocess.run([python, "-m", "tests.lab.preflight"], cwd=str(ROOT), check=False)
    return asked.returncode


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """The exit code: 0 when `.venv` is ready, 1 with one sentence, 130 when interrupted."""
    parser = argparse.ArgumentParser(description="Prepare .venv for the Makefile's targets.")
    parser.add_argument("--lab", action="store_true", help="also check that the lab can run here")
    parser.add_argument("--python", metavar="PATH", help="make .venv anew with this interpreter")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    try:
        if arguments.lab:
            refused = preflight()
            if refused:
                return refused
        set_up(arguments.python)
    except CannotError as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\nerror: {error.filename or ROOT}: {error.strerror or error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; the next run takes it up again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
