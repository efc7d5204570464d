"""`davy completion bash|zsh|fish`: the script that completes commands and options."""

from typing import Final

import click
from click.shell_completion import get_completion_class

_VARIABLE: Final = "_DAVY_COMPLETE"
"""Set by the script when it asks `davy` what could come next."""


@click.command(name="completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete davy's commands and options.

    \b
    Examples:
      davy completion bash > ~/.local/share/bash-completion/completions/davy
      davy completion zsh > "${fpath[1]}/_davy"
      davy completion fish > ~/.config/fish/completions/davy.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  # click has all three
    whole = ctx.find_root().command
    click.echo(kind(whole, {}, "davy", _VARIABLE).source())
