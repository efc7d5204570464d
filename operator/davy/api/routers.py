"""What users write for the routers of ingress controllers; field names are Argo Rollouts'."""

from typing import Annotated, Final

from pydantic import Field

from davy.api.fields import ALL_DIFFERENT, Model, ObjectName

NGINX_PREFIX: Final = "nginx.ingress.kubernetes.io"
ALB_PREFIX: Final = "alb.ingress.kubernetes.io"

RuleName = Annotated[str, Field(min_length=1, max_length=253)]

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


class TraefikRouting(Model):
    """Weights in a TraefikService, between canaryService and stableService."""

    weighted_traefik_service_name: ObjectName = Field(
        description="Name of the TraefikService in the rollout's namespace whose spec.weighted has "
        "both services.",
    )


class ApisixRoute(Model):
    """The ApisixRoute whose weights Davy writes."""

    name: ObjectName = Field(description="Name of the ApisixRoute in the rollout's namespace.")
    rules: list[RuleName] | None = Field(
        None,
        min_length=1,
        max_length=32,
        json_schema_extra=ALL_DIFFERENT,
        description="Names of the rules in its spec.http that are split. Unset: the one rule that "
        "is called as the ApisixRoute is.",
    )

    @property
    def split_rules(self) -> tuple[str, ...]:
        """Names of the rules that are split."""
        return tuple(self.rules or (self.name,))


class ApisixRouting(Model):
    """Weights in an ApisixRoute, between canaryService and stableService."""

    route: ApisixRoute = Field(description="The ApisixRoute that splits the traffic.")


class ContourRouting(Model):
    """Weights in Contour's HTTPProxies, between canaryService and stableService."""

    http_proxies: list[ObjectName] = Field(
        min_length=1,
        max_length=16,
        json_schema_extra=ALL_DIFFERENT,
        description="Names of HTTPProxies in the rollout's namespace; every route that has both "
        "services is weighted.",
    )


class StickinessConfig(Model):
    """Whether a client stays with the Service that it reached first."""

    enabled: bool = Field(
        description="true: for durationSeconds a client stays where it is, whatever the weights."
    )
    duration_seconds: int = Field(ge=1, le=604800, description="How long a client stays, seconds.")


class AlbRouting(Model):
    """Weights of an AWS Application Load Balancer, in an annotation of its Ingress."""

    ingress: ObjectName | None = Field(
        None,
        description="Name of the Ingress in the rollout's namespace that has a path to rootService "
        "with the port use-annotation. Exactly one of ingress and ingresses.",
    )
    ingresses: list[ObjectName] | None = Field(
        None,
        min_length=1,
        max_length=16,
        json_schema_extra=ALL_DIFFERENT,
        description="The same, where several Ingresses have such a path.",
    )
    service_port: int = Field(
        ge=1, le=65535, description="Port of both services that the load balancer forwards to."
    )
    root_service: ObjectName | None = Field(
        None,
        description="The backend in the Ingress that stands for the split. Unset: stableService.",
    )
    annotation_prefix: AnnotationPrefix = Field(
        ALB_PREFIX,
        description="Prefix of the controller's annotations: its --annotations-prefix.",
    )
    stickiness_config: StickinessConfig | None = Field(
        None,
        description="Target group stickiness. After an abort a client that sticks to the canary is "
        "served by stable's pods once canaryService leads to them.",
    )

    @property
    def named_ingresses(self) -> dict[str, str]:
        """The Ingresses, each with the field that names it."""
        return named("ingress", self.ingress, self.ingresses)


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
