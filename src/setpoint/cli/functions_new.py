"""`setpoint functions new`: a function's project on this disk, as the official runtimes take it."""

import argparse
from pathlib import Path

from setpoint.cli import codes
from setpoint.cli.command import Here
from setpoint.cli.function_templates import PROJECTS, TESTED_BY
from setpoint.formats.project_toml import ID_RE
from setpoint.model.errors import Invalid, Refused

EXAMPLE = "setpoint functions new greeter -l typescript"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="its folder, and the function's id")
    parser.add_argument(
        "-l", "--language", choices=list(PROJECTS), required=True, help="what it is written in"
    )


def run(here: Here) -> int:
    folder, language = Path(here.args.name), here.args.language
    files = PROJECTS[language](_id(folder))
    _write(folder, files)
    here.out.line(f"created {folder}: {', '.join(sorted(files))}")
    here.out.line(f"test it with: cd {folder} && {TESTED_BY[language]}")
    here.out.line(f"try it with: setpoint functions start {folder}")
    here.out.line(f"deploy it with: setpoint deploy {folder} -a {_id(folder)}")
    here.out.result({"folder": str(folder), "language": language, "files": sorted(files)})
    return codes.SETTLED


def _id(folder: Path) -> str:
    """What Salesforce lets a function be called. Raises Invalid."""
    if not ID_RE.fullmatch(folder.name):
        raise Invalid(
            f"cannot create function {folder.name[:40]!r}: that is no function's id",
            "a lower-case letter, then letters and digits, at most 30 in all: myfunction",
        )
    return folder.name


def _write(folder: Path, files: dict[str, str]) -> None:
    """Into a folder that is not there, or is empty. Raises Refused, Invalid."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Refused(f"cannot create {folder}: it is there already", "choose another name")
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        fact = error.strerror or str(error)
        raise Invalid(f"cannot create {folder}: {error.filename or folder}: {fact}") from None
