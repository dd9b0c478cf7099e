"""Routes: which hosts reach which set, and how the edge must treat them."""

from typing import Literal

import msgspec

from setpoint.model.app import SecretRef
from setpoint.model.ids import AppId, Fence, SetKey

RouteKind = Literal["web", "function"]

INVOKE_KEY_HEADER = "authorization"
"""Carries `Bearer <invoke key>` to a keyed backend; the edge takes it off before the instance."""


class Backend(msgspec.Struct, frozen=True):
    """One virtual host. `target` None means H14: no web processes are meant to run.

    `keyed`: only callers with the app's invoke key get through.
    """

    hosts: tuple[str, ...]
    kind: RouteKind
    process: str
    target: SetKey | None
    hold: bool = False
    """the set may be at zero: hold the request and have one instance started"""
    keyed: bool = False


class Served(msgspec.Struct, frozen=True):
    """Hosts, and a certificate of their own. `pem`: its chain and key."""

    hosts: tuple[str, ...]
    pem: SecretRef


class Route(msgspec.Struct, frozen=True):
    """All virtual hosts of one app. Endpoints are not in here: the edge learns them as facts.

    `maintenance`: every host answers H80 by itself, with or without a key, and nothing is started.
    """

    app: AppId
    app_name: str
    backends: tuple[Backend, ...]
    fence: Fence
    maintenance: bool = False
    certificates: tuple[Served, ...] = ()

    def same_as(self, other: "Route") -> bool:
        """But for the fence."""
        return msgspec.structs.replace(self, fence=other.fence) == other


class RouteFacts(msgspec.Struct, frozen=True):
    """What the edge has for one app. `acked`: Envoy confirmed it; `nack`: Envoy's own words."""

    route: Route
    acked: bool
    nack: str = ""
    invoke_key: SecretRef | None = None
    """which version of the key it holds, so that a rotation is seen"""
