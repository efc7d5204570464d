"""What users write for the routers of ingress controllers; field names are Argo Rollouts'."""

from typing import Annotated, Final

from pydantic import Field

from davy.api.fields import ALL_DIFFERENT, Model, ObjectName

NGINX_PREFIX: Final = "nginx.ingress.kubernetes.io"

AnnotationPrefix = Annotated[
    str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
Annotations = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]] | None, Field(max_length=32)
]


def named(field: str, single: str | None, several: list[str] | None) -> dict[str, str]:
    """Names given one by one or as a list, each once, with the field that names it.

    Args:
        field: of the one, e.g. `stableIngress`; the list's is its plural in `-es`.
        single: the one.
        several: the list.
    """
    found = {} if single is None else {single: field}
    for position, name in enumerate(several or ()):
        found.setdefault(name, f"{field}es[{position}]")
    return found


class NginxRouting(Model):
    """Weights of ingress-nginx, by a canary Ingress beside each stable Ingress."""

    stable_ingress: ObjectName | None = Field(
        None,
        description="Name of the Ingress in the rollout's namespace that routes to stableService. "
        "Davy makes the canary Ingress <rollout>-<stableIngress>-canary beside it, and never "
        "changes this one. Exactly one of stableIngress and stableIngresses.",
    )
    stable_ingresses: list[ObjectName] | None = Field(
        None,
        min_length=1,
        max_length=16,
        json_schema_extra=ALL_DIFFERENT,
        description="The same, where several Ingresses route to stableService.",
    )
    annotation_prefix: AnnotationPrefix = Field(
        NGINX_PREFIX,
        description="Prefix of ingress-nginx's annotations: its --annotations-prefix.",
    )
    additional_ingress_annotations: Annotations = Field(
        None,
        description="Further annotations of ingress-nginx for the canary Ingress; the prefix may "
        "be left out: canary-by-header: X-Canary. Requests that such a rule sends to the canary "
        "aren't counted in the weight.",
    )
    canary_ingress_annotations: Annotations = Field(
        None, description="Further annotations for the canary Ingress, by their whole name."
    )

    @property
    def ingresses(self) -> dict[str, str]:
        """The stable Ingresses, each with the field that names it."""
        return named("stableIngress", self.stable_ingress, self.stable_ingresses)

    @property
    def annotations(self) -> dict[str, str]:
        """What users want on the canary Ingress, by whole names."""
        prefix = f"{self.annotation_prefix}/"
        return {
            **{
                name if name.startswith(prefix) else f"{prefix}{name}": value
                for name, value in (self.additional_ingress_annotations or {}).items()
            },
            **(self.canary_ingress_annotations or {}),
        }
