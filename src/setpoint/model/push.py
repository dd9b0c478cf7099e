"""What git's clients push: refs that are to move, and the tree of the commit that is to run."""

import msgspec

NOTHING = "0" * 40
"""git's name for no commit at all: a ref begins or ends"""
PACK_BYTES_MAX = 1024 * 1024 * 1024
"""what one push may bring"""
REPOSITORY_BYTES_MAX = 2 * PACK_BYTES_MAX
"""what an app's repository may come to: history, not what is deployed of it"""


class RefMove(msgspec.Struct, frozen=True):
    """`old`, `new`: commits in hex, NOTHING where the ref begins or ends. `ref`: its full name."""

    old: str
    new: str
    ref: str

    @property
    def branch(self) -> str:
        """'' for what is no branch."""
        _, found, name = self.ref.partition("refs/heads/")
        return name if found else ""


class TreeEntry(msgspec.Struct, frozen=True):
    """`path`: bytes as git has them, not known to be text. `bytes_`: 0 for a submodule."""

    mode: str
    id: str
    bytes_: int
    path: bytes

    @property
    def is_submodule(self) -> bool:
        return self.mode == "160000"

    @property
    def is_link(self) -> bool:
        return self.mode == "120000"
