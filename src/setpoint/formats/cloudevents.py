"""A function's invocation as a CloudEvent over HTTP, binary mode, and its answer's extra info.

Pure: the id and the time arrive as arguments. The official runtimes insist on more than the
reference callers send (`accessToken` and `requestId`, and five keys of the user), so a context
made here is always complete. Sending it is somebody else's business.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from urllib.parse import unquote, unquote_plus

SPEC_VERSION = "1.0"
TYPE_SYNC = "com.salesforce.function.invoke.sync"
PAYLOAD_VERSION = "0.1"
PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
"""Salesforce's limit for a synchronous invocation."""
NO_ORG = "00D000000000000EAA"
"""The org that is no org: well formed, so that functions which only log it work unchanged."""
NO_USER = "005000000000000AAA"


@dataclass(frozen=True)
class Invocation:
    """`at_s`: unix seconds. `api_version`: of the function's project.toml, where known."""

    id: str
    function: str
    at_s: float
    source: str = "urn:event:from:setpoint/cli"
    username: str = "local@setpoint.localhost"
    api_version: str = "53.0"
    org_url: str = "http://org.localhost"


def headers(invocation: Invocation) -> dict[str, str]:
    """All headers of a synchronous invocation but the key that lets it in."""
    return {
        "content-type": "application/json",
        "ce-specversion": SPEC_VERSION,
        "ce-id": invocation.id,
        "ce-source": invocation.source,
        "ce-type": TYPE_SYNC,
        "ce-time": _rfc3339(invocation.at_s),
        "ce-datacontenttype": "application/json",
        "ce-sfcontext": _packed(_context(invocation)),
        "ce-sffncontext": _packed(_function_context(invocation)),
        "x-request-id": invocation.id,
    }


def _context(invocation: Invocation) -> dict[str, object]:
    return {
        "apiVersion": invocation.api_version,
        "payloadVersion": PAYLOAD_VERSION,
        "userContext": {
            "orgId": NO_ORG,
            "userId": NO_USER,
            "username": invocation.username,
            "salesforceBaseUrl": invocation.org_url,
            "orgDomainUrl": invocation.org_url,
        },
    }


def _function_context(invocation: Invocation) -> dict[str, object]:
    return {
        "id": invocation.id,
        "requestId": invocation.id,
        "functionInvocationId": invocation.id,
        "functionName": invocation.function,
        "accessToken": "",
        "resource": "",
        "source": invocation.source,
        "type": TYPE_SYNC,
        "requestTime": _rfc3339(invocation.at_s),
    }


def _packed(value: Mapping[str, object]) -> str:
    return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


def _rfc3339(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")


def extra_info(value: str, runtime: str = "python") -> dict[str, object]:
    """An answer's `x-extra-info`. {} when it is not there or not readable.

    Each runtime writes it in its own way: Python plain or percent-encoded JSON, Node percent-
    encoded (a `+` is a plus), Java form-encoded (a `+` is a space).
    """
    text = unquote_plus(value) if runtime == "java" else value
    if not text.lstrip().startswith("{"):
        text = unquote(text)
    try:
        decoded = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, object]", decoded) if isinstance(decoded, dict) else {}
