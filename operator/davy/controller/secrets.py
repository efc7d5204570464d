"""Secrets of metrics: fetched for one question, sent where they may go, told to nobody.

Who may write a Rollout or a template names the address and reads the status; who may read the
Secret is somebody else. So a Secret says itself, in an annotation, where it may be sent; its value
is filled into headers and credentials alone, never into a query whose numbers would show it; and of
what comes back only Davy's own words and numbers are told, as a server may echo a header in any
form. The Secret of a vendor's provider is another case: there nobody but its owner says where it
goes.
"""

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from davy.analysis import credentials, resolve
from davy.analysis.answer import Answered, NotAnswered, Value, hidden
from davy.api import errors
from davy.api.analysis import AnalysisRunSpec, Metric
from davy.api.group import ApiGroup
from davy.cluster.cache import Json
from davy.cluster.client import Api
from davy.cluster.kinds import SECRET
from davy.metrics import addresses, wire


@dataclass(frozen=True)
class Login:
    """What a Secret of fixed keys holds."""

    values: Mapping[str, str] = field(repr=False)
    """By key."""
    credentials: tuple[str, ...] = field(repr=False)
    """Those of the values that are told to nobody."""

    def untold(self, answer: Answered | NotAnswered) -> Answered | NotAnswered:
        """The answer without the credentials, should the server have given them back.

        Who owns the Secret chose the server: so its texts are told, as an error's is of use.
        """
        if not self.credentials:
            return answer
        if isinstance(answer, NotAnswered):
            why, said = self._without(answer.why), self._without(answer.said)
            return replace(answer, why=why, said=said)
        warnings = tuple(map(self._without, answer.warnings))
        return Answered(_each_text(answer.value, self._without), warnings, answer.secret)

    def _without(self, text: str) -> str:
        return resolve.redact(text, self.credentials)


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

    async def login(self, namespace: str, metric: Metric) -> Login:
        """The Secret by which a vendor's provider logs in, of the run's own namespace.

        It needs no annotation: its keys say where it goes, or the vendor is known.

        Raises:
            errors.ApiFailure: the Secret can't be read, or lacks a key.
        """
        if (found := metric.provider.logged_in) is None:
            return Login({}, ())
        wanted = found[1].secret
        needed = (*wanted.credentials, *wanted.needed)
        try:
            secret = await self.api.get(SECRET, namespace, wanted.name)
        except errors.NotFound:
            raise errors.NotFound(
                f"Secret {namespace}/{wanted.name} isn't there; make it in this namespace, with "
                f"the keys {', '.join(needed)}."
            ) from None
        names = [*needed, *(key for key in wanted.optional if key in (secret.get("data") or {}))]
        values = {key: _value(secret, namespace, wanted.name, key).strip() for key in names}
        for key in names:
            if not values[key]:
                raise errors.NotFound(f"Secret {namespace}/{wanted.name}: key {key} is empty.")
        return Login(values, tuple(values[key] for key in wanted.credentials))

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
        answer = replace(answer, why=resolve.redact(answer.why, values))
    return hidden(answer)


def _each_text(value: Value, change: Callable[[str], str]) -> Value:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): _each_text(item, change) for key, item in value.items()}
    return value


def _value(secret: Json, namespace: str, name: str, key: str) -> str:
    held = (secret.get("data") or {}).get(key)
    if held is None:
        raise errors.NotFound(f"Secret {namespace}/{name} has no key {key}.")
    try:
        return base64.b64decode(held).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise errors.NotFound(f"Secret {namespace}/{name}: key {key} isn't text.") from None
