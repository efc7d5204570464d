"""Where the lab's programs and CRDs are: the user's folder, then the cache. Standard library only.

The cache's folder is named after everything that decides its content, so a change of `go.mod` or of
a flag never runs old programs, and several checkouts share one cache.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.lab import paths, versions

USER_FOLDER: Final = "DAVY_LAB_ASSETS"
"""Environment variable: a folder with some or all of the programs, which then take precedence."""

CRDS: Final = "crds.json"
"""Istio's and the Gateway API's CRDs as one JSON list: YAML would cost a second at each start."""

PROGRAMS: Final = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "pilot-discovery",
    "prometheus",
)

_LAYOUT = "1"  # of the folder; change it when a file is added or means something else


@dataclass(frozen=True)
class Assets:
    """A path for each program and the CRDs."""

    files: dict[str, Path]

    def __getitem__(self, name: str) -> str:
        """The path of a program or of `CRDS`."""
        return str(self.files[name])

    def crds(self) -> list[dict[str, Any]]:
        """Istio's and the Gateway API's CRDs."""
        documents: list[dict[str, Any]] = json.loads(self.files[CRDS].read_text())
        return documents


def build_folder() -> Path:
    """Where `binaries` puts what it builds, whether or not it is there yet."""
    content = hashlib.sha256()
    for part in (
        (paths.MODULE / "go.mod").read_bytes(),
        (paths.MODULE / "go.sum").read_bytes(),
        versions.BUILD_TAGS.encode(),
        versions.LDFLAGS.encode(),
        _LAYOUT.encode(),
    ):
        content.update(hashlib.sha256(part).digest())
    return paths.lab_cache() / "control-plane" / content.hexdigest()[:16]


def find() -> tuple[Assets, list[str]]:
    """What is there, and the names of what is missing and must be built."""
    folders = [build_folder() / "bin"]
    if user := os.environ.get(USER_FOLDER):
        folders.insert(0, Path(user).resolve())
    files = {}
    for name in (*PROGRAMS, CRDS):
        for folder in folders:
            if (folder / name).is_file():
                files[name] = folder / name
                break
    return Assets(files), [name for name in (*PROGRAMS, CRDS) if name not in files]
