"""Gateway API: the weights of the backendRefs of routes of each kind, between two Services.

Owned: the two weights of each rule that refers to both Services, the rules that are named as
managed routes, and the Services' selectors. Never touched: rules that refer to one of them (a
user's preview by header), filters, matches.
"""

from dataclasses import replace
from typing import Final

from davy.api.managed_routes import Rule, SetHeaderRoute, SetMirrorRoute
from davy.traffic import conditions, services
from davy.traffic import gateway_api_status as status
from davy.traffic.base import (
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    RouteState,
)
from davy.traffic.gateway_api_route import GatewayRoute
from davy.traffic.gateway_api_twins import precedence_problems
from davy.traffic.split import together
from davy.traffic.twins import rule_problems, written_rules

GROUP: Final = "gateway.networking.k8s.io"


class GatewayApiRouter:
    """Weights in HTTPRoutes, GRPCRoutes, TCPRoutes and TLSRoutes, which say them alike."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The routes and the two Services."""
        return (*_keys(rollout), *services.keys(rollout))

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """The highest canary weight of all rules of all routes, and what is wrong."""
        routes = _routes(rollout, objects)
        reading = together([route.read() for route in routes])
        twins = [(route.key, route.twins) for route in routes]
        wrong = [
            *rule_problems(rollout, twins, reading),
            *(found for part in twins for found in precedence_problems(rollout, *part)),
        ]
        answers = [status.verification(key, objects.get(key)) for key in _keys(rollout)]
        state = services.state(rollout, objects, reading, conditions.all_of(answers))
        return replace(
            state, problems=(*state.problems, *wrong), rules=written_rules(rollout, twins)
        )

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),
    ) -> tuple[ObjectPatch, ...]:
        """A patch for each route; all its weights and managed routes in one."""
        return tuple(
            patch
            for route in _routes(rollout, objects)
            for patch in route.patch(canary_weight, rules)
        )

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """The patch of the role's Service."""
        return services.target(rollout, objects, role, template_hash)


def _keys(rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
    return tuple(
        ObjectKey(GROUP, kind, rollout.namespace, name)
        for kind, name in rollout.canary.gateway_routes
    )


def _routes(rollout: RoutedRollout, objects: Objects) -> list[GatewayRoute]:
    """The routes that a rollout names."""
    named, without = rollout.canary.gateway_routes, rollout.canary.headerless_routes
    return [
        GatewayRoute(
            rollout,
            key,
            f"{services.CANARY}.trafficRouting.{named[key.kind, key.name]}",
            objects.get(key),
            _kinds(key.kind, takes_headers=(key.kind, key.name) not in without),
        )
        for key in _keys(rollout)
    ]


def _kinds(kind: str, *, takes_headers: bool) -> tuple[type[Rule], ...]:
    """Of managed routes that are made in a route: gRPC isn't mirrored, TCP and TLS show nothing."""
    if kind in {"TCPRoute", "TLSRoute"}:
        return ()
    headers: tuple[type[Rule], ...] = (SetHeaderRoute,) if takes_headers else ()
    return (*headers, SetMirrorRoute) if kind == "HTTPRoute" else headers
