"""What crosses between builder and supervisor is read as if the other side were hostile."""

import pytest
from msgspec.structs import replace

from setpoint.formats import handover
from setpoint.formats.handover import Ending, Need, Package, Work
from setpoint.model.ids import Digest

SDIST, TOOLS = Digest("a" * 64), Digest("b" * 64)
DOCOPT = Package("docopt", "0.6.2", SDIST, TOOLS)
WORK = Work(SDIST, "Running the build script", ("npm run build",), TOOLS, {"A": "1"})


def test_needs_and_endings_survive_the_way():
    assert handover.decode_needs(handover.encode((DOCOPT, WORK))) == (DOCOPT, WORK)
    ending = Ending(1, oom=True, late=True, said="x")
    assert handover.decode_ending(handover.encode(ending)) == ending


@pytest.mark.parametrize(
    "needs",
    [
        (),
        (DOCOPT,) * (handover.NEEDS_MAX + 1),
        (Package("docopt", "0.6.2", Digest("../../private/key"), TOOLS),),
        (Package("docopt", "0.6.2", SDIST, Digest("../x")),),
        (Package("docopt", "0.6.2", Digest("a" * 64 + "\n"), TOOLS),),
        (Package("doc\x1bopt", "0.6.2", SDIST, TOOLS),),
        (Package("docopt", "../1", SDIST, TOOLS),),
        (replace(WORK, key=Digest("../../private/key")),),
        (replace(WORK, layer=Digest("../x")),),
        (replace(WORK, label="two\nlines"),),
        (replace(WORK, commands=()),),
        (replace(WORK, commands=("true",) * (handover.COMMANDS_MAX + 1)),),
        (replace(WORK, commands=("true\0",)),),
        (replace(WORK, commands=("x" * (handover.COMMAND_CHARS_MAX + 1),)),),
        (replace(WORK, env={"A=B": "1"}),),
        (replace(WORK, env={"A": "\0"}),),
    ],
)
def test_needs_that_could_do_harm_are_refused(needs: tuple[Need, ...]):
    with pytest.raises(ValueError):
        handover.decode_needs(handover.encode(needs))


def test_needs_that_are_no_json_are_refused():
    with pytest.raises(ValueError):
        handover.decode_needs(b"[{")


@pytest.mark.parametrize(
    "name", ["docopt-0.6.2-py2.py3-none-any.whl", "DocOpt-1-1-py3-none-any.whl"]
)
def test_name_of_a_wheel_is_taken(name: str):
    assert handover.wheel_name(name.encode(), DOCOPT) == name


@pytest.mark.parametrize(
    "line",
    [
        b"six-1.0-py3-none-any.whl",
        b"docopt.whl",
        b"docopt-0.6.2.tar.gz",
        b"../docopt-0.6.2-py3-none-any.whl",
        b"docopt-0.6.2-py3-none-../../any.whl",
        b"docopt-0.6.2-py3-none-any\0.whl",
        b"docopt-0.6.2-py3-none-\xff.whl",
        b"",
    ],
)
def test_any_other_name_is_not(line: bytes):
    assert handover.wheel_name(line, DOCOPT) is None
