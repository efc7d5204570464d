"""`davy judge plan`: what a release's steps will show, before there is a release."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click
from pydantic import ValidationError

from davy.analysis.compared import wanted
from davy.api import compare_rules, findings
from davy.api.compare import Compare
from davy.api.harm_budget import HarmBudget
from davy.cli import judge_plot, judge_steps, judge_table, options, output
from davy.cli.judge_steps import Written
from davy.cli.judge_values import Budget, Rate, Share, WeightStep
from davy.cli.length import Length
from davy.cli.session import Session
from davy.rehearsal import plan as rehearsal
from davy.rehearsal.plan import Step
from davy.rehearsal.play import Service

_SEED: Final = 1
"""The same question gets the same answer."""
_SCRAPES: Final = (timedelta(seconds=1), timedelta(hours=1))


@click.command(name="plan")
@click.option(
    "--rate", type=Rate(), required=True, metavar="NUMBER", help="Requests per second to the whole."
)
@click.option(
    "--baseline", type=Share(), required=True, metavar="SHARE", help="Of errors now: 0.1%."
)
@click.option(
    "--bad", type=Share(), required=True, metavar="SHARE", help="Of errors of a bad release: 2%."
)
@click.option(
    "--weight",
    "weights",
    type=WeightStep(),
    multiple=True,
    metavar="WEIGHT[:LENGTH]",
    help="A step: 10:5m; without a length it has no end. May be given several times.",
)
@click.option("-f", "--filename", "file", metavar="FILE", help="Take the steps of its Rollout.")
@click.option(
    "--scrape",
    type=Length(),
    default="15s",
    show_default=True,
    metavar="LENGTH",
    help="How often Prometheus scrapes the counters.",
)
@click.option("--abort-ratio", type=float, metavar="NUMBER", help="As the judge's abortRatio.")
@click.option(
    "--tolerate-ratio", type=float, metavar="NUMBER", help="As the judge's tolerateRatio."
)
@click.option("--alpha", type=float, metavar="NUMBER", help="As the judge's alpha.")
@click.option("--accept", type=Share(), metavar="SHARE", help="As the judge's accept: 1%.")
@click.option("--min-requests", type=int, metavar="NUMBER", help="As the judge's minRequests.")
@click.option(
    "--harm-budget",
    type=Budget(),
    metavar="REQUESTS|SHARE",
    help="As the rollout's harmBudget: 50, or 1%.",
)
@click.option(
    "--plays",
    type=click.IntRange(20, 10_000),
    default=200,
    show_default=True,
    metavar="NUMBER",
    help="Releases of each kind that are played; more are slower and say more of what is rare.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.svg",
    help="Draw bad releases aborted and requests harmed over time.",
)
@options.output("json", "yaml")
@click.pass_context
def plan(
    ctx: click.Context,
    /,
    *,
    rate: float,
    baseline: float,
    bad: float,
    weights: tuple[Step, ...],
    file: str | None,
    scrape: timedelta,
    harm_budget: HarmBudget | None,
    plays: int,
    plot: Path | None,
    form: str | None,
    **given: float | None,
) -> None:
    """Say what the judge will see of a release, step by step, before it begins.

    Releases are played through the real judge: bad ones, whose canary errs as often as --bad says,
    and good ones, which err as the service does now. Each step is played alone, with a judge that
    remembers nothing, and all steps as one release. ABORTED AFTER is the median time and number of
    canary requests until a bad release is aborted, were the step long enough; HARMED are canary
    requests that fail until then or until the step's end, on average.

    With -f the judge's settings, and the harm budget, are those of the file, where an option
    doesn't say otherwise. A harm budget is told of in a sentence: what it spares, and the time.
    A step that aborts fewer than 95 % of the bad releases is told to be too short.

    \b
    Examples:
      davy judge plan --rate 200 --baseline 0.1% --bad 2% --weight 10:5m --weight 50:5m
      davy judge plan --rate 200 --baseline 0.1% --bad 2% -f rollout.yaml --plot plan.svg
    """
    if (file is None) == (not weights):
        raise click.UsageError("give --weight or -f, one of them.", ctx)
    if bad <= baseline:
        message = "--bad isn't more than --baseline; a bad release errs more often."
        raise click.UsageError(message, ctx)
    if not _SCRAPES[0] <= scrape <= _SCRAPES[1]:
        raise click.UsageError("--scrape is from 1s to 1h.", ctx)
    if plot is not None and plot.suffix != ".svg":
        message = f"--plot {plot} doesn't end in .svg; only SVG is drawn, and browsers show it."
        raise click.UsageError(message, ctx)
    session: Session = ctx.obj or Session()
    written = (
        Written(weights, Compare(), None, ())
        if file is None
        else judge_steps.read(file, session.api_group)
    )
    asked = wanted(_compare(written.compare, given, ctx), 1)
    service = Service(rate, baseline, scrape.total_seconds())
    budget = harm_budget or written.budget
    found = rehearsal.plan(
        written.steps, service, bad, asked, plays=plays, seed=_SEED, budget=budget
    )
    notes = [
        *written.notes,
        *judge_table.sentences(found, service, bad, asked, plays, budget=budget),
    ]
    if plot is not None:
        _write(plot, judge_plot.svg(found, f"{judge_table.percent(bad)} of errors, {rate:g}/s"))
    if form is not None:
        asks = {
            "service": service,
            "bad": bad,
            "judge": asked,
            "harmBudget": budget.manifest() if budget else None,
            "plays": plays,
            "seed": _SEED,
        }
        output.dump({**asks, "plan": found, "notes": notes}, form)
    else:
        output.show(judge_table.drawn(found, service, bad, notes), output.console())


def _compare(written: Compare, given: dict[str, Any], ctx: click.Context) -> Compare:
    """The settings that are written, with those of the command line over them."""
    fields = Compare.model_fields
    own = {fields[name].alias: value for name, value in given.items() if value is not None}
    try:
        settings = written.model_dump(by_alias=True, include=set(fields))
        compare = Compare.model_validate({**settings, **own})
        wrong = list(compare_rules.ratios(compare, ""))
    except ValidationError as error:
        wrong = findings.of(error, Compare, "")
    if wrong:
        raise click.UsageError(f"{wrong[0]}.", ctx)
    return compare


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        why = error.strerror or "it can't be written"
        raise click.ClickException(f"--plot {file}: {why}.") from error
