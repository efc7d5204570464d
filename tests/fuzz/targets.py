"""What must hold of hostile input, one function a target: it gets a seeded chance, and raises."""

import copy
import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

import yaml
from pydantic import ValidationError

from davy.analysis import condition, judge, resolve, schedule, templates, underway
from davy.api import errors, fields, validate
from davy.api.group import DAVY
from davy.cli.check import check
from davy.cli.documents import Document, UnreadableFileError, documents
from davy.controller import observe, runs
from davy.migrate.result import Options
from davy.migrate.translate import translate
from davy.plugins.installed import Installed
from davy.traffic.registry import Routers
from davy.traffic.services import ROLES
from tests.fuzz import answers, expressions, jobs, ledgers, strange
from tests.fuzz.whole import whole
from tests.unit.analysis.runs import NOW
from tests.unit.api.documents import GOOD
from tests.unit.api.test_validate import READ
from tests.unit.migrate import samples as migrations
from tests.unit.traffic import ingresses, routes

ROUTERS = Routers(Installed())

_FILE: Final = 20_000
"""Characters of a file; Python's own YAML reader takes a second for a hundred thousand."""
_LONGEST: Final = 2000
"""Characters of a sentence; a message has a few of them, and an object 1.5 MB in all."""


def spec(random: Random) -> None:
    """A strange Rollout, template or run is refused with the place, or reads the same again."""
    base = GOOD[random.choice(sorted(GOOD))]
    document = {**base, "spec": strange.mutated(base["spec"], random)}
    findings, parse = READ[base["kind"]]
    found = findings(document)
    for one in found:
        assert one.path.startswith("spec"), one
        assert 0 < len(str(one)) < _LONGEST, one
    if not found:
        parsed = parse(document)
        again = parse({**document, "spec": parsed.manifest()})
        assert repr(again) == repr(parsed)  # NaN, which a YAML file may have, isn't equal to itself


def manifest(random: Random) -> None:
    """`davy lint` of a strange file ends with remarks, or says that it isn't YAML."""
    chosen = [GOOD[random.choice(sorted(GOOD))] for _ in range(random.choice((1, 2, 3)))]
    try:
        mutated = [strange.mutated(each, random) for each in chosen]
        text = yaml.dump_all(mutated, Dumper=yaml.CSafeDumper)[:_FILE]
    except (RecursionError, UnicodeEncodeError):  # no file has these
        text = "[" * 3000
    for _ in range(random.choice((0, 0, 1, 3))):
        at = random.randrange(len(text))
        text = text[:at] + random.choice(_YAML) + text[at + random.choice((0, 1, 9)) :]
    try:
        read = list(documents("f.yaml", text))
    except UnreadableFileError as error:
        assert str(error).startswith("f.yaml: ")
        return
    remarks, _ = check(read, DAVY, Installed())
    assert all(remark.line >= 1 and str(remark.finding) for remark in remarks)


_YAML: Final = (
    *("&a ", "*a", "&a [*a]", "&a {x: *a}", "<<: *a\n", "!!python/object:os.system ", "!!binary x"),
    *("!!set ", "? ", "- ", ": ", "\t", "\n", "---\n", "...", "%YAML 9.9\n", ".nan", ".inf", "~"),
    *("0o17", "1:30:00", "2026-01-01", "=", "\x00", "\ud800", "{", "[", "'", '"', "|", ">-", "#"),
    "[" * 400,
)


def migration(random: Random) -> None:
    """Strange manifests of Argo's and Flagger's are translated, and lint answers to what comes."""
    chosen = migrations.SAMPLES[random.choice(sorted(migrations.SAMPLES))]
    found = translate([strange.mutated(each, random) for each in chosen], Options())
    assert all(0 < len(remark.message) < _LONGEST for remark in found.remarks)
    assert all(0 <= remark.source < len(chosen) for remark in found.remarks)
    for one in found.made:
        read = Document("f.yaml", one.manifest, {"": 1})
        check([read], DAVY, Installed())


def expression(random: Random) -> None:
    """A condition over an answer is true, false, undecided, or refused with a position in it."""
    source, answer = expressions.expression(random), expressions.answer(random)
    try:
        condition.check(source)
        decision = condition.decide(source, answer)
    except errors.ConditionError as error:
        assert error.position is None or 0 <= error.position <= len(source), error
        assert 0 < len(str(error)) < _LONGEST, error
        return
    assert decision.holds in {True, False, None}
    assert len(decision.why) < 3 * _LONGEST


def arguments(random: Random) -> None:
    """A template with strange texts and a rollout's strange arguments make a run, or findings."""
    base = GOOD["template"]
    try:
        template = validate.parse_analysis_template(
            {**base, "spec": strange.mutated(base["spec"], random)}
        )
        rollout = GOOD["gateway"]
        spec = validate.parse_rollout({**rollout, "spec": strange.mutated(rollout["spec"], random)})
    except errors.InvalidObject:
        return
    for step in spec.strategy.canary.steps or ():
        if step.analysis is None:
            continue
        try:
            made = resolve.run_spec(
                [templates.Template("errors", template)],
                step.analysis,
                manifest=rollout,
                stable_hash="a",
                latest_hash="b",
                inline=True,
            )
        except errors.InvalidObject as error:
            assert all(len(str(one)) < 10 * _LONGEST for one in error.findings)
        else:
            json.dumps(made.manifest(), allow_nan=False)


def duration(random: Random) -> None:
    """A length of time is one of up to ten years, or refused."""
    text: Any = random.choice((*strange.TEXTS, *strange.NUMBERS))
    if isinstance(text, str) and random.random() < 0.5:
        text += random.choice(("s", "m", "h", "ms", "µs", "s" * 9, " ", "\n"))
    try:
        assert 0 <= fields.parse_duration(text).days <= 3650
    except ValueError as error:
        assert str(error)


def status(random: Random) -> None:
    """A status that somebody else wrote is read as far as it makes sense."""
    observe.parse_status({"status": strange.mutated(_STATUS, random, deep=False)})
    kept = strange.mutated(_RUN_STATUS, random, deep=False)
    try:
        run = runs.parse({**GOOD["run"], "status": kept})
    except ValidationError:
        return
    later = judge.record(run, {}, NOW)
    json.dumps(later.model_dump(mode="json", by_alias=True), allow_nan=False)
    judge.verdict(run)
    schedule.due(run, NOW)
    underway.closed(later, NOW)


def route(random: Random) -> None:
    """A router reads any objects, and patches nothing that it doesn't own (I9)."""
    rollout, objects = random.choice(_ROUTES)
    found = {key: strange.mutated(each, random, deep=False) for key, each in objects.items()}
    for key, each in found.items():
        each["metadata"] = copy.deepcopy(objects[key]["metadata"])
        annotations = each["metadata"].get("annotations", {})
        for name in annotations if random.random() < _HALF else ():
            annotations[name] = random.choice(strange.TEXTS)
    router = ROUTERS.router_for(rollout.canary)
    state = router.read(rollout, found)
    assert state.canary_weight is None or 0 <= state.canary_weight <= 100
    for problem in state.problems:
        assert len(str(problem)) < 100 * _LONGEST
    routes.applied(found, router.weights(rollout, found, random.choice((0, 1, 50, 100))))
    for role in ROLES:
        routes.applied(found, router.target(rollout, found, role, "abc"))


_STATUS: Final[strange.Json] = {
    "phase": "Progressing",
    "currentStepIndex": 2,
    "stableRS": "a",
    "currentPodHash": "b",
    "abort": False,
    "abortedAt": "2026-01-01T00:00:00Z",
    "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}],
    "canary": {"weights": {"canary": {"weight": 5}, "stable": {"weight": 95}}},
    "traffic": {"wanted": 10, "written": 10, "verified": 0},
    "conditions": [
        {
            "type": "Progressing",
            "status": "True",
            "reason": "r",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "lastUpdateTime": "2026-01-01T00:00:00Z",
        }
    ],
}
_RUN_STATUS: Final[strange.Json] = {
    "phase": "Running",
    "startedAt": "2026-01-01T00:00:00Z",
    "metricResults": [
        {
            "name": "error-rate",
            "phase": "Running",
            "count": 1,
            "successful": 1,
            "measurements": [
                {
                    "phase": "Successful",
                    "value": "[1]",
                    "startedAt": "2026-01-01T00:00:00Z",
                    "finishedAt": "2026-01-01T00:00:01Z",
                    "metadata": {"noEvidence": "nan", "noEvidenceSince": "2026-01-01T00:00:00Z"},
                }
            ],
        },
        {
            "name": "smoke",
            "phase": "Running",
            "measurements": [
                {
                    "phase": "Running",
                    "startedAt": "2026-01-01T00:00:00Z",
                    "metadata": {"job-name": "cart-smoke-1", "job-namespace": "shop"},
                }
            ],
        },
    ],
}
_HALF: Final = 0.5
_ROUTES: Final = (
    (
        routes.by_services(),
        routes.a_cluster(
            routes.a_virtual_service(
                routes.an_http_route_of_istio(
                    "api", routes.to_host("cart-stable", 90), routes.to_host("cart-canary", 10)
                )
            ),
            routes.a_service("cart-stable"),
            routes.a_service("cart-canary"),
        ),
    ),
    (
        routes.by_subsets(),
        routes.a_cluster(
            routes.a_virtual_service(
                routes.an_http_route_of_istio(
                    "api", routes.to_subset("stable", 90), routes.to_subset("canary", 10)
                )
            ),
            routes.a_destination_rule(),
        ),
    ),
    (
        routes.by_http_routes(),
        routes.a_cluster(
            routes.an_http_route(
                routes.a_rule(
                    routes.a_backend("cart-stable", 90), routes.a_backend("cart-canary", 10)
                )
            ),
            routes.a_service("cart-stable"),
            routes.a_service("cart-canary"),
        ),
    ),
    (
        ingresses.by_ingresses(),
        routes.a_cluster(ingresses.an_ingress(), ingresses.a_canary_ingress("10")),
    ),
    (
        ingresses.by_action(),
        routes.a_cluster(ingresses.an_alb_ingress(ingresses.an_action(90, 10))),
    ),
    (
        routes.by_traefik_service(),
        routes.a_cluster(
            routes.a_traefik_service(
                routes.a_backend("cart-stable", 90), routes.a_backend("cart-canary", 10)
            )
        ),
    ),
    (
        routes.by_http_proxies(),
        routes.a_cluster(
            routes.an_http_proxy(
                routes.a_proxied(
                    routes.a_backend("cart-stable", 90), routes.a_backend("cart-canary", 10)
                )
            )
        ),
    ),
    (
        routes.by_apisix_route(),
        routes.a_cluster(
            routes.an_apisix_route(
                routes.an_apisix_rule(
                    "cart",
                    routes.an_apisix_backend("cart-stable", 90),
                    routes.an_apisix_backend("cart-canary", 10),
                )
            )
        ),
    ),
)

Target = Callable[[Random], None]

TARGETS: Final[Mapping[str, tuple[Target, float]]] = {
    "spec": (spec, 35),
    "expression": (expression, 25),
    "provider": (answers.provider, 12),
    "foreign-provider": (answers.foreign_provider, 5),
    "web-answer": (answers.web_answer, 6),
    "vendor-answer": (answers.vendor_answer, 6),
    "judgement": (answers.judgement, 2),
    "json-path": (answers.json_path, 8),
    "times": (answers.times, 3),
    "arguments": (arguments, 6),
    "job": (jobs.step, 4),
    "status": (status, 5),
    "route": (route, 5),
    "manifest": (manifest, 4),
    "migration": (migration, 2),
    "duration": (duration, 3),
    "comparison": (ledgers.comparison, 1),
    "ledger-text": (ledgers.ledger_text, 2),
    "whole": (whole, 0.2),
}
"""By name; the number is its share of all cases."""
