"""One question of a provider: in a thread, within its time, logged in, its failures as sentences.

The HTTP client is synchronous and its time-outs are per read. So: a bounded set of threads for each
provider; no retries (the judge schedules those); and a question whose time is over is cut off
(`line.py`), so that its thread is free again whatever the server does.

Only a look-up of a name can't be cut: it holds its thread until the resolver gives up.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import urllib3

from davy.analysis.answer import Answered, NotAnswered, hidden
from davy.api.providers import Authentication
from davy.metrics import wire
from davy.metrics.addresses import Addresses
from davy.metrics.clock import Now
from davy.metrics.line import CONNECT_SECONDS, Line, Session, Timeout
from davy.metrics.login import Login, NoToken

THREADS: Final = 32
"""Questions of one provider that are under way at the same time."""
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True)
class Question:
    """What is asked, of whom."""

    address: str
    """A URL."""
    seconds: int
    """To wait for the answer, the login included."""
    insecure: bool
    ca_cert: str | None
    """PEM of authorities that are trusted at the address, beside those of the machine."""
    authentication: Authentication | None
    put: Callable[[Session, Timeout], Answered | NotAnswered]
    """Asks on the session, and reads what comes; may raise what its libraries raise."""


class Asker:
    """The questions of one provider; used from one event loop.

    Args:
        addresses: that may be called.
        now: the present, UTC.
        name: of the threads.
    """

    def __init__(self, addresses: Addresses, now: Now, name: str) -> None:
        self._addresses = addresses
        self._login = Login(addresses, now)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=name)

    async def ask(self, question: Question) -> Answered | NotAnswered:
        """The answer; every failure is a sentence without credentials."""
        where, line = wire.shown(question.address), Line(self._addresses)
        try:
            asked = self._threads.submit(self._ask, question, line)
        except RuntimeError:
            return NotAnswered(f"{where} wasn't asked: the operator is stopping")
        try:
            async with asyncio.timeout(question.seconds):
                return await asyncio.wrap_future(asked)
        except TimeoutError:
            line.cut()
            await asyncio.wait({asyncio.wrap_future(asked)})  # who asks holds a place till then
            if line.begun:
                return NotAnswered(f"{where} did not answer within {question.seconds} s")
            return NotAnswered(f"{where} wasn't asked: {THREADS} questions are under way already")
        finally:
            line.cut()

    async def close(self) -> None:
        """No thread takes another question; those that wait for an answer are cut off."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, question: Question, line: Line) -> Answered | NotAnswered:
        """Runs in a thread; never raises."""
        line.begun = True
        session: Session | None = None
        login, seconds = question.authentication, question.seconds
        try:
            if question.insecure:  # the user asked for it; a warning per question helps nobody
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            timeout = (min(seconds, CONNECT_SECONDS), seconds)
            session = Session(
                question.address,
                self._addresses,
                line,
                verify=not question.insecure,
                ca_cert=question.ca_cert,
                auth=self._login.auth(login, line, timeout) if login else None,
            )
            answer = question.put(session, timeout)
        except NoToken as refused:
            return refused.answer
        except Exception as error:  # noqa: BLE001 - the one edge where the libraries' errors become sentences
            answer = wire.sentence(error, session, question.address, seconds)
        finally:
            if session is not None:
                session.close()
        if login is None:
            return answer
        if session is not None and session.status == _UNAUTHORIZED:
            self._login.forget(login)
        return hidden(answer)
