"""What became of each release, from the record alone, beside what had to become of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from tests.lab.chaos.history import History, Key
from tests.lab.chaos.routes import HASH
from tests.lab.chaos.users import Kind, Release, version_of
from tests.lab.shop import NAME


@dataclass(frozen=True)
class Outcome:
    """One release in the report."""

    release: Release
    expected: str
    seen: str

    @property
    def as_expected(self) -> bool:
        """Whether the faults changed nothing but the time it took."""
        return self.expected == self.seen

    @property
    def seconds(self) -> float | None:
        """How long it took; None when its user waits still."""
        if self.release.ended is None:
            return None
        return (self.release.ended - self.release.began) / timedelta(seconds=1)


_EXPECTED = {
    Kind.GOOD: "promoted",
    Kind.RESUMED: "promoted",
    Kind.BAD: "aborted",
    Kind.ABORTED: "aborted",
    Kind.ROLLED_BACK: "given up",
    Kind.REPLACED: "given up",
}


def outcomes(history: History, releases: Iterable[Release]) -> Iterator[Outcome]:
    """Each release's outcome.

    Promoted: its revision became stable. Aborted: the status said so of it. Given up: neither, as
    when another template took its place.
    """
    for release in releases:
        said = _said(history, release)
        if release.ended is None:
            said.append("not over")
        yield Outcome(release, _EXPECTED[release.kind], ", ".join(said) or "given up")


def _said(history: History, release: Release) -> list[str]:
    template_hash = _hash(history, release)
    promoted = aborted = False
    for state in history.states.get(Key(release.namespace, "rollouts", NAME), ()):
        status = (state.found or {}).get("status") or {}
        if template_hash is None:
            break
        promoted |= status.get("stableRS") == template_hash
        aborted |= bool(status.get("abort")) and status.get("currentPodHash") == template_hash
    pairs = (("aborted", aborted), ("promoted", promoted))
    return [name for name, was in pairs if was]


def _hash(history: History, release: Release) -> str | None:
    for key in history.keys("replicasets", release.namespace):
        for state in history.states[key]:
            if state.found and version_of(state.found["spec"]["template"]) == release.version:
                return str(state.found["metadata"]["labels"][HASH])
    return None
