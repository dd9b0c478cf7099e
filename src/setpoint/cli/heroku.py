"""`setpoint heroku`: Heroku's own command line, with a reason for what it changes.

It has no option for one, but sends the headers that HEROKU_HEADERS names. Anything else than plain
ASCII in there, or JSON that is none, makes it die without a word to the API: hence this command.
"""

import argparse
import json
import os

from setpoint.cli.client import encoded_word
from setpoint.cli.command import Here
from setpoint.model.errors import Refused

EXAMPLE = 'setpoint heroku -m "the fair is on Saturday" -- ps:scale web=3 -a shop'
VARIABLE = "HEROKU_HEADERS"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--why", metavar="WHY", default="", help="why, kept with the Change")
    parser.add_argument(
        "words", metavar="-- COMMAND", nargs="+", help="of heroku's own, with its options"
    )


def run(here: Here) -> int:
    """Becomes that program: its output, its exit code."""
    why = here.args.why or here.env.get("SETPOINT_WHY", "")
    env = {**here.env, VARIABLE: headers(here.env.get(VARIABLE, ""), why)}
    try:
        os.execvpe("heroku", ["heroku", *here.args.words], env)
    except FileNotFoundError:
        raise Refused(
            "cannot run heroku: it is not on the PATH", "install it: npm install -g heroku"
        ) from None


def headers(before: str, why: str) -> str:
    """What was set before, with the reason; its own is kept where there is no other."""
    try:
        said = json.loads(before or "{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Refused(
            f"cannot run heroku: {VARIABLE} is no JSON object",
            f"""unset it, or set it to one: {VARIABLE}='{{"Some-Header": "value"}}'""",
        )
    reason = {"Commit-Message": encoded_word(why)} if why else {}
    return json.dumps({**said, **reason})
