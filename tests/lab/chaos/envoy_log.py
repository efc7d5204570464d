"""Envoy's log of failed answers: by request, the response flags and the pod that was tried."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.lab.load_generator import NUMBER

_LINE = re.compile(
    r'^\[[^\]]*\] "\S+ (?P<path>\S+) [^"]*" \d+ (?P<flags>\S+) .* '
    r'"(?P<authority>[^"]*)" "(?P<upstream>[^"]*)" \S+ \S+ \S+ \S+ \S+ \S+$'
)
"""Istio's default format; https://istio.io/latest/docs/tasks/observability/logs/access-log/."""


@dataclass(frozen=True)
class Line:
    """What Envoy said of one failed request."""

    flags: str
    """`UF,URX`; `-` becomes empty."""
    address: str
    """The IP of the pod it tried last; empty: none."""


def read(path: Path) -> dict[tuple[str, int], Line]:
    """By host and the request's number, for requests to `/`."""
    found = {}
    for text in path.read_text(errors="replace").splitlines():
        match = _LINE.match(text)
        number = re.search(rf"^/\?{NUMBER}=(\d+)$", match["path"]) if match else None
        if match and number:
            address = match["upstream"].rpartition(":")[0]
            flags = match["flags"].strip("-")
            found[match["authority"], int(number[1])] = Line(flags, address)
    return found
