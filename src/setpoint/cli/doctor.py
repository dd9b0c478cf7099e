"""`setpoint doctor`: what this installation can do; also before it runs."""

import argparse
import os
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from setpoint.cli import codes
from setpoint.cli.client import Unreachable
from setpoint.cli.command import Here

EXAMPLE = "setpoint doctor"


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
    for sentence in told["missing"]:
        here.out.line(f"  missing: {sentence}", "yellow")
    here.out.result(told)
    return codes.SETTLED


def _fields(told: dict[str, Any]) -> list[tuple[str, str]]:
    capabilities = told["capabilities"]
    return [
        ("  isolation", f"{told['level']} ({told['level_words']})"),
        ("  python", capabilities["python"]),
        ("  stack", capabilities["stack"]),
        ("  memory", f"{capabilities['memory_bytes'] // 2**20} MiB"),
        ("  limits", "enforced" if capabilities["limits"] else "not enforced"),
        ("  instances", f"at most {capabilities['instances_max']} per process type"),
        ("  edge", f"port {told['edge_port']}"),
        *(_plane(told["plane"])),
    ]


def _plane(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Whatever it tells of itself; lists of things one a line."""
    for name, fact in facts.items():
        for item in fact if isinstance(fact, list) else (fact,):
            yield f"  {name}", _words(item)


def _words(fact: object) -> str:
    if isinstance(fact, dict):
        return "  ".join(f"{key}={value}" for key, value in fact.items())
    return str(fact)


def _look_at_machine(here: Here) -> NoReturn:
    sys.stdout.flush()
    words = ["-I", "-m", "setpoint.processes.doctor", "--data", str(here.data)]
    os.execv(sys.executable, [sys.executable, *words, *(["--json"] if here.args.json else [])])
