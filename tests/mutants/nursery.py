"""Tries mutants in forks of a process that has all tests collected.

A fork costs some milliseconds where a new Python costs seconds, and a mutant is one code object, so
thousands can be tried. Which tests run a line, and how fast each is, is measured first; a mutant
meets the quickest tests of its lines first and dies at the first that fails. Examples of hypothesis
are the same each time, so a result is one. Time is CPU time: a busy machine kills no mutant.
"""

import contextlib
import functools
import gc
import importlib
import inspect
import os
import resource
import signal
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import coverage
import pytest
from hypothesis import Phase, settings

from tests.mutants.mutations import Mutant

PROFILE: Final = settings(
    settings.get_profile("default"),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # a failing example is enough, however large
)
_PATIENCE: Final = 5.0
"""A test may take so many times its CPU time (measured with tracing on), and `_GRACE` more."""
_GRACE: Final = 2.0
"""Seconds."""
_EXAMPLES: Final = 10
"""Of hypothesis, at most, a test."""
_SLOWEST: Final = 0.5
"""Seconds that a test may take, with tracing on; slower ones are left out: few mutants die of them
alone, and each that lives would have to go through them."""
_MEMORY: Final = 2 * 2**30
"""Bytes of address space beyond what the process has: a mutant that fills memory fails instead."""
_KILLED, _SURVIVED = 1, 0


@dataclass(frozen=True)
class Trial:
    """What became of a mutant."""

    id: str
    outcome: str
    """`killed`, `time-out`, `survived` or `not run` (no quick test runs its lines)."""
    by: str = ""
    """The test that killed it, or the signal."""

    @property
    def lived(self) -> bool:
        """No test told it from the code."""
        return self.outcome in {"survived", "not run"}


@dataclass
class _Known:
    """A test, and what was measured of it."""

    item: pytest.Item
    seconds: float = 0.0
    lines: dict[str, set[int]] = field(default_factory=dict)
    """Lines that it ran, by file."""


@dataclass
class Nursery:
    """A plugin of pytest that tries mutants where pytest would run tests.

    Args:
        mutants: to try.
        folders: of the code that is mutated; lines elsewhere aren't measured.
        jobs: forks at a time.
        told: called with each trial as it ends.
    """

    mutants: Sequence[Mutant]
    folders: Sequence[Path]
    jobs: int
    told: Callable[[Trial], None]
    _failed: bool = False
    _caches: list[Any] = field(default_factory=list)

    def run(self, tests: Iterable[str]) -> None:
        """Try all mutants.

        Raises:
            RuntimeError: tests fail, or can't be collected, without any mutant.
        """
        code = pytest.main(["-q", "-s", "--assert=plain", "--tb=short", *tests], plugins=[self])
        if code:
            message = f"pytest ended with {code!r} before any mutant was tried"
            raise RuntimeError(message)

    # -- hooks

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """The conftest has set its own profile; test modules are imported after this."""
        settings.register_profile("mutants", PROFILE)
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Far fewer examples than in the suite, whose figure is so the better one."""
        for item in items:
            test: Any = getattr(item, "obj", None)
            own = getattr(test, "_hypothesis_internal_use_settings", None)
            if own is not None:
                examples = min(own.max_examples, _EXAMPLES)
                test._hypothesis_internal_use_settings = settings(own, max_examples=examples)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's set-up, call or tear-down ended."""
        self._failed = self._failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """In place of pytest's own loop."""
        if session.testsfailed:
            return None
        self._caches = _caches()
        known = self._measured(session.items)
        if self._failed:
            raise session.Failed("tests fail without any mutant")
        gc.collect()
        gc.freeze()
        self._try_all(known)
        return True

    # -- without mutants

    def _measured(self, items: Sequence[pytest.Item]) -> list[_Known]:
        """Every test run once: the lines that it runs, and how long it takes."""
        sources = [str(folder / "*") for folder in self.folders]
        tracer = coverage.Coverage(data_file=None, config_file=False, include=sources)
        known = []
        tracer.start()
        for item in items:
            tracer.switch_context(item.nodeid)
            started = time.process_time()
            self._run(item)
            known.append(_Known(item, time.process_time() - started))
        tracer.stop()
        by_name = {each.item.nodeid: each for each in known}
        data = tracer.get_data()
        for file in data.measured_files():
            for line, names in data.contexts_by_lineno(file).items():
                for name in names:
                    if name in by_name:
                        by_name[name].lines.setdefault(file, set()).add(line)
        return sorted(known, key=lambda each: each.seconds)

    def _run(self, item: pytest.Item) -> None:
        for cache in self._caches:
            cache.cache_clear()
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)

    # -- with them

    def _try_all(self, known: Sequence[_Known]) -> None:
        running: dict[int, tuple[Mutant, int]] = {}
        for mutant in self.mutants:
            chosen = _chosen(mutant, known)
            if not chosen:
                self.told(Trial(mutant.id, "not run"))
                continue
            while len(running) >= self.jobs:
                self._ended(running)
            reading, writing = os.pipe()
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                os.close(reading)
                self._child(mutant, chosen, writing)
            os.close(writing)
            running[child] = mutant, reading
        while running:
            self._ended(running)

    def _child(self, mutant: Mutant, chosen: Sequence[_Known], writing: int) -> None:
        """One mutant's whole life; never returns."""
        code = _SURVIVED
        try:
            _quiet()
            swap(mutant)
            for each in chosen:
                # SIGPROF ends the process: nothing in it can catch what it doesn't know of.
                signal.setitimer(signal.ITIMER_PROF, _GRACE + _PATIENCE * each.seconds)
                self._run(each.item)
                if self._failed:
                    code = _KILLED
                    os.write(writing, each.item.nodeid.encode())
                    break
        except BaseException as error:  # noqa: BLE001 - whatever a mutant raises ends its process
            code = _KILLED
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        os._exit(code)

    def _ended(self, running: dict[int, tuple[Mutant, int]]) -> None:
        """Wait for one of the children."""
        child, status = os.wait()
        mutant, reading = running.pop(child)
        with os.fdopen(reading, "rb") as pipe:
            by = pipe.read().decode(errors="replace")
        if os.WIFSIGNALED(status):
            number = signal.Signals(os.WTERMSIG(status))
            outcome = "time-out" if number is signal.SIGPROF else "killed"
            self.told(Trial(mutant.id, outcome, number.name))
        else:
            outcome = "killed" if os.WEXITSTATUS(status) == _KILLED else "survived"
            self.told(Trial(mutant.id, outcome, by))


def swap(mutant: Mutant) -> None:
    """The function does what the mutant says, from its next call on.

    So do the functions that it made before, at import: those of a table, for instance.
    """
    found: Any = importlib.import_module(mutant.module)
    for name in mutant.function.split("."):
        # A class's own attribute, not what its descriptor makes of it.
        found = vars(found)[name]
    while not isinstance(found, types.FunctionType):
        found = next(
            inner
            for name in ("fget", "__func__", "__wrapped__", "func")
            if (inner := getattr(found, name, None)) is not None
        )
    found = getattr(found, "__wrapped__", found)
    replaced = dict(_pairs(found.__code__, mutant.code))
    gc.unfreeze()  # what is frozen isn't looked through
    for function in gc.get_referrers(*replaced):
        if not isinstance(function, types.FunctionType):
            continue
        with contextlib.suppress(ValueError):  # the mutant's reads other names from outside
            function.__code__ = replaced[function.__code__]


def _pairs(old: types.CodeType, new: types.CodeType) -> Iterator[tuple[types.CodeType, Any]]:
    """A function's code and that of each function in it, with what it becomes."""
    yield old, new
    inner = [
        [const for const in code.co_consts if isinstance(const, types.CodeType)]
        for code in (old, new)
    ]
    for one, other in zip(*inner, strict=False):
        if one.co_name == other.co_name:
            yield from _pairs(one, other)


def _chosen(mutant: Mutant, known: Sequence[_Known]) -> list[_Known]:
    """The tests that run one of the mutant's lines, the quickest first."""
    first, last = mutant.lines
    wanted = set(range(first, last + 1))
    file = mutant.code.co_filename
    quick = (each for each in known if each.seconds < _SLOWEST)
    return [each for each in quick if not wanted.isdisjoint(each.lines.get(file, ()))]


def _caches() -> list[Any]:
    """Results that functions of Davy's remember: what they remember isn't run again.

    Not what takes no argument: a parser is made once, and runs the code that is swapped all the
    same.
    """
    values = {
        id(value): value
        for name, module in sys.modules.items()
        if name.partition(".")[0] == "davy"
        for value in vars(module).values()
        if isinstance(value, functools._lru_cache_wrapper)
    }
    return [value for value in values.values() if inspect.signature(value).parameters]


def _quiet() -> None:
    """The child says nothing, and can't fill memory."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with contextlib.suppress(ValueError, OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
