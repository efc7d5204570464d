"""What a bad spec is: a change to a good object, the finding it brings, the API server's answer."""

from dataclasses import dataclass
from typing import Any, Final

ONLY_VALIDATION: Final = ""
"""For `server`: the CRD can't say it, so the stored object gets the condition InvalidSpec."""


@dataclass(frozen=True)
class Bad:
    """One fault."""

    because: str
    """Invalid because …"""
    base: str
    """Name of the good object in `documents.GOOD`."""
    changes: dict[str, Any]
    path: str
    """Of the finding."""
    says: str
    """In the finding's message."""
    server: str
    """In the API server's message."""


def bad(  # noqa: PLR0917 - the columns of a table
    because: str, base: str, path: str, value: Any, says: str, server: str, *, at: str = ""
) -> Bad:
    """One change at the place of the finding, unless `at` says that the finding is elsewhere."""
    return Bad(because, base, {path: value}, at or path, says, server)
