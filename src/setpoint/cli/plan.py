"""`setpoint plan`: what a deploy or a change would do, by the planner itself. Nothing happens."""

from pathlib import Path
from typing import Any

from setpoint.cli import codes
from setpoint.cli.archive import pack
from setpoint.cli.arguments import Arguments
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app_option
from setpoint.cli.declared_file import read, show
from setpoint.cli.project import folder, name_for, processes_of, schedule
from setpoint.cli.scale import update
from setpoint.model.errors import Refused
from setpoint.model.text import told

UNSEEN = frozenset({"renew"})
"""Rules of steps that change nothing anybody could notice; `--json` has them."""
MARKS = {"added": "+", "removed": "-"}
EXAMPLE = "setpoint plan ./shop -a shop --scale web=3 --set GREETING"


def arguments(parser: Arguments) -> None:
    parser.add_argument("folder", metavar="DIR", nargs="?", help="plan a deploy of this folder")
    parser.add_argument("--scale", metavar="TYPE=N", action="append", default=[])
    parser.add_argument("--set", metavar="KEY", action="append", default=[], dest="set_")
    parser.add_argument("--unset", metavar="KEY", action="append", default=[])
    parser.add_argument("-f", "--file", metavar="FILE", help="plan what applying this file does")
    parser.add_argument("--prune", action="store_true", help="with -f: as `setpoint apply` has it")
    add_app_option(parser)


def run(here: Here) -> int:
    """0: it would settle. 3: it would not, as far as can be seen from here."""
    if here.args.file:
        return _of_file(here)
    if here.args.prune:
        raise Refused("cannot plan: --prune is about a file, and none was named", "name it with -f")
    app, wish = _wish(here)
    planned = here.client.call("POST", path("v1", "apps", app, "plan"), wish)
    _show(here, planned)
    here.out.result(planned)
    return codes.NOT_AS_ASKED if planned["ends"] else codes.SETTLED


def _of_file(here: Here) -> int:
    args = here.args
    if args.folder or args.scale or args.set_ or args.unset or args.app_option:
        raise Refused("cannot plan: a file says all there is to do, and -f names one")
    told = here.client.call("POST", "/v1/plan", read(args.file, here.env, prune=args.prune))
    show(here, told, done=False)
    for app in told["apps"]:
        if app["steps"] or app["ends"]:
            here.out.line(f"{app['name']}: what would be done")
            _show_steps(here, app["steps"])
            _show_ends(here, app["ends"])
    here.out.line(f"to do exactly this: setpoint apply -f {args.file} --plan {told['plan']}")
    here.out.result(told)
    unsettled = any(app["ends"] for app in told["apps"])
    return codes.NOT_AS_ASKED if unsettled else codes.SETTLED


def _wish(here: Here) -> tuple[str, dict[str, object]]:
    args = here.args
    changes = args.scale or args.set_ or args.unset
    said = args.folder if args.folder or changes else "."
    project = folder(said, "plan") if said else None
    app = here.app_or_none or (name_for(project) if project else None)
    if app is None:
        raise Refused("cannot tell which app: none was named", "name one with -a APP")
    wish: dict[str, object] = {
        "config_set": [key.partition("=")[0] for key in args.set_],
        "config_unset": args.unset,
        "formation": dict(_scaled(app, word) for word in args.scale),
    }
    return app, wish | (_source(here, app, project) if project else {})


def _scaled(app: str, word: str) -> tuple[str, dict[str, object]]:
    said = update(app, word, {})
    return str(said.pop("type")), said


def _source(here: Here, app: str, project: Path) -> dict[str, object]:
    """By digest only: a plan uploads nothing."""
    import msgspec

    found = {"processes": processes_of(here, app, project), "cron": schedule(project)}
    with (archive := pack(project)).file:
        return {"source": archive.digest, **msgspec.to_builtins(found)}


def _show(here: Here, planned: dict[str, Any]) -> None:
    draft = planned["draft"]
    if draft["new"]:
        here.out.line(f"{draft['app']} would be created")
    for touch in draft["touches"]:
        here.out.line(f"  {touch['path']}: {told(touch['old'])} -> {told(touch['new'])}")
    for line in draft["cron"]:
        here.out.line(f"  cron: {MARKS[line['what']]} {line['schedule']} {line['command']}")
    _show_steps(here, planned["steps"])
    if draft["assumed"]:
        here.out.line("assumed: the build succeeds, and every process starts")
    _show_ends(here, planned["ends"])


def _show_steps(here: Here, planned: list[dict[str, Any]]) -> None:
    steps = [step for step in planned if step["rule"] not in UNSEEN]
    if not steps:
        here.out.line("nothing to do")
    for number, step in enumerate(steps, start=1):
        here.out.line(f"{number:>3}. {step['verb']} {step['subject']}")
        here.out.line(f"       because {step['because']}", "dim")


def _show_ends(here: Here, ends: list[str]) -> None:
    for end in ends:
        here.out.line(f"it would end here: {end}", "yellow")
