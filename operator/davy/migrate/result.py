"""What goes into a translation and what comes out of it: data only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from davy.api import unbuilt
from davy.api.findings import cut
from davy.api.group import ApiGroup

Json = dict[str, Any]
Manifest = Mapping[str, Any]

DEFAULT_PROMETHEUS: Final = "http://prometheus.monitoring:9090"
DEFAULT_MESH: Final = "istio"
"""Flagger's own default of its flag -mesh-provider."""
_LONGEST: Final = 1000
"""Characters of a message; what a user's object says may be longer."""


@dataclass(frozen=True)
class Options:
    """What the manifests don't say."""

    group: ApiGroup = field(default_factory=ApiGroup)
    """Of the objects that are made."""
    prometheus: str | None = None
    """Base URL for metrics that name none, since their controller knew it; None: nobody said."""
    mesh: str = DEFAULT_MESH
    """The provider of Flagger Canaries that name none."""


@dataclass(frozen=True)
class Remark:
    """One thing that a person should know about a source."""

    source: int
    """Index of the manifest it is about."""
    path: str
    """Of the field in that manifest; "": the object."""
    message: str
    """Follows the path; what is, and what to do."""
    lost: bool
    """False: all is carried over, and yet there is something to know or to do."""


@dataclass(frozen=True)
class Made:
    """An object to apply."""

    source: int
    """Index of the manifest it was made from."""
    manifest: Json


@dataclass(frozen=True)
class Translation:
    """All that was made, in the order of the sources."""

    made: tuple[Made, ...]
    remarks: tuple[Remark, ...]
    others: int
    """Manifests that are neither translated nor in the way: to be left as they are."""


class Notes:
    """The remarks about one source, as they are found."""

    def __init__(self, source: int) -> None:
        self._source = source
        self.remarks: list[Remark] = []

    def lost(self, path: str, message: str) -> None:
        """The field isn't carried over."""
        self.remarks.append(Remark(self._source, path, cut(message, _LONGEST), lost=True))

    def plugin(self, path: str, name: str) -> None:
        """Argo's plugins are programs of their own; Davy's are Python packages."""
        self.note(path, f"is a plugin of Argo's; install one named {name} beside Davy")

    def note(self, path: str, message: str) -> None:
        """Nothing is lost, but this is worth knowing."""
        self.remarks.append(Remark(self._source, path, cut(message, _LONGEST), lost=False))


def refusal(table: Sequence[unbuilt.Unbuilt], at: str, name: str) -> str:
    """Davy's own sentence about a field that it doesn't build.

    Raises:
        LookupError: the field is built by now; carry it over instead.
    """
    for entry in table:
        if (entry.at, entry.field) == (at, name):
            return entry.message
    raise LookupError(f"{at}.{name} isn't refused any more; translate it")
