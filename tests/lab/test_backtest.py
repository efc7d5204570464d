"""`davy backtest` on a real Prometheus: a past that just was."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
import yaml

from davy.api.fields import format_instant
from davy.api.group import DAVY, VERSION
from davy.cli import main
from tests.lab.scraped import Exporter, Prometheus

REQUESTS: Final = 'requests_total{{role="{}"}}'
ERRORS: Final = 'errors_total{{role="{}"}}'


@pytest_asyncio.fixture(loop_scope="session")
async def prometheus(tmp_path: Path) -> AsyncIterator[Prometheus]:
    """Running, with nothing to scrape yet."""
    made = Prometheus(tmp_path)
    await made.component.start()
    yield made
    await made.component.stop()


def a_template(folder: Path) -> str:
    """A file with a comparison and a query over it."""
    sides = {
        role: {"requests": [REQUESTS.format(role)], "errors": [ERRORS.format(role)]}
        for role in ("canary", "stable")
    }
    there = {"address": "http://prometheus.nowhere"}
    share = "sum(errors_total) / sum(requests_total)"
    spec = {
        "metrics": [
            {"name": "own", "provider": {"prometheus": there}, "compare": sides},
            {
                "name": "share",
                "interval": "1s",
                "successCondition": "result[0] < 0.5",
                "provider": {"prometheus": {**there, "query": share}},
            },
        ]
    }
    template = {
        "apiVersion": f"{DAVY}/{VERSION}",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "own"},
        "spec": spec,
    }
    path = folder / "template.yaml"
    path.write_text(yaml.safe_dump(template), encoding="utf-8")
    return str(path)


async def test_a_bad_past_is_told_look_by_look(
    prometheus: Prometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A good time, then a canary that errs: the abort comes after it began to, not before.

    The same question has the same answer, and the good time alone aborts nobody.
    """
    stable = Exporter({REQUESTS.format("stable"): 90_000, ERRORS.format("stable"): 400})
    canary = Exporter({REQUESTS.format("canary"): 0, ERRORS.format("canary"): 0})
    async with stable.served(), canary.served():
        prometheus.scrape(stable, canary)
        await canary.scraped(4)
        begin = datetime.now(UTC)
        stable.traffic = {REQUESTS.format("stable"): 90}
        canary.traffic = {REQUESTS.format("canary"): 30}
        await canary.scraped(8)
        worse = datetime.now(UTC)
        canary.traffic[ERRORS.format("canary")] = 9
        await canary.scraped(10)
        end = datetime.now(UTC)
    file = a_template(tmp_path)

    async def asked(begin: datetime, end: datetime) -> Any:
        times = ("--from", format_instant(begin), "--to", format_instant(end))
        words = ("backtest", file, *times, "--prometheus", prometheus.url, "-o", "json")
        code = await asyncio.to_thread(main.run, words)
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, "")
        return json.loads(printed.out)

    bad, again = await asked(begin, end), await asked(begin, end)
    assert bad == again
    [follows] = bad["conclusions"]
    assert follows["phase"] == "Failed"
    assert datetime.fromisoformat(follows["at"]) > worse
    own, share = (bad["runs"][0]["metrics"][at]["measurements"] for at in (0, 1))
    assert [row["phase"] for row in own].index("Failed") == len(own) - 1
    assert len(own) > 8
    assert len(share) > 3
    good = await asked(begin, worse)
    assert good["conclusions"][0]["at"] is None
    told = [row["compared"]["canary"] for row in good["runs"][0]["metrics"][0]["measurements"]]
    assert sum(side["requests"] for side in told) >= 7 * 30
    assert sum(side["errors"] for side in told) == 0
