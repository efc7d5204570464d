"""What a Rollout's events tell of a test, as `kubectl describe` shows it, held to a text.

The texts are in `golden/`, one for each test that opens a shop. What isn't the same in each run is
left out: pods, weights that wait for them, and the figures of an analysis. After a change that is
meant: `DAVY_WRITE_GOLDEN=1`, and read what git shows; a line that a test doesn't wait for is cut
off by hand, for a text is the beginning of what is told.
"""

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from davy.api.conditions import EventReason
from tests.lab.errors import LabTimeoutError
from tests.lab.shop import Shop

_FOLDER: Final = Path(__file__).parent / "golden"
_VARIES: Final = {
    EventReason.ANALYSIS_RUN_RUNNING,
    EventReason.NEW_REPLICA_SET_CREATED,
    EventReason.SCALING_REPLICA_SET,
    EventReason.SWITCH_SERVICE,
    EventReason.TRAFFIC_WEIGHT_UPDATED,
    EventReason.TRAFFIC_ROUTING_ERROR,
    EventReason.RECONCILIATION_ERROR,
}
_HASH: Final = re.compile(r"\b[0-9a-f]{10}\b")
_POD: Final = re.compile(r"(?<=>)-[a-z0-9]{5}\b")
_FIGURES: Final = re.compile(r"(Analysis \S+ is \w+|aborted)(?: at weight \d+)?.*")


def lines(events: Iterable[tuple[str, str]], namespace: str) -> list[str]:
    """Reason and message of each event that is the same in every run; hashes become letters.

    What is told again counts once: within some seconds the same words are one event.
    """
    hashes: dict[str, str] = {}

    def letter(found: re.Match[str]) -> str:
        return hashes.setdefault(found[0], f"<{chr(ord('A') + len(hashes))}>")

    told = []
    for reason, message in events:
        if reason not in _VARIES:
            text = _FIGURES.sub(r"\1 …", _POD.sub("-…", _HASH.sub(letter, message)))
            told.append(f"{reason}: {text.replace(namespace, '<namespace>')}")
    return [*dict.fromkeys(told)]


async def check(shop: Shop, name: str) -> None:
    """Return when the events begin with the text in `golden/NAME.txt`.

    Raises:
        AssertionError: they don't within some seconds.
    """
    path = _FOLDER / (re.sub(r"[^\w.-]+", "-", name).strip("-") + ".txt")
    told: list[str] = []

    async def look() -> None:
        told[:] = lines(await shop.events(), shop.namespace)

    async def is_told() -> bool:
        await look()
        return told[: len(wanted)] == wanted

    if os.environ.get("DAVY_WRITE_GOLDEN"):
        await look()
        path.write_text("\n".join(told) + "\n", encoding="utf-8")
    wanted = path.read_text(encoding="utf-8").splitlines()
    try:
        await shop.lab.until(is_told, timeout=10, describe=f"the story in {path.name}")
    except LabTimeoutError:
        raise AssertionError("\n".join(difflib.unified_diff(wanted, told))) from None
