"""Strangers' code, called in threads of its own and within its time; whatever it raises is told.

A thread can't be stopped. One that is late is left alone and counted: a plugin that is busy with as
many calls as it may have isn't called until one of them ends. The threads are daemons, so that none
of them keeps the process from ending.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

from davy.api.errors import BrokenPlugIn
from davy.api.findings import cut

_Answer = TypeVar("_Answer")
_LONGEST: Final = 300
"""Characters of a plugin's own words that are told."""


class Calls:
    """Calls of plugins; used from one thread.

    Args:
        most: of one plugin at the same time.
        rest: seconds for which a plugin that was late isn't called.
    """

    def __init__(self, most: int, rest: float = 0.0) -> None:
        self._most = most
        self._rest = rest
        self._rests: dict[str, float] = {}
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()

    async def answer(self, name: str, call: Callable[[], _Answer], seconds: float) -> _Answer:
        """What the call returns.

        Args:
            name: the plugin's, as sentences have it: `step plugin acme/gate`.
            call: runs in the thread.
            seconds: that it may take.

        Raises:
            BrokenPlugIn: it raised, took longer, or isn't called for now.
        """
        begun = self._begun(name, call)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(begun)
        except TimeoutError:
            raise self._late(name, seconds) from None

    def awaited(self, name: str, call: Callable[[], _Answer], seconds: float) -> _Answer:
        """As `answer`, while the caller stands still: for calls that take no time if all is well.

        Raises:
            BrokenPlugIn: it raised, took longer, or isn't called for now.
        """
        try:
            return self._begun(name, call).result(seconds)
        except TimeoutError:
            raise self._late(name, seconds) from None

    def _late(self, name: str, seconds: float) -> BrokenPlugIn:
        self._rests[name] = time.monotonic() + self._rest
        return BrokenPlugIn(f"{name} did not answer within {seconds:g} s")

    def _begun(self, name: str, call: Callable[[], _Answer]) -> Future[_Answer]:
        if time.monotonic() < self._rests.get(name, 0.0):
            raise BrokenPlugIn(f"{name} was late, and isn't called again for {self._rest:g} s")
        with self._lock:
            if self._busy[name] >= self._most:
                raise BrokenPlugIn(f"{name} is still busy with {self._most} earlier call(s)")
            self._busy[name] += 1
        answer: Future[_Answer] = Future()
        answer.set_running_or_notify_cancel()
        thread = threading.Thread(target=self._run, args=(name, call, answer), daemon=True)
        thread.start()
        return answer

    def _run(self, name: str, call: Callable[[], _Answer], answer: Future[_Answer]) -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  # SystemExit too: nothing of it is Davy's
            told: BrokenPlugIn | None = _raised(name, error)
        else:
            told = None
        with self._lock:
            self._busy[name] -= 1
        if told is None:
            answer.set_result(result)
        else:
            answer.set_exception(told)


def words(text: object) -> str:
    """A plugin's text as one line that a status can carry."""
    line = " ".join(str(text).split())
    return cut(line.encode(errors="replace").decode(), _LONGEST)


def _raised(name: str, error: BaseException) -> BrokenPlugIn:
    kind = type(error).__name__
    try:
        said = words(error)
    except BaseException:  # noqa: BLE001  # its text is its own code too
        said = ""
    return BrokenPlugIn(f"{name} raised {kind}: {said}" if said else f"{name} raised {kind}")
