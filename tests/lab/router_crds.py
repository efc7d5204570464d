"""CRDs of routers that don't run in the lab, from their Go modules: for the schema alone.

They are had before the lab starts, which has no way to the outside. Without a Go proxy there are
none, and what needs them is skipped: the lab itself runs without.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from tests.lab import binaries, paths, versions
from tests.lab.errors import BuildError


def obtain() -> None:
    """The CRDs are in the cache, or it is said why not."""
    target = _file()
    if target.is_file():
        return
    try:
        documents = _download()
    except (BuildError, OSError, ValueError) as error:
        print(f"lab: no CRDs of other routers, their tests are skipped: {error}", flush=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_text(json.dumps(documents))
    part.rename(target)


def load() -> list[dict[str, Any]]:
    """The CRDs; none where they couldn't be had."""
    target = _file()
    if not target.is_file():
        return []
    documents: list[dict[str, Any]] = json.loads(target.read_text())
    return documents


def _file() -> Path:
    content = hashlib.sha256(repr(versions.ROUTER_MODULES).encode()).hexdigest()[:16]
    return paths.lab_cache() / "router-crds" / f"{content}.json"


def _download() -> list[object]:
    go = binaries.go_program()
    environment = binaries.go_environment(go)
    binaries.check_proxy(go, environment)
    documents: list[object] = []
    for module, checksum, file in versions.ROUTER_MODULES:
        told = json.loads(binaries.run([go, "mod", "download", "-json", module], environment))
        if told["Sum"] != checksum:
            message = f"{module} has checksum {told['Sum']}, not {checksum}"
            raise ValueError(message)
        loaded = yaml.safe_load_all((Path(told["Dir"]) / file).read_text())
        documents += [each for each in loaded if each and each["kind"].endswith("Definition")]
    return documents
