"""What the supervisor, running as root, refuses to be told: names that leave their folder, and
bytes that would turn a value into an option. The doors upstairs check too, for their users' sake.
"""

import re
from pathlib import PurePosixPath

from setpoint.model.app import PROCESS_RE
from setpoint.model.errors import Terminal
from setpoint.model.ids import AppId, BuildId, JobId, SetKey
from setpoint.model.job import RUN_S_MAX, JobOrder
from setpoint.model.process import ProcessSpec, SetOrder
from setpoint.model.release import NODEJS, PYTHON, BuildRequest
from setpoint.model.retention import Clearance

_APP = re.compile(r"[0-9a-f-]{1,36}")
_JOB = re.compile(r"[0-9a-f-]{1,40}")
_DYNO = re.compile(r"[A-Za-z0-9_-]{1,20}\.[0-9]{1,6}")
_HEX = re.compile(r"[0-9a-f]{1,64}")


def vet_order(order: SetOrder, environment: dict[str, str]) -> None:
    """Raises Terminal, as all in here."""
    vet_key(order.key)
    _vet_spec(order.spec)
    if order.spec.process != order.key.process:
        raise _refusal("start", f"an order for {order.key.process} that runs another process")
    vet_environment(environment, order.key.process)


def vet_environment(environment: dict[str, str], what: str) -> None:
    for key, value in environment.items():
        if not key or "=" in key or "\0" in key or "\0" in value:
            raise _refusal("start", f"{what}: a config var cannot be passed on")


def vet_job(order: JobOrder, environment: dict[str, str]) -> None:
    vet_app(order.app)
    vet_job_id(order.id)
    if not _DYNO.fullmatch(order.dyno):
        raise _refusal("start", "a job: its dyno name is malformed")
    if not 0 < order.run_s_max <= RUN_S_MAX:  # also false for NaN
        raise _refusal("start", f"{order.dyno}: it may run for {RUN_S_MAX:g} s at most")
    _vet_spec(order.spec)
    vet_environment(environment, order.dyno)


def vet_job_id(id: JobId) -> None:
    if not _JOB.fullmatch(id):
        raise _refusal("accept", "a message: its job id is malformed")


def vet_key(key: SetKey) -> None:
    vet_app(key.app)
    if not PROCESS_RE.fullmatch(key.process) or not _HEX.fullmatch(key.spec_hash):
        raise _refusal("accept", "an order: its key is malformed")


def vet_app(app: AppId) -> None:
    if not _APP.fullmatch(app):
        raise _refusal("accept", "a message: its app id is malformed")


def vet_build(request: BuildRequest) -> None:
    vet_app(request.app)
    _vet_hex(BuildId(request.id), "build id")


def vet_clearance(clearance: Clearance) -> None:
    for removal in clearance.removals:
        _vet_hex(removal.name, "thing to remove")


def _vet_spec(spec: ProcessSpec) -> None:
    _vet_hex(spec.code, "code layer")
    if spec.layer is not None:
        _vet_hex(spec.layer, "dependency layer")
    folder = PurePosixPath(spec.folder)
    if folder.is_absolute() or ".." in folder.parts:
        raise _refusal("start", f"{spec.process}: its folder lies outside the app")
    if spec.kind == "function" and spec.runtime not in ("", PYTHON, NODEJS):
        raise _refusal("start", f"{spec.process}: nothing here runs {spec.runtime[:40]!r}")
    for text in (spec.command, spec.folder, spec.python):
        if "\0" in text:
            raise _refusal("start", f"{spec.process}: its command cannot be passed on")


def _vet_hex(text: str, what: str) -> None:
    if not _HEX.fullmatch(text):
        raise _refusal("accept", f"a message: its {what} is malformed")


def _refusal(verb: str, fact: str) -> Terminal:
    return Terminal(f"cannot {verb} {fact}")
