"""A Procfile's text -> the process types it names. Pure; nothing about folders or builds here.

Heroku's rule: a line is `<name>: <command>`. Heroku drops lines it cannot read; we refuse them,
because a process that silently never exists is found out much later.
"""

from setpoint.model.app import PROCESS_RE, ProcessKind
from setpoint.model.errors import Invalid
from setpoint.model.release import ProcessType

FILE = "Procfile"
BYTES_MAX = 64 * 1024
PROCESSES_MAX = 50
HINT = "write one process a line, for example: web: gunicorn app:app"


def parse(text: str) -> tuple[ProcessType, ...]:
    """In the file's order. Empty lines and lines starting with `#` say nothing.

    Raises Invalid, naming the line.
    """
    if len(text.encode()) > BYTES_MAX:
        raise Invalid(f"cannot read {FILE}: it is longer than {BYTES_MAX // 1024} KiB")
    found: dict[str, ProcessType] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        process = _process(number, stripped)
        if process.name in found:
            raise _refused(number, f"process {process.name!r} is there twice")
        found[process.name] = process
    if len(found) > PROCESSES_MAX:
        raise Invalid(f"cannot read {FILE}: {len(found)} processes, at most {PROCESSES_MAX}")
    return tuple(found.values())


def _process(number: int, line: str) -> ProcessType:
    name, colon, command = line.partition(":")
    command = command.strip()
    if not colon:
        raise _refused(number, f"{line[:60]!r} has no colon")
    if not PROCESS_RE.fullmatch(name):
        raise _refused(
            number, f"{name[:60]!r} is no process name (letters, digits, - and _; at most 63)"
        )
    if not command:
        raise _refused(number, f"process {name!r} has no command")
    return ProcessType(name=name, kind=kind_of(name), command=command)


def kind_of(name: str) -> ProcessKind:
    """Only `web` gets requests; `release` runs once per release; all others are workers."""
    match name:
        case "web":
            return "web"
        case "release":
            return "release"
        case _:
            return "worker"


def _refused(number: int, fact: str) -> Invalid:
    return Invalid(f"cannot read {FILE}: line {number}: {fact}", HINT)
