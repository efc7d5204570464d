"""Seconds that were measured, for whoever reads the run's end; no test asserts them."""

import json
from collections import defaultdict
from pathlib import Path


class Figures:
    """Measurements by name."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, name: str, seconds: float) -> None:
        """One measurement."""
        self._seen[name].append(round(seconds, 3))

    def lines(self) -> list[str]:
        """A line per name: the smallest and largest, and how many there were."""
        return [
            f"{name}: {min(seen):.2f} to {max(seen):.2f} s (n = {len(seen)})"
            for name, seen in self._seen.items()
        ]

    def write(self, path: Path) -> None:
        """As JSON: name to list of seconds."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self._seen, indent=1) + "\n")
