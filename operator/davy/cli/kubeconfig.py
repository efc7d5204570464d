"""Which kubeconfig, context and namespace a command means: kubectl's rules.

The client reads credentials; this module reads only names.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import yaml

_IN_CLUSTER_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def pod_namespace() -> str | None:
    """The namespace of the pod that this runs in; None outside a cluster."""
    try:
        return _IN_CLUSTER_NAMESPACE.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


@dataclass(frozen=True)
class Choice:
    """What the kubeconfig files say, with a person's choices applied."""

    paths: tuple[Path, ...]
    """Files that exist, in the order given; empty: none, perhaps this is a pod."""
    explicit: bool
    """The files were named, by option or KUBECONFIG, not just found in the usual place."""
    context: str | None
    """None: no file names one."""
    namespace: str
    """The context's, else the pod's own, else `default`."""
    several: bool
    """The context has to be said to the client: it was chosen, or there is more than one file."""

    @property
    def reachable(self) -> bool:
        """Whether anything names a cluster at all: a file, or a pod's service account."""
        return bool(self.paths) or _IN_CLUSTER_NAMESPACE.exists()


def choose(kubeconfig: str | None, context: str | None, environment: Mapping[str, str]) -> Choice:
    """The files to use and what they say.

    Args:
        kubeconfig: path, or several with the system's separator; None: KUBECONFIG, else the usual.
        context: a context's name; None: the current one, of the first file that names one.
        environment: the process's environment.

    Raises:
        click.ClickException: a file is missing or isn't YAML, or the context isn't in any.
    """
    named = kubeconfig or environment.get("KUBECONFIG") or ""
    paths = [Path(part).expanduser() for part in named.split(os.pathsep) if part]
    if kubeconfig and not any(path.exists() for path in paths):
        raise click.ClickException(f"kubeconfig {kubeconfig}: no such file.")
    explicit = bool(paths)
    if not paths:
        home = environment.get("HOME") or "~"
        paths = [Path(home).expanduser() / ".kube" / "config"]
    paths = [path for path in paths if path.exists()]
    files = [(path, _load(path)) for path in paths]
    current = context or next(
        (str(found) for _, file in files if (found := file.get("current-context"))), None
    )
    contexts = [item for _, file in files for item in file.get("contexts") or []]
    chosen = next((item for item in contexts if item.get("name") == current), None)
    if context and chosen is None:
        known = ", ".join(sorted(str(item.get("name")) for item in contexts)) or "none"
        raise click.ClickException(f"context {context} is in no kubeconfig; there are: {known}.")
    namespace = ((chosen or {}).get("context") or {}).get("namespace")
    return Choice(
        paths=tuple(paths),
        explicit=explicit,
        context=current,
        namespace=str(namespace) if namespace else _own_namespace(explicit=explicit),
        several=context is not None or len(paths) > 1,
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise click.ClickException(f"kubeconfig {path} can't be read: {reason}") from error
    return loaded if isinstance(loaded, dict) else {}


def _own_namespace(*, explicit: bool) -> str:
    if not explicit:
        return pod_namespace() or "default"
    return "default"


@contextmanager
def for_client(choice: Choice) -> Iterator[str | None]:
    """The path to hand to the client; None when it should look around by itself.

    The client knows one file and its current context. Another context, or one of several files, is
    told by a file of this context alone, readable by its owner only and gone after.
    """
    if not choice.several or choice.context is None:
        yield str(choice.paths[0]) if choice.explicit and choice.paths else None
        return
    with tempfile.TemporaryDirectory(prefix="davy-") as folder:
        alone = Path(folder) / "kubeconfig"
        alone.touch(mode=0o600)
        alone.write_text(yaml.safe_dump(_alone(choice.paths, choice.context)), encoding="utf-8")
        yield str(alone)


def _alone(paths: tuple[Path, ...], context: str) -> dict[str, Any]:
    """A kubeconfig of one context: its cluster and its user, relative paths made absolute."""
    chosen = _named(paths, "contexts", context)
    refers = chosen.get("context") or {}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [chosen],
        "clusters": [_named(paths, "clusters", refers.get("cluster"))],
        "users": [_named(paths, "users", refers.get("user"))],
    }


_FILES: Final = frozenset(
    {"certificate-authority", "client-certificate", "client-key", "tokenFile"}
)
"""Keys whose value is a path, relative to the file they stand in."""


def _named(paths: tuple[Path, ...], section: str, name: Any) -> dict[str, Any]:
    """The entry of this name, of the first file that has it.

    Raises:
        click.ClickException: there is none.
    """
    for path in paths:
        for entry in _load(path).get(section) or []:
            if entry.get("name") == name:
                return {key: _absolute(value, path.parent) for key, value in entry.items()}
    raise click.ClickException(f"{name} is not among the {section} of any kubeconfig.")


def _absolute(value: Any, folder: Path) -> Any:
    """The cluster or user with its paths absolute; a command without a slash is on the PATH."""
    if not isinstance(value, dict):
        return value
    made = {
        key: str(folder.absolute() / item) if key in _FILES and item else item
        for key, item in value.items()
    }
    plugin = made.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command", "")):
        made["exec"] = plugin | {"command": str(folder.absolute() / plugin["command"])}
    return made
