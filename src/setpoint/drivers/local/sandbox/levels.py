"""Finding out the level: try the best one for real, and say why it was not reached."""

import contextlib
import os
import platform
import select
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from setpoint.drivers.local.sandbox import (
    cgroups,
    exits,
    landlock,
    nftables,
    seccomp,
    syscalls,
    uplinks,
)
from setpoint.drivers.local.sandbox.argv import system_binds
from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.identity import kill, look, open_pidfd
from setpoint.drivers.local.sandbox.netns import drop_app, drop_wall, prepare_app
from setpoint.drivers.local.sandbox.plain import interpreter
from setpoint.drivers.local.sandbox.spec import Launch
from setpoint.drivers.local.sandbox.starting import launch, open_output
from setpoint.drivers.local.sandbox.tools import Tools, install_tools, reachable
from setpoint.drivers.local.sandbox.wall import Wall
from setpoint.drivers.local.uids import app_uids
from setpoint.model.errors import DriverError, Terminal
from setpoint.model.level import Level

TRIAL_S_MAX = 10.0
FORGET_TRIES, FORGET_S = 200, 0.005
"""what was killed takes a moment to leave its cgroup"""
_RANK: dict[Level, int] = {"L0": 0, "L2": 2, "L3": 3}
_TRIAL = "probe"
_MEMORY_BYTES = 64 * 1024 * 1024


def probe(
    tools: Path,
    installation: str = "default",
    floor: Level = "L0",
    say: Callable[[str], None] = lambda _: None,
) -> Confinement:
    """The best level there is, tried by really starting something. About 100 ms.

    `tools`: a folder of our own below which the sandbox's tools are installed. `say` is told why
    each better level was not reached. Raises Terminal below `floor`.
    """
    installed = install_tools(tools)
    for candidate in (_root_level, _namespace_level, _plain_level):
        confinement, why = candidate(installed, installation)
        if confinement is not None:
            break
        say(why)
    else:
        raise Terminal("cannot start apps: not even a plain process could be started")
    if _RANK[confinement.level] < _RANK[floor]:
        if confinement.cgroups is not None:
            confinement.cgroups.remove_all()
        raise Terminal(
            f"cannot confine apps at level {floor}: this machine allows {confinement.words}",
            f"start it as root, allow user namespaces, or accept less: --floor {confinement.level}",
        )
    return confinement


def _root_level(tools: Tools, installation: str) -> tuple[Confinement | None, str]:
    if os.geteuid() != 0:
        return None, "L3 needs root"
    if not _all_mapped(app_uids()):
        return None, "L3 needs user ids of its own, and this container maps too few"
    groups, no_limits = cgroups.find(installation)
    walled, no_ways = _wall_works(opens=False), _no_ways()
    missing = _missing(seccomp_known=True, no_limits=no_limits)
    if not walled:
        missing += ("a link of its own per app (nf_tables is missing): apps are reached by relay",)
    missing += no_ways or _in_the_way()
    confinement = Confinement(
        level="L3",
        missing=missing,
        installation=installation,
        tools=tools,
        ingress="veth" if walled else "relay",
        opens=walled and not no_ways,
        uids=app_uids(),
        cgroups=groups,
        filter=_filter(),
        system=system_binds(tools.etc),
    )
    return _tried(confinement)


def _namespace_level(tools: Tools, installation: str) -> tuple[Confinement | None, str]:
    groups, no_limits = cgroups.find(installation)
    confinement = Confinement(
        level="L2",
        missing=_missing(seccomp_known=bool(_filter()), no_limits=no_limits),
        installation=installation,
        tools=tools,
        ingress="relay",
        cgroups=groups,
        filter=_filter(),
        system=system_binds(tools.etc),
    )
    return _tried(confinement)


def _plain_level(tools: Tools, installation: str) -> tuple[Confinement | None, str]:
    groups, no_limits = cgroups.find(installation)
    abi = landlock.version()
    missing = ("private files, processes and network", "user namespaces")
    if not abi:
        missing += ("Landlock: apps can read whatever this user can",)
    switchable = os.geteuid() == 0 and _all_mapped(app_uids()) and reachable(Path(interpreter()))
    confinement = Confinement(
        level="L0",
        missing=(*missing, *_missing(seccomp_known=bool(_filter()), no_limits=no_limits)),
        installation=installation,
        tools=tools,
        ingress="ip",
        uids=app_uids() if switchable else None,
        cgroups=groups,
        landlock=abi,
        filter=_filter(),
    )
    tried, why = _tried(confinement)
    if tried is None and switchable:
        return _tried(replace(confinement, uids=None))
    return tried, why


def _missing(*, seccomp_known: bool, no_limits: str) -> tuple[str, ...]:
    missing: tuple[str, ...] = ()
    if not seccomp_known:
        missing += (f"a filter of system calls for {platform.machine()}",)
    if no_limits:
        missing += (f"limits on memory and processes ({no_limits})",)
    return missing


def _filter() -> bytes:
    try:
        return seccomp.program()
    except KeyError:
        return b""


def _all_mapped(uids: range) -> bool:
    """Does this user namespace have them?"""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        inside, _, count = (int(field) for field in line.split())
        if inside <= uids.start and uids.stop <= inside + count:
            return True
    return False


def _wall_works(*, opens: bool) -> bool:
    """Tried where nobody is affected: in a namespace that vanishes."""
    try:
        with syscalls.inside_new_network():
            Wall("trial", opens).build()
    except OSError:
        return False
    return True


def _no_ways() -> tuple[str, ...]:
    """Why no app can be given a way out; () where each can."""
    if not _wall_works(opens=True):
        return ("ways out of apps (the kernel cannot filter, track and translate for them)",)
    with syscalls.inside_new_network():
        switchable = uplinks.may_switch()
    if not switchable:
        return ("ways out of apps (/proc/sys/net is read-only: links cannot be told to forward)",)
    return ()


def _in_the_way() -> tuple[str, ...]:
    """What may keep ways out from leading anywhere, and is the operator's own to change."""
    found: tuple[str, ...] = ()
    if uplinks.nameserver() is None:
        found += (
            "a nameserver that apps may ask (none but loopback's is known here): name one "
            f"with {uplinks.NAMESERVER}",
        )
    with contextlib.suppress(OSError):
        for table in sorted(nftables.tables_that_drop(nftables.FORWARD)):
            found += (
                f"leave to pass for apps: this machine's firewall (table {table}) drops what "
                "is forwarded unless a rule of yours accepts it from and to links spv*",
            )
    return found


# --- the trial ----------------------------------------------------------------------------------


def _tried(confinement: Confinement) -> tuple[Confinement | None, str]:
    """Start `true` in it, with everything a real app gets."""
    _clear_trials(confinement)
    folder = Path(tempfile.mkdtemp(prefix="setpoint-probe-"))
    app = f"{_TRIAL}{os.getpid()}"
    try:
        why = _why_not(confinement, folder, app)
    except DriverError as error:
        why = error.message
    finally:
        drop_app(confinement, folder, app)
        drop_wall(confinement)
        shutil.rmtree(folder, ignore_errors=True)
    if not why:
        return confinement, ""
    return None, f"{confinement.level} does not work here: {why}"


def _clear_trials(confinement: Confinement) -> None:
    """Control groups of those who were killed in the middle of theirs."""
    groups = confinement.cgroups
    for group in groups.names() if groups is not None else ():
        pid = group.removeprefix(_TRIAL).removesuffix(f"@{_TRIAL}")
        if groups is not None and pid.isdigit() and look(int(pid)) is None:
            groups.remove(group)


def _why_not(confinement: Confinement, folder: Path, app: str) -> str:
    if confinement.hides and confinement.tools.bwrap is None:
        return "bubblewrap is not installed"
    output, status = folder / "output", folder / "status"
    reader = open_output(output)
    try:
        spec = Launch(
            name=_TRIAL,
            app=app,
            argv=("/bin/true",),
            env={},
            cwd="/",
            binds=(),
            uid=confinement.uids[-1] if confinement.uids else None,
            memory_bytes_max=_MEMORY_BYTES,
            pids_max=16,
            cpu_weight=100,
            netns=prepare_app(confinement, folder, app),
            output=output,
            status=status,
            fds={},
            hostname=_TRIAL,
        )
        return _run(confinement, spec, reader)
    finally:
        os.close(reader)


def _run(confinement: Confinement, spec: Launch, reader: int) -> str:
    """'' if it ended well, else its words."""
    try:
        identity = launch(confinement, spec)
    except DriverError as error:
        return f"{_words(reader)} {error.message}".strip()
    ended = open_pidfd(identity)
    if ended is not None:
        select.select([ended], [], [], TRIAL_S_MAX)
        os.close(ended)
    kill(confinement, identity)
    result = exits.read_exit(confinement, spec.app, spec.name, spec.status)
    for _ in range(FORGET_TRIES):
        if exits.forget(confinement, identity, spec.app, spec.name, spec.status):
            break
        time.sleep(FORGET_S)
    return "" if result == (0, False) else _words(reader) or f"a trial start ended with {result}"


def _words(reader: int) -> str:
    with contextlib.suppress(BlockingIOError):
        return " ".join(os.read(reader, 4096).decode(errors="replace").split())
    return ""
