"""`setpoint COMMAND`: dispatch, and what every way to end means to the shell.

Imports nothing but the chosen command: `setpoint why` has 100 ms for everything.
"""

import os
import sys

from setpoint import __version__
from setpoint.cli import codes
from setpoint.model.errors import Refused, SetpointError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

COMMANDS = {
    "up": "start Setpoint here",
    "down": "stop Setpoint and its apps",
    "status": "whether everything is as intended",
    "gaps": "what is wanted and cannot be had",
    "doctor": "what this installation can and cannot do",
    "env": "what Heroku's own command line needs to come here",
    "connect": "another machine's Setpoint, as if it were here",
    "conformance": "how much of Heroku's API is here, by its schema",
    "deploy": "build a folder and run it",
    "functions new": "begin a function's project",
    "functions start": "serve a function from its folder, anew with each change",
    "functions invoke": "call a function, here or deployed",
    "invoke": "the same, in one word",
    "apps": "list apps",
    "create": "create an app",
    "info": "one app: release, processes, URLs",
    "buildpacks": "what builds an app, if not Setpoint itself",
    "config": "show or change config vars",
    "run": "run a command in an app, once",
    "ps": "what runs of an app: instances and jobs",
    "stop": "end a job, or replace an instance",
    "scale": "how many of each process",
    "probe": "what a web process answers before it gets requests",
    "domains": "which hosts an app answers at",
    "drains": "where an app's log is sent, too",
    "webhooks": "who is told of what happens to an app",
    "egress": "whom an app may connect to",
    "isolation": "the lowest level at which an app may run",
    "access": "who may do what to an app",
    "users": "who may sign in here",
    "tokens": "your tokens: what you and your programs sign in with",
    "restart": "replace the instances of an app, or of a type",
    "releases": "what ran, what runs, and why",
    "rollback": "go back to an earlier release",
    "pipelines": "which apps are stages of one another",
    "promote": "give what an app runs to the next stage",
    "open": "where an app answers, in a browser",
    "rename": "call an app otherwise",
    "maintenance": "close an app to visitors for a while",
    "freeze": "leave an app as it is for a while",
    "unfreeze": "keep an app as intended again",
    "logs": "what an app and its builds wrote",
    "destroy": "end an app for good",
    "gc": "remove what is kept no longer",
    "plan": "what a deploy would do, without doing it",
    "apply": "make it so, as a file says",
    "export": "an app as a file, with its whys",
    "rehearse": "play a script of changes and faults, in a simulated world",
    "why": "why it is so: an app's last Changes, or one value",
    "who": "whose an app is, and who changed it last",
    "digest": "what changed on what is yours",
    "log": "every Change, newest first",
    "heroku": "Heroku's own command line, with a reason",
    "timeline": "when each Change was live, and was predicted to be",
    "note": "say more of a Change afterwards",
    "decide": "record a decision, and the bet it rests on",
    "bets": "what decisions rest on, and what is due",
    "bet": "say how a bet went",
    "verify": "say that a decision still holds",
    "question": "ask whether a decision still holds",
}


ASKING = ("why", "who", "log", "status", "gaps", "digest", "timeline", "bets", "ps", "releases")
"""These hold nothing that the interpreter would have to put away."""


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    code = answered(words)
    if argv is None and words and words[0] in ASKING:
        _leave(code)
    return code


def answered(words: list[str]) -> int:
    try:
        return _run(words)
    except SetpointError as error:
        _tell(error, as_json="--json" in words)
        return exit_code(error)
    except KeyboardInterrupt as stopped:
        told = str(stopped)
        print(f"\n{told}" if told else "", file=sys.stderr)
        return codes.INTERRUPTED
    except BrokenPipeError:
        _hush()
        return codes.SETTLED


def _hush() -> None:
    """Whoever read us has gone (`| head`); nothing more may be written, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(code: int) -> "NoReturn":
    """At once: an interpreter that takes itself apart needs a sixth of the time of a `why`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _hush()
    sys.stderr.flush()
    os._exit(code)


def exit_code(error: SetpointError) -> int:
    """Refused, here or by the API, is the caller's to fix; all else is not."""
    status: int = getattr(error, "status", 0)
    refused = isinstance(error, Refused) or 400 <= status < 500
    return codes.REFUSED if refused else codes.FAILED


def _run(words: list[str]) -> int:
    first = words[0] if words else ""
    if first in ("--version", "-V"):
        print(f"setpoint {__version__}")
        return codes.SETTLED
    if first in ("", "-h", "--help", "help"):
        print(usage())
        return codes.SETTLED if first else codes.REFUSED
    name, rest = _command(words)
    # The name comes from the table above, so nothing else can be imported here.
    module = __import__(f"setpoint.cli.{name.replace(' ', '_')}", fromlist=["run"])
    from setpoint.cli.command import run

    return run(name, COMMANDS[name], module, rest)


def _command(words: list[str]) -> tuple[str, list[str]]:
    """(its name, of one word or of two; the words after that). Raises Refused."""
    for count in (2, 1):
        name = " ".join(words[:count])
        if name in COMMANDS:
            return name, words[count:]
    first = words[0]
    below = [name for name in COMMANDS if name.startswith(f"{first} ")]
    if below:
        fact = f"cannot run {first!r} alone" if len(words) == 1 else f"cannot run {first} so"
        raise Refused(f"{fact}: it is the first of two words", f"one of: {', '.join(below)}")
    raise Refused(f"cannot run {first[:40]!r}: no such command", _nearest(first))


def usage() -> str:
    lines = (f"  {name:<16} {summary}" for name, summary in COMMANDS.items())
    return "\n".join(
        (
            "usage: setpoint COMMAND [...]",
            "",
            *lines,
            "",
            "setpoint COMMAND --help tells more, with an example.",
        )
    )


def _nearest(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, COMMANDS, n=1)
    return f"did you mean: setpoint {near[0]}" if near else "see: setpoint --help"


def _tell(error: SetpointError, *, as_json: bool) -> None:
    from setpoint.cli.output import error_json, error_text

    print(error_json(error) if as_json else error_text(error), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
