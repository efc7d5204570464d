"""`davy backtest`: analyses over Prometheus' past, to tune a template without a release."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from davy.cli import backtest_subject, backtest_table, options, output, render, run_args
from davy.cli.backtest_subject import Given, Subject
from davy.cli.backtest_values import Hash, When
from davy.cli.options import RolloutName
from davy.cli.session import Session
from davy.metrics.addresses import Addresses
from davy.metrics.counts import PrometheusCounts
from davy.rehearsal.replay import Replay, Unanswered, replay

_LONGEST: Final = timedelta(days=7)
_ANYWHERE: Final = ("*", "0.0.0.0/0", "::/0")
"""Whoever asks from a machine of their own may ask whom they want."""


@click.command(name="backtest")
@click.argument("targets", nargs=-1, required=True, metavar="ROLLOUT|FILE…")
@click.option(
    "--from",
    "begin",
    type=When(),
    metavar="TIME",
    help="When the analyses begin: 2026-11-23T14:00:00Z, or how long ago: 2h.",
)
@click.option("--to", "end", type=When(), metavar="TIME", help="When they are left off; now.")
@click.option(
    "--prometheus",
    default="",
    metavar="ADDRESS",
    help="Ask this server, whatever the templates name: http://localhost:9090.",
)
@click.option("--template", metavar="NAME", help="Only the metrics of this template.")
@click.option(
    "--arg",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the templates, in place of the rollout's. May be given several times.",
)
@click.option("--canary-hash", type=Hash(), metavar="HASH", help="Of the canary's pods then.")
@click.option("--stable-hash", type=Hash(), metavar="HASH", help="Of stable's pods then.")
@options.output("json", "yaml")
@options.in_cluster
@click.pass_context
def command(
    ctx: click.Context,
    session: Session,
    targets: tuple[str, ...],
    *,
    begin: datetime | None,
    end: datetime | None,
    prometheus: str,
    template: str | None,
    arguments: tuple[str, ...],
    canary_hash: str | None,
    stable_hash: str | None,
    form: str | None,
) -> None:
    """Judge the past: what analyses would have said, look by look, and what would have followed.

    Each analysis begins at --from and is asked of Prometheus as it would have been then: metrics
    with a query are evaluated at each measurement's time, comparisons read the counters scrape by
    scrape. Nothing is written anywhere.

    ROLLOUT is read from the cluster, with its templates and the hashes of its last update; without
    --from and --to it is judged from that update's begin to its end. FILE… has a Rollout and what
    it names, or a template; then --from is needed and, where a question names a revision,
    --canary-hash and --stable-hash: the label rollouts-pod-template-hash of the pods then.
    A Secret isn't read: give its value with --arg. Metrics of other providers are left out.

    \b
    Examples:
      kubectl port-forward -n monitoring svc/prometheus 9090 &
      davy backtest cart -n shop --prometheus http://localhost:9090
      davy backtest rate.yaml --arg service=cart --from 3h --to 1h
    """
    given = Given(
        template=template,
        args=tuple(run_args.given(arguments)),
        canary_hash=canary_hash,
        stable_hash=stable_hash,
        prometheus=prometheus,
    )
    subject = _subject(ctx, session, targets, given)
    begin = begin or subject.began_at
    end = end or subject.ended_at or datetime.now(UTC)
    if begin is None:
        raise click.UsageError("--from is missing: when do the analyses begin?", ctx)
    if begin >= end:
        message = (
            f"--from ({begin:%Y-%m-%dT%H:%M:%SZ}) isn't before --to ({end:%Y-%m-%dT%H:%M:%SZ})."
        )
        raise click.UsageError(message, ctx)
    if end > datetime.now(UTC):
        raise click.UsageError("--to lies in the future.", ctx)
    if end - begin > _LONGEST:
        raise click.UsageError("--from and --to are more than 7 days apart.", ctx)
    try:
        replays = asyncio.run(_replays(subject, begin, end))
    except Unanswered as error:
        raise click.ClickException(f"{subject.of}: {error}.") from error
    found = backtest_table.past(subject, replays, begin, end)
    if form is not None:
        output.dump(found, form)
        return
    console = output.console()
    output.show(backtest_table.drawn(found, render.glyphs(console)), console)


def _subject(
    ctx: click.Context, session: Session, targets: tuple[str, ...], given: Given
) -> Subject:
    """Of files, where there are such; else of the cluster."""
    if len(targets) > 1 or _is_file(targets[0]):
        return backtest_subject.of_files(targets, session.api_group, given)
    name = RolloutName().convert(targets[0], None, ctx)
    return session.run(
        lambda on: backtest_subject.of_cluster(
            on.api, session.group, session.namespace, name, given
        )
    )


def _is_file(target: str) -> bool:
    """Whether it is there, or looks as if it should be; `ro/cart` is a rollout all the same."""
    known = target.partition("/")[0].partition(".")[0] in options.KINDS and "/" in target
    looks = target == "-" or "/" in target or target.endswith((".yaml", ".yml", ".json"))
    return not known and (looks or Path(target).exists())


async def _replays(subject: Subject, begin: datetime, end: datetime) -> list[Replay]:
    asked = PrometheusCounts(Addresses.of(_ANYWHERE), lambda: datetime.now(UTC))
    try:
        return [
            await replay(part.spec, asked, begin, end, subject.defaults) for part in subject.parts
        ]
    finally:
        await asked.close()
