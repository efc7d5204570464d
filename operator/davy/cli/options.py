"""Options and arguments that several commands share."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

import click

from davy.cli.session import Session

R = TypeVar("R")


class RolloutName(click.ParamType[str]):
    """A rollout's name; `ro/cart` and what `-o name` prints are understood too."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The bare name.

        Raises:
            click.BadParameter: another kind, or no name.
        """
        kind, slash, name = str(value).rpartition("/")
        if slash and kind.split(".")[0] not in KINDS:
            self.fail(f"{value} is no rollout; write its name, or ro/NAME.", param, ctx)
        if not name:
            self.fail("a rollout's name is missing.", param, ctx)
        return name


KINDS = ("ro", "rollout", "rollouts")

rollout_name = click.argument("name", type=RolloutName(), metavar="NAME")


def rollout_name_after_kind(command: Callable[..., R]) -> Callable[..., R]:
    """The same; `rollout cart`, as Argo's command line has it, is understood too."""

    @click.argument("words", nargs=-1, required=True, metavar="[ro] NAME")
    @click.pass_context
    @wraps(command)
    def wrapped(ctx: click.Context, /, words: tuple[str, ...], **given: Any) -> R:
        *kinds, name = words
        if kinds and (len(kinds) > 1 or kinds[0] not in KINDS):
            raise click.UsageError(f"{' '.join(kinds)} isn't a rollout's kind.", ctx)
        return command(name=RolloutName().convert(name, None, ctx), **given)

    return wrapped


def in_cluster(command: Callable[..., R]) -> Callable[..., R]:
    """Gives the command its Session, and the global options a second place: after the command.

    `davy get ro cart -n shop` is what hands used to kubectl write; what is given here counts more.
    """

    @click.option("--kubeconfig", metavar="FILE", help="Path of a kubeconfig file.")
    @click.option("--context", metavar="NAME", help="Context of the kubeconfig.")
    @click.option("-n", "--namespace", metavar="NAME", help="Namespace of the rollout.")
    @click.option("--api-group", metavar="GROUP", help="API group of the rollouts.")
    @click.pass_context
    @wraps(command)
    def wrapped(ctx: click.Context, /, **given: Any) -> R:
        session: Session = ctx.obj or Session()
        kubeconfig, context, namespace, group = (
            given.pop(name) for name in ("kubeconfig", "context", "namespace", "api_group")
        )
        session = replace(
            session,
            kubeconfig=kubeconfig or session.kubeconfig,
            context=context or session.context,
            chosen_namespace=namespace or session.chosen_namespace,
            api_group=group or session.api_group,
        )
        return command(session, **given)

    return wrapped


def output(*forms: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """The option `-o`, as the parameter `form`; None is text."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(forms),
        metavar="|".join(forms),
        help=f"Print {', '.join(forms[:-1])} or {forms[-1]} instead of text.",
    )
