"""docs/reference/cli.md names every command with its example, and every option there is."""

import argparse
import importlib
from pathlib import Path

import pytest

from setpoint.cli.main import COMMANDS
from setpoint.cli.parsing import parser_of

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def section(name: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    return text.split(f"## setpoint {name}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_tells_each_command_whole(name: str) -> None:
    module = importlib.import_module(f"setpoint.cli.{name.replace(' ', '_')}")
    told = section(name)
    assert f"```\n{module.EXAMPLE}\n```" in told
    for action in parser_of(name, COMMANDS[name], module)._actions:
        if action.dest not in ("help", "json", "data") and action.help is not argparse.SUPPRESS:
            for option in action.option_strings:
                assert option in told
