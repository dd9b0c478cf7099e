"""`setpoint info`: one app in full."""

import argparse
from typing import Any

from setpoint.cli import codes, egress
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app
from setpoint.cli.output import ago
from setpoint.cli.probe import text
from setpoint.cli.status import drift_text, dyno_lines, state_text, upkeep_text

EXAMPLE = "setpoint info shop"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)


def run(here: Here) -> int:
    app = here.client.get(path("v1", "apps", here.app))
    here.out.line(app["name"], "bold")
    here.out.fields(_fields(app))
    here.out.result(app)
    return codes.SETTLED


def _fields(app: dict[str, Any]) -> list[tuple[str, str]]:
    at_s = app["at_s"]
    seen_s = app["seen_s_ago"]
    return [
        ("  state", _state(app)),
        ("  seen", ago(seen_s) if seen_s is not None else "never"),
        *((("  upkeep", upkeep_text(app["upkeep"], at_s)),) if app["upkeep"] else ()),
        *(("  url", url) for url in app["urls"]),
        *(("  function", f"{app['name']}/{f['name']}") for f in app["functions"]),
        ("  release", _release(app["releases"], at_s)),
        ("  formation", ", ".join(f"{p}={n}" for p, n in app["formation"].items())),
        *(("  probe", text(probe)) for probe in app["probes"]),
        ("  egress", egress.text(app["egress"])),
        ("  config", ", ".join(app["config_keys"])),
        ("  source", app["source"][:12]),
        ("  owner", app["owner"]),
        ("  created", ago(at_s - app["created_at_s"])),
        ("  changed", f"{ago(at_s - app['updated_at_s'])}, by c{app['last_change']}"),
        ("  id", app["id"]),
        *(("  dyno", line) for line in dyno_lines(app)),
        *(("  drift", drift_text(drifted, at_s)) for drifted in app["drift"]),
    ]


def _state(app: dict[str, Any]) -> str:
    """The first line of what is wrong; `status` tells the rest."""
    first, *more = app["message"].splitlines() or [""]
    see = f"; see: setpoint status {app['name']}" if more else ""
    return f"{state_text(app, app['at_s'])}  {first}{see}".strip()


def _release(releases: list[dict[str, Any]], at_s: float) -> str:
    """The one that serves, and a newer one that does not (yet)."""
    told = [
        f"{r['label']} {r['status']} {ago(at_s - r['created_at_s'])}"
        for r in releases
        if r["current"] or r is releases[0]
    ]
    return "; ".join(told) or "none yet"
