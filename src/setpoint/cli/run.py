"""`setpoint run`: a command in an app's sandbox, with its code and config, once."""

import argparse
import sys
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app_option, add_why
from setpoint.model.errors import Refused

EXAMPLE = "setpoint run shop -- python manage.py migrate"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", "--detach", action="store_true", help="return once it is accepted")
    parser.add_argument(
        "-e",
        "--env",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a variable of its own",
    )
    parser.add_argument("-s", "--size", metavar="SIZE", default="basic", help="dyno size (basic)")
    parser.add_argument("--no-tty", action="store_true", help="as a pipe, even at a terminal")
    parser.add_argument(
        "-x", "--exit-code", action="store_true", help="as on Heroku; it is so in any case"
    )
    add_app_option(parser)
    add_why(parser)
    parser.add_argument(
        "words",
        metavar="APP [--] COMMAND",
        nargs=argparse.REMAINDER,
        help="one word is for a shell; several are passed as they are",
    )


def run(here: Here) -> int:
    app, command = _meant(here)
    tty = not (here.args.detach or here.args.no_tty) and _at_terminal()
    wish = {
        "command": command,
        "size": here.args.size,
        "env": _environment(here, tty),
        "attach": not here.args.detach,
        "tty": tty,
    }
    job = here.client.call("POST", path("v1", "apps", app, "jobs"), wish, here.args.why)
    if here.args.detach:
        return _detached(here, app, job)
    from setpoint.cli.attach import attach

    return attach(here, app, job)


def _detached(here: Here, app: str, job: dict[str, Any]) -> int:
    here.out.line(f"running {job['dyno']} of {app}, detached")
    here.out.line(f"  its output: setpoint logs {app} --dyno {job['dyno']} --tail")
    here.out.line(f"  how it ends: setpoint ps {app}")
    here.out.result(job)
    return codes.SETTLED


def arrange(words: list[str]) -> list[str]:
    """Options first, the app as one of them, the command last: what comes after `--`, or else after
    the app, is the command's own."""
    options, loose, ours = list[str](), list[str](), list(words)
    while ours and ours[0] != "--":
        if ours[0].startswith("-") and len(ours[0]) > 1:
            count = 2 if ours[0] in TAKE_A_VALUE else 1
            options += ours[:count]
            ours = ours[count:]
        elif loose or _names_app(options):
            return [*options, *_named(loose), "--", *ours]
        else:
            loose.append(ours.pop(0))
    return [*options, *_named(loose), *ours]


TAKE_A_VALUE = frozenset(
    {"-e", "--env", "-s", "--size", "-a", "--app", "-m", "--why", "--data"},
)


def _names_app(options: list[str]) -> bool:
    return any(o in ("-a", "--app") or o.startswith("--app=") for o in options)


def _named(loose: list[str]) -> list[str]:
    return ["--app", loose[0]] if loose else []


def _meant(here: Here) -> tuple[str, str]:
    """The app, and the command as a shell takes it."""
    words: list[str] = here.args.words
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise Refused(f"cannot run a command in '{here.app}': none was given", f"see: {EXAMPLE}")
    return here.app, words[0] if len(words) == 1 else _quoted(words)


def _quoted(words: list[str]) -> str:
    from shlex import join

    return join(words)


def _environment(here: Here, tty: bool) -> dict[str, str]:
    """A program at a terminal wants to know which kind."""
    term = here.env.get("TERM", "") if tty else ""
    return {**({"TERM": term} if term else {}), **dict(map(_variable, here.args.env))}


def _variable(said: str) -> tuple[str, str]:
    key, equals, value = said.partition("=")
    if not equals:
        raise Refused(f"cannot use -e {key[:40]!r}: it is not KEY=VALUE", "example: -e DEBUG=1")
    return key, value


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
