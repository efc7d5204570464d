"""What can go wrong with the lab; standard library only, for the preflight.

LabError
├── PreflightError     this machine can't run the lab; one sentence names the missing switch
├── BuildError         a program could not be obtained
├── ComponentError     a component didn't start, or died; ends with the tail of its log
└── LabTimeoutError    a condition a test waited for never came true; ends with a dump
"""


class LabError(Exception):
    """The root of all errors of the lab; its text is written for a person."""


class PreflightError(LabError):
    """This machine can't run the lab."""


class BuildError(LabError):
    """A program of the control plane could not be obtained."""


class ComponentError(LabError):
    """A component didn't start or died by itself."""


class LabTimeoutError(LabError):
    """A condition didn't come true in time."""
