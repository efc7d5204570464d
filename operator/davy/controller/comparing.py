"""The comparisons of all runs between their measurements, in memory only."""

from dataclasses import dataclass, field
from datetime import datetime

from davy.analysis.watch import Watch
from davy.api.analysis import RunManifest
from davy.controller.queue import Key


@dataclass
class Watches:
    """Each comparison's watch."""

    _watches: dict[tuple[Key, str, str], Watch] = field(default_factory=dict)

    def of(self, key: Key, run: RunManifest, metric: str, now: datetime) -> Watch:
        """The comparison of a metric; it goes on from what the run's status says."""
        known = key, str(run.metadata.get("uid", "")), metric
        if known not in self._watches:
            self._watches[known] = Watch.of(run, metric, now)
        return self._watches[known]

    def forget(self, key: Key) -> None:
        """The run is gone, or over."""
        for known in [known for known in self._watches if known[0] == key]:
            del self._watches[known]
