"""Plugins of other packages in what users write: a name and any object as configuration."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import Field

from davy.api import paths
from davy.api.errors import Finding
from davy.api.fields import Model
from davy.api.providers import JsonObject

LONGEST: Final = 16_384
"""Characters of a plugin's configuration as JSON."""


class StepPlugin(Model):
    """A step that a package of somebody else's decides."""

    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Name of the plugin, such as acme/gate; it must be installed beside Davy."
    )
    config: JsonObject | None = Field(
        None, description="Its configuration, any object; unset is as {}."
    )


def problems(config: Any, path: str) -> Iterator[Finding]:
    """What is wrong with a plugin's configuration, whatever the plugin."""
    if not isinstance(config, dict):
        yield Finding(path, "is no object; write the plugin's configuration, {} if it has none")
        return
    length = len(json.dumps(config))
    if length > LONGEST:
        message = f"is {length} characters long as JSON; at most {LONGEST} fit"
        yield Finding(path, message)


def one_router(config: dict[str, Any], path: str) -> Iterator[Finding]:
    """What is wrong with `trafficRouting.plugins`, but for what a built-in one is given.

    Args:
        config: of each plugin that is named, by its name, with Davy's own as an empty object.
        path: of the field.
    """
    if not config:
        yield Finding(path, "is empty; name one plugin, such as argoproj-labs/gatewayAPI")
    elif len(config) > 1:
        named = " and ".join(sorted(config))
        yield Finding(path, f"has {named}; exactly one router carries the weight")
    for name, held in config.items():
        yield from problems(held, paths.child(path, name))
