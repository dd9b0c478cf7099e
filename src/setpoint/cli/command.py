"""The shape of a command: `arguments(parser)`, `run(here) -> exit code`, and an EXAMPLE.

One that takes somebody else's words too has `arrange(words)`, which puts them where they belong.
"""

import argparse
import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NoReturn, Protocol, cast

from setpoint.cli.client import Client
from setpoint.cli.output import Output
from setpoint.model.errors import Refused

APP_RE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""Wider than app names are: the API refuses better. It only keeps paths whole."""

VERSION_RE = re.compile(r"v?[0-9]{1,9}")
WIDTH_MIN, WIDTH_MAX = 40, 90
"""Of help texts: a terminal's own width within these, and the most where there is none."""


class Here:
    """What a command is given: its arguments, the way to the API, the way to the user."""

    def __init__(self, args: argparse.Namespace, env: Mapping[str, str]) -> None:
        self.args = args
        self.env = env
        self.out = Output(as_json=args.json, env=env)

    @cached_property
    def client(self) -> Client:
        return Client.at(self.data, self.env)

    @property
    def data(self) -> Path:
        from setpoint.drivers.local.paths import default_data

        return Path(self.args.data).absolute() if self.args.data else default_data()

    @property
    def app(self) -> str:
        """The app meant: the argument, `-a`, or SETPOINT_APP."""
        return app_name(self._app_said or "")

    @property
    def app_or_none(self) -> str | None:
        return app_name(self._app_said) if self._app_said else None

    @property
    def _app_said(self) -> str | None:
        named = cast("str | None", getattr(self.args, "app", None))
        option = cast("str | None", getattr(self.args, "app_option", None))
        if named and option and named != option:
            raise Refused(f"cannot tell which app: both {named!r} and -a {option!r} were given")
        return named or option or self.env.get("SETPOINT_APP")


class Module(Protocol):
    EXAMPLE: str

    def arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, here: Here) -> int: ...


class Parser(argparse.ArgumentParser):
    """Usage errors in our words, through the one place that tells errors."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"cannot run {self.prog!r}: {message}", f"see: {self.prog} --help")


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Told its width: to find out by itself it imports shutil, with every compressor there is."""

    def __init__(self, prog: str) -> None:
        width = _width()
        super().__init__(prog, width=width, max_help_position=min(28, width // 3))


def _width() -> int:
    try:
        columns = os.get_terminal_size(1).columns - 2  # what argparse leaves free too
    except OSError:
        return WIDTH_MAX
    return max(WIDTH_MIN, min(columns, WIDTH_MAX))


def run(name: str, summary: str, module: object, words: list[str]) -> int:
    command = cast("Module", module)
    parser = parser_of(name, summary, command)
    arrange = cast("Callable[[list[str]], list[str]] | None", getattr(module, "arrange", None))
    args = parser.parse_args(arrange(words) if arrange is not None else words)
    return command.run(Here(args, os.environ))


def parser_of(name: str, summary: str, command: Module) -> Parser:
    parser = Parser(
        prog=f"setpoint {name}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {command.EXAMPLE}",
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    command.arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument("--data", metavar="DIR", help="Setpoint's data directory")
    return parser


def add_app(
    parser: argparse.ArgumentParser, *, metavar: str = "APP", required: bool = True
) -> None:
    """`APP`, or `-a APP`, or SETPOINT_APP."""
    told = "the app (also -a, or SETPOINT_APP)" if required else "one app; all without it"
    parser.add_argument("app", metavar=metavar, nargs="?", help=told)
    add_app_option(parser)


def add_app_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-a", "--app", dest="app_option", metavar="APP", help="the app meant")


def app_and_version(here: Here, verb: str) -> tuple[str, str]:
    """Of `words`: `APP`, `APP v3`, or `v3` alone where -a or SETPOINT_APP names the app."""
    words: list[str] = here.args.words
    if len(words) > 2:
        raise Refused(
            f"cannot {verb} {words[0][:40]!r}: one version at a time, not {len(words) - 1}"
        )
    if len(words) == 1 and VERSION_RE.fullmatch(words[0]) and here.app_or_none:
        return here.app, words[0]
    if words:
        here.args.app = words[0]
    return here.app, words[1] if len(words) == 2 else ""


def add_why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--why", metavar="WHY", default="", help="why, kept with the Change")


def app_name(said: str) -> str:
    if not said:
        raise Refused("cannot tell which app: none was named", "name one, or set SETPOINT_APP")
    if not APP_RE.fullmatch(said):
        raise Refused(f"cannot find {said[:64]!r}: that is no app name", "see: setpoint apps")
    return said
