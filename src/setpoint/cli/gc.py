"""`setpoint gc`: removes what is kept no longer, or tells what would go."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from setpoint.cli import codes
from setpoint.cli.command import Here
from setpoint.cli.output import size

EXAMPLE = "setpoint gc --dry-run"
TITLES = {
    "code": "code layers",
    "deps": "package layers",
    "source": "sources",
    "build": "build results and logs",
}
ROWS = {
    "journal": "journal entries",
    "events": "events",
    "jobs": "jobs",
    "builds": "build rows",
    "secrets": "old config values",
    "keys": "idempotency keys",
    "tokens": "expired tokens",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only tell what would go")


def run(here: Here) -> int:
    """0 also where there was nothing to do. 3: something had to be left for another time."""
    told = here.client.call("POST", "/v1/gc", {"dry_run": here.args.dry_run}, timeout_s=None)
    apps = {app["id"]: app["name"] for app in here.client.get("/v1/status")["apps"]}
    rows = [*_releases(told, apps), *_things(told), *_caches(told), *_pruned(told)]
    here.out.table(rows)
    here.out.line(_sum(told) if rows else "nothing to remove")
    if told["left"]:
        here.out.line(f"left for another time: {told['left']}", "yellow")
    here.out.result(told)
    return codes.NOT_AS_ASKED if told["left"] else codes.SETTLED


def _releases(told: dict[str, Any], apps: dict[str, str]) -> Iterator[Sequence[str]]:
    """One line per app: which can be gone back to no longer."""
    by_app: dict[str, list[dict[str, Any]]] = {}
    for gone in told["let_go"]:
        by_app.setdefault(gone["app"], []).append(gone)
    for app, gone in by_app.items():
        versions = _versions([g["version"] for g in gone])
        yield (
            f"{len(gone)}",
            "releases",
            "",
            f"{apps.get(app, app)} {versions}: {gone[0]['because']}",
        )


def _versions(numbers: list[int]) -> str:
    first, last = f"v{min(numbers)}", f"v{max(numbers)}"
    return first if first == last else f"{first} to {last}"


def _things(told: dict[str, Any]) -> Iterator[Sequence[str]]:
    for kind, title in TITLES.items():
        mine = [r for r in told["removals"] if r["kind"] == kind]
        if mine:
            freed = sum(r["bytes"] for r in mine)
            yield f"{len(mine)}", title, size(freed), mine[0]["because"]


def _caches(told: dict[str, Any]) -> Iterator[Sequence[str]]:
    if told["cache_bytes"]:
        yield "", "caches", size(told["cache_bytes"]), "beyond their bound, oldest first"


def _pruned(told: dict[str, Any]) -> Iterator[Sequence[str]]:
    for field, title in ROWS.items():
        if told["pruned"][field]:
            yield (
                f"{told['pruned'][field]}",
                title,
                "",
                "older than they are kept, or needed by nothing",
            )


def _sum(told: dict[str, Any]) -> str:
    freed = sum(r["bytes"] for r in told["removals"]) + told["cache_bytes"]
    if told["dry_run"]:
        return f"would free about {size(freed)}; nothing was removed"
    return f"freed about {size(freed)}"
