"""The shape of a command: `arguments(parser)`, `run(here) -> exit code`, and an EXAMPLE.

One that takes somebody else's words too has `arrange(words)`, which puts them where they belong.
"""

import os

from setpoint.cli.arguments import Arguments
from setpoint.cli.output import Output
from setpoint.model.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any, Protocol

    from setpoint.cli.client import Client

    class Adds(Protocol):
        """`Arguments`, or a parser of argparse."""

        def add_argument(self, *names: str, **options: Any) -> Any: ...

    class Module(Protocol):
        EXAMPLE: str
        arguments: Callable[[Any], None]
        run: "Callable[[Here], int]"


APP_CHARS_MAX = 63
VERSION_DIGITS_MAX = 9


class Here:
    """What a command is given: its arguments, the way to the API, the way to the user."""

    def __init__(self, args: "Namespace", env: "Mapping[str, str]") -> None:
        self.args = args
        self.env = env
        self.out = Output(as_json=args.json, env=env)
        self._client: Client | None = None

    @property
    def client(self) -> "Client":
        if self._client is None:
            from setpoint.cli.client import Client

            self._client = Client.at(self.data, self.env)
        return self._client

    @property
    def data(self) -> "Path":
        from pathlib import Path

        return Path(self._data)

    @property
    def _data(self) -> str:
        from setpoint.drivers.local.whereabouts import default_data

        return os.path.abspath(self.args.data) if self.args.data else default_data()

    def lines(self, where: str) -> list[str]:
        """What the API answers a GET with, where it tells it in lines."""
        from setpoint.cli import quick

        found = quick.lines(self._data, where, self.env)
        return found if found is not None else self.client.get(where)["lines"]

    @property
    def app(self) -> str:
        """The app meant: the argument, `-a`, or SETPOINT_APP."""
        return app_name(self._app_said or "")

    @property
    def app_or_none(self) -> str | None:
        return app_name(self._app_said) if self._app_said else None

    @property
    def _app_said(self) -> str | None:
        named: str | None = getattr(self.args, "app", None)
        option: str | None = getattr(self.args, "app_option", None)
        if named and option and named != option:
            raise Refused(f"cannot tell which app: both {named!r} and -a {option!r} were given")
        return named or option or self.env.get("SETPOINT_APP")


def run(name: str, summary: str, module: "Module", words: list[str]) -> int:
    arrange: Callable[[list[str]], list[str]] | None = getattr(module, "arrange", None)
    words = arrange(words) if arrange is not None else words
    args: Any = declared(module).read(words)
    if args is None:
        from setpoint.cli.parsing import parser_of

        args = parser_of(name, summary, module).parse_args(words)
    return module.run(Here(args, os.environ))


def declared(module: "Module") -> Arguments:
    """All that a command takes."""
    found = Arguments()
    module.arguments(found)
    found.add_argument("--json", action="store_true", help="print JSON, for programs")
    found.add_argument("--data", metavar="DIR", help="Setpoint's data directory")
    return found


def add_app(parser: "Adds", *, metavar: str = "APP", required: bool = True) -> None:
    """`APP`, or `-a APP`, or SETPOINT_APP."""
    told = "the app (also -a, or SETPOINT_APP)" if required else "one app; all without it"
    parser.add_argument("app", metavar=metavar, nargs="?", help=told)
    add_app_option(parser)


def add_app_option(parser: "Adds") -> None:
    parser.add_argument("-a", "--app", dest="app_option", metavar="APP", help="the app meant")


def app_and_version(here: Here, verb: str) -> tuple[str, str]:
    """Of `words`: `APP`, `APP v3`, or `v3` alone where -a or SETPOINT_APP names the app."""
    words: list[str] = here.args.words
    if len(words) > 2:
        raise Refused(
            f"cannot {verb} {words[0][:40]!r}: one version at a time, not {len(words) - 1}"
        )
    if len(words) == 1 and is_version(words[0]) and here.app_or_none:
        return here.app, words[0]
    if words:
        here.args.app = words[0]
    return here.app, words[1] if len(words) == 2 else ""


def add_why(parser: "Adds") -> None:
    parser.add_argument("-m", "--why", metavar="WHY", default="", help="why, kept with the Change")


def app_name(said: str) -> str:
    if not said:
        raise Refused("cannot tell which app: none was named", "name one, or set SETPOINT_APP")
    if not _may_name_an_app(said):
        raise Refused(f"cannot find {said[:64]!r}: that is no app name", "see: setpoint apps")
    return said


def is_version(said: str) -> bool:
    """`v12`, or `12`."""
    digits = said.removeprefix("v")
    return digits.isascii() and digits.isdecimal() and len(digits) <= VERSION_DIGITS_MAX


def _may_name_an_app(said: str) -> bool:
    """Wider than app names are: the API refuses better. It only keeps paths whole."""
    bare = said.replace("_", "").replace(".", "").replace("-", "")
    known = bare.isascii() and bare.isalnum() and said[0].isalnum()
    return known and len(said) <= APP_CHARS_MAX
