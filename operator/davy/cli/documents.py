"""YAML files as objects that remember where each of their fields is written."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from davy.api import paths
from davy.api.errors import DavyError, Finding

Json = dict[str, Any]

_MOST: Final = 100_000
"""Values of one object; with anchors a few lines of YAML can have millions."""


class UnreadableFileError(DavyError):
    """A file that isn't there, or isn't YAML; the sentence names it."""


@dataclass(frozen=True)
class Document:
    """One object of a file."""

    file: str
    content: Json
    lines: dict[str, int]
    """Line, from 1, of each path; "" is the object itself."""
    repeated: tuple[Finding, ...] = field(default=())
    """Fields that are written twice in one object: YAML's readers keep one of them in silence."""

    @property
    def api_version(self) -> str:
        """As written; "" when it isn't."""
        return str(self.content.get("apiVersion") or "")

    @property
    def kind(self) -> str:
        """As written; "" when it isn't."""
        return str(self.content.get("kind") or "")

    @property
    def name(self) -> str:
        """Its name; "" when it has none."""
        return str(self._metadata.get("name") or "")

    @property
    def namespace(self) -> str | None:
        """Its namespace; None when the file leaves it to whoever applies it."""
        found = self._metadata.get("namespace")
        return str(found) if found else None

    @property
    def _metadata(self) -> Json:
        found = self.content.get("metadata")
        return found if isinstance(found, dict) else {}

    def line(self, path: str) -> int:
        """The line of the deepest part of the path that is written."""
        written = [
            known
            for known in self.lines
            if path == known or path.startswith((f"{known}.", f"{known}["))
        ]
        return self.lines[max(written, key=len, default="")]


def expanded(names: Sequence[str]) -> Iterator[str]:
    """The files; of a folder those that end as YAML does, in order; `-` stays."""
    for name in names:
        folder = Path(name)
        if name != "-" and folder.is_dir():
            yield from sorted(
                str(file) for file in folder.rglob("*") if file.suffix in {".yaml", ".yml"}
            )
        else:
            yield name


def text_of(name: str) -> str:
    """What a file holds; `-` is standard input.

    Raises:
        UnreadableFileError: it can't be read, or isn't UTF-8.
    """
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UnreadableFileError(f"{name}: {why}") from error


def documents(file: str, text: str) -> Iterator[Document]:
    """The objects of a file: its documents, and the items of a `List`.

    Raises:
        UnreadableFileError: it isn't YAML.
    """
    try:
        loader = yaml.SafeLoader(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                yield from _objects(file, node, loader.construct_document(node))
        finally:
            loader.dispose()
    except (RecursionError, ValueError) as error:
        why = "nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise UnreadableFileError(f"{file}: not YAML that can be read: {why}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise UnreadableFileError(f"{file}: {where}not YAML: {problem}") from error


def _objects(file: str, node: yaml.Node | None, content: Any) -> Iterator[Document]:
    if node is None or not isinstance(content, dict):
        return
    if content.get("kind") == "List" and isinstance(node, yaml.MappingNode):
        items = next((value for key, value in node.value if key.value == "items"), None)
        if isinstance(items, yaml.SequenceNode):
            for item, inner in zip(items.value, content["items"], strict=True):
                yield from _objects(file, item, inner)
        return
    lines: dict[str, int] = {}
    repeated: list[Finding] = []
    _walk(node, "", lines, repeated)
    yield Document(file, content, lines, tuple(repeated))


def _walk(node: yaml.Node, path: str, lines: dict[str, int], repeated: list[Finding]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if len(lines) > _MOST:
        raise ValueError(f"an object has more than {_MOST} values")
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            at = paths.child(path, str(key.value))
            if key.value in seen and key.value != "<<":
                line = key.start_mark.line + 1
                repeated.append(Finding(at, f"is written again in line {line}; keep one of them"))
            else:
                lines[at] = key.start_mark.line + 1
            seen.add(key.value)
            _walk(value, at, lines, repeated)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, paths.child(path, index), lines, repeated)
