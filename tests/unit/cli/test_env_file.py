"""`setpoint config --env-file`: one Change, no value printed, bad lines by number."""

from pathlib import Path

import pytest

from setpoint.cli import env_file
from setpoint.model.errors import Invalid, OverLimit
from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, parsed

FILE = """\
# the shop

PLAIN=one
export QUOTED='two words' # said so
MULTI="line
more"
RAW=$PLAIN-${HOME}
HASH=a#b
EMPTY=
PLAIN=again
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text(FILE)
    return tmp_path / ".env"


def test_a_file_is_one_change_with_its_values_as_they_stand(
    plane: Plane, cli: Cli, file: Path
) -> None:
    cli("create", "filed")
    cli("config", "filed", "OLD=1", "KEPT=2")
    ran = cli("config", "filed", "HASH=mine", "--env-file", str(file), "--unset", "OLD")
    assert (ran.code, ran.err) == (0, "")
    assert plane.config("filed") == {
        "KEPT": "2",
        "PLAIN": "again",
        "QUOTED": "two words",
        "MULTI": "line\nmore",
        "RAW": "$PLAIN-${HOME}",
        "HASH": "mine",
        "EMPTY": "",
    }
    assert "two words" not in ran.out
    told = cli("why", "filed", "-n", "1").out
    assert "Set PLAIN, QUOTED, MULTI, RAW, HASH, EMPTY config vars, Remove OLD config vars" in told
    assert "two words" not in told


def test_a_dry_run_tells_keys_and_changes_nothing(plane: Plane, cli: Cli, file: Path) -> None:
    cli("create", "dry")
    cli("config", "dry", "PLAIN=old", "HASH=a#b", "OLD=1")
    before = plane.unit("dry")
    words = ("config", "dry", "--env-file", str(file), "--unset", "OLD", "--dry-run")
    assert parsed(cli(*words, "--json")) == {
        "app": "dry",
        "set": ["QUOTED", "MULTI", "RAW", "EMPTY"],
        "change": ["PLAIN"],
        "unset": ["OLD"],
        "keep": ["HASH"],
    }
    told = cli(*words).out
    assert "  would change PLAIN\n" in told
    assert "again" not in told
    assert plane.unit("dry") == before
    assert cli("config", "dry", "HASH=a#b", "--dry-run").out.startswith("dry: nothing would change")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"A=1\n\n  s3cret word\nB=2\n", "line 3 is not KEY=VALUE"),
        (b"s3cret\n=x\n", "lines 1, 2 are not KEY=VALUE"),
        (b"A='s3cret\nB=1\n", "line 1 is not KEY=VALUE"),
        (b"s3cret x\n" * 9, "lines 1, 2, 3, 4, 5 and 4 more are not KEY=VALUE"),
        (b"A=1\nB=s3cret\xff\n", "line 2, is not UTF-8"),
    ],
)
def test_a_bad_line_is_told_by_number_never_by_text(
    tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "e").write_bytes(content)
    with pytest.raises(Invalid) as refused:
        env_file.values("shop", str(tmp_path / "e"))
    assert refused.value.message.startswith("cannot configure 'shop': ")
    assert refused.value.message.endswith(told)
    assert "s3cret" not in str(refused.value)


def test_what_cannot_be_read_or_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="No such file"):
        env_file.values("shop", str(tmp_path / "nosuch"))
    with pytest.raises(Invalid, match="Is a directory"):
        env_file.values("shop", str(tmp_path))
    (tmp_path / "big").write_bytes(b"A=1\n" * 300_000)
    with pytest.raises(OverLimit, match=r"is larger than 1\.0 MB"):
        env_file.values("shop", str(tmp_path / "big"))


def test_a_bom_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"\xef\xbb\xbfA=1\r\nB=2\r\n")
    assert env_file.values("shop", str(tmp_path / "w")) == {"A": "1", "B": "2"}


def test_a_bad_key_in_a_file_sets_none_of_it(plane: Plane, cli: Cli, tmp_path: Path) -> None:
    cli("create", "strictly")
    (tmp_path / "k").write_text("GOOD=1\n1BAD=2\n")
    ran = cli("config", "strictly", "--env-file", str(tmp_path / "k"))
    assert ran.code == 2
    assert "'1BAD' is not a valid config key" in ran.err
    assert plane.config("strictly") == {}
