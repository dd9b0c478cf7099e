"""x-extra-info as a header can carry it: ASCII, and not too long.

The runtime writes raw JSON with the exception's message in it. Beyond Latin-1 its own server then
fails to encode the header and answers a bare 500; beyond 60 KiB the edge refuses the answer. JSON
has its own ASCII spelling (\\uXXXX), so every decoder of the header reads the same value as before.
"""

import json

BYTES_MAX = 32_000
"""callers store it in a field of 32,768 characters"""
NAME = "x-extra-info"
_CUT = "\n... shortened ...\n"


def repair(runtime) -> None:
    """Have the runtime build its responses through us: its one symbol, `Response`, is ours now."""
    official = runtime.Response

    def response(*args, headers=None, **kwargs):
        if headers and NAME in headers:
            headers = {**headers, NAME: fit(headers[NAME])}
        return official(*args, headers=headers, **kwargs)

    runtime.Response = response


def fit(value: str) -> str:
    """The same JSON value in ASCII; where that is too long, the middle of the stack goes."""
    if value.isascii() and len(value) <= BYTES_MAX:
        return value
    try:
        info = json.loads(value)
    except ValueError:
        return value.encode("ascii", "backslashreplace").decode()[:BYTES_MAX]
    return encode(info)


def encode(info: dict[str, object]) -> str:
    text = json.dumps(info, separators=(",", ":"))
    stack = str(info.get("stack", ""))
    keep = BYTES_MAX // 2
    while len(text) > BYTES_MAX and keep:
        keep //= 2
        info = {**info, "stack": stack[:keep] + _CUT + stack[-keep:] if keep else ""}
        text = json.dumps(info, separators=(",", ":"))
    return text[:BYTES_MAX]
