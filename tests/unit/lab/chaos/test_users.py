"""Users of a run: which releases they make, and how they put up with outages."""

import random

import pytest

from tests.lab.chaos import users
from tests.lab.chaos.users import Kind
from tests.lab.kube_errors import Conflict, Invalid, KubeError


def test_three_users_begin_with_all_kinds_between_them() -> None:
    """However short a run is, two releases each show everything."""
    first_two = []
    for number in range(3):
        kinds = users._kinds(random.Random(1), 2 * number)
        first_two += [next(kinds), next(kinds)]
    assert sorted(first_two) == sorted(Kind)


def test_every_kind_comes_again_and_again() -> None:
    """In an order of its own each time."""
    kinds = users._kinds(random.Random(1), 3)
    rounds = [[next(kinds) for _ in Kind] for _ in range(4)]
    assert all(sorted(each) == sorted(Kind) for each in rounds)
    assert len({tuple(each) for each in rounds}) == 4


class Api:
    """Fails as told, then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    async def call(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "done"


async def test_a_user_tries_until_an_outage_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused connections, time-outs, a server without its store, a write in between."""
    monkeypatch.setattr(users, "_SECOND_TRY", 0.0)
    api = Api(
        ConnectionRefusedError(),
        TimeoutError(),
        KubeError(500, "InternalError", "etcdserver: request timed out"),
        KubeError(429, "TooManyRequests", "storage is (re)initializing"),
        Conflict(409, "Conflict", "the object has been modified"),
    )
    assert await users.insist(api.call) == "done"


async def test_a_refusal_for_good_is_the_runs_end() -> None:
    """Else a mistake of the run itself would be an endless wait."""
    with pytest.raises(Invalid):
        await users.insist(Api(Invalid(422, "Invalid", "weight: 120")).call)
