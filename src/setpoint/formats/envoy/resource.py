"""One thing Envoy is told over xDS: its kind, its name, its body as JSON-able data."""

from enum import StrEnum
from typing import Any

import msgspec

Json = dict[str, Any]
EXTENSIONS = "envoy.extensions."


class Kind(StrEnum):
    """In the order in which they must be pushed: what is pointed at comes first."""

    CLUSTER = "cluster"
    ENDPOINTS = "endpoints"
    HOST = "host"
    SECRET = "secret"


class Resource(msgspec.Struct, frozen=True):
    """`needs`: the cluster this host sends to: it must be in place first and go last.

    `empty`: endpoints without any, which must not be seen while a host still points at them.
    """

    kind: Kind
    name: str
    body: Json
    needs: str = ""
    empty: bool = False


ADS: Json = {"resource_api_version": "V3", "ads": {}}


def typed(message: str, **fields: Any) -> Json:
    """A protobuf Any in its JSON form."""
    return {"@type": f"type.googleapis.com/{message}", **fields}
