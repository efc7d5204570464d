"""What must hold of hostile ledgers: a text that somebody else wrote, counts beyond sense."""

import math
from random import Random
from typing import Final

from davy.analysis import ledger
from davy.analysis.compare import Asked, compared
from davy.analysis.ledger import Ledger, Served
from tests.fuzz import strange

_COUNTS: Final = (0, 1, 2, 5, 20, 21, 1000, 10**6, 10**15, 10**300)
_SECONDS: Final = (0.0, 0.001, 1.0, 5.0, 15.0, 10**7)


def comparison(random: Random) -> None:
    """Any ledger is read again as it was written, and any comparison of it ends with a sentence."""
    kept: Ledger = ()
    for _ in range(random.randrange(90)):
        kept = ledger.appended(kept, _served(random))
    assert ledger.read(ledger.written(kept)) == kept
    asked = Asked(
        abort_ratio=random.choice((1, 1.25, 50)),
        tolerate_ratio=random.choice((2, 50, 1000)),
        alpha=random.choice((1e-12, 0.05, 0.99)),
        accept=random.choice((0, 1e-9, 0.01, 0.99)),
        least=random.choice(_COUNTS),
    )
    found = compared(kept, asked)
    assert 0 <= found.to_abort < math.inf
    assert 0 <= found.to_pass < math.inf
    assert 0 < len(found.sentence()) < 500


def ledger_text(random: Random) -> None:
    """A ledger's text is read as it was written, or refused with the place."""
    text = ledger.written(tuple(_served(random) for _ in range(random.randrange(5))))
    at = random.randrange(len(text) + 1)
    text = text[:at] + str(random.choice(strange.TEXTS)) + text[at + random.randrange(3) :]
    try:
        kept = ledger.read(text)
    except ValueError as error:
        assert 0 < len(str(error)) < 500
    else:
        assert len(kept) <= ledger.ENTRIES


def _served(random: Random) -> Served:
    sides = [sorted(random.choices(_COUNTS, k=2), reverse=True) for _ in range(2)]
    return Served(random.choice(_SECONDS), *sides[0], *sides[1])
