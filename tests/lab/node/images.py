"""From an image to a program: there is no container runtime and no registry in the lab.

| image | what runs |
|---|---|
| any, with `command` | the command, with this machine's programs |
| `davy-demo:TAG` | the demo app |
| with `missing` or `does-not-exist` in it | nothing: `ErrImagePull`, then `ImagePullBackOff` |
| any other | nothing, but the pod looks as if it ran and were ready (simulated) |
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PROGRAMS: Final[dict[str, tuple[str, ...]]] = {
    "davy-demo": (sys.executable, "-m", "tests.lab.app"),
}
"""The last part of an image's name → the program it stands for."""

_ABSENT = ("missing", "does-not-exist")
_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9]+(?:[._:/-]+[a-z0-9]+)*?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True)
class Program:
    """What a container runs."""

    argv: tuple[str, ...]
    """Empty when it is only simulated."""

    @property
    def simulated(self) -> bool:
        """Whether there is no process."""
        return not self.argv


class ImageError(Exception):
    """The image can't be had.

    Attributes:
        reason: a kubelet's word for it, the waiting container's reason.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def program(image: str, command: Sequence[str], args: Sequence[str]) -> Program:
    """What to run for a container's image, command and args.

    Raises:
        ImageError: `InvalidImageName`, or `ErrImagePull` for an image that is called missing.
    """
    reference = _REFERENCE.fullmatch(image)
    if reference is None:
        raise ImageError(
            "InvalidImageName", f'Failed to apply default image tag "{image}": invalid reference'
        )
    if any(word in image for word in _ABSENT):
        raise ImageError("ErrImagePull", f'failed to pull image "{image}": not found')
    if command:
        return Program((*command, *args))
    known = PROGRAMS.get(reference["name"].rsplit("/", 1)[-1])
    return Program((*known, *args)) if known else Program(())
