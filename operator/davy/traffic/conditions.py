"""What a controller's conditions say of a route's newest spec, and of several routes together."""

from collections.abc import Sequence

from davy.traffic.base import NotYet, Verification, Verified
from davy.traffic.leaves import number_at, text_at


def behind(condition: object, name: str, generation: int) -> str | None:
    """That a condition is of an older generation, or of none; None: it is of this one."""
    observed = number_at(condition, ("observedGeneration",))
    if observed is not None and observed >= generation:
        return None
    seen = "no generation" if observed is None else f"generation {observed}"
    return f"{name} is reported for {seen}, the spec is at {generation}"


def untrue(condition: object, name: str) -> str | None:
    """That a condition isn't true, and why; None: it is."""
    if text_at(condition, ("status",)) == "True":
        return None
    return f"{name} isn't True ({why(condition)})"


def why(condition: object) -> str:
    """Its reason and its message."""
    reason = text_at(condition, ("reason",)) or "no reason"
    message = text_at(condition, ("message",)) or "no message"
    return f"{reason}: {message}"


def all_of(answers: Sequence[Verification]) -> Verification:
    """The first route's answer that is `NotYet`, else all of them in one."""
    waiting = (answer for answer in answers if isinstance(answer, NotYet))
    return next(waiting, None) or Verified("; ".join(answer.why for answer in answers))
