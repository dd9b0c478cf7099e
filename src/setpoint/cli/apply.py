"""`setpoint apply -f setpoint.toml`: all that a file says, as one Change or none."""

from pathlib import Path
from typing import Any

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.command import Here, add_why
from setpoint.cli.commit_message import commit_message
from setpoint.cli.declared_file import DEFAULT, read, show
from setpoint.cli.progress import Progress
from setpoint.cli.settle import add_waiting, apart_from_deploys, follow, goes_on, tell

EXAMPLE = "setpoint apply -f setpoint.toml --plan c41.3f9a1c0d22ab"


def arguments(parser: Arguments) -> None:
    parser.add_argument("-f", "--file", metavar="FILE", default=DEFAULT, help=f"({DEFAULT})")
    parser.add_argument(
        "--plan", metavar="PLAN", default="", help="only if `setpoint plan -f` still says this one"
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="config vars and formations that the file does not name go",
    )
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    args = here.args
    file = read(args.file, here.env, prune=args.prune)
    why, source = _reason(here)
    wish = {"file": file, "plan": args.plan}
    done = here.client.call("POST", "/v1/apply", wish, why, why_source=source)
    show(here, done["told"], done=True)
    if done["failed"]:
        here.out.complain(f"c{done['change']} stands; {done['failed']}")
    code = codes.REFUSED if done["failed"] else codes.SETTLED
    if not done["change"]:
        here.out.line("nothing was to be done" if not done["decisions"] else "no value changed")
        here.out.result(done)
        return code
    here.out.line(f"applied as c{done['change']}")
    outcomes = {app: _settled(here, app) for app in _changed(done)}
    here.out.result({**done, "outcomes": {app: verdict for app, (verdict, _) in outcomes.items()}})
    return max([code, *(ended for _, ended in outcomes.values())])


def _changed(done: dict[str, Any]) -> list[str]:
    return [app["name"] for app in done["told"]["apps"] if app["touches"]]


def _settled(here: Here, app: str) -> tuple[str, int]:
    """(verdict, exit code), once it is so or cannot be."""
    with goes_on(app):
        outcome = follow(here, app, Progress(here.out, "apply"), judge=apart_from_deploys)
    here.out.line(f"{app}:")
    tell(here, app, outcome)
    return outcome.verdict, outcome.code


def _reason(here: Here) -> tuple[str, str]:
    """(why, whose words): what was said, else what the file's newest commit says."""
    if here.args.why:
        return here.args.why, "flag"
    path = Path(here.args.file).absolute()
    return commit_message(path.parent, path.name), "commit"
