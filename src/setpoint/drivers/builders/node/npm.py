"""npm, run so that only what the operator set reaches it, and its words understood.

It works in a folder that holds nothing but what was screened; no `.npmrc` is read, and no script
of any package runs.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from setpoint.drivers.builders import watched
from setpoint.drivers.builders.node.engine import Node

PASSED_ON = (
    *("NODE_EXTRA_CA_CERTS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)
"""The operator's settings. Nothing else of the environment reaches npm."""
REGISTRY = re.compile(r"npm_config_(?:registry|@[^:]+:registry|//.+)", re.IGNORECASE)
"""where packages come from, for one scope too, and credentials for an address"""
TRUST = ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
"""the machine's own trust store, which npm does not look at by itself"""
NOWHERE = "/nonexistent"


def environment(operator: Mapping[str, str], cache: Path, node: Node) -> dict[str, str]:
    """From scratch."""
    settings = {
        "cache": str(cache),
        "userconfig": f"{NOWHERE}/user",
        "globalconfig": f"{NOWHERE}/global",
        "update_notifier": "false",
        "audit": "false",
        "fund": "false",
        "ignore_scripts": "true",
        "logs_max": "0",
        "fetch_retry_mintimeout": "500",
        "fetch_retry_maxtimeout": "5000",
    }
    return {
        **_trust(operator),
        **{k: v for k, v in operator.items() if k in PASSED_ON or REGISTRY.fullmatch(k)},
        "PATH": f"{os.path.dirname(node.path)}:/usr/bin:/bin",
        "HOME": NOWHERE,
        "NO_COLOR": "1",
        **{f"npm_config_{key}": value for key, value in settings.items()},
    }


def _trust(operator: Mapping[str, str]) -> dict[str, str]:
    named = operator.get(TRUST[0], TRUST[1])
    return {"NODE_EXTRA_CA_CERTS": named} if os.path.isfile(named) else {}


class Reason(StrEnum):
    OUT_OF_STEP = "out-of-step"
    UNKNOWN_PACKAGE = "unknown-package"
    HASH_MISMATCH = "hash-mismatch"
    NOT_CACHED = "not-cached"
    REGISTRY_UNREACHABLE = "registry-unreachable"
    MACHINE = "machine"
    UNKNOWN = "unknown"


_CODES = {
    "EUSAGE": Reason.OUT_OF_STEP,
    "E404": Reason.UNKNOWN_PACKAGE,
    "ETARGET": Reason.UNKNOWN_PACKAGE,
    "EINTEGRITY": Reason.HASH_MISMATCH,
    "ENOTCACHED": Reason.NOT_CACHED,
    **dict.fromkeys(("ENOSPC", "EDQUOT", "ENOMEM", "EMFILE", "EACCES"), Reason.MACHINE),
}
_NETWORK = re.compile(
    r"E(?:CONN\w+|NOTFOUND|AI_AGAIN|TIMEDOUT|HOSTUNREACH|NETUNREACH|PROTO|SOCKET\w*|401|403|407"
    r"|429|5\d\d)|ERR_\w*(?:TLS|SSL|SOCKET)\w*|\w*(?:CERT|SIGNATURE|SELF_SIGNED)\w*"
)
_CODE = re.compile(r"^npm (?:error|ERR!) code (\S+)", re.MULTILINE)
_LINE = re.compile(r"^npm (?:error|ERR!) ?")
_NOISE = re.compile(r"code |A complete log|Log files were not|For a full report|.*eresolve-report")
_USAGE = "Clean install a project"
"""From here on npm explains its command line, which nobody here typed."""


@dataclass(frozen=True)
class Outcome:
    ok: bool
    errors: str

    @property
    def reason(self) -> Reason:
        return reason(self.errors)


@dataclass(frozen=True)
class Npm:
    """`settings`: its whole environment."""

    node: Node
    settings: Mapping[str, str]

    def ci(self, folder: Path, *options: str) -> Outcome:
        """node_modules of the project in `folder`. From the cache first: where all is there, the
        network is not touched. Raises CannotBuild only where what it unpacks is too big."""
        outcome = self._run(folder, "ci", *options, "--offline")
        # A cached list of versions may be older than the version that is wanted.
        if not outcome.ok and outcome.reason in (Reason.NOT_CACHED, Reason.UNKNOWN_PACKAGE):
            outcome = self._run(folder, "ci", *options)
        return outcome

    def _run(self, folder: Path, *arguments: str) -> Outcome:
        argv = [self.node.path, self.node.npm, *arguments]
        self.cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            code, _, errors = watched.run(argv, self.settings, str(folder), folder)
        except (OSError, subprocess.SubprocessError) as error:
            return Outcome(False, f"npm error code ENOMEM\nnpm error npm did not run: {error}")
        return Outcome(code == 0, errors)

    @property
    def cache(self) -> Path:
        return Path(self.settings["npm_config_cache"])


def reason(errors: str) -> Reason:
    found = _CODE.search(errors)
    code = found[1] if found else ""
    if _NETWORK.fullmatch(code):
        return Reason.REGISTRY_UNREACHABLE
    return _CODES.get(code, Reason.UNKNOWN)


def told(errors: str) -> str:
    """What to show a user: npm's own error lines, without marks and advice on its flags."""
    lines = [_LINE.sub("", line) for line in errors.splitlines() if _LINE.match(line)]
    if _USAGE in lines:
        lines = lines[: lines.index(_USAGE)]
    return "\n".join(line for line in lines if line.strip() and not _NOISE.match(line))
