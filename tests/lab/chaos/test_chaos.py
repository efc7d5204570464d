"""Two minutes of chaos, of the same making as the long run of `make chaos`."""

import json
import os
import secrets

import pytest

from tests.lab.chaos import storm
from tests.lab.chaos.report import as_json
from tests.lab.chaos.run import Settings, play
from tests.lab.lab import Lab


@pytest.mark.parametrize("replicas", [1, 2])
async def test_chaos_changes_nothing_but_the_time_it_takes(lab: Lab, replicas: int) -> None:
    """I1 to I9, each release's outcome, and no request lost that no fault explains."""
    settings = Settings(
        seed=os.environ.get("SEED") or secrets.token_hex(4),
        minutes=0.5,
        replicas=replicas,
        least=1,
        first=replicas - 1,
        weather=storm.SHORT,
    )
    found = await play(lab, settings, lambda _: None)
    assert found.passed, f"{found.replay}\n{json.dumps(as_json(found), indent=1)}"
