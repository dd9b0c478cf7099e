"""`setpoint releases`: what ran, what runs, who wanted it and why; or one release in full."""

import argparse
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app_option, app_and_version
from setpoint.cli.output import ago, one_line

EXAMPLE = "setpoint releases shop v3"
WHY_CHARS_MAX = 40


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="APP [VERSION]", nargs="*", help="one release, in full")
    parser.add_argument("-n", "--limit", type=int, metavar="N", default=15, help="how many (15)")
    add_app_option(parser)


def run(here: Here) -> int:
    app, version = app_and_version(here, "see the releases of")
    if version:
        return _one(here, here.client.get(path("v1", "apps", app, "releases", version)))
    query = f"?limit={max(here.args.limit, 1)}"
    told = here.client.get(path("v1", "apps", app, "releases") + query)
    if not told["releases"]:
        here.out.line(f"no releases yet; the first comes with: setpoint deploy DIR -a {app}")
    here.out.table(_row(r, told["at_s"]) for r in told["releases"])
    here.out.result(told["releases"])
    return codes.SETTLED


def _row(release: dict[str, Any], at_s: float) -> tuple[str, ...]:
    return (
        "*" if release["current"] else " ",
        release["label"],
        release["status"],
        release["description"],
        release["by"],
        ago(at_s - release["created_at_s"]),
        _beginning(release["why"]),
    )


def _beginning(why: str) -> str:
    first = one_line(why.split("\n", 1)[0])
    return first if len(first) <= WHY_CHARS_MAX else first[: WHY_CHARS_MAX - 1] + "…"


def _one(here: Here, told: dict[str, Any]) -> int:
    line = told["line"]
    serves = ", serves" if line["current"] else ""
    here.out.line(f"{line['label']}  {line['description']}", "bold")
    here.out.fields(
        [
            ("  status", f"{line['status']}{serves}"),
            ("  by", f"{line['by']}, c{line['change']}"),
            ("  why", line["why"]),
            ("  source", " ".join((line["source"][:12], line["commit"])).strip()),
            ("  slug", "kept" if line["kept"] else "gone; it cannot be gone back to"),
            *(("  process", f"{p['name']}: {_command(p)}") for p in told["processes"]),
            ("  config", ", ".join(told["config_keys"])),
            *(("  differs", f"{d['what']} {d['key']}") for d in told["differs"]),
            *(("  warning", warning) for warning in told["warnings"]),
            ("  stack", told["stack"]),
        ]
    )
    for text in line["message"].splitlines():
        here.out.line(f"  {text}", "yellow")
    here.out.result(told)
    return codes.SETTLED


def _command(process: dict[str, Any]) -> str:
    return process["command"] or " ".join((process["kind"], process["folder"])).strip()
