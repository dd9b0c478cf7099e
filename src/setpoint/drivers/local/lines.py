"""From a stream of bytes somebody else wrote to lines that are safe to store and to print. Pure."""

import re
from collections.abc import Iterator

LINE_BYTES_MAX = 64 * 1024
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def clean(raw: bytes) -> str:
    """Text for one line: bad UTF-8 replaced, terminal escapes dropped, control characters shown
    as U+FFFD, so that a log can never move a reader's cursor or forge a second line."""
    text = raw.decode("utf-8", errors="replace").rstrip("\r")
    return _CONTROL.sub("\ufffd", _ESCAPES.sub("", text))


class Splitter:
    """Cuts bytes into lines of at most `LINE_BYTES_MAX`; holds no more than that in memory."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            yield from _pieces(line)
        while len(self._rest) >= LINE_BYTES_MAX:
            piece, self._rest = _cut(self._rest)
            yield clean(piece)

    def flush(self) -> Iterator[str]:
        """What stands there without its newline, once nothing more can come."""
        rest, self._rest = self._rest, b""
        if rest:
            yield from _pieces(rest)


def _pieces(line: bytes) -> Iterator[str]:
    while len(line) > LINE_BYTES_MAX:
        piece, line = _cut(line)
        yield clean(piece)
    yield clean(line)


def _cut(line: bytes) -> tuple[bytes, bytes]:
    """At the limit, but never inside a character: a UTF-8 one has at most three bytes to follow."""
    at = LINE_BYTES_MAX
    while at > LINE_BYTES_MAX - 4 and line[at : at + 1] and 0x80 <= line[at] < 0xC0:
        at -= 1
    return line[:at], line[at:]
