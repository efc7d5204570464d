"""A step of a plugin's that waits, raises or fails; calls without threads, the same in each run."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from davy.api.errors import BrokenPlugIn
from davy.plugins.contract import Answer, Asked, Done, Failed, Wait
from davy.plugins.installed import Installed, PluginKind

_Answer = TypeVar("_Answer")


class AtOnce:
    """See `Calls.answer`: answers before anything else happens."""

    async def answer(self, name: str, call: Callable[[], _Answer], seconds: float) -> _Answer:
        """What the call returns."""
        del seconds
        try:
            return call()
        except Exception as error:
            raise BrokenPlugIn(f"{name} raised {type(error).__name__}: {error}") from error


GATE: Final = "sim/gate"


def step(seconds: int, kind: str) -> dict[str, Any]:
    """A step that comes to something after so many seconds: `done`, `raises` till then, `fails`."""
    return {"plugin": {"name": GATE, "config": {"seconds": seconds, "kind": kind}}}


def _gate(asked: Asked) -> Answer:
    config = asked.config
    over = asked.since + timedelta(seconds=config["seconds"])
    if asked.now < over and config["kind"] == "raises":
        raise ConnectionError("nobody is at home")
    if asked.now < over:
        return Wait("it isn't time", until=over)
    return Failed("it leaks") if config["kind"] == "fails" else Done()


INSTALLED: Final = Installed({PluginKind.STEP: {GATE: _gate}})
