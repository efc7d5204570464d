"""Python's collector beside a cache of a million objects that stay.

Each full collection looks at all of them, a list makes it begin again and again, and none of them
is ever in a cycle. With Python's own settings that is a third of a start's time.
"""

import gc
from typing import Final

_YOUNG: Final = 10_000
"""Objects made between two collections of the young; Python's own: 700."""
_MANY: Final = 100_000
"""The same while the caches fill, when nearly all of them stay."""
_MIDDLE: Final = 10
_OLD: Final = 10
_NEVER: Final = 1_000_000
"""Of the middle's collections, between two full ones: none while the caches fill."""


def before_the_caches() -> None:
    """What comes stays: only the young are looked at."""
    gc.set_threshold(_MANY, _MIDDLE, _NEVER)


def after_the_caches() -> None:
    """What is there now is never looked at again; what comes is collected as usual."""
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
