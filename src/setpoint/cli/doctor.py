"""`setpoint doctor`: what this installation can do; also before it runs."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from setpoint.cli import codes
from setpoint.cli.client import Unreachable
from setpoint.cli.command import Here
from setpoint.cli.output import ago, size
from setpoint.cli.status import disk_words, troubles

EXAMPLE = "setpoint doctor"
ROOM_BYTES_MIN = 100_000
"""Smaller folders are not worth a word."""

EGRESS_WORDS = {
    "public": "public addresses and named ranges, for each app as it says",
    "none": "no way out of any app",
    "machine": "the machine's whole network, for every app",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""
    del parser


def run(here: Here) -> int:
    """A running Setpoint knows best; without one, the machine itself is looked at."""
    try:
        told = here.client.get("/v1/doctor")
    except Unreachable:
        _look_at_machine(here)
    here.out.line(f"Setpoint {told['version']} runs", "green")
    here.out.fields(_fields(told))
    here.out.table(_processes(told["plane"].get("processes", [])), "  ")
    for sentence in _replaced(told["plane"].get("processes", [])):
        here.out.line(f"  {sentence}", "yellow")
    for sentence in troubles(told):
        here.out.line(f"  {sentence}", "red")
    for sentence in told["missing"]:
        here.out.line(f"  missing: {sentence}", "yellow")
    here.out.result(told)
    return codes.SETTLED


def _fields(told: dict[str, Any]) -> list[tuple[str, str]]:
    capabilities = told["capabilities"]
    return [
        ("  isolation", f"{told['level']} ({told['level_words']})"),
        ("  python", f"{capabilities['python_version']} ({capabilities['python']})"),
        ("  node", ", ".join(capabilities["node_versions"])),
        ("  stack", capabilities["stack"]),
        ("  memory", f"{capabilities['memory_bytes'] // 2**20} MiB"),
        ("  limits", "enforced" if capabilities["limits"] else "not enforced"),
        ("  sizes", ", ".join(capabilities["sizes"])),
        ("  TLS", ", ".join(capabilities["tls_hosts"])),
        ("  instances", f"at most {capabilities['instances_max']} per process type"),
        ("  egress", EGRESS_WORDS[capabilities["egress"]]),
        ("  disk", _disk(told["disk"])),
        ("  data", _rooms(told["disk"]["rooms"])),
        ("  edge", f"port {told['edge_port']}"),
        ("  API", told["plane"].get("api", "")),
        ("  processes", f"{len(told['plane'].get('processes', []))}:"),
    ]


def _disk(disk: dict[str, Any]) -> str:
    low = "; nothing is deployed until there is more" if disk["low"] else ""
    return disk_words(disk) + low


def _rooms(rooms: dict[str, int]) -> str:
    """'layers 9.0 GB, cache 1.2 GB': what the data directory holds, the largest first."""
    largest = sorted(rooms.items(), key=lambda room: -room[1])
    return ", ".join(f"{name} {size(count)}" for name, count in largest if count >= ROOM_BYTES_MIN)


def _replaced(rows: list[dict[str, Any]]) -> Iterator[str]:
    """'envoy was replaced 2 min ago: it neither answered nor ran'"""
    for row in rows:
        if row.get("why") and row["up_s"] is not None:
            yield f"{row['name']} was replaced {ago(row['up_s'])}: {row['why']}"


def _processes(rows: list[dict[str, Any]]) -> Iterator[Sequence[str]]:
    for row in rows:
        if row["up_s"] is None:
            yield f"  {row['name']}", "not running", "", "", ""
        else:
            started = f"started {ago(row['up_s'])}"
            yield f"  {row['name']}", started, size(row["rss_bytes"]), *_who(row)


def _who(row: dict[str, Any]) -> tuple[str, str]:
    return f"uid {row['uid']}", f"pid {row['pid']}"


def _look_at_machine(here: Here) -> NoReturn:
    sys.stdout.flush()
    words = ["-I", "-m", "setpoint.processes.doctor", "--data", str(here.data)]
    os.execv(sys.executable, [sys.executable, *words, *(["--json"] if here.args.json else [])])
