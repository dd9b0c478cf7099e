"""`setpoint scale`: how many of each process type, and between which bounds."""

import argparse
import re
from collections.abc import Mapping

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app_option, add_why
from setpoint.cli.settle import add_waiting, settled
from setpoint.model.errors import Refused

EXAMPLE = "setpoint scale shop web=0..2 --idle 300"
WORD_RE = re.compile(r"([^=]*?)(=.*|[+-]\d+(?::.*)?)", re.DOTALL)
"""TYPE=N, or TYPE+N and TYPE-N as on Heroku."""
OPTIONS = {"idle": "idle_s", "boot_timeout": "boot_s_max", "concurrency": "concurrency"}
"""by the API's name for it"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        metavar="APP [TYPE=N | TYPE=MIN..MAX | TYPE=N:SIZE ...]",
        nargs="*",
        help="without any, the formation is shown",
    )
    parser.add_argument("--idle", type=float, metavar="S", help="stop after so long unused")
    parser.add_argument("--boot-timeout", type=float, metavar="S", help="a start may take so long")
    parser.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help="requests one instance is to have in hand; a function's takes no more",
    )
    parser.add_argument(
        "--release-timeout", type=float, metavar="S", help="a release phase may take so long"
    )
    add_app_option(parser)
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    words: list[str] = here.args.words
    if words and not re.search("[=+]", words[0]):
        here.args.app, words = words[0], words[1:]
    where = path("apps", here.app, "formation")
    limit_s: float | None = here.args.release_timeout
    if limit_s is not None:
        phase = path("v1", "apps", here.app, "release-phase")
        here.client.call("PATCH", phase, {"run_s_max": limit_s}, here.args.why)
        here.out.line(f"{here.app}: its release phase may take {limit_s:g} s")
        if not words:
            return settled(here, here.app, "bound the release phase of")
    if not words:
        _check_no_options(here)
        return _show(here, here.client.get(where))
    options = {name: getattr(here.args, name) for name in OPTIONS}
    updates = [update(here.app, word, options) for word in words]
    here.client.call("PATCH", where, {"updates": updates}, here.args.why)
    here.out.line(f"{here.app}: {', '.join(words)}")
    return settled(here, here.app, "scale")


def update(app: str, word: str, options: Mapping[str, float | None]) -> dict[str, object]:
    """'web=2', 'web+1', 'web=0..2', 'web=2:standard-2x' -> one item of the batch; the API checks
    it."""
    match = WORD_RE.fullmatch(word)
    if match is None:
        raise Refused(f"cannot scale '{app}': {word[:40]!r} is not TYPE=N", f"example: {EXAMPLE}")
    type_, wanted = match.groups()
    quantity, _, size = wanted.partition(":")
    said: dict[str, object] = {"type": type_, "quantity": _quantity(quantity)}
    if size:
        said["size"] = size
    return said | {OPTIONS[name]: told for name, told in options.items() if told is not None}


def _check_no_options(here: Here) -> None:
    for name in OPTIONS:
        if getattr(here.args, name) is not None:
            option = name.replace("_", "-")
            raise Refused(
                f"cannot scale '{here.app}': --{option} was given, and no process type it is for",
                f"example: {EXAMPLE}",
            )


def _quantity(said: str) -> int | str:
    """A count as a number, so that '=-1' is one and not Heroku's 'one less', which is '-1'."""
    text = said.removeprefix("=")
    return int(text) if text != said and re.fullmatch(r"-?\d{1,9}", text) else text


def _show(here: Here, formation: list[dict[str, object]]) -> int:
    if not formation:
        here.out.line("no process types yet; they come with the first release")
    here.out.table(
        (str(f["type"]), _bounds(f), str(f["size"]), _at_once(f), str(f["command"]))
        for f in formation
    )
    here.out.result(formation)
    return codes.SETTLED


def _at_once(formation: dict[str, object]) -> str:
    """Where it decides on something: for a function, and for a web process that grows."""
    grows = formation["type"] == "web" and formation["min"] != formation["max"]
    return f"{formation['concurrency']} at once" if grows or not formation["command"] else ""


def _bounds(formation: dict[str, object]) -> str:
    low, high = formation["min"], formation["max"]
    return str(high) if low == high else f"{low}..{high}"
