"""What a push may do: which of its refs is deployed, and whether its tree can be."""

from collections.abc import Sequence

from setpoint.model.app import MIB
from setpoint.model.errors import Invalid, OverLimit
from setpoint.model.push import NOTHING, RefMove, TreeEntry
from setpoint.model.release import SOURCE_FILES_MAX, SOURCE_UNPACKED_BYTES_MAX
from setpoint.policy.names import shortened

DEPLOYED = ("main", "master")
"""Branches that are run; all else that is pushed is kept and not run."""
MOVES_MAX = 1000
LINK_BYTES_MAX = 4096


def deployed(app: str, moves: Sequence[RefMove]) -> RefMove | None:
    """The one that is to run, if one is. Raises Invalid and OverLimit."""
    if len(moves) > MOVES_MAX:
        raise OverLimit(f"cannot take the push: it moves {len(moves)} refs, at most {MOVES_MAX}")
    found = [move for move in moves if move.branch in DEPLOYED]
    if any(move.new == NOTHING for move in found):
        raise Invalid(f"cannot delete that branch of '{app}': it is what is deployed")
    if len(found) > 1:
        raise Invalid(
            f"cannot deploy '{app}': main and master were pushed at once", "push one of them"
        )
    return found[0] if found else None


def kept_only(move: RefMove) -> str:
    """What is said of a ref that is not deployed."""
    name = shortened(move.ref.removeprefix("refs/heads/").removeprefix("refs/"))
    if move.new == NOTHING:
        return f"{name} is removed; what is deployed stays as it is"
    return f"{name} is kept and not deployed: only main and master are"


def check_tree(app: str, entries: Sequence[TreeEntry]) -> None:
    """Before anything of it is read. What links lead out of it the builder says. Raises Invalid and
    OverLimit."""
    failing = f"cannot deploy '{app}'"
    if not entries:
        raise Invalid(f"{failing}: there is no file in it")
    if len(entries) > SOURCE_FILES_MAX:
        raise OverLimit(f"{failing}: it has {len(entries)} files, at most {SOURCE_FILES_MAX}")
    total, most = sum(entry.bytes_ for entry in entries), SOURCE_UNPACKED_BYTES_MAX
    if total > most:
        raise OverLimit(f"{failing}: it has {total // MIB} MiB, at most {most // MIB} are allowed")
    for entry in entries:
        _check_entry(failing, entry)


def _check_entry(failing: str, entry: TreeEntry) -> None:
    shown = shortened(entry.path.decode("utf-8", "replace"))
    if entry.is_submodule:
        raise Invalid(
            f"{failing}: '{shown}' is a submodule, and those are not fetched",
            "commit its files instead",
        )
    if entry.is_link and entry.bytes_ > LINK_BYTES_MAX:
        raise Invalid(f"{failing}: the link '{shown}' is longer than a path can be")
    try:
        entry.path.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{failing}: the name '{shown}' is not UTF-8", "rename it") from None
