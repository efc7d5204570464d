"""What the demo app can be told: version, error rate, latency, delays; from env and at run time.

Apart from the app, so that what a setting means is tested without a server.
"""

import dataclasses
import math
import random
import socket
from collections.abc import Mapping
from typing import Final, Self

LATENCY_FORMS: Final = "SECONDS, uniform:LOW:HIGH, exponential:MEAN or lognormal:MEDIAN:SIGMA"
_NUMBERS: Final = {"fixed": 1, "uniform": 2, "exponential": 1, "lognormal": 2}
"""How many numbers each kind of latency takes."""


class SettingError(ValueError):
    """A setting has a value it can't have: its name, the value, and what would be right."""


@dataclasses.dataclass(frozen=True)
class Latency:
    """How long an answer takes, as a distribution in seconds.

    `Latency.parse("0.05")` is always 50 ms; `lognormal:0.02:0.5` has a median of 20 ms and a long
    tail, as real services do.
    """

    kind: str = "fixed"
    first: float = 0.0
    """Seconds: the length, the lower end, the mean, or the median."""

    second: float = 0.0
    """`uniform`: the upper end in seconds; `lognormal`: the spread of the logarithm."""

    @classmethod
    def parse(cls, text: object) -> Self:
        """The distribution that a setting's text or number describes.

        Raises:
            SettingError: an unknown kind, a wrong count of numbers, or a negative one.
        """
        kind, *rest = str(text).split(":")
        if not rest:
            kind, rest = "fixed", [kind]
        try:
            numbers = [float(part) for part in rest]
        except ValueError:
            numbers = []
        possible = all(0 <= number < math.inf for number in numbers)
        ordered = kind != "uniform" or numbers == sorted(numbers)
        if _NUMBERS.get(kind) != len(numbers) or not possible or not ordered:
            raise SettingError(f"latency is {text!r}; write {LATENCY_FORMS}.")
        return cls(kind, *numbers)

    def draw(self, chance: random.Random) -> float:
        """One sample, in seconds, >= 0."""
        if self.kind == "uniform":
            return chance.uniform(self.first, self.second)
        if self.kind == "exponential":
            return chance.expovariate(1 / self.first) if self.first else 0.0
        if self.kind == "lognormal":
            return chance.lognormvariate(math.log(self.first), self.second) if self.first else 0.0
        return self.first

    def __str__(self) -> str:
        if self.kind == "fixed":
            return f"{self.first:g}"
        return ":".join([self.kind, *(f"{n:g}" for n in self.numbers())])

    def numbers(self) -> tuple[float, ...]:
        """The kind's numbers, as many as it takes."""
        return (self.first, self.second)[: _NUMBERS[self.kind]]


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """What may change while the app runs, by `PUT /-/settings`."""

    error_rate: float = 0.0
    """Share of answers that are a 500, 0-1, each drawn by itself."""

    latency: Latency = Latency()
    ready: bool = True
    """What `/readyz` says; requests are answered either way, as a real app would."""

    def changed(self, settings: Mapping[str, object]) -> Self:
        """The behaviour with these settings instead; all of them or, when one is wrong, none.

        Raises:
            SettingError: an unknown name or an impossible value.
        """
        fresh: dict[str, object] = {}
        for name, value in settings.items():
            if name == "error_rate":
                fresh[name] = share(name, value)
            elif name == "latency":
                fresh[name] = Latency.parse(value)
            elif name == "ready":
                fresh[name] = truth(name, value)
            else:
                raise SettingError(f"{name} is no setting; known: error_rate, latency, ready.")
        return dataclasses.replace(self, **fresh)  # type: ignore[arg-type]  # checked above

    def as_json(self) -> dict[str, object]:
        """What `GET /-/settings` shows and `PUT` takes."""
        return {"error_rate": self.error_rate, "latency": str(self.latency), "ready": self.ready}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the app is started with; each field is the env variable of the same name."""

    host: str = "127.0.0.1"
    """Address to bind: HOST, else POD_IP, so that every pod of the lab has its own."""

    port: int = 8080
    """0 takes a free port; the app prints which."""

    version: str = "v1"
    """What every answer says in `x-version`."""

    pod: str = "app"
    """What every answer says in `x-pod`: POD_NAME, else the host's name."""

    start_delay: float = 0.0
    """START_DELAY, seconds before it listens: a slow start."""

    drain: float = 10.0
    """DRAIN, seconds after SIGTERM in which new requests are still answered, at most. It ends
    sooner when no more come; see `app`."""

    behaviour: Behaviour = Behaviour()
    """ERROR_RATE and LATENCY, until changed at run time."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """The settings of a process environment; an empty variable counts as unset.

        Raises:
            SettingError: a variable has an impossible value.
        """
        given = {name: value for name, value in env.items() if value}
        behaviour = Behaviour(
            error_rate=share("ERROR_RATE", given.get("ERROR_RATE", 0)),
            latency=Latency.parse(given.get("LATENCY", 0)),
        )
        return cls(
            host=given.get("HOST") or given.get("POD_IP") or cls.host,
            port=port("PORT", given.get("PORT", cls.port)),
            version=given.get("VERSION", cls.version),
            pod=given.get("POD_NAME") or socket.gethostname(),
            start_delay=seconds("START_DELAY", given.get("START_DELAY", cls.start_delay)),
            drain=seconds("DRAIN", given.get("DRAIN", cls.drain)),
            behaviour=behaviour,
        )


def number(name: str, value: object, low: float, high: float, meaning: str) -> float:
    """The value as a number from low to high.

    Raises:
        SettingError: it isn't one; the sentence ends in `meaning`.
    """
    try:
        found = float(str(value))
    except ValueError:
        found = math.nan
    if not low <= found <= high or isinstance(value, bool):
        raise SettingError(f"{name} is {value!r}; {meaning}.")
    return found


def share(name: str, value: object) -> float:
    """A share, 0-1. Raises SettingError."""
    return number(name, value, 0, 1, "a share from 0 to 1, 0.2 being 20 %")


def seconds(name: str, value: object) -> float:
    """A length of time, 0 to an hour. Raises SettingError."""
    return number(name, value, 0, 3600, "seconds, from 0 to 3600")


def port(name: str, value: object) -> int:
    """A TCP port, 0 for a free one. Raises SettingError."""
    return int(number(name, value, 0, 65535, "a port from 0 to 65535"))


def truth(name: str, value: object) -> bool:
    """A JSON bool. Raises SettingError: `"false"` is text, and true in Python."""
    if not isinstance(value, bool):
        raise SettingError(f"{name} is {value!r}; true or false.")
    return value
