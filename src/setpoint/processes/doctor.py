"""`setpoint doctor` while nothing runs: what this machine offers, what is missing, what to do.

Each line is ok, a warning (works, with less) or a failure (cannot start). Exit 2 on a failure.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from setpoint import __version__
from setpoint.drivers.builders.node import engine
from setpoint.drivers.builders.stack import candidates, find_python
from setpoint.drivers.envoy.binary import find_envoy
from setpoint.drivers.local import disk, sandbox
from setpoint.drivers.local.paths import Paths, default_data
from setpoint.formats import retention
from setpoint.model.errors import SetpointError
from setpoint.model.retention import Headroom
from setpoint.policy import headroom
from setpoint.processes import preflight
from setpoint.processes.accounts import accounts
from setpoint.processes.up import API_PORT, EDGE_PORT, RENDEZVOUS_PORT, TLS_PORT

MARKS = {"ok": "ok  ", "warning": "warn", "failure": "FAIL"}


@dataclass(frozen=True)
class Finding:
    state: Literal["ok", "warning", "failure"]
    what: str
    fact: str
    next_step: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="setpoint doctor")
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    findings = list(examine(options.data.absolute()))
    if options.json:
        print(json.dumps({"version": __version__, "findings": [asdict(f) for f in findings]}))
    else:
        for finding in findings:
            print(f"{MARKS[finding.state]}  {finding.what:<12} {finding.fact}")
            if finding.next_step:
                print(f"{'':<19}{finding.next_step}")
    return 2 if any(f.state == "failure" for f in findings) else 0


def examine(data: Path) -> Iterator[Finding]:
    yield from _isolation()
    yield _tried("python", lambda: find_python(candidates(os.environ), shared=os.geteuid() == 0))
    yield _node()
    yield _tried("envoy", lambda: str(find_envoy()))
    yield _data(data)
    yield _space(data)
    yield _port("edge port", EDGE_PORT, "--edge-port")
    yield _port("API port", API_PORT, "--api-port")
    yield _port("TLS port", TLS_PORT, "--tls-port")
    yield _port("terminals", RENDEZVOUS_PORT, "--rendezvous-port")


def _isolation() -> Iterator[Finding]:
    with tempfile.TemporaryDirectory(prefix="setpoint-doctor-") as folder:
        tools = Path(folder)
        tools.chmod(0o711)
        try:
            confinement = sandbox.probe(tools, f"doctor{os.getpid()}")
            if confinement.cgroups is not None:
                confinement.cgroups.remove_all()
        except SetpointError as error:
            yield Finding("failure", "isolation", error.message, error.hint)
            return
    state = "ok" if confinement.level == "L3" else "warning"
    yield Finding(state, "isolation", confinement.words)
    if confinement.level != "L3" and os.geteuid() != 0:
        yield Finding(
            "warning",
            "users",
            "all apps run as one user, separated by namespaces at most",
            "run Setpoint as root to give every app a user of its own",
        )


def _tried(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", what, look())
    except SetpointError as error:
        return Finding("failure", what, error.message, error.hint)


def _node() -> Finding:
    """Never a failure: what is missing is fetched by the first build that wants it."""
    own = engine.machines_own(os.environ)
    if own is None:
        newest = engine.WHEELS[0].version
        return Finding("ok", "node", f"none of the machine's own; {newest} is fetched when needed")
    return Finding("ok", "node", f"{own.path}, {own.version}")


def _data(data: Path) -> Finding:
    try:
        preflight.check_reachable(Paths(data, data), accounts())
    except SetpointError as error:
        return Finding("failure", "data", error.message, error.hint)
    private = Paths(data, data).private
    there = next(p for p in (private, data, *data.parents) if p.exists())
    if not disk.ground(there).writable:
        fact = f"the disk of {there} is read-only"
        return Finding("failure", "data", fact, "mount it writable, or choose another with --data")
    return Finding("ok", "data", str(data))


def _space(data: Path) -> Finding:
    there = next(p for p in (data, *data.parents) if p.exists())
    free, total = disk.space(there)
    fact = f"{free // 2**20:,} MiB of {total // 2**20:,} MiB are free at {there}"
    if headroom.is_low(Headroom(free, total, str(there)), retention.retention(os.environ)):
        return Finding("warning", "disk", fact, "nothing is deployed until more is free")
    return Finding("ok", "disk", fact)


def _port(what: str, port: int, flag: str) -> Finding:
    try:
        preflight.free_port(port, what, flag)
    except SetpointError as error:
        return Finding("warning", what, error.message, error.hint)
    return Finding("ok", what, f"{port} is free")


if __name__ == "__main__":
    sys.exit(main())
