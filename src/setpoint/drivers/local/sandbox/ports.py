"""What the kernel tells of one port in an instance's network: who is connected, who waits.

Read from `/proc/PID/net`, which shows the network of that process to whoever sees the process; so
it is the same for every level and way in. Of what cannot be read nothing is known, and 0 is told.
"""

import re
from collections.abc import Iterator

from setpoint.drivers.local.sandbox.identity import alive
from setpoint.drivers.local.sandbox.spec import Identity

FAMILIES = ("tcp", "tcp6")
CHUNK_BYTES = 4096
LISTENING, ESTABLISHED = b"0A", b"01"


def established(identity: Identity, port: int) -> int:
    """How many connections to it are open at both ends, taken by the app or still in its queue.

    One that the edge has given up is half closed, and is not counted: nobody waits for its answer.
    """
    line = re.compile(rb":%04X [0-9A-F]+:[0-9A-F]{4} %s " % (port, ESTABLISHED))
    tables = (b"".join(_chunks(identity, family)) for family in FAMILIES)
    return sum(len(line.findall(table)) for table in tables)


def queued(identity: Identity, port: int) -> int:
    """How many connections wait to be accepted by who listens there.

    Those who listen come first in the table, so that little of a long one is read.
    """
    line = re.compile(rb":%04X [0-9A-F]+:0000 %s [0-9A-F]+:([0-9A-F]+) " % (port, LISTENING))
    return sum(_first(line, _chunks(identity, family)) for family in FAMILIES)


def _first(line: re.Pattern[bytes], chunks: Iterator[bytes]) -> int:
    seen = b""
    for chunk in chunks:
        seen += chunk
        if found := line.search(seen):
            return int(found[1], 16)
        if re.search(rb":[0-9A-F]{4} (?!%s)[0-9A-F]{2} " % LISTENING, chunk):
            break
    return 0


def _chunks(identity: Identity, family: str) -> Iterator[bytes]:
    """Whole lines each: the kernel splits none unless it is asked for less than one."""
    if not alive(identity):
        return
    try:
        with open(f"/proc/{identity.inner_pid}/net/{family}", "rb", buffering=0) as table:
            while chunk := table.read(CHUNK_BYTES):
                yield chunk
    except OSError:
        return
