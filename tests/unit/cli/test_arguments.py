"""What is read without argparse is what argparse reads; what it cannot decide is left to it."""

import argparse
import importlib
import random
import shlex

import pytest

from setpoint.cli.command import declared
from setpoint.cli.main import COMMANDS
from setpoint.cli.parsing import parser_of
from setpoint.model.errors import Refused

WORDS = ("shop", "web.max", "v3", "on", "app", "new", "3", "1.5", "", "A=1", "-5", "--", "-", "-x")


def module_of(name: str):
    return importlib.import_module(f"setpoint.cli.{name.replace(' ', '_')}")


def by_argparse(name: str, words: list[str]) -> dict[str, object] | None:
    """None where it refuses, or helps."""
    try:
        return vars(parser_of(name, "as it is", module_of(name)).parse_args(words))
    except (Refused, SystemExit):
        return None


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_is_read_here_is_read_so_by_argparse(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known = declared(module_of(name))
    options = [option for one in known.declared for option in one.names if not one.positional]
    options += [choice for one in known.declared for choice in one.options.get("choices", ())]
    luck, read = random.Random(name), 0
    for _ in range(300):
        words = luck.choices([*WORDS, *options, f"{options[0]}=x"], k=luck.randrange(6))
        found = known.read(words)
        if found is not None:
            assert vars(found) == by_argparse(name, words), (name, words)
            read += 1
    counted = [one for one in known.declared if one.positional and not one.plain]
    assert read or counted, "nothing was read at all"


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("shop web.max", True),
        ("shop web.max --undo --json", True),
        ("--history shop web.max", True),
        ("-a shop --limit 3", True),
        ("shop --undo web.max", False),
        ("shop --limit=3", False),
        ("shop --limit many", False),
        ("shop --undo --history", False),
        ("shop --nosuch", False),
        ("--help", False),
        ("shop a b", False),
        ("shop --at", False),
        ("shop --at -5", False),
        ("shop -n 3 -n 4", False),
    ],
)
def test_the_plain_ways_of_asking_why_need_no_argparse(words: str, read: bool) -> None:
    assert (declared(module_of("why")).read(shlex.split(words)) is not None) == read


def test_a_command_may_still_be_given_a_parser_of_argparse() -> None:
    parser = argparse.ArgumentParser()
    module_of("scale").arguments(parser)
    assert parser.parse_args(["shop", "web=2"]).words == ["shop", "web=2"]
