"""What happens in one run, as data: a setup and a list of timed entries, made from one seed.

Data, so that a run that breaks an invariant can be shrunk: leave entries out, run again, keep what
still breaks. Chance that isn't in here (latencies, which pod dies) comes from generators that are
seeded with the schedule's seed and a name each, so that leaving out one entry disturbs the others
little.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType
from typing import Any, Final

from tests.sim import plugins

Step = Mapping[str, Any]
ROUTERS: Final = ("subsets", "services", "httproute")
INGRESSES: Final = ("nginx", "nginx", "alb", "traefik", "apisix", "contour")
"""The routers of `ingresses`; nginx twice, since it has an object more."""
_HALF: Final = 0.5
PODS: Final = "pods"
"""In place of a router: none, the ratio of the pods is the weight."""
SWAPPING: Final = ("services", "httproute", "alb", "traefik", "apisix")
"""The routers whose two Services can swap their roles."""
_WITH_DEPLOYMENT: Final = 0.2
"""The part of all worlds in which the template is a Deployment's."""
_WITHOUT_ROUTER: Final = 0.2
"""The part of all worlds that has no router."""
_SCALES: Final = 0.2
"""The part of all worlds whose spec says more of its revisions' pods than `replicas`."""
_SWAPS: Final = 0.4
_WITH_MANAGED: Final = 0.4
"""The part of all worlds with Istio or HTTPRoutes whose steps have managed routes."""
_BESIDE: Final = 0.7
_ELSEWHERE: Final = 0.4
"""The part of all worlds with Istio and no managed routes whose VirtualServices lie elsewhere."""
_WITH_JUDGE: Final = 0.15
_WITH_WARMUP: Final = 0.2
"""The part of all worlds in which canary and stable are compared beside the steps."""
_WITH_PLUGIN: Final = 0.15
"""The part of all worlds in which a plugin decides a step."""
DRY_RUNS: Final = ("", "", "bad", "empty")
JOBS: Final = ("", "", "", "", "soon", "soon", "late", "stuck")


@dataclass(frozen=True)
class Setup:
    """The world at the start, and how slow everything in it is. Times in seconds."""

    router: str = "subsets"
    """One of ROUTERS or INGRESSES, or PODS."""
    surge: int | str = "25%"
    """maxSurge; without a router."""
    unavailable: int | str = "25%"
    """maxUnavailable; without a router."""
    named: bool = True
    """The rollout names its two Services; without a router it needn't."""
    elsewhere: bool = False
    """The VirtualServices lie in a namespace of their own, which allows the rollouts' one."""
    swaps: bool = False
    """pingPong, in place of stableService and canaryService; with one of SWAPPING."""
    replicas: int = 3
    steps: tuple[Step, ...] = ()
    floor: int = 1
    """minPodsPerReplicaSet; with a router."""
    limit: int | None = None
    """scaleDownDelayRevisionLimit; with a router."""
    dynamic: bool = False
    """dynamicStableScale; with a router."""
    total: int = 100
    """maxTrafficWeight; other than 100 only with an HTTPRoute."""
    enough: int = 100
    """replicaProgressThreshold, percent; 100: there is none."""
    background: bool = False
    """Background analysis beside the steps."""
    judge: bool = False
    """`judge` beside the steps: canary and stable are compared."""
    budget: bool = False
    """`harmBudget`, beside `judge` and with a router."""
    warmup: int = 0
    """Seconds after each weight change in which no analysis judges; 0: there is none."""
    failure_limit: int = 0
    dry_run: str = ""
    """What a metric of a dry run finds beside the other: one of DRY_RUNS; "": there is none."""
    kept: int = 0
    """Measurements that the status keeps; 0: as many as without a rule."""
    job: str = ""
    """How the Jobs end that are a metric: one of JOBS; "": there is none."""
    min_ready: int = 0
    drain: int = 10
    """scaleDownDelaySeconds."""
    abort_drain: int = 10
    """abortScaleDownDelaySeconds; 0 keeps the pods for ever."""
    deadline: int = 90
    """progressDeadlineSeconds."""
    deadline_abort: bool = False
    history: int = 2
    """revisionHistoryLimit."""
    roles: bool = False
    """The pods of each role have a label and an annotation; where pods are shown."""
    apart: bool = False
    """The canary's pods are scheduled apart from stable's."""
    window: int = 0
    """rollbackWindow.revisions."""
    settle: float = 1.0
    """The operator's promise to users: the mesh lags less than this."""
    mesh_lag: float = 0.5
    """The longest that a proxy needs to take a write, below `settle`."""
    latency: float = 0.01
    """The mean of one way of a request."""
    watch_delay: float = 0.05
    """The mean delay of a watch event."""
    pod_start: float = 3.0
    resync: float = 60.0
    workers: int = 3
    pods_shown: bool = False
    """Pods are objects too, and told by the watch."""
    lease: float = 10.0
    """Duration of the lease."""
    scale_down: str = ""
    """`workloadRef.scaleDown`; "": the rollouts have a template of their own, and no Deployment."""
    names: tuple[str, ...] = ("cart",)
    """Rollouts in the world."""


@dataclass(frozen=True)
class Entry:
    """Something that happens at a moment, or from there on for a while."""

    at: float
    """Virtual seconds from the start."""
    what: str
    """Name of the method of `world.World` that does it, without `do_`."""
    args: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        said = " ".join(f"{name}={value}" for name, value in self.args.items())
        return f"{self.at:8.2f}  {self.what} {said}".rstrip()


@dataclass(frozen=True)
class Schedule:
    """One run."""

    seed: int
    setup: Setup
    entries: tuple[Entry, ...]

    @property
    def end(self) -> float:
        """When the last entry is over, seconds."""
        return max((e.at + float(e.args.get("seconds", 0)) for e in self.entries), default=0.0)


def generate(seed: int) -> Schedule:
    """The schedule of a seed."""
    chance = Random(f"schedule {seed}")
    setup = _with_rules(_setup(chance), Random(f"rules {seed}"))
    setup = _with_ingress(setup, Random(f"ingress {seed}"))
    setup = _without_router(setup, Random(f"pods {seed}"))
    setup = _with_scales(setup, Random(f"scales {seed}"))
    setup = _with_managed(setup, Random(f"managed {seed}"))
    setup = _with_elsewhere(setup, Random(f"elsewhere {seed}"))
    setup = _with_job(setup, Random(f"job {seed}"))
    setup = replace(setup, judge=Random(f"judge {seed}").random() < _WITH_JUDGE)
    may_spare = setup.judge and setup.router != PODS
    setup = replace(setup, budget=may_spare and Random(f"budget {seed}").random() < 1 / 2)
    warm = Random(f"warmup {seed}")
    setup = replace(setup, warmup=warm.choice((3, 8)) if warm.random() < _WITH_WARMUP else 0)
    setup = _with_plugin(setup, Random(f"plugin {seed}"))
    setup = _with_swap(setup, Random(f"swap {seed}"))
    setup = _with_deployment(setup, Random(f"deployment {seed}"))
    entries = [*_releases(chance, setup)]
    makers = [maker for maker, weight in _MAKERS for _ in range(weight)]
    around = [entry.at for entry in entries]
    for _ in range(chance.choice((0, 1, 2, 3, 4, 6, 9))):
        at = max(0.5, chance.choice(around) + chance.uniform(-3, 45))
        entries.append(Entry(round(at, 2), *chance.choice(makers)(chance, setup)))
    entries += _holds(Random(f"holds {seed}"), setup, around)
    entries += _restarts(Random(f"restarts {seed}"), setup, around)
    entries += _jobs(Random(f"jobs {seed}"), setup, around)
    entries += _workloads(Random(f"workloads {seed}"), setup, around)
    entries += _withdrawals(Random(f"withdrawals {seed}"), setup, around)
    return Schedule(seed, setup, tuple(sorted(entries, key=lambda entry: entry.at)))


def _setup(chance: Random) -> Setup:
    settle = chance.choice((1.0, 1.0, 2.0, 5.0))
    return Setup(
        router=chance.choice(ROUTERS),
        replicas=chance.choice((1, 2, 3, 4, 5, 7, 10)) if chance.random() > 0.03 else 0,
        steps=_steps(chance),
        background=chance.random() < 0.25,
        failure_limit=chance.choice((0, 0, 1)),
        min_ready=chance.choice((0, 0, 0, 5)),
        drain=chance.choice((0, 5, 20)),
        abort_drain=chance.choice((0, 5, 20)),
        deadline=chance.choice((60, 120)),
        deadline_abort=chance.random() < 0.4,
        history=chance.choice((0, 1, 2, 10)),
        settle=settle,
        mesh_lag=settle * chance.choice((0.1, 0.5, 0.9)),
        latency=chance.choice((0.005, 0.005, 0.05, 0.5)),
        watch_delay=chance.choice((0.005, 0.05, 0.5, 3.0)),
        pod_start=chance.choice((0.5, 3.0, 10.0)),
        resync=chance.choice((40.0, 60.0, 90.0)),
        workers=chance.choice((1, 3)),
        pods_shown=chance.random() < 0.2,
        lease=chance.choice((6.0, 15.0, 30.0)),
        names=("cart", "pay") if chance.random() < 0.1 else ("cart",),
    )


def _with_rules(setup: Setup, chance: Random) -> Setup:
    setup = replace(setup, dry_run=chance.choice(DRY_RUNS), kept=chance.choice((0, 0, 1, 20)))
    setup = replace(setup, window=chance.choice((0, 0, 1, 3)))
    setup = replace(setup, roles=setup.pods_shown and chance.random() < 0.5)
    return replace(setup, apart=chance.random() < 0.2)


def _with_job(setup: Setup, chance: Random) -> Setup:
    """In half of the worlds a Job is a metric, most often beside all steps."""
    job = chance.choice(JOBS)
    background = setup.background or (bool(job) and chance.random() < _BESIDE)
    return replace(setup, job=job, background=background)


def _with_swap(setup: Setup, chance: Random) -> Setup:
    """Where the two Services can swap their roles, in some worlds they do."""
    return replace(setup, swaps=setup.router in SWAPPING and chance.random() < _SWAPS)


def _with_ingress(setup: Setup, chance: Random) -> Setup:
    """Half of the routes are of an ingress controller."""
    router = chance.choice(INGRESSES)
    return replace(setup, router=router) if chance.random() < _HALF else setup


def _without_router(setup: Setup, chance: Random) -> Setup:
    """Some worlds have none; the others are as they are without this."""
    if chance.random() >= _WITHOUT_ROUTER:
        return setup
    surge, unavailable = chance.choice(
        (("25%", "25%"), ("25%", "25%"), (1, 0), (0, 1), (0, "50%"), ("100%", 0), (2, 1))
    )
    named = chance.random() < 0.5
    return replace(setup, router=PODS, surge=surge, unavailable=unavailable, named=named)


def _with_scales(setup: Setup, chance: Random) -> Setup:
    """In one world of five a step or two say how many pods the canary has, or a field does."""
    if chance.random() >= _SCALES:
        return setup
    if setup.router == PODS:
        return replace(setup, enough=chance.choice((60, 90)))
    steps = list(setup.steps)
    for _ in range(chance.choice((1, 2))):
        scale = chance.choice(
            ({"replicas": 1}, {"replicas": 5}, {"weight": 50}, {"matchTrafficWeight": True})
        )
        steps.insert(chance.randint(0, len(steps)), {"setCanaryScale": scale})
    floor, enough = chance.choice((1, 1, 2, 3)), chance.choice((100, 100, 60))
    total = chance.choice((100, 160, 1000)) if setup.router == "httproute" else 100
    found = replace(setup, steps=tuple(steps), floor=floor, enough=enough, total=total)
    if chance.random() < 0.5:
        return replace(found, dynamic=True)
    if chance.random() < 0.5:  # a limit says something of long delays alone
        return replace(found, drain=60, limit=chance.choice((0, 1)))
    return found


def _with_managed(setup: Setup, chance: Random) -> Setup:
    """In some worlds with Istio or HTTPRoutes some steps set or take away managed routes."""
    if setup.router not in ROUTERS or chance.random() >= _WITH_MANAGED:
        return setup
    steps = [*setup.steps]
    for _ in range(chance.choice((1, 1, 2, 3))):
        steps.insert(chance.randint(0, len(steps)), _managed(chance))
    return replace(setup, steps=tuple(steps))


def _with_elsewhere(setup: Setup, chance: Random) -> Setup:
    """Where no managed route is made, some VirtualServices are of another namespace."""
    managed = any({"setHeaderRoute", "setMirrorRoute"} & {*step} for step in setup.steps)
    fits = setup.router in {"subsets", "services"} and not managed
    return replace(setup, elsewhere=fits and chance.random() < _ELSEWHERE)


def _with_plugin(setup: Setup, chance: Random) -> Setup:
    """In some worlds a step is a plugin's."""
    if chance.random() >= _WITH_PLUGIN:
        return setup
    steps = [*setup.steps]
    kind = chance.choice(("done", "done", "raises", "fails"))
    steps.insert(chance.randint(0, len(steps)), plugins.step(chance.choice((0, 2, 10, 45)), kind))
    return replace(setup, steps=tuple(steps))


def _managed(chance: Random) -> Step:
    if chance.random() < 0.6:
        match: list[Any] = [{"headerName": "X-Beta", "headerValue": {"exact": chance.choice("12")}}]
        return {"setHeaderRoute": {"name": "beta", "match": match[: chance.choice((0, 1, 1))]}}
    percentage = chance.choice((0, 10, 50, 100))
    match = [{"method": {"exact": "GET"}}][: chance.choice((0, 1, 1))]
    return {"setMirrorRoute": {"name": "copy", "match": match, "percentage": percentage}}


def _with_deployment(setup: Setup, chance: Random) -> Setup:
    """Some worlds have a Deployment beside each rollout."""
    if chance.random() >= _WITH_DEPLOYMENT:
        return setup
    scale_down = chance.choice(("never", "onsuccess", "onsuccess", "progressively"))
    return replace(setup, scale_down=scale_down)


def _steps(chance: Random) -> tuple[Step, ...]:
    count = chance.choice((0, 1, 2, 3, 3, 4, 5))
    return tuple(_step(chance) for _ in range(count))


def _step(chance: Random) -> Step:
    kind = chance.random()
    if kind < 0.55:
        return {"setWeight": chance.choice((0, 1, 5, 10, 20, 25, 33, 50, 67, 80, 99, 100))}
    if kind < 0.72:
        return {"pause": {"duration": chance.choice((2, 10, "20s"))}}
    if kind < 0.84:
        return {"pause": {}}
    return {"analysis": {"templates": [{"templateName": "errors"}]}}


def _releases(chance: Random, setup: Setup) -> list[Entry]:
    """The first version at once, most often a second one when it is healthy."""
    found = [Entry(0.0, "apply", {"name": name, "version": "good-1"}) for name in setup.names]
    at = 2 * setup.pod_start + setup.min_ready + 3 * setup.settle + 12 * setup.watch_delay
    at += 2 + 40 * setup.latency
    for number in range(2, 2 + chance.choice((0, 1, 1, 1, 1, 2, 3))):
        at += chance.choice((0.3, 4, 20, 60)) if number > 2 else 0
        name = chance.choice(setup.names)
        entry = Entry(round(at, 2), "apply", {"name": name, "version": _version(chance, number)})
        found.append(entry)
        for _ in range(chance.choice((0, 1, 1, 2))):
            at += chance.choice((0.0, 0.2, 3, 8, 15, 30)) * chance.uniform(0.8, 1.2)
            found.append(Entry(round(at, 2), *_verb(chance, setup)))
    return found


def _version(chance: Random, number: int) -> str:
    kind = chance.choice(("good",) * 7 + ("bad", "bad", "broken", "slow", "flapping"))
    return f"{kind}-{number}"


Made = tuple[str, Mapping[str, Any]]


def _verb(chance: Random, setup: Setup) -> Made:
    verb = chance.choice(("abort", "abort", "abort", "promote", "promote", "promote_full", "retry"))
    return verb, {"name": chance.choice(setup.names)}


def _holds(chance: Random, setup: Setup, around: list[float]) -> list[Entry]:
    """In one schedule of five a rollout is paused in its spec, once or twice."""
    return [
        Entry(
            round(max(0.5, chance.choice(around) + chance.uniform(-1, 30)), 2),
            "hold",
            {"name": chance.choice(setup.names), "seconds": chance.choice((0.5, 5.0, 20.0, 60.0))},
        )
        for _ in range(chance.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, 2)))
    ]


def _restarts(chance: Random, setup: Setup, around: list[float]) -> list[Entry]:
    """Where pods are shown, half the time a rollout is restarted, once or twice."""
    if not setup.pods_shown:
        return []
    return [
        Entry(
            round(max(0.5, chance.choice(around) + chance.uniform(1, 40)), 2),
            "restart",
            {"name": chance.choice(setup.names)},
        )
        for _ in range(chance.choice((0, 0, 1, 2)))
    ]


def _jobs(chance: Random, setup: Setup, around: list[float]) -> list[Entry]:
    """Where Jobs are a metric, they hang for a while, are deleted, or can't be asked for."""
    if not setup.job:
        return []
    mode = chance.choice(("lost", "late", "timeout", "error", "busy", "conflict"))
    seconds = chance.choice((5.0, 30.0))
    drawn: list[Made] = [
        ("jobs_hang", {"seconds": seconds}),
        ("jobs_deleted", {}),
        ("network", {"mode": mode, "where": "jobs", "share": _HALF, "seconds": seconds}),
    ]
    return [
        Entry(round(max(0.5, chance.choice(around) + chance.uniform(1, 60)), 2), what, args)
        for what, args in drawn * 2
        if chance.random() < _HALF
    ]


def _workloads(chance: Random, setup: Setup, around: list[float]) -> list[Entry]:
    """Where the template is a Deployment's, people scale, edit and delete that too."""
    if not setup.scale_down:
        return []
    return [
        Entry(
            round(max(0.5, chance.choice(around) + chance.uniform(-1, 60)), 2),
            *_workload(chance, setup),
        )
        for _ in range(chance.choice((0, 1, 1, 2, 3)))
    ]


def _withdrawals(chance: Random, setup: Setup, around: list[float]) -> list[Entry]:
    """Where the route is another namespace's, its owner withdraws the permission for a while."""
    if not setup.elsewhere:
        return []
    return [
        Entry(
            round(max(0.5, chance.choice(around) + chance.uniform(-1, 40)), 2),
            "withdraw",
            {"name": chance.choice(setup.names), "seconds": chance.choice((1.0, 10.0, 40.0))},
        )
        for _ in range(chance.choice((0, 1, 1, 2)))
    ]


def _workload(chance: Random, setup: Setup) -> Made:
    seconds = {"seconds": chance.choice((0.5, 10.0, 40.0))}
    replicas = {"replicas": chance.choice((0, 1, setup.replicas, 6))}
    made: dict[str, dict[str, Any]] = {
        "back": seconds,
        "workload_gone": seconds,
        "scale_workload": replicas,
        "touch_workload": {},
    }
    what = chance.choice(("back", *made))
    return what, {"name": chance.choice(setup.names), **made[what]}


def _edit(chance: Random, setup: Setup) -> Made:
    name = chance.choice(setup.names)
    what = chance.choice(("scale", "scale", "steps", "rollback", "apply", "delete", "recreate"))
    match what:
        case "scale":
            return what, {"name": name, "replicas": chance.choice((0, 1, 2, 4, 6, 10))}
        case "steps":
            return what, {"name": name, "steps": _steps(chance)}
        case "apply":
            return what, {"name": name, "version": _version(chance, chance.randint(2, 9))}
        case "recreate":
            return what, {"name": name, "seconds": chance.choice((0.2, 5.0))}
        case _:
            return what, {"name": name}


def _route(chance: Random, setup: Setup) -> Made:
    name = chance.choice(setup.names)
    what = chance.choice(("foreign_weight", "foreign_field", "route_gone", "drift"))
    match what:
        case "foreign_weight":
            return what, {"name": name, "weight": chance.choice((0, 1, 30, 100))}
        case "route_gone":
            seconds = chance.choice((1.0, 10.0, 40.0))
            part = chance.choice(("weights", "targets"))
            return what, {"name": name, "part": part, "seconds": seconds}
        case _:
            return what, {"name": name}


def _pods(chance: Random, setup: Setup) -> Made:
    name = chance.choice(setup.names)
    what = chance.choice(("evict", "evict", "node_loss", "quota"))
    match what:
        case "evict":
            return what, {"name": name, "count": chance.choice((1, 1, 2, 10))}
        case "node_loss":
            return what, {"seconds": chance.choice((5.0, 30.0))}
        case _:
            return what, {"seconds": chance.choice((10.0, 60.0))}


def _mesh(chance: Random, setup: Setup) -> Made:
    how = chance.choice(("refuses", "partly", "late"))
    return "gateway", {"how": how, "seconds": chance.choice((2.0, 15.0, 50.0))}


def _prometheus(chance: Random, setup: Setup) -> Made:
    mode = chance.choice(("empty", "nan", "outage", "slow", "stale", "lag", "reset"))
    return "prometheus", {"mode": mode, "seconds": chance.choice((10.0, 40.0))}


def _network(chance: Random, setup: Setup) -> Made:
    mode = chance.choice(
        ("busy", "error", "timeout", "lost", "lost", "late", "slow", "conflict", "outage")
    )
    where = chance.choice(("all", "writes", "writes", "status", "route", "replicasets", "reads"))
    if mode in {"lost", "late", "conflict"} and where in {"all", "reads"}:
        where = "writes"
    return "network", {
        "mode": mode,
        "where": "all" if mode == "outage" else where,
        "share": 1.0 if mode == "outage" else chance.choice((0.2, 0.5, 1.0)),
        "seconds": chance.choice((1.0, 5.0, 20.0, 40.0)),
    }


def _watch(chance: Random, setup: Setup) -> Made:
    what = chance.choice(("watch_lost", "watch_lost", "watch_lossy", "watch_slow", "watch_double"))
    kind = chance.choice(("*", "Rollout", "ReplicaSet", "route", "AnalysisRun"))
    arguments: dict[str, Any] = {"kind": kind, "seconds": chance.choice((1.0, 10.0, 30.0))}
    if what == "watch_lost":
        arguments["relist"] = chance.random() < 0.6
    if what == "watch_lossy":
        arguments["share"] = chance.choice((0.1, 0.5, 1.0))
    return what, arguments


def _process(chance: Random, setup: Setup) -> Made:
    what = chance.choice(
        (
            *("kill", "kill", "kill_in_write", "kill_in_write", "kill_in_write"),
            *("pause", "pause_in_write", "pause_in_write", "second", "versions", "clock"),
        )
    )
    arguments: dict[str, dict[str, Any]] = {
        "kill": {"seconds": chance.choice((0.01, 2.0, 20.0))},
        "kill_in_write": {
            "writes": chance.choice((1, 1, 2, 3, 5)),
            "applied": chance.random() < 0.5,
            "seconds": chance.choice((0.01, 2.0, 20.0)),
        },
        "pause": {"seconds": chance.choice((2.0, 12.0, 60.0, 150.0))},
        "pause_in_write": {
            "writes": chance.choice((1, 1, 2, 4)),
            "seconds": chance.choice((2.0, 12.0, 60.0)),
        },
        "second": {
            "seconds": chance.choice((5.0, 30.0, 90.0)),
            "elected": chance.random() < 0.7,
        },
        "versions": {
            "turns": chance.choice((1, 2, 3)),
            "seconds": chance.choice((4.0, 20.0, 60.0)),
        },
        "clock": {"by": chance.choice((-3600.0, -40.0, -2.0, 0.5, 2.0, 40.0, 3600.0))},
    }
    return what, arguments[what]


Maker = Callable[[Random, Setup], Made]
_MAKERS: Final[tuple[tuple[Maker, int], ...]] = (
    (_verb, 4),
    (_edit, 3),
    (_route, 2),
    (_pods, 2),
    (_mesh, 1),
    (_prometheus, 1),
    (_network, 3),
    (_watch, 3),
    (_process, 4),
)
"""Kinds of entries, and how often each is drawn."""
