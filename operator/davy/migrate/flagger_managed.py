"""Flagger's A/B tests and its mirroring, as managed routes of a Rollout."""

from dataclasses import dataclass
from typing import Any, Final

from davy.api import unbuilt
from davy.migrate import objects
from davy.migrate.flagger_routes import ISTIO
from davy.migrate.reader import Reader
from davy.migrate.result import Json, refusal

AB_TEST: Final = "ab-test"
MIRROR: Final = "mirror"
_MOST: Final = 100
"""Checks of a test: a step each, of which a Rollout has 128 at most."""
_BLUE_GREEN: Final = refusal(unbuilt.ROLLOUT, "spec.strategy", "blueGreen")
_ONE_HEADER: Final = (
    "isn't one header, exact, prefix or regex, and no more is known to setHeaderRoute; write such "
    "matches, or a route of your own"
)
_NO_PREFIX: Final = "isn't known to the Gateway API for headers; write exact or regex"
_UNCLEAR: Final = (
    "isn't translated beside a service.match whose uri is a regex; put a setMirrorRoute step with "
    "another match before the weights"
)
_UNCHECKED: Final = (
    "is for one interval, and not checked: what callers' proxies count has no mirrored requests; "
    "put an analysis with a metric of the app's own in place of the pause"
)
_IDLE: Final = "says nothing in an A/B test"


@dataclass(frozen=True)
class AbTest:
    """An A/B test; without matches the release goes by weights."""

    match: tuple[Json, ...] = ()
    """Of setHeaderRoute: who gets the new version."""
    iterations: int = 0
    """Checks that must pass."""

    @property
    def routes(self) -> list[Json]:
        """The steps that begin it: all pods, as nobody knows how many requests match."""
        header = {"name": AB_TEST, "match": [*self.match]}
        return [{"setCanaryScale": {"weight": 100}}, {"setHeaderRoute": header}]


def ab_test(analysis: Reader, mesh: str) -> AbTest | None:
    """Whether the Canary is an A/B test; None: it is something else than a canary, which is told.

    Args:
        analysis: the Canary's.
        mesh: `istio` or `gatewayapi`.
    """
    iterations, match = analysis.number("iterations"), analysis.each("match")
    if not iterations and match:
        analysis.notes.lost(
            analysis.at("match"), "isn't translated without iterations, which make it an A/B test"
        )
        for found in match:
            found.drop()
    if not iterations:
        return AbTest()
    if not match:
        analysis.notes.lost(analysis.at("iterations"), f"means blue-green: {_BLUE_GREEN}")
        return None
    if not 0 < iterations <= _MOST:
        analysis.notes.lost(
            analysis.at("iterations"), f"is {iterations}; a Rollout asks from 1 to {_MOST} times"
        )
        return None
    headers = [_header(found, mesh) for found in match]
    for field in ("stepWeight", "maxWeight", "stepWeights", "mirror", "mirrorWeight"):
        analysis.note(field, _IDLE)
    found_all = tuple(header for header in headers if header)
    return AbTest(found_all, iterations) if len(found_all) == len(headers) else None


def mirror(analysis: Reader, route: Json) -> list[Json]:
    """The step that mirrors all requests; empty: the Canary has none, or it can't be said.

    Args:
        analysis: the Canary's.
        route: its VirtualService or HTTPRoute.
    """
    percentage = analysis.number("mirrorWeight") or 100
    if not analysis.flag("mirror"):
        return []
    if route["kind"] != "VirtualService":
        analysis.notes.note(
            analysis.at("mirror"), "is left out: Flagger mirrors no HTTPRoute that it weights"
        )
        return []
    matches = objects.items(route["spec"]["http"][0].get("match"))
    if any(objects.mapping(one, "uri").get("regex") for one in matches):
        analysis.notes.lost(analysis.at("mirror"), _UNCLEAR)
        return []
    analysis.notes.lost(analysis.at("mirror"), _UNCHECKED)
    everything = [{"path": {"prefix": "/"}}]
    return [{"setMirrorRoute": {"name": MIRROR, "match": everything, "percentage": percentage}}]


def names(steps: list[Json]) -> list[Json]:
    """`managedRoutes` for these steps."""
    rules: list[Any] = [step.get("setHeaderRoute") or step.get("setMirrorRoute") for step in steps]
    return [{"name": name} for name in dict.fromkeys(rule["name"] for rule in rules if rule)]


def _header(found: Reader, mesh: str) -> Json | None:
    """One match of a test; None: it asks for something else, which is told."""
    headers = found.inner("headers")
    named = headers.names()
    value = headers.mapping(named[0]) if len(named) == 1 else {}
    rest = [name for name in found.names() if name != "name"]
    kinds = [kind for kind in ("exact", "prefix", "regex") if isinstance(value.get(kind), str)]
    found.drop()
    headers.drop()
    if rest or len(kinds) != 1 or len(value) != 1:
        found.notes.lost(found.path, _ONE_HEADER)
        return None
    if kinds == ["prefix"] and mesh != ISTIO:
        found.notes.lost(f"{headers.path}.{named[0]}.prefix", _NO_PREFIX)
        return None
    return {"headerName": named[0], "headerValue": value}
