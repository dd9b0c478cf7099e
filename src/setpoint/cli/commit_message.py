"""What the commit that a folder stands at says: the reason for its source, by its author."""

import subprocess
from pathlib import Path

from setpoint.formats import git

GIT_S_MAX = 10.0


def commit_message(folder: Path, what: str = ".") -> str:
    """Of the newest commit that touched this folder, or `what` in it. '' where there is none,
    where something of it is not committed (then the message is about something else), or without
    git."""
    try:
        if _git(folder, "status", "--porcelain", "--", what):
            return ""
        return git.cut(_git(folder, "log", "-1", "--format=%B", "--", what).strip())
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *words: str) -> str:
    """Nothing is written, and no helper that a repository names is run. Raises OSError and
    SubprocessError."""
    done = subprocess.run(
        ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", *words],
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=GIT_S_MAX,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.decode("utf-8", "replace")
