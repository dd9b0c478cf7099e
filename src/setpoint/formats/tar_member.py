"""One file out of a tar.gz, by its headers alone: bounded in memory, nothing is unpacked. Pure."""

import zlib
from collections.abc import Iterable, Iterator

BLOCK = 512
CHUNK_BYTES = 64 * 1024
REGULAR = (b"0", b"\0")


class Unreadable(ValueError):
    """No tar.gz, or larger than one may be."""


def find(archive: Iterable[bytes], name: str, bytes_max: int, unpacked_max: int) -> bytes | None:
    """The file of that name at the root, or in the one folder at the root. None: there is none, or
    it is longer than `bytes_max`. Raises Unreadable."""
    tar = _Reader(_unzipped(archive, unpacked_max))
    while (header := tar.take(BLOCK)) and any(header):
        size = _size(header)
        path = header[:100].split(b"\0", 1)[0].removeprefix(b"./")
        wanted = path == name.encode() or path.split(b"/", 1)[1:] == [name.encode()]
        if wanted and header[156:157] in REGULAR and size <= bytes_max:
            return tar.take(size)
        tar.skip(-(-size // BLOCK) * BLOCK)
    return None


def _size(header: bytes) -> int:
    field = header[124:136].strip(b" \0")
    if len(header) < BLOCK or not all(digit in b"01234567" for digit in field):
        raise Unreadable("not a tar header")
    return int(field or b"0", 8)


def _unzipped(archive: Iterable[bytes], most: int) -> Iterator[bytes]:
    inflate, total = zlib.decompressobj(wbits=31), 0
    for packed in archive:
        rest = packed
        while rest:
            try:
                data = inflate.decompress(rest, CHUNK_BYTES)
            except zlib.error as error:
                raise Unreadable(str(error)) from None
            total += len(data)
            if total > most:
                raise Unreadable("it is too large")
            yield data
            rest = inflate.unconsumed_tail
            if inflate.eof:
                rest, inflate = inflate.unused_data, zlib.decompressobj(wbits=31)


class _Reader:
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    def take(self, size: int) -> bytes:
        while len(self._held) < size and (chunk := next(self._chunks, None)) is not None:
            self._held += chunk
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def skip(self, size: int) -> None:
        while size > 0:
            if not self._held:
                chunk = next(self._chunks, None)
                if chunk is None:
                    return
                self._held = chunk
            passed = min(size, len(self._held))
            self._held, size = self._held[passed:], size - passed
