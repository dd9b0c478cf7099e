"""Level L0: no namespaces, so a monitor of our own in bubblewrap's place, and Landlock's walls."""

import contextlib
import os
import sys
import sysconfig

from setpoint.drivers.local.sandbox import landlock
from setpoint.drivers.local.sandbox.argv import Descriptors
from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.exits import private_tmp
from setpoint.drivers.local.sandbox.spec import Launch
from setpoint.drivers.local.sandbox.tools import SHARED_ETC
from setpoint.workers.forker import Order

READABLE = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/proc", "/dev/random", "/dev/urandom"),
    *(f"/etc/{name}" for name in (*SHARED_ETC, "passwd", "group", "hosts", "nsswitch.conf")),
)
WRITABLE = ("/dev/null", "/dev/zero", "/dev/full")


def interpreter() -> str:
    """The real one behind a virtual environment, which app users may be able to reach."""
    return os.path.realpath(sys.executable)


def prepare(
    confinement: Confinement,
    spec: Launch,
    moves: dict[int, int],
    numbers: Descriptors,
    opened: contextlib.ExitStack,
) -> Order:
    tmp = private_tmp(spec.status)
    tmp.mkdir(mode=0o700, exist_ok=True)
    if spec.uid is not None:
        os.chown(tmp, spec.uid, spec.uid)
    monitor = (str(confinement.tools.monitor), str(numbers.info), str(numbers.status))
    marker = confinement.marker(spec.folder)
    return Order(
        executable=interpreter(),
        command=(interpreter(), "-I", "-S", *monitor, marker, *spec.argv),
        env={"TMPDIR": str(tmp), **spec.env},
        cwd=spec.cwd,
        moves=moves,
        report=moves[numbers.info],
        ruleset=_ruleset(confinement, spec, opened),
        filter=confinement.filter,
    )


def _ruleset(confinement: Confinement, spec: Launch, opened: contextlib.ExitStack) -> int | None:
    if not confinement.landlock:
        return None
    port = spec.ingress.port if spec.ingress is not None else 0
    home = (sysconfig.get_path("stdlib"), os.path.dirname(interpreter()))
    rules = landlock.Rules(
        read=(
            *READABLE,
            *home,
            sys.base_prefix,
            str(confinement.tools.monitor),
            *(str(host) for host, _ in spec.binds),
        ),
        write=(
            *WRITABLE,
            str(private_tmp(spec.status)),
            *(str(host) for host, _ in spec.writable),
        ),
        listen=(port,) if port else (),
    )
    ruleset = landlock.open_ruleset(rules, confinement.landlock)
    opened.callback(os.close, ruleset)
    return ruleset
