"""Which of a project's scripts its build runs, and in which order. Pure.

Heroku's order: what npm runs around an install, then the build, then dependencies for development
go. Installing itself has been done by then, so `heroku-prebuild` and `preinstall` come after it.
"""

import shlex
from collections.abc import Mapping

BUILDS = ("heroku-postbuild", "build")
"""the first that is there"""
CLEANUP = "heroku-cleanup"
PRUNE = "npm prune --omit=dev --ignore-scripts"


def of_build(scripts: Mapping[str, str]) -> tuple[str, ...]:
    """Their names, in order. `npm run` adds `pre` and `post` by itself."""
    found: list[str] = []
    found += (name for name in ("heroku-prebuild",) if name in scripts)
    if "install" in scripts:
        found.append("install")
    else:
        found += (name for name in ("preinstall", "postinstall") if name in scripts)
    found += (name for name in ("prepare",) if name in scripts)
    found += [name for name in BUILDS if name in scripts][:1]
    return tuple(found)


def commands(scripts: Mapping[str, str], folder: str) -> tuple[str, ...]:
    """Shell lines for the root of the source, () where nothing is to be run."""
    names = of_build(scripts)
    if not names:
        return ()
    lines = [*(f"npm run {name}" for name in names), PRUNE]
    if CLEANUP in scripts:
        lines.append(f"npm run {CLEANUP}")
    where = f"cd {shlex.quote(folder)} && " if folder else ""
    return tuple(f"{where}{line}" for line in lines)
