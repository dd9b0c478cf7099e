"""uv, run so that only what the operator set reaches it, and its words understood.

The tool is held open as a descriptor: the builder drops to a user who may not be able to pass the
folders on the way to it.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

RUN_S_MAX = 600.0
OUTPUT_BYTES_MAX = 1024 * 1024

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

    def run(self, *arguments: str, stdin: str = "", folder: str = "/") -> Outcome:
        """Raises nothing: a program that does not run or hangs is an outcome too."""
        try:
            done = subprocess.run(
                [f"/proc/self/fd/{self.fd}", "--quiet", *arguments],
                input=stdin.encode(),
                capture_output=True,
                cwd=folder,
                env=self.settings,
                pass_fds=(self.fd,),
                timeout=RUN_S_MAX,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return Outcome(False, "", f"error: uv did not run: {error}")
        return Outcome(
            done.returncode == 0,
            done.stdout.decode(errors="replace"),
            done.stderr[-OUTPUT_BYTES_MAX:].decode(errors="replace"),
        )


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
