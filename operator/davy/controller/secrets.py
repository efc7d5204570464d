"""Secrets of metrics: fetched for one question, sent where they may go, told to nobody.

Who may write a Rollout or a template names the address and reads the status; who may read the
Secret is somebody else. So a Secret says itself, in an annotation, where it may be sent; its value
is filled into headers and credentials alone, never into a query whose numbers would show it; and of
what comes back only Davy's own words and numbers are told, as a server may echo a header in any
form.
"""

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass

from davy.analysis import credentials, resolve
from davy.analysis.answer import Answered, NotAnswered, hidden
from davy.api import errors
from davy.api.analysis import AnalysisRunSpec, Metric
from davy.api.group import ApiGroup
from davy.cluster.cache import Json
from davy.cluster.client import Api
from davy.cluster.kinds import SECRET
from davy.metrics import addresses, wire


@dataclass
class Secrets:
    """Values for questions.

    Args:
        api: to read Secrets with, one by one.
        group: names the annotation.
    """

    api: Api
    group: ApiGroup

    async def values(self, namespace: str, spec: AnalysisRunSpec, metric: Metric) -> dict[str, str]:
        """What a metric's headers and credentials need, by argument name.

        Raises:
            errors.ApiFailure: a Secret can't be read, lacks the key, or may not be sent there.
        """
        needed = credentials.uses(metric)
        found = {}
        for name, reference in resolve.secret_refs(spec).items():
            if name in needed:
                secret = await self.api.get(SECRET, namespace, reference.name)
                for address in sorted(needed[name]):
                    self._check(secret, namespace, address)
                found[name] = _value(secret, namespace, reference.name, reference.key)
        return found

    def _check(self, secret: Json, namespace: str, address: str) -> None:
        name = self.group.metric_addresses_annotation
        listed = str((secret["metadata"].get("annotations") or {}).get(name) or "")
        wanted = addresses.origin(address)
        if wanted is None or wanted not in map(addresses.origin, listed.replace(",", " ").split()):
            raise errors.Forbidden(
                f"Secret {namespace}/{secret['metadata']['name']} may not be sent to "
                f"{wire.shown(address)}; who owns it can allow that in its annotation {name}."
            )


def untold(answer: Answered | NotAnswered, values: Collection[str]) -> Answered | NotAnswered:
    """The answer to a question that carried these secrets, without what could hold them."""
    if not values:
        return answer
    if isinstance(answer, NotAnswered):
        answer = NotAnswered(resolve.redact(answer.why, values), answer.said)
    return hidden(answer)


def _value(secret: Json, namespace: str, name: str, key: str) -> str:
    held = (secret.get("data") or {}).get(key)
    if held is None:
        raise errors.NotFound(f"Secret {namespace}/{name} has no key {key}.")
    try:
        return base64.b64decode(held).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise errors.NotFound(f"Secret {namespace}/{name}: key {key} isn't text.") from None
