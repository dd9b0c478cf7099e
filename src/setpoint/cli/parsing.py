"""How argparse is used here: for help, and for whatever takes it to tell what was meant."""

import argparse
import os
from typing import TYPE_CHECKING, NoReturn

from setpoint.cli.command import declared
from setpoint.model.errors import Refused

if TYPE_CHECKING:
    from setpoint.cli.command import Module

WIDTH_MIN, WIDTH_MAX = 40, 90
"""Of help texts: a terminal's own width within these, and the most where there is none."""


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


def parser_of(name: str, summary: str, command: "Module") -> Parser:
    parser = Parser(
        prog=f"setpoint {name}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {command.EXAMPLE}",
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    declared(command).add_to(parser)
    return parser
