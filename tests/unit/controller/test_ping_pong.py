"""`pingPong` in a whole operator: two Services take turns, and none that has traffic is moved."""

from typing import Any

from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.api.template_hash import template_hash
from davy.cluster.cache import Json
from davy.cluster.kinds import SERVICE, VIRTUAL_SERVICE
from tests.unit.controller.stage import Stage, manifest, playing

PING, PONG = "cart-ping", "cart-pong"
JUDGE = {"preset": "istio", "prometheus": {"address": "http://prometheus:9090"}}
SWAPPING = {"pingPong": {"pingService": PING, "pongService": PONG}}
NAMED = {"stableService": PING, "canaryService": PONG}


def a_rollout(version: str, services: Json = SWAPPING, steps: Any = None) -> Json:
    """`cart` between the two Services."""
    made = manifest(version=version, steps=steps or [{"setWeight": 25}, {"pause": {}}])
    made["spec"]["strategy"]["canary"] |= {
        **services,
        "trafficRouting": {"istio": {"virtualService": {"name": "cart"}}},
    }
    return made


def hash_of(version: str) -> str:
    return template_hash(manifest(version=version)["spec"]["template"])


def network(stage: Stage) -> None:
    for name in (PING, PONG):
        spec = {"selector": {"app": "cart"}, "ports": [{"port": 80}]}
        stage.cluster.put(SERVICE, {"metadata": {"namespace": "shop", "name": name}, "spec": spec})
    route = [
        {"destination": {"host": PING}, "weight": 100},
        {"destination": {"host": PONG}, "weight": 0},
    ]
    stage.cluster.put(
        VIRTUAL_SERVICE,
        {
            "metadata": {"namespace": "shop", "name": "cart"},
            "spec": {"hosts": ["cart"], "http": [{"route": route}]},
        },
    )


def weights(stage: Stage) -> dict[str, int]:
    found = stage.cluster.peek(VIRTUAL_SERVICE, "shop", "cart")
    assert found is not None
    route = found["spec"]["http"][0]["route"]
    return {each["destination"]["host"]: each["weight"] for each in route}


def leads(stage: Stage, name: str) -> str | None:
    found = stage.cluster.peek(SERVICE, "shop", name)
    assert found is not None
    selected: str | None = found["spec"]["selector"].get(POD_TEMPLATE_HASH_LABEL)
    return selected


def moved(stage: Stage) -> list[tuple[str, int]]:
    """Each Service whose selector changes from now on, and the weight it has then."""
    told: list[tuple[str, int]] = []
    last = {name: leads(stage, name) for name in (PING, PONG)}

    def look(_: object) -> None:
        for name in (PING, PONG):
            if leads(stage, name) != last[name]:
                last[name] = leads(stage, name)
                told.append((name, weights(stage)[name]))

    stage.cluster.watch(look)
    return told


async def healthy(stage: Stage) -> None:
    await stage.until(lambda: stage.status().get("phase") == "Healthy")


async def verb(stage: Stage, **status: Any) -> None:
    kind = stage.operator.kinds.rollout
    await stage.cluster.patch_merge(kind, "shop", "cart", {"status": status}, subresource="status")


async def release(stage: Stage, version: str) -> None:
    stage.apply(a_rollout(version))
    await stage.until(lambda: stage.status().get("phase") == "Paused")
    await verb(stage, promoteFull=True)
    await healthy(stage)


async def test_the_roles_swap_at_each_promotion_and_no_service_with_traffic_moves() -> None:
    """I4: after a release ping and pong have changed places, after the next they are back."""
    async with playing() as stage:
        network(stage)
        stage.apply(a_rollout("1"))
        await healthy(stage)
        assert stage.status()["canary"]["stablePingPong"] == "ping"
        told = moved(stage)
        for version, side, stable, canary in (("2", "pong", PONG, PING), ("3", "ping", PING, PONG)):
            await release(stage, version)
            status = stage.status()
            assert status["canary"]["stablePingPong"] == side
            assert status["canary"]["weights"]["stable"]["serviceName"] == stable
            assert status["canary"]["weights"]["canary"]["serviceName"] == canary
            assert weights(stage) == {stable: 100, canary: 0}
            assert leads(stage, stable) == hash_of(version)
        assert told
        assert [weight for _, weight in told] == [0] * len(told)
        events = [event for event in stage.events() if "Service now" in event]
        assert events[0] == (
            "SwitchService: cart-pong is stable's Service now, cart-ping the canary's; no request "
            "moved for it"
        )


async def test_stable_has_all_the_traffic_in_the_very_status_that_promotes() -> None:
    """I6: no write lies between the promotion and the roles: who is killed finds one or other."""
    async with playing() as stage:
        network(stage)
        stage.apply(a_rollout("1"))
        await healthy(stage)
        said: list[Json] = []
        stage.cluster.watch(lambda change: said.append(change.object.get("status") or {}))
        await release(stage, "2")
        first = next(status for status in said if status.get("stableRS") == hash_of("2"))
        assert first["canary"]["stablePingPong"] == "pong"
        assert first["canary"]["weights"]["stable"]["weight"] == 100
        traffic = first["traffic"]
        assert (traffic["wanted"], traffic["written"], traffic["verified"]) == (0, 0, 0)


async def test_an_abort_goes_back_to_the_service_that_is_stables_by_turn() -> None:
    """I3: in the second update stable's Service is pong: there all weight goes."""
    async with playing() as stage:
        network(stage)
        stage.apply(a_rollout("1"))
        await healthy(stage)
        await release(stage, "2")
        stage.apply(a_rollout("3"))
        await stage.until(lambda: weights(stage)[PING] == 25)
        assert leads(stage, PING) == hash_of("3")
        await verb(stage, abort=True)
        await stage.turn(2)
        assert weights(stage) == {PING: 0, PONG: 100}
        assert leads(stage, PONG) == hash_of("2")
        assert stage.status()["canary"]["stablePingPong"] == "pong"


async def test_a_status_that_lost_the_roles_gets_them_from_the_services() -> None:
    """I6: pruned in the middle of an update, or at rest: no weight moves for it."""
    async with playing() as stage:
        network(stage)
        stage.apply(a_rollout("1"))
        await healthy(stage)
        await release(stage, "2")
        for version in (None, "3"):
            if version:
                stage.apply(a_rollout(version))
                await stage.until(lambda: weights(stage)[PING] == 25)
            before = weights(stage)
            await verb(stage, canary=None)
            await stage.turn(20)
            assert stage.status()["canary"]["stablePingPong"] == "pong"
            assert weights(stage) == before


async def test_a_rollout_comes_from_stable_and_canary_services_in_the_middle_of_an_update() -> None:
    """I3: the Service that stable has stays stable's, whichever of the two it is called."""
    for services in (SWAPPING, {"pingPong": {"pingService": PONG, "pongService": PING}}):
        async with playing() as stage:
            network(stage)
            stage.apply(a_rollout("1", NAMED))
            await healthy(stage)
            stage.apply(a_rollout("2", NAMED))
            await stage.until(lambda: weights(stage)[PONG] == 25)
            stage.apply(a_rollout("2", services))
            await stage.turn(20)
            assert weights(stage) == {PING: 75, PONG: 25}
            await verb(stage, promoteFull=True)
            await healthy(stage)
            assert weights(stage) == {PING: 0, PONG: 100}


async def test_a_rollout_goes_back_to_stable_and_canary_services_when_it_likes() -> None:
    """I3: roles that are the other way round stay so until the next promotion, which ends it."""
    async with playing() as stage:
        network(stage)
        stage.apply(a_rollout("1"))
        await healthy(stage)
        await release(stage, "2")
        stage.apply(a_rollout("3"))
        await stage.until(lambda: weights(stage)[PING] == 25)
        told = moved(stage)
        stage.apply(a_rollout("3", NAMED))
        await stage.turn(20)
        assert weights(stage) == {PING: 25, PONG: 75}
        await verb(stage, abort=True)
        await stage.turn(20)
        assert weights(stage) == {PING: 0, PONG: 100}
        await verb(stage, abort=False, abortedAt=None)
        await stage.until(lambda: weights(stage)[PING] == 25)
        await verb(stage, promoteFull=True)
        await healthy(stage)
        assert weights(stage) == {PING: 100, PONG: 0}
        assert "stablePingPong" not in stage.status()["canary"]
        assert [weight for _, weight in told] == [0] * len(told)


async def test_weights_that_somebody_gives_back_to_ping_make_it_stables() -> None:
    """I5: at rest both lead to stable, so no weight is fought over; the proxies get their time."""
    async with playing() as stage:
        network(stage)
        stage.apply(a_rollout("1"))
        await healthy(stage)
        await release(stage, "2")
        said: list[Json] = []
        stage.cluster.watch(lambda change: said.append(change.object.get("status") or {}))

        def first_again(found: Json) -> None:
            first, second = found["spec"]["http"][0]["route"]
            first["weight"], second["weight"] = 100, 0

        stage.cluster.edit(VIRTUAL_SERVICE, "shop", "cart", first_again)
        await stage.turn(20)
        assert weights(stage) == {PING: 100, PONG: 0}
        phases = [
            status["phase"]
            for status in said
            if (status.get("canary") or {}).get("stablePingPong") == "ping"
        ]
        assert (phases[0], phases[-1]) == ("Progressing", "Healthy")


def judging(stage: Stage) -> Json:
    """The run of the update."""
    name = stage.status()["canary"]["currentBackgroundAnalysisRunStatus"]["name"]
    found = stage.cluster.peek(stage.operator.kinds.analysis_run, "shop", name)
    assert found is not None
    return found


async def test_a_judge_compares_by_the_service_that_each_side_has_now() -> None:
    """A preset that goes by Service counts the canary's turn by turn, and never the other one."""
    async with playing() as stage:
        network(stage)

        def judged(version: str) -> Json:
            made = a_rollout(version)
            made["spec"]["strategy"]["canary"]["judge"] = JUDGE
            return made

        stage.apply(judged("1"))
        await healthy(stage)
        for version, stable, canary in (("2", PING, PONG), ("3", PONG, PING), ("4", PING, PONG)):
            stage.apply(judged(version))
            await stage.until(lambda: stage.status().get("phase") == "Paused")
            (metric,) = judging(stage)["spec"]["metrics"]
            for side, service in (("canary", canary), ("stable", stable)):
                (requests,) = metric["compare"][side]["requests"]
                assert f'destination_service_name="{service}"' in requests
            await verb(stage, promoteFull=True)
            await healthy(stage)
