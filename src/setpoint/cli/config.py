"""`setpoint config`: show, set and unset config vars, also from a file. Each is a release."""

import argparse

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app_option, add_why
from setpoint.cli.settle import add_waiting, settled
from setpoint.model.errors import Refused

EXAMPLE = "setpoint config shop GREETING=hello --unset OLD --env-file .env"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="APP [KEY=VALUE ...]", nargs="*", help="what to set")
    parser.add_argument(
        "--unset", metavar="KEY", action="append", default=[], help="may be repeated"
    )
    parser.add_argument("--env-file", metavar="FILE", help="set what a .env file says")
    parser.add_argument("--dry-run", action="store_true", help="tell what would change, by key")
    add_app_option(parser)
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    app, pairs = _split(here)
    where = path("apps", app, "config-vars")
    changes = _changes(here, app, pairs)
    if here.args.dry_run:
        return _dry_run(here, app, here.client.get(where), changes)
    if not changes and here.args.env_file is None:
        return _show(here, here.client.get(where))
    here.client.call("PATCH", where, changes, here.args.why)
    here.out.line(_told(app, changes))
    return settled(here, app, "configure")


def _split(here: Here) -> tuple[str, list[str]]:
    """The first word is the app unless it sets something; -a or SETPOINT_APP names it then."""
    words: list[str] = here.args.words
    if words and "=" not in words[0]:
        here.args.app, words = words[0], words[1:]
    return here.app, words


def _changes(here: Here, app: str, pairs: list[str]) -> dict[str, str | None]:
    """What is said last counts: a pair over the file, --unset over both."""
    changes: dict[str, str | None] = {}
    if here.args.env_file is not None:
        from setpoint.cli import env_file

        changes.update(env_file.values(app, here.args.env_file))
    return {**changes, **_set(app, pairs), **dict.fromkeys(here.args.unset)}


def _dry_run(here: Here, app: str, now: dict[str, str], changes: dict[str, str | None]) -> int:
    """Keys only; the values that are compared here are shown to nobody."""
    told: dict[str, list[str]] = {"set": [], "change": [], "unset": [], "keep": []}
    for key, value in changes.items():
        if now.get(key) == value:
            told["keep"].append(key)
        elif value is None:
            told["unset"].append(key)
        else:
            told["change" if key in now else "set"].append(key)
    if not any(told[verb] for verb in ("set", "change", "unset")):
        here.out.line(f"{app}: nothing would change")
    for verb, keys in told.items():
        if keys:
            here.out.line(f"  would {verb} {', '.join(keys)}")
    here.out.result({"app": app, **told})
    return codes.SETTLED


def _set(app: str, pairs: list[str]) -> dict[str, str]:
    changes: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise Refused(
                f"cannot configure '{app}': {key[:40]!r} is not KEY=VALUE",
                f"all of them are shown by: setpoint config {app}",
            )
        changes[key] = value
    return changes


def _show(here: Here, values: dict[str, str]) -> int:
    if not values:
        here.out.line("no config vars")
    for key, value in values.items():
        here.out.line(f"{key}={value}")
    here.out.result(values)
    return codes.SETTLED


def _told(app: str, changes: dict[str, str | None]) -> str:
    put = [key for key, value in changes.items() if value is not None]
    gone = [key for key, value in changes.items() if value is None]
    done = [f"set {', '.join(put)}"] if put else []
    done += [f"unset {', '.join(gone)}"] if gone else []
    return f"{app}: {'; '.join(done)}"
