"""`setpoint deploy`: pack, upload, build, roll out; by the same doors as any Heroku client."""

import argparse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from setpoint.cli import codes
from setpoint.cli.archive import Archive, pack
from setpoint.cli.client import Unreachable, path
from setpoint.cli.command import Here, add_app_option, add_why
from setpoint.cli.commit_message import commit_message
from setpoint.cli.output import size
from setpoint.cli.progress import Progress
from setpoint.cli.project import folder, name_for, processes_of, schedule
from setpoint.cli.release_output import ReleaseOutput
from setpoint.cli.settle import Outcome, add_waiting, complain, follow, goes_on, look, tell

EXAMPLE = 'setpoint deploy ./shop -a shop -m "first try of the new checkout"'

PHASE = "failed: its release phase "
"""so the planner says"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".", help="the project (.)")
    parser.add_argument("--version", metavar="LABEL", default="", help="shown with the release")
    add_app_option(parser)
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    """Whatever can be seen to be wrong in the folder is said before anything is asked for."""
    project = folder(here.args.folder)
    app = here.app_or_none or name_for(project)
    processes_of(here, app, project)
    schedule(project)
    with (archive := pack(project)).file:
        _ensure_app(here, app)
        build = _accepted(here, app, archive, *_reason(here, project))
    progress = Progress(here.out, "deploy")
    if here.args.no_wait:
        here.out.line(f"accepted; see: setpoint status {app}")
        here.out.result({"app": app, "outcome": "accepted", "build": build})
        return codes.SETTLED
    with goes_on(app):
        return _followed(here, app, build, progress)


def _ensure_app(here: Here, app: str) -> None:
    if here.client.get_or_none(path("apps", app)) is None:
        here.client.call("POST", "/apps", {"name": app}, here.args.why)
        here.out.line(f"created {app}")


def _reason(here: Here, project: Path) -> tuple[str, str]:
    """(why, whose words): what was said, else what the commit says."""
    if here.args.why:
        return here.args.why, "flag"
    return commit_message(project), "commit"


def _accepted(here: Here, app: str, archive: Archive, why: str, source: str) -> dict[str, Any]:
    """Upload, and ask for it to run. From here on the deploy goes on without us."""
    here.out.line(f"uploading {archive.files} files, {size(archive.packed_bytes)}")
    urls = here.client.call("POST", "/sources")["source_blob"]
    here.client.put_file(urlsplit(urls["put_url"]).path, archive.file, archive.packed_bytes)
    blob = {
        "url": urls["get_url"],
        "checksum": f"SHA256:{archive.digest}",
        "version": here.args.version or None,
    }
    builds = path("apps", app, "builds")
    return here.client.call("POST", builds, {"source_blob": blob}, why, why_source=source)


def _followed(here: Here, app: str, build: dict[str, Any], progress: Progress) -> int:
    here.out.line(f"building {app}")
    output = path("apps", app, "builds", build["id"], "output")
    before = look(here, app)
    _show_output(here, output, progress, before)
    release = ReleaseOutput(here, app, before["at_s"])
    outcome = follow(here, app, progress, heard=("build",), seen=release.look)
    release.show()
    build = here.client.get(path("apps", app, "builds", build["id"]))
    code = _told(here, app, build, outcome)
    told = {"app": app, "outcome": outcome.verdict, "build": build, "detail": outcome.detail}
    here.out.result(told)
    return code


def _show_output(here: Here, where: str, progress: Progress, detail: dict[str, Any]) -> None:
    """Line by line, so that an escape sequence cannot hide between two chunks.

    A stream that breaks off ends nothing but itself: the build does not need us.
    """
    try:
        progress.look(detail)
        for line in here.client.lines(where):
            progress.look(detail)
            here.out.line(f"  {line.decode('utf-8', 'replace')}", "dim")
    except Unreachable as error:
        here.out.line(f"  {error.message}; the build goes on", "yellow")


def _told(here: Here, app: str, build: dict[str, Any], outcome: Outcome) -> int:
    if build["status"] == "failed":
        head = f"cannot deploy {app}: the build failed"
        complain(here, head, build["message"], outcome, started=False)
        return codes.NOT_AS_ASKED
    releases = outcome.detail["releases"]
    if outcome.verdict == "stalled":
        why = outcome.detail["message"]
        head = "the release command failed" if PHASE in why else "it was built, but does not run"
        if any(c["reason"] == "Frozen" for c in outcome.detail["conditions"]):
            head = "it is frozen, so what was built waits"
        complain(here, f"cannot deploy {app}: {head}", why, outcome)
        return codes.NOT_AS_ASKED
    if outcome.verdict == "settled" and releases:
        here.out.line(f"{releases[0]['label']} serves", "green")
        _show_ways_in(here, outcome.detail)
        return outcome.code
    tell(here, app, outcome)
    return outcome.code


def _show_ways_in(here: Here, detail: dict[str, Any]) -> None:
    """Functions by the command that calls them: their hosts answer to the invoke key only."""
    app = detail["name"]
    hosts = {f["host"] for f in detail["functions"]}
    for url in detail["urls"] if "web" in detail["formation"] else ():
        if urlsplit(url).hostname not in hosts:
            here.out.line(f"  {url}")
    for function in detail["functions"]:
        here.out.line(f"  setpoint invoke {app}/{function['name']}")
