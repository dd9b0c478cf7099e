"""uv, run so that only what the operator set reaches it, and its words understood.

The tool is held open as a descriptor: the builder drops to a user who may not be able to pass the
folders on the way to it.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from setpoint.drivers.builders import watched

PASSED_ON = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
    *("UV_INDEX_STRATEGY", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES"),
)
"""The operator's settings. Nothing else of the environment reaches uv, and pip's never did."""

INDEX_SETTINGS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
FIND_LINKS = "UV_FIND_LINKS"


def environment(operator: Mapping[str, str], cache: Path) -> dict[str, str]:
    """From scratch. `UV_SYSTEM_CERTS`: the machine's own trust store, a company's included."""
    return {
        **{key: value for key, value in operator.items() if key in PASSED_ON},
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "UV_CACHE_DIR": str(cache),
        "UV_CREDENTIALS_DIR": str(cache / "credentials"),
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_SYSTEM_CERTS": "1",
        "NO_COLOR": "1",
    }


def indexes(operator: Mapping[str, str]) -> frozenset[str]:
    """Every index the operator names; a project may repeat one of them."""
    named = (word for key in INDEX_SETTINGS for word in operator.get(key, "").split())
    return frozenset(
        word.partition("=")[2] if "=" in word.split("://")[0] else word for word in named
    )


def local_folders(operator: Mapping[str, str]) -> tuple[Path, ...]:
    """Folders of this machine that the operator named as a place of packages."""
    named = (*indexes(operator), *operator.get(FIND_LINKS, "").split(","))
    paths = (Path(word.removeprefix("file://")) for word in named)
    return tuple(path.resolve() for path in paths if path.is_absolute())


class Reason(StrEnum):
    UNSATISFIABLE = "unsatisfiable"
    UNKNOWN_PACKAGE = "unknown-package"
    SOURCE_ONLY = "source-only"
    HASH_MISMATCH = "hash-mismatch"
    NOT_CACHED = "not-cached"
    INDEX_UNREACHABLE = "index-unreachable"
    SYNTAX = "syntax"
    MACHINE = "machine"
    """the disk is full, uv does not run: nothing in the source causes or cures it"""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outcome:
    ok: bool
    output: str
    errors: str

    @property
    def reason(self) -> Reason:
        return reason(self.errors)


@dataclass(frozen=True)
class Uv:
    """`fd`: the program, open. `settings`: its whole environment."""

    fd: int
    settings: Mapping[str, str]

    def seeing(self, folder: Path) -> "Uv":
        """One that finds wheels in there, too, and remembers nothing of what it found."""
        links = ",".join(filter(None, (self.settings.get(FIND_LINKS, ""), str(folder))))
        return replace(self, settings={**self.settings, FIND_LINKS: links, "UV_NO_CACHE": "1"})

    def alone_with(self, folder: Path) -> "Uv":
        """One that knows of no other place, no network and no shared cache."""
        kept = {k: v for k, v in self.settings.items() if k not in PASSED_ON}
        own = {FIND_LINKS: str(folder), "UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_NO_CACHE": "1"}
        return replace(self, settings={**kept, **own})

    def run(self, *arguments: str, stdin: str = "", folder: str = "/") -> Outcome:
        """A program that does not run or hangs is an outcome too. Raises CannotBuild only where
        what it unpacks is too big."""
        try:
            return self._run(arguments, stdin.encode(), folder)
        except (OSError, subprocess.SubprocessError) as error:
            return Outcome(False, "", f"error: uv did not run: {error}")

    def _run(self, arguments: tuple[str, ...], stdin: bytes, folder: str) -> Outcome:
        argv = [f"/proc/self/fd/{self.fd}", "--quiet", *arguments]
        code, out, errors = watched.run(
            argv, self.settings, folder, self.cache, stdin=stdin, pass_fds=(self.fd,)
        )
        return Outcome(code == 0, out, errors)

    @property
    def cache(self) -> Path:
        """Where it unpacks."""
        folder = Path(self.settings["UV_CACHE_DIR"])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def open_uv(program: str) -> int:
    """Close-on-exec, as every descriptor; `Uv.run` passes it on by name."""
    return os.open(program, os.O_RDONLY | os.O_CLOEXEC)


# --- its words -----------------------------------------------------------------------------------

_SIGNS: Iterable[tuple[Reason, str]] = (
    (
        Reason.MACHINE,
        r"No space left on device|Disk quota exceeded|Cannot allocate memory|uv did not run",
    ),
    (Reason.HASH_MISMATCH, r"Hash mismatch"),
    (Reason.NOT_CACHED, r"network was disabled|[Nn]etwork connectivity is disabled"),
    (
        Reason.INDEX_UNREACHABLE,
        r"UnknownIssuer|error sending request|tcp connect|dns error|timed out|Failed to fetch"
        r"|HTTP status server error",
    ),
    (Reason.UNKNOWN_PACKAGE, r"not found in the package registry"),
    (Reason.SYNTAX, r"Couldn't parse requirement"),
    (Reason.SOURCE_ONLY, r"Wheels are required for|no usable wheels"),
    (Reason.UNSATISFIABLE, r"No solution found"),
)
_SOURCE_ONLY = re.compile(r"Wheels are required for `([^`]+)`")
_HEAD = re.compile(r"^\s*(×\s*)?(error: )?(No solution found.*)?$")
_ADVICE = re.compile(r"^\s*(hint: )(?!.*(no wheels|available for|was requested))")


def reason(errors: str) -> Reason:
    """Read from uv's standard error, whose lines it may wrap."""
    flat = " ".join(errors.split())
    return next((r for r, sign in _SIGNS if re.search(sign, flat)), Reason.UNKNOWN)


def source_only(errors: str) -> tuple[str, ...]:
    """Packages that need a build, by name."""
    return tuple(dict.fromkeys(_SOURCE_ONLY.findall(errors)))


def told(errors: str) -> str:
    """What to show a user: no heads, no marks, and no advice on uv's own flags."""
    lines = (line.rstrip() for line in errors.splitlines() if not line.startswith("warning:"))
    kept = (line for line in lines if not _HEAD.match(line) and not _ADVICE.match(line))
    return "\n".join(re.sub(r"^\s*(╰─▶|cause:|error:)?\s*", "", line) for line in kept)
