"""git's own formats, as far as a push needs them: pkt-lines, ref moves, trees and commits.

Sources: gitprotocol-common(5), gitprotocol-http(5), githooks(5), git-ls-tree(1).
"""

from collections.abc import Sequence
from typing import NamedTuple

from setpoint.model.push import RefMove, TreeEntry

FLUSH = b"0000"
MESSAGE_BYTES_MAX = 4000
"""Less than a why may have: what nobody typed for this deploy must not keep it from happening."""
COMMIT_BYTES_READ = 64 * 1024
OPTIONS_MAX = 20


class HookSaid(NamedTuple):
    """What git tells its hook: `environment` and the refs that are to move."""

    environment: dict[str, str]
    moves: tuple[RefMove, ...]

    @property
    def options(self) -> tuple[str, ...]:
        """`git push -o ...`, in the order given."""
        count = self.environment.get("GIT_PUSH_OPTION_COUNT", "0")
        many = min(int(count), OPTIONS_MAX) if count.isdecimal() else 0
        return tuple(self.environment.get(f"GIT_PUSH_OPTION_{n}", "") for n in range(many))


def pkt_line(payload: bytes) -> bytes:
    """Four hex digits that count themselves, then the payload."""
    return b"%04x" % (len(payload) + 4) + payload


def advertised(service: str, refs: bytes) -> bytes:
    """The body of `info/refs`: which service, then what git says of the refs."""
    return pkt_line(f"# service={service}\n".encode()) + FLUSH + refs


def hook_said(said: bytes) -> HookSaid | None:
    """`env -0`, a line's end, the moves and a line with a dot; None as long as it is not whole."""
    environment, _, rest = said.rpartition(b"\0")
    if not rest.startswith(b"\n") or not rest.endswith(b"\n.\n"):
        return None
    pairs = (entry.decode("utf-8", "replace").partition("=") for entry in environment.split(b"\0"))
    lines = rest.decode("utf-8", "replace").splitlines()[1:-1]
    moves = (RefMove(*line.split(" ", 2)) for line in lines if line.count(" ") >= 2)
    return HookSaid({name: value for name, _, value in pairs}, tuple(moves))


def tree(listing: bytes) -> tuple[TreeEntry, ...]:
    """What `git ls-tree -r -l -z` lists: mode, type, id and size, a tab, then the path."""
    entries = list[TreeEntry]()
    for line in filter(None, listing.split(b"\0")):
        facts, _, path = line.partition(b"\t")
        mode, _, id, size = facts.decode("ascii").split()
        entries.append(TreeEntry(mode, id, int(size) if size.isdecimal() else 0, path))
    return tuple(entries)


def commit_message(commit: bytes) -> str:
    """Of a commit as `git cat-file` shows it, trailers included, in whatever encoding it names.
    What cannot be decoded is replaced, and too long a one is cut."""
    head, _, message = commit[:COMMIT_BYTES_READ].partition(b"\n\n")
    return cut(_decoded(message, _encoding(head)).strip())


def cut(message: str) -> str:
    """Whole lines only, unless the first is too long by itself."""
    if len(message.encode(errors="replace")) <= MESSAGE_BYTES_MAX:
        return message
    short = message.encode(errors="replace")[:MESSAGE_BYTES_MAX].decode("utf-8", "ignore")
    return short.rpartition("\n")[0] or short


def said_why(options: Sequence[str]) -> str:
    """Of `-o why=...`; the last one counts, as with git's own options."""
    told = [o.removeprefix("why=") for o in options if o.startswith("why=")]
    return told[-1] if told else ""


def _encoding(head: bytes) -> str:
    """Headers of a commit are lines; a signature among them goes on in lines that begin with a
    space."""
    for line in head.split(b"\n"):
        if line.startswith(b"encoding "):
            return line.removeprefix(b"encoding ").decode("ascii", "replace").strip()
    return "utf-8"


def _decoded(message: bytes, encoding: str) -> str:
    try:
        return message.decode(encoding, "replace")
    except (LookupError, ValueError):  # no such encoding, or none that is for text
        return message.decode("utf-8", "replace")
