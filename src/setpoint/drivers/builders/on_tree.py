"""Commands on a tree, as the builder sees them: what must be run elsewhere, and what became of it.

They are the app's own code, or its packages', so they run in the app's own sandbox, started by the
supervisor. Here the tree is laid ready as a tar, and another tar comes back. Nothing of it is
believed: it is unpacked as strictly as an upload.
"""

import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders import archive, lacking, room, tree
from setpoint.drivers.builders.archive import Limits
from setpoint.drivers.builders.errors import CannotBuild, NeedsRunStage
from setpoint.drivers.builders.from_source import ending_of
from setpoint.formats import handover
from setpoint.formats.handover import COMMAND_FAILED, TREE_BYTES_MAX, Ending, Work
from setpoint.model.ids import AppId, Digest

VERSION = "1"
"""Part of every key: raise it when the same commands must run anew."""
LIMITS = Limits(packed_bytes=TREE_BYTES_MAX, unpacked_bytes=TREE_BYTES_MAX, entries=room.FILES_MAX)


def key(app: AppId, stack: str, *decisive: str) -> Digest:
    """Of a work, and of the layer that comes of it: it was made by the app's own code, so it is
    the app's alone. `decisive`: the tree's digest and all else that decides what becomes of it."""
    text = "\0".join((VERSION, "made by", app, stack, *decisive))
    return Digest(hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True)
class OnTree:
    """`handover`: the folder shared with the run stage."""

    handover: Path

    def run(self, work: Work, root: Path, into: Path) -> None:
        """What the commands made of the tree `root`, as the new folder `into`.

        Raises NeedsRunStage when they have not run yet, and CannotBuild when they failed.
        """
        ending = ending_of(self.handover, work)
        if ending is None:
            _pack(root, self.handover / work.input)
            raise NeedsRunStage((work,))
        judge(work, ending)
        with (self.handover / handover.output_file(work)).open("rb") as made:
            archive.unpack_plain(made, into, LIMITS, f"what {work.commands[-1]!r} left behind")


def _pack(root: Path, file: Path) -> None:
    """Each file as itself: what shares its content in our layers may be changed one by one."""
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(tree.files(root)):
            path, member = root / name, tarfile.TarInfo(name)
            if path.is_symlink():
                member.type, member.linkname = tarfile.SYMTYPE, os.readlink(path)
                tar.addfile(member)
                continue
            with path.open("rb") as content:
                seen = os.fstat(content.fileno())
                member.size, member.mode = seen.st_size, 0o644 | seen.st_mode & 0o111
                tar.addfile(member, content)


def judge(work: Work, ending: Ending) -> None:
    """Raises CannotBuild unless it ended well."""
    if ending.late:
        raise _failed(work, ending, "took more than 15 minutes")
    if ending.oom:
        raise _failed(work, ending, "ran out of memory")
    if ending.full:
        raise _failed(work, ending, "filled the disk")
    if ending.code is None:
        fact = f"{_shown(work, ending)} was cut off"
        raise CannotBuild(fact, tool=ending.said, user_error=False)
    if ending.code != 0:
        lack = lacking.read(ending.said)
        fact, hint = (lack.fact, lack.hint) if lack is not None else ("failed", "")
        raise _failed(work, ending, fact, hint)


def _failed(work: Work, ending: Ending, fact: str, hint: str = "") -> CannotBuild:
    return CannotBuild(f"{_shown(work, ending)} {fact}", hint, tool=ending.said)


def _shown(work: Work, ending: Ending) -> str:
    """The command that failed, where that is known."""
    number = (ending.code or 0) - COMMAND_FAILED
    if 0 <= number < len(work.commands):
        return f"`{work.commands[number]}`"
    return " and ".join(f"`{command}`" for command in work.commands)
