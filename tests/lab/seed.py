"""A copy of etcd's data with all CRDs established, so that a start needs not wait for them.

The API server takes four seconds, nine on a busy machine, to take in the CRDs of Istio and the
Gateway API one by one, and one to write its own roles. The first start does that and keeps what
etcd has then, before any other component could write; later starts begin with a copy.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

from tests.lab import assets, paths

_DECIDING = ("etcd", "kube-apiserver", assets.CRDS)


def folder(found: assets.Assets) -> Path:
    """Where the copy is, whether or not it is there yet; named after what decides its content."""
    content = hashlib.sha256()
    for name in _DECIDING:
        path = found.files[name].resolve()
        facts = path.stat()
        content.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return paths.lab_cache() / "seeds" / content.hexdigest()[:16]


def plant(found: assets.Assets, data: Path) -> bool:
    """Whether there is a copy; then `data`, etcd's folder of this run, has been made from it."""
    source = folder(found)
    if not source.is_dir():
        return False
    shutil.copytree(source, data)
    data.chmod(0o700)  # etcd warns of any other
    return True


def harvest(found: assets.Assets, data: Path) -> None:
    """Keep `data` as the copy; etcd must have been stopped."""
    target = folder(found)
    target.parent.mkdir(parents=True, exist_ok=True)
    copying = Path(tempfile.mkdtemp(prefix="copying-", dir=target.parent))
    try:
        shutil.copytree(data, copying / "etcd")
        (copying / "etcd").rename(target)
    except OSError:
        if not target.is_dir():  # else another first start was faster
            raise
    finally:
        shutil.rmtree(copying, ignore_errors=True)
