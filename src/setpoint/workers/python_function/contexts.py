"""What the Python runtime demands in ce-sffncontext and callers don't send. Pure."""

import binascii
import json

NAME = b"ce-sffncontext"
Headers = list[tuple[bytes, bytes]]


def completed(headers: Headers) -> Headers:
    """`accessToken` and `requestId` added where they are missing; what is there stays as it is.

    A header that is missing or can't be read is left alone: the runtime answers 400 by itself.
    """
    first = dict(reversed(headers))
    context = _decoded(first.get(NAME))
    if context is None or ("accessToken" in context and "requestId" in context):
        return headers
    request_id = first.get(b"x-request-id") or first.get(b"ce-id") or b""
    context.setdefault("accessToken", "")
    context.setdefault("requestId", request_id.decode("latin-1"))
    encoded = binascii.b2a_base64(json.dumps(context).encode(), newline=False)
    return [(name, encoded if name == NAME else value) for name, value in headers]


def _decoded(value: bytes | None) -> dict[str, object] | None:
    if value is None:
        return None
    try:
        context = json.loads(binascii.a2b_base64(value))
    except (ValueError, RecursionError):
        return None
    return context if isinstance(context, dict) else None
