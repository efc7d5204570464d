"""One rule that the API server checks itself, in CEL, and how it is written."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """One CEL rule."""

    at: str
    """Pattern of the object it belongs to, see `paths`."""
    check: str
    """CEL; true is right. `self` is the object."""
    message: str
    field: str = ""
    """The field of the object that the error names; "": the object itself."""
    required: str = ""
    """A field that the rule demands instead of the schema's `required`: a missing required field
    keeps the API server from checking any rule, and so from saying what to use instead."""
    unless_unbuilt: bool = False
    """Silent when a field of `unbuilt` is set in the same object: one message is enough."""

    def to_json(self, unbuilt_fields: tuple[str, ...]) -> Json:
        """The entry of `x-kubernetes-validations`.

        Args:
            unbuilt_fields: fields of the same object that aren't built.
        """
        check = self.check or f"has(self.{self.required})"
        if self.unless_unbuilt and unbuilt_fields:
            check = " || ".join([f"({check})", *(f"has(self.{name})" for name in unbuilt_fields)])
        rule: Json = {"rule": check, "message": self.message}
        if self.field:
            rule["fieldPath"] = field_path(self.field)
        return rule


def escaped(name: str) -> str:
    """How CEL writes a field's name: `argoproj-labs/x` is `argoproj__dash__labs__slash__x`."""
    return name.replace("-", "__dash__").replace("/", "__slash__").replace(".", "__dot__")


def field_path(name: str) -> str:
    """A `fieldPath` to a field of the same object."""
    return f".{name}" if name.isalnum() else f"['{name}']"


def one_of(*names: str) -> str:
    """True when exactly one of the fields is set."""
    present = ", ".join(f"has(self.{name})" for name in names)
    return f"[{present}].exists_one(set, set)"
