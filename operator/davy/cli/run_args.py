"""Arguments of templates, as a command line gives them."""

from collections.abc import Sequence

import click
from pydantic import ValidationError

from davy.analysis.templates import Template
from davy.api import findings
from davy.api.analysis import RunArg
from davy.api.errors import InvalidObject


def given(arguments: Sequence[str]) -> list[RunArg]:
    """The arguments of `NAME=VALUE`.

    Raises:
        click.UsageError: one isn't that, or is given twice.
        InvalidObject: a name or value is too long.
    """
    found: dict[str, RunArg] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not (name and equals):
            raise click.UsageError(f"{argument} isn't NAME=VALUE, such as service=cart.")
        if name in found:
            raise click.UsageError(f"the argument {name} is given twice; give it once.")
        try:
            found[name] = RunArg(name=name, value=value)
        except ValidationError as error:
            raise InvalidObject(findings.of(error, RunArg, f"argument {name[:40]}")) from None
    return list(found.values())


def check(args: Sequence[RunArg], templates: Sequence[Template], named: str) -> None:
    """Nothing, if the templates declare all of these.

    Raises:
        click.ClickException: they don't; the sentence says which they have.
    """
    declared = {arg.name for found in templates for arg in found.spec.args or ()}
    unknown = [arg.name for arg in args if arg.name not in declared]
    if unknown:
        has = ", ".join(sorted(declared)) or "none"
        raise click.ClickException(f"{named} has no argument {', '.join(unknown)}; it has {has}.")
