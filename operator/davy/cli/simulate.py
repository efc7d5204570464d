"""`davy simulate`: a release from its manifest, played before it is applied."""

from datetime import timedelta
from typing import Any, Final

import click

from davy.api.errors import InvalidObject
from davy.cli import options, output, simulate_table
from davy.cli.judge_values import Rate, Share
from davy.cli.length import Length
from davy.cli.release_files import read
from davy.cli.session import Session
from davy.cli.simulate_values import SCENARIOS, Answering, MetricAnswer, Played
from davy.rehearsal.play import Service
from davy.rehearsal.scenario import Scenario
from davy.rehearsal.simulate import Circumstances, simulate

_SCRAPES: Final = (timedelta(seconds=1), timedelta(hours=1))


@click.command(name="simulate")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--scenario",
    type=Played(),
    default="good",
    show_default=True,
    metavar=SCENARIOS,
    help="What the canary is like, or what happens beside it.",
)
@click.option(
    "--rate",
    type=Rate(),
    default="200",
    show_default=True,
    metavar="NUMBER",
    help="Requests per second to the whole.",
)
@click.option(
    "--baseline",
    type=Share(),
    default="0.1%",
    show_default=True,
    metavar="SHARE",
    help="Of stable's requests that fail.",
)
@click.option(
    "--slow",
    type=Share(),
    default="1%",
    show_default=True,
    metavar="SHARE",
    help="Of stable's requests beyond the limit of a latency comparison.",
)
@click.option(
    "--scrape",
    type=Length(),
    default="15s",
    show_default=True,
    metavar="LENGTH",
    help="How often Prometheus scrapes the counters.",
)
@click.option(
    "--ready",
    type=Length(),
    default="10s",
    show_default=True,
    metavar="LENGTH",
    help="From a pod's creation to when it is ready.",
)
@click.option(
    "--answer",
    "given",
    type=Answering(),
    multiple=True,
    metavar="NAME=VALUE",
    help="What a metric without compare is answered. May be given several times.",
)
@click.option(
    "--patience",
    type=Length(),
    default="30m",
    show_default=True,
    metavar="LENGTH",
    help="So long is played on where only a person, or evidence, is waited for.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="NUMBER", help="Of all chance."
)
@options.output("json", "yaml")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    files: tuple[str, ...],
    scenario: Scenario,
    rate: float,
    baseline: float,
    slow: float,
    scrape: timedelta,
    ready: timedelta,
    given: tuple[MetricAnswer, ...],
    patience: timedelta,
    seed: int,
    form: str | None,
) -> None:
    """Play a release from its manifest: the real engine and judge, invented requests, no cluster.

    FILE… has one Rollout and the templates that it names (and the workload of a workloadRef). A
    healthy revision is there; at 0:00:00 another one comes. Pods start after --ready, the mesh
    follows at once, and Prometheus has counters for every comparison: presets and own ones. Times
    in messages count from the begin. The same --seed plays the same release.

    \b
    Scenarios:
      good                    the canary fails as often as stable (--baseline)
      bad:5%                  5 % of the canary's requests fail
      slow:3x                 the canary's answers take three times as long: of them --slow ** (1/3)
                              are beyond a limit; comparisons of latency see it
      no-traffic              nobody sends a request
      prometheus-down[:60s]   good, but Prometheus refuses each question for so long, from the
                              middle of the release as it goes without that

    PromQL can't be asked of invented requests. A metric without compare needs an answer:
    --answer NAME=0.99 (as one series: result[0]), NAME=JSON, NAME=errors or NAME=success (the
    canary's share of the last minute); of a Job NAME=Successful, Failed or Inconclusive.

    \b
    Examples:
      davy simulate rollout.yaml --scenario bad:5%
      davy simulate rollout.yaml templates/ --rate 20 --answer success-rate=success
    """
    if not _SCRAPES[0] <= scrape <= _SCRAPES[1]:
        raise click.UsageError("--scrape is from 1s to 1h.", ctx)
    if not ready:
        raise click.UsageError("--ready is longer than nothing.", ctx)
    session: Session = ctx.obj or Session()
    release, notes = read(files, session.api_group)
    around = Circumstances(
        service=Service(rate, baseline, scrape.total_seconds()),
        slow=slow,
        ready_after=ready,
        patience=patience,
        seed=seed,
        given={one.name: one.given for one in given},
    )
    try:
        found = simulate(release, scenario, around)
    except InvalidObject as error:
        raise click.ClickException(f"rollout {release}: {error}") from error
    if form is not None:
        asked: dict[str, Any] = {"scenario": scenario.name, "service": around.service}
        asked |= {"slow": slow, "seed": seed}
        output.dump({**asked, "simulation": found, "notes": notes}, form)
    else:
        output.show(simulate_table.drawn(found, release, scenario, notes), output.console())
