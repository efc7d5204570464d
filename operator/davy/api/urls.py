"""What must hold of an address in a metric; one with an argument in it is tried later."""

import re
from collections.abc import Iterator
from typing import Final

from davy.api.arguments import has_placeholder
from davy.api.errors import Finding

HOST: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?")
"""A name or an IPv4 address, without scheme, port or path."""


def findings(url: str, path: str) -> Iterator[Finding]:
    """What is wrong with it."""
    if not has_placeholder(url) and not url.startswith(("http://", "https://")):
        yield Finding(path, f"is {url}; write http:// or https://, host and port")
