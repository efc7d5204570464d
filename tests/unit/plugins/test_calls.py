"""Strangers' code can't hold Davy up, whatever it does."""

import threading

import pytest

from davy.api.errors import BrokenPlugIn
from davy.plugins.calls import Calls

NAME = "step plugin acme/gate"


class Nasty(Exception):
    def __str__(self) -> str:
        raise SystemExit


def raises(error: BaseException) -> None:
    raise error


async def test_an_answer_comes_back() -> None:
    """From either way of asking."""
    calls = Calls(most=1)
    assert await calls.answer(NAME, lambda: 5, 10) == 5
    assert calls.awaited(NAME, lambda: 6, 10) == 6


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("at"), "raised KeyError: 'at'"),
        (SystemExit("bye"), "raised SystemExit: bye"),
        (KeyboardInterrupt(), "raised KeyboardInterrupt"),
        (TimeoutError("late"), "raised TimeoutError: late"),
        (Nasty(), "raised Nasty"),
        (ValueError("a\nb \ud800" + "c" * 500), "raised ValueError: a b ?ccc"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_whatever_is_raised_is_a_sentence(error: BaseException, told: str) -> None:
    """One line that a status can carry, whose plugin is named."""
    with pytest.raises(BrokenPlugIn) as failed:
        await Calls(most=1).answer(NAME, lambda: raises(error), 10)
    assert str(failed.value).startswith(f"{NAME} {told}")
    assert len(str(failed.value)) < 400


async def test_a_hang_is_left_alone() -> None:
    """I10: said at once; while it lasts the plugin isn't called, others are."""
    calls, end = Calls(most=1), threading.Event()
    try:
        with pytest.raises(BrokenPlugIn, match="did not answer within 0"):
            await calls.answer(NAME, end.wait, 0.01)
        with pytest.raises(BrokenPlugIn, match="still busy with 1 earlier call"):
            await calls.answer(NAME, end.wait, 0.01)
        assert await calls.answer("another", lambda: 5, 10) == 5
    finally:
        end.set()


def test_who_was_late_rests() -> None:
    """A caller that stands still meanwhile does so once, not at every pass."""
    calls, end = Calls(most=1, rest=1000), threading.Event()
    with pytest.raises(BrokenPlugIn, match="did not answer within 0"):
        calls.awaited(NAME, end.wait, 0.01)
    end.set()
    with pytest.raises(BrokenPlugIn, match="was late, and isn't called again for 1000 s"):
        calls.awaited(NAME, lambda: 5, 10)
