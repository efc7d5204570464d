"""`make chaos`: one long run on a lab of its own."""

import argparse
import asyncio
import json
import pickle
import secrets
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.lab.chaos.report import Report, as_json, report, show
from tests.lab.chaos.run import Settings, play
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.load import LoadError

MINUTES: Final = 20.0
KILLS_A_MINUTE: Final = 10
SHOPS: Final = 6


def main(argv: list[str]) -> int:
    """0 when nothing broke, 1 when something did or the lab itself failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab chaos", description=__doc__)
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of all choices")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of storm")
    parser.add_argument("--replicas", type=int, default=1, help="of the operator")
    parser.add_argument("--shops", type=int, default=SHOPS, help="rollouts at the same time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there too")
    parser.add_argument("--judge", type=Path, metavar="FILE", help="judge a record again")
    parser.add_argument("--record", type=Path, metavar="FILE", help="leave the run's record there")
    options = parser.parse_args(argv)
    if options.judge:
        found = report(pickle.loads(options.judge.read_bytes()))  # noqa: S301 a run's own file
        show(Console(), found)
        return 0 if found.passed else 1
    settings = Settings(
        seed=options.seed,
        minutes=options.minutes,
        kills=int(options.minutes * KILLS_A_MINUTE),
        replicas=options.replicas,
        shops=options.shops,
        rate=20.0,
        record=options.record,
    )
    print(f"chaos: seed {settings.seed}, {settings.minutes:g} minutes", flush=True)
    try:
        found = asyncio.run(_play(settings))
    except (LabError, LoadError) as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nchaos: interrupted, everything is down", file=sys.stderr)
        return 130
    show(Console(), found)
    if options.json:
        options.json.write_text(json.dumps(as_json(found), indent=2) + "\n")
    return 0 if found.passed else 1


async def _play(settings: Settings) -> Report:
    async with Lab.start(audited=True, back_off_seconds=1.0) as lab:
        return await play(lab, settings, lambda text: print(text, flush=True))
