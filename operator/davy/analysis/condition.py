"""Conditions of a metric: Argo's expression language, a text and an answer in, a decision out.

What users write today works: `result[0] >= 0.95`, `len(result) == 0 || result[0] < 5`,
`isNaN(result)`, `result.x.y`, `default(result, 0)`, `all(result, # > 1)`, `asFloat(result.ok) /
result.all in [1]`, `a ? b : c`. It is read by a grammar (`condition.lark`, `syntax.py`) and walked
(`evaluation.py`), never run as code, and is bounded in length, depth, steps and size, so a hostile
condition costs some milliseconds and a sentence.

Two differences from expr-lang: what reads missing evidence is unknown rather than false or an
error (`nodata.py`), and `matches` refuses patterns that could take long (`pattern.py`).
"""

from dataclasses import dataclass

from davy.analysis import functions, syntax
from davy.analysis.answer import Value
from davy.analysis.evaluation import Evaluation
from davy.analysis.nodata import Missing
from davy.analysis.operators import UNKNOWN, name
from davy.api.errors import ConditionError


@dataclass(frozen=True)
class Decision:
    """What a condition says of an answer."""

    holds: bool | None
    """None: not decided, because what it reads is missing."""
    missing: Missing | None = None
    why: str = ""
    """What is missing, for people."""
    infinite: bool = False
    """It compared an infinity, and the condition never asks isInf."""
    note: str = ""
    """What a reader should know beside, e.g. that only the first of three series was read."""


def decide(source: str, answer: Value) -> Decision:
    """Whether the condition holds.

    Raises:
        ConditionError: it can't be parsed or evaluated, or is no yes or no.
    """
    tree = syntax.parse(source)
    evaluation = Evaluation(answer)
    value = evaluation.run(tree)
    if value is UNKNOWN or evaluation.is_missing(value):
        missing = evaluation.missing or Missing.EMPTY
        return Decision(None, missing, _why(missing, source))
    if not isinstance(value, bool):
        message = f"the condition is {name(value)}; write one that is true or false"
        raise ConditionError(message, position=0)
    infinite = evaluation.infinite and "isInf" not in syntax.calls(tree)
    return Decision(value, infinite=infinite, note=_note(evaluation))


def check(source: str) -> None:
    """Nothing, if the condition can be parsed and calls functions that there are.

    Raises:
        ConditionError: with the position.
    """
    for called in sorted(syntax.calls(syntax.parse(source)) - functions.KNOWN):
        clock = "; a condition doesn't read the clock" if called in functions.NO_CLOCK else ""
        raise ConditionError(f"unknown function {called}{clock}", position=source.find(called))


def _why(missing: Missing, source: str) -> str:
    if missing is Missing.NAN:
        return f"the answer is NaN (no traffic?), which can't decide {source}"
    return f"the answer is empty: no data for {source}"


def _note(evaluation: Evaluation) -> str:
    answer = evaluation.answer
    if evaluation.whole or not isinstance(answer, list) or len(answer) <= len(evaluation.indexes):
        return ""
    read = ", ".join(f"result[{place}]" for place in sorted(evaluation.indexes))
    return f"; of {len(answer)} values only {read} was read" if read else ""
