"""`setpoint ps`: what runs of an app, instances and jobs, and how the newest jobs ended."""

import argparse
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app
from setpoint.cli.output import ago

EXAMPLE = "setpoint ps shop"
ENDED_SHOWN = 5
COMMAND_CHARS = 60


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)


def run(here: Here) -> int:
    detail = here.client.get(path("v1", "apps", here.app))
    jobs = here.client.get(path("v1", "apps", here.app, "jobs") + f"?limit={ENDED_SHOWN}")
    now_s, dynos = detail["at_s"], detail["dynos"]
    ended = [j for j in jobs if j["state"] not in ("starting", "up", "stopping")][:ENDED_SHOWN]
    if not dynos:
        here.out.line("nothing runs")
    here.out.table(_running(dyno, now_s) for dyno in dynos)
    if ended:
        here.out.line()
        here.out.line("ended:")
    here.out.table((_ended(job, now_s) for job in ended), "  ")
    here.out.result({"app": detail["name"], "at_s": now_s, "dynos": dynos, "jobs": jobs})
    return codes.SETTLED


def _running(dyno: dict[str, Any], now_s: float) -> tuple[str, ...]:
    since = ago(now_s - dyno["started_at_s"])
    return dyno["name"], dyno["state"], since, dyno["size"], _short(dyno["command"])


def _ended(job: dict[str, Any], now_s: float) -> tuple[str, ...]:
    at_s = job["ended_at_s"] if job["ended_at_s"] is not None else job["asked_at_s"]
    told = (job["message"].splitlines() or [""])[0]
    return job["dyno"], job["state"], ago(now_s - at_s), told, _short(job["command"])


def _short(command: str) -> str:
    return command if len(command) <= COMMAND_CHARS else command[: COMMAND_CHARS - 1] + "…"
