"""A container's environment: values, references, and `$(NAME)` in values, command and args."""

import base64
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.lab import paths

Json = dict[str, Any]
Fetch = Callable[[str, str], Awaitable[Json | None]]
"""(kind, name) → the Secret or ConfigMap of the pod's namespace, or None."""

_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z0-9]+)\)")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_INHERITED: Final = ("HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


class ConfigError(Exception):
    """The environment refers to something that isn't there: `CreateContainerConfigError`."""


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`text` with each `$(NAME)` replaced; `$$` is a dollar, an unknown name stays as it is."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def base(pod: Json, pod_ip: str) -> dict[str, str]:
    """What every container has without asking.

    `POD_IP` because a process must bind to it; PATH begins with this Python's own folder, so that
    `command: [python, …]` is the Python with the lab's packages.
    """
    path = os.pathsep.join([str(paths.scripts()), os.environ.get("PATH", "/usr/bin:/bin")])
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "PATH": path,
        "PYTHONUNBUFFERED": "1",
        "HOSTNAME": pod["metadata"]["name"],
        "POD_IP": pod_ip,
    }


async def resolve(
    container: Json, pod: Json, pod_ip: str, node_ip: str, fetch: Fetch
) -> dict[str, str]:
    """The whole environment of a container.

    Raises:
        ConfigError: a Secret, ConfigMap, key or field that isn't there and isn't optional.
    """
    variables = base(pod, pod_ip)
    for source in container.get("envFrom") or []:
        variables.update(await _all_of(source, fetch))
    for entry in container.get("env") or []:
        if "valueFrom" in entry:
            found = await _referenced(entry["valueFrom"], pod, pod_ip, node_ip, fetch)
            if found is not None:
                variables[entry["name"]] = found
        else:
            variables[entry["name"]] = expand(entry.get("value") or "", variables)
    return variables


def expanded(words: Sequence[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """Each word with its `$(NAME)` replaced."""
    return tuple(expand(word, variables) for word in words)


def working_folder(container: Json) -> Path:
    """Where the process starts: its workingDir when this machine has it, else the repository."""
    wanted = container.get("workingDir")
    return Path(wanted) if wanted and Path(wanted).is_dir() else paths.REPOSITORY


async def _all_of(source: Json, fetch: Fetch) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for field, kind in (("configMapRef", "configmap"), ("secretRef", "secret")):
        if field in source:
            reference = source[field]
            found = await fetch(kind, reference["name"])
            if found is None:
                if reference.get("optional"):
                    return {}
                raise ConfigError(f'{kind} "{reference["name"]}" not found')
            return {prefix + key: value for key, value in _data(kind, found).items()}
    raise ConfigError(f"envFrom has neither configMapRef nor secretRef: {source}")


async def _referenced(
    source: Json, pod: Json, pod_ip: str, node_ip: str, fetch: Fetch
) -> str | None:
    if "fieldRef" in source:
        return field(source["fieldRef"]["fieldPath"], pod, pod_ip, node_ip)
    for name, kind in (("configMapKeyRef", "configmap"), ("secretKeyRef", "secret")):
        if name in source:
            return await _key_of(kind, source[name], fetch)
    raise ConfigError(f"the lab knows no valueFrom: {', '.join(source)}")


async def _key_of(kind: str, reference: Json, fetch: Fetch) -> str | None:
    found = await fetch(kind, reference["name"])
    if found is None and not reference.get("optional"):
        raise ConfigError(f'{kind} "{reference["name"]}" not found')
    value = _data(kind, found or {}).get(reference["key"])
    if value is None and not reference.get("optional"):
        raise ConfigError(f'couldn\'t find key {reference["key"]} in {kind} "{reference["name"]}"')
    return value


def field(path: str, pod: Json, pod_ip: str, node_ip: str) -> str:
    """The value of a downward-API field.

    Raises:
        ConfigError: the lab doesn't know the field.
    """
    metadata, spec = pod["metadata"], pod["spec"]
    if match := _SUBSCRIPT.fullmatch(path):
        return str((metadata.get(match[1]) or {}).get(match[2], ""))
    fields = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata.get("namespace", ""),
        "metadata.uid": metadata.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName") or "default",
        "status.podIP": pod_ip,
        "status.podIPs": pod_ip,
        "status.hostIP": node_ip,
        "status.hostIPs": node_ip,
    }
    if path not in fields:
        raise ConfigError(f"the lab knows no fieldPath {path}")
    return str(fields[path])


def _data(kind: str, found: Json) -> dict[str, str]:
    data: dict[str, str] = found.get("data") or {}
    if kind == "secret":
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    return data
