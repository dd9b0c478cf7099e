"""What a build that runs somebody's code lacked here, read from its last lines. Pure."""

import re
from dataclasses import dataclass

_NAMES = r"(gcc|cc|g\+\+|c\+\+|clang|cargo|rustc|cmake|make|ninja|gfortran|pkg-config|swig|go|git)"
_PROGRAM = re.compile(
    r"(?:command|unable to execute|No such file or directory:|not find|[Mm]issing|Unknown compiler"
    rf"|not found:)[^\n]{{0,80}}?['\"\[ (/](?:[a-z0-9_]+-linux-gnu-)?{_NAMES}\b(?=['\"\], ):]|$)",
    re.MULTILINE,
)
_SHELL = re.compile(rf"(?:^|[\s/]){_NAMES}: (?:command )?(?:not found|No such file or directory)")
"""as make and shells say it: `make: g++: No such file or directory`"""
_GONE = re.compile(r"No such file or directory|not found|can't find|Unknown compiler|not find")
_RUST = re.compile(r"can't find Rust compiler|Rust toolchain|rustc[^\n]*not (?:found|installed)")
_PYTHON = re.compile(r"Could not find any Python installation to use")
_HEADER = re.compile(r"fatal error: ([\w./+-]+): No such file")
_NETWORK = re.compile(
    r"Network is unreachable|Temporary failure in name resolution|Name or service not known"
    r"|getaddrinfo (?:EAI_AGAIN|ENOTFOUND)|ENETUNREACH|npm error code ENOTCACHED"
)


@dataclass(frozen=True)
class Lack:
    """`fact` completes `building it ...`. `hint`: '' where nobody here can help."""

    fact: str
    hint: str = ""


def read(said: str) -> Lack | None:
    """None: nothing known is missing."""
    if header := _HEADER.search(said):
        package = "python3-dev" if header[1] == "Python.h" else f"the package with {header[1]}"
        return _ask(f"the header {header[1]}", package)
    if program := _missing_program(said):
        return _ask(program, program)
    if _NETWORK.search(said):
        return Lack("asks for the network, which it does not get")
    return None


def _ask(what: str, package: str) -> Lack:
    return Lack(
        f"needs {what}, which this machine does not have", f"ask the operator to install {package}"
    )


def _missing_program(said: str) -> str:
    if _RUST.search(said):
        return "rustc"
    for line in said.splitlines():
        if found := _SHELL.search(line) or (_GONE.search(line) and _PROGRAM.search(line)):
            return found[1]
    return "python3" if _PYTHON.search(said) else ""
