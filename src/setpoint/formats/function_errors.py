"""What a function's caller is told where its own process cannot any more. Pure.

In the form of the official runtime for Python: the body is a JSON text, x-extra-info plain JSON.
"""

import json

from setpoint.model.app import MIB

OUT_OF_MEMORY = 500
"""Not 503, which callers repeat: it had begun, and would need as much again."""
UNKNOWN = "n/a"
"""as the runtimes say of what they could not read"""


def out_of_memory(memory_bytes_max: int) -> bytes:
    """The whole answer to an invocation whose instance needed more than it may have."""
    text = f"Out of memory: the function needed more than the {memory_bytes_max // MIB} MiB it has"
    info = {
        "requestId": UNKNOWN,
        "source": UNKNOWN,
        "execTimeMs": 0,
        "statusCode": OUT_OF_MEMORY,
        "isFunctionError": True,
        "stack": text,
    }
    body = json.dumps(text)
    head = (
        f"HTTP/1.1 {OUT_OF_MEMORY} Internal Server Error",
        "content-type: application/json",
        f"content-length: {len(body)}",
        f"x-extra-info: {json.dumps(info, separators=(',', ':'))}",
        "connection: close",
    )
    return "\r\n".join((*head, "", body)).encode()
