"""A tar of somebody's, read once from front to back, whose headers cannot fill the memory.

tarfile reads what extends a header (a long name, pax records) whole, and a map of holes with it,
before anyone sees the entry; pax records for all entries it keeps, and copies to each. So a header
is judged when its 512 bytes are known.
"""

import tarfile
from typing import BinaryIO, Self

EXTENDING = frozenset(
    (
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    )
)
EXTENDING_BYTES_MAX = 64 * 1024
GLOBAL_BYTES_MAX = 1024
"""`git archive` writes 52: the commit"""
GLOBAL_RECORDS_MAX = 16
"""of all entries together"""
SPARSE = "a sparse file is not accepted"


def streamed(raw: BinaryIO) -> tarfile.TarFile:
    """Only `raw.read` is used. It and its iteration raise tarfile.TarError, and RecursionError
    where headers extend headers without end."""
    return _Once.open(fileobj=raw, mode="r|", encoding="utf-8", errors="surrogateescape")


class _Header(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError(SPARSE)
        most = GLOBAL_BYTES_MAX if found.type == tarfile.XGLTYPE else EXTENDING_BYTES_MAX
        if found.type in EXTENDING and found.size > most:
            raise tarfile.ReadError(f"a header of {found.size} bytes; {most} are the most")
        return found

    def _proc_gnusparse_10(self, *_: object) -> None:
        """tarfile's own, which reads a map of any length out of the content. The other two forms
        have theirs in pax records."""
        raise tarfile.ReadError(SPARSE)


class _Once(tarfile.TarFile):
    tarinfo = _Header
    members: list[tarfile.TarInfo]

    def next(self) -> tarfile.TarInfo | None:
        self.members.clear()  # nobody asks for them again, and each holds its pax records
        found = super().next()
        if len(self.pax_headers) > GLOBAL_RECORDS_MAX:
            raise tarfile.ReadError("too many pax records for all entries")
        if found is not None and found.issparse():
            raise tarfile.ReadError(SPARSE)
        return found
