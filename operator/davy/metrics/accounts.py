"""Which service accounts the Jobs of metrics may run as: the administrator's list, none by default.

Who may write an AnalysisTemplate or an AnalysisRun makes pods by a Job of Davy's, with the token of
a service account and whatever Secret the pod mounts, though RBAC may not let them make any. So no
Job is made before the administrator names accounts: `NAMESPACE/NAME`, with `*` for all of either.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

SETTING: Final = "--job-service-accounts"
ALL: Final = "*"
_DEFAULT: Final = "default"
_PART: Final = r"(\*|[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)"
_ENTRY: Final = re.compile(f"{_PART}/{_PART}")


@dataclass(frozen=True)
class Accounts:
    """What the administrator allows."""

    listed: tuple[tuple[str, str], ...] = ()
    """Namespace and name of each, `*` for all."""

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """The list as it was written.

        Raises:
            ValueError: an entry is no NAMESPACE/NAME; the message says which.
        """
        found = []
        for entry in entries:
            matched = _ENTRY.fullmatch(entry)
            if matched is None:
                raise ValueError(
                    f"{entry!r} is no service account; write NAMESPACE/NAME, such as shop/default, "
                    "or * for all of either"
                )
            found.append((matched[1], matched[2]))
        return cls(tuple(found))

    def namespaces(self, served: tuple[str, ...]) -> tuple[str | None, ...]:
        """Where Jobs may be made; None: everywhere.

        Args:
            served: namespaces that the operator serves; (): all.
        """
        names = {namespace for namespace, _ in self.listed}
        if ALL in names:
            return served or (None,)
        return tuple(sorted(names & {*served} if served else names))

    def refusal(self, namespace: str, pod: Mapping[str, Any]) -> str:
        """Why a Job with this pod may not be made there; "" when it may.

        Args:
            namespace: of the Job.
            pod: the spec of its pods; `serviceAccount` is the older name of the field.
        """
        given = [
            str(pod[field]) for field in ("serviceAccountName", "serviceAccount") if pod.get(field)
        ]
        for name in given or [_DEFAULT]:
            if not self._allows(namespace, name):
                account = f"{namespace}/{name}"
                what = f"may not run as the service account {account}" if self.listed else "is off"
                return f"{what}; an administrator can allow it by {SETTING} {account:.300}"
        return ""

    def _allows(self, namespace: str, name: str) -> bool:
        return any(
            place in {ALL, namespace} and account in {ALL, name} for place, account in self.listed
        )
