"""A case that doesn't end is a find, not a wait."""

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SECONDS: Final = 20.0
"""Of the processor: many times what any case takes, and the same however busy the machine is."""
_STUCK_SECONDS: Final = 600.0
"""By the clock: who uses no processor waits for something that doesn't come."""


class HangError(Exception):
    """The case took longer than SECONDS."""


class Watch:
    """Of one case after the other."""

    def again(self) -> None:
        """The next case has all the time."""
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        faulthandler.dump_traceback_later(_STUCK_SECONDS, exit=True)


@contextmanager
def watched() -> Iterator[Watch]:
    """The block, or HangError; where not even that gets through, all stacks and the end."""

    def bark(*_: object) -> None:
        raise HangError(f"not over after {SECONDS:g} s")

    before = signal.signal(signal.SIGVTALRM, bark)
    try:
        yield Watch()
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
