"""A manifest whose fields are taken one by one; what nobody took is told at the end.

So a field that a translation doesn't know, or forgets, is never lost in silence.
"""

from typing import Any

from davy.api import paths
from davy.api.findings import shown
from davy.migrate.result import Json, Notes


class Reader:
    """One object of a manifest. A value of another type than asked for is told, and is unset."""

    def __init__(self, content: Any, path: str, notes: Notes) -> None:
        self._rest: Json = dict(content) if isinstance(content, dict) else {}
        self._inner: list[Reader] = []
        self.path = path
        self.notes = notes
        if content is not None and not isinstance(content, dict):
            notes.lost(path, f"is {shown(content)}; write an object")

    def at(self, name: str) -> str:
        """The path of a field."""
        return paths.child(self.path, name)

    def has(self, name: str) -> bool:
        """Whether the field is there and wasn't taken."""
        return self._rest.get(name) is not None

    def names(self) -> list[str]:
        """The fields that nobody took yet."""
        return [str(name) for name in self._rest]

    def take(self, name: str) -> Any:
        """The value as it is, whatever it is; None: unset."""
        return paths.copied(self._rest.pop(name, None))

    def text(self, name: str) -> str | None:
        """A text that isn't empty."""
        value = self.take(name)
        if isinstance(value, str):
            return value or None
        self._wrong(name, value, "write a text")
        return None

    def number(self, name: str) -> int | None:
        """A whole number."""
        value = self.take(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self._wrong(name, value, "write a whole number")
        return None

    def flag(self, name: str) -> bool:
        """Whether it is true."""
        value = self.take(name)
        if isinstance(value, bool):
            return value
        self._wrong(name, value, "write true or false")
        return False

    def mapping(self, name: str) -> Json:
        """An object, taken whole."""
        value = self.take(name)
        if isinstance(value, dict):
            return value
        self._wrong(name, value, "write an object")
        return {}

    def items(self, name: str) -> list[Any]:
        """A list, taken whole."""
        value = self.take(name)
        if isinstance(value, list):
            return value
        self._wrong(name, value, "write a list")
        return []

    def inner(self, name: str) -> "Reader":
        """An object, to be taken field by field; empty when there is none."""
        found = Reader(self._rest.pop(name, None), self.at(name), self.notes)
        self._inner.append(found)
        return found

    def each(self, name: str) -> list["Reader"]:
        """The objects of a list, each to be taken field by field."""
        found = [
            Reader(item, paths.child(self.at(name), index), self.notes)
            for index, item in enumerate(self.items(name))
        ]
        self._inner += found
        return found

    def lose(self, name: str, message: str) -> None:
        """Take the field and tell that it isn't carried over; nothing when it is unset."""
        value = self._rest.pop(name, None)
        if value not in (None, False, [], {}):
            self.notes.lost(self.at(name), message)

    def note(self, name: str, message: str) -> None:
        """Take the field and tell why it isn't needed; nothing when it is unset."""
        value = self._rest.pop(name, None)
        if value not in (None, False, [], {}):
            self.notes.note(self.at(name), message)

    def close(self, why: str) -> None:
        """Tell every field that nobody took, here and inside."""
        for name, value in self._rest.items():
            if value is not None:
                self.notes.lost(self.at(str(name)), why)
        for inner in self._inner:
            inner.close(why)
        self.drop()

    def drop(self) -> None:
        """Take all that is left: the whole object was told already."""
        self._rest.clear()
        self._inner.clear()

    def _wrong(self, name: str, value: Any, right: str) -> None:
        if value is not None and value != "":
            self.notes.lost(self.at(name), f"is {shown(value)}; {right}")
