"""Models to structural schemas: what is turned into what, and what raises."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from davy.api.schema import structural


class Colour(StrEnum):
    """An enum."""

    RED = "red"


class Inner(BaseModel):
    """An object inside."""

    number: int = Field(3, ge=1, description="A number.")


class Outer(BaseModel):
    """All that is allowed."""

    inner: Inner | None = Field(None, description="Told here.")
    several: list[Inner]
    colour: Colour
    only: Literal["x"]
    labels: dict[str, str] | None = None
    free: dict[str, Any]


def test_references_unions_with_null_and_titles_are_gone() -> None:
    """The whole result, since it is what the API server reads."""
    inner = {
        "type": "object",
        "description": "An object inside.",
        "properties": {
            "number": {"type": "integer", "minimum": 1, "description": "A number. Default: 3."}
        },
    }
    assert structural(Outer) == {
        "type": "object",
        "description": "All that is allowed.",
        "required": ["several", "colour", "only", "free"],
        "properties": {
            "inner": {**inner, "description": "Told here."},
            "several": {"type": "array", "items": inner},
            "colour": {"type": "string", "description": "An enum.", "enum": ["red"]},
            "only": {"type": "string", "enum": ["x"]},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }


class Node(BaseModel):
    """Contains itself."""

    inner: "Node | None" = None


class Union(BaseModel):
    """Two kinds of object."""

    either: Inner | Colour


class Pair(BaseModel):
    """A tuple."""

    pair: tuple[int, str]


class Above(BaseModel):
    """A bound that isn't included."""

    number: Annotated[int, Field(gt=0)]


class Anything(BaseModel):
    """No type at all."""

    anything: Any


@pytest.mark.parametrize("model", [Node, Union, Pair, Above, Anything])
def test_what_a_crd_cannot_say_raises(model: type[BaseModel]) -> None:
    """While the CRD is made, not when somebody installs it."""
    with pytest.raises(TypeError, match=model.__name__):
        structural(model)
