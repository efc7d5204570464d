"""The commands `davy` and `kubectl-davy`.

A command's module is imported when the command is used: `davy version` needs no Kubernetes client,
and a part that can't be loaded on this machine leaves the others alone.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import PurePath
from typing import Any, Final, NamedTuple

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from davy.api.errors import DavyError
from davy.api.group import DAVY
from davy.cli.session import Session

USAGE: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""


class _Part(NamedTuple):
    module: str
    """It holds a click command of the name `command`."""
    summary: str


PARTS: Final = {
    "get": _Part("davy.cli.get", "Show a rollout: steps, weights, pods, analysis."),
    "analysis": _Part("davy.cli.analysis", "Show an analysis measurement by measurement."),
    "list": _Part("davy.cli.list", "List rollouts."),
    "promote": _Part("davy.cli.promote", "End a rollout's pause; --full passes all steps."),
    "status": _Part("davy.cli.status", "Wait until a rollout is done, for scripts."),
    "pause": _Part("davy.cli.pause", "Hold an update where it is."),
    "resume": _Part("davy.cli.resume", "End what pause began."),
    "abort": _Part("davy.cli.abort", "Give an update up: all traffic goes to stable."),
    "retry": _Part("davy.cli.retry", "Take an aborted update up again."),
    "restart": _Part("davy.cli.restart", "Replace a rollout's pods."),
    "undo": _Part("davy.cli.undo", "Put an older revision's template back."),
    "set": _Part("davy.cli.set", "Set images, which begins an update."),
    "create": _Part("davy.cli.create", "Create an AnalysisRun from a template."),
    "terminate": _Part("davy.cli.terminate", "End an AnalysisRun."),
    "lint": _Part("davy.cli.lint", "Check manifests before they are applied."),
    "judge": _Part("davy.cli.judge", "Plan what the judge will see of a release."),
    "simulate": _Part("davy.cli.simulate", "Play a release from its manifest."),
    "backtest": _Part("davy.cli.backtest", "Judge the past by a rollout's analyses."),
    "migrate": _Part("davy.cli.migrate", "Turn Argo's and Flagger's manifests into Davy's."),
    "crds": _Part("davy.cli.crds", "Print the CustomResourceDefinitions."),
    "run": _Part("davy.cli.run", "Run the operator."),
    "completion": _Part("davy.cli.completion", "Print a shell's completion script."),
    "version": _Part("davy.cli.version", "Show the version, and what the cluster serves."),
}


class _LazyGroup(click.Group):
    """A group that knows its commands by name, and loads the one that is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """The names, in the order of use."""
        return list(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; None: there is none of this name.

        Raises:
            click.ClickException: it can't be loaded; the sentence says why.
        """
        part = PARTS.get(cmd_name)
        if part is None:
            return None
        try:
            loaded = import_module(part.module).command
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise click.ClickException(f"davy {cmd_name} can't be loaded: {reason}") from error
        if not isinstance(loaded, click.Command):
            raise click.ClickException(f"davy {cmd_name} can't be loaded: it is no command.")
        _pass_on(ctx, cmd_name, loaded)
        return loaded

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, with nothing loaded, and the global options."""
        found = [
            CompletionItem(name, help=part.summary)
            for name, part in PARTS.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """The summaries, with nothing loaded."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, part.summary) for name, part in PARTS.items()])


def _pass_on(ctx: click.Context, name: str, command: click.Command) -> None:
    """Global options written before a command become the defaults of its own of the same name."""
    given: dict[str, Any] = {
        key: value
        for key, value in ctx.params.items()
        if ctx.get_parameter_source(key) is ParameterSource.COMMANDLINE
    }
    own = {
        param.name: [given[param.name]] if param.multiple else given[param.name]
        for param in command.params
        if isinstance(param, click.Option) and param.name in given
    }
    ctx.default_map = {**(ctx.default_map or {}), name: own}


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="davy COMMAND --help tells more and gives examples.",
)
@click.option(
    "--kubeconfig",
    metavar="FILE",
    envvar="DAVY_KUBECONFIG",
    show_envvar=True,
    help="Path of a kubeconfig file. Default: $KUBECONFIG, then ~/.kube/config.",
)
@click.option(
    "--context",
    metavar="NAME",
    envvar="DAVY_CONTEXT",
    show_envvar=True,
    help="Context of the kubeconfig. Default: its current one.",
)
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    envvar="DAVY_NAMESPACE",
    show_envvar=True,
    help="Namespace. Default: the context's.",
)
@click.option(
    "--api-group",
    metavar="GROUP",
    envvar="DAVY_API_GROUP",
    show_envvar=True,
    help=f"API group of the rollouts. Default: {DAVY}; argoproj.io for Argo Rollouts' objects.",
)
@click.pass_context
def cli(
    ctx: click.Context,
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    api_group: str | None,
) -> None:
    """Watch and steer Davy's rollouts, and run the operator.

    A Rollout moves traffic step by step to a new version, judges it, and promotes it or takes it
    back. These commands show where a rollout is, and end its pauses or the whole update by hand.

    Global options stand before or after the command.

    \b
    Examples:
      davy list -n shop
      davy get ro cart -n shop -w
      davy promote cart -n shop
      davy abort cart -n shop
    """
    session: Session = ctx.obj or Session()
    ctx.obj = replace(
        session,
        kubeconfig=kubeconfig or session.kubeconfig,
        context=context or session.context,
        chosen_namespace=namespace or session.chosen_namespace,
        api_group=api_group or session.api_group,
    )


def run(arguments: Sequence[str], *, program: str = "davy", session: Session | None = None) -> int:
    """The exit code: 0 done, 1 with a sentence on stderr, 2 for bad usage, 130 after Ctrl-C.

    Args:
        arguments: without the program's name.
        program: its name in help and usage.
        session: what the global options are added to.
    """
    try:
        code = cli.main([*arguments], prog_name=program, standalone_mode=False, obj=session)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        return _fail(error.format_message())
    except DavyError as error:
        return _fail(str(error))
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Python would complain once more when it flushes.
        sys.stdout = None
        return 0
    return code if isinstance(code, int) else 0


def _fail(sentence: str) -> int:
    click.echo(f"error: {sentence}", err=True)
    return 1


def main() -> None:
    """Entry point of both commands; `kubectl-davy` is called `kubectl davy` in its help."""
    name = PurePath(sys.argv[0]).name
    sys.exit(run(sys.argv[1:], program="kubectl davy" if name == "kubectl-davy" else "davy"))


if __name__ == "__main__":
    main()
