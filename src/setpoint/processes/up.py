"""`setpoint up`: checks what must hold, then becomes the keeper or leaves one behind."""

import argparse
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO

from setpoint import __version__
from setpoint.drivers.envoy.binary import EnvoyStart, prepare_envoy
from setpoint.drivers.envoy.outlive import outlive
from setpoint.drivers.local import precedence, privileges, sandbox
from setpoint.drivers.local.paths import Paths, default_data, default_runtime
from setpoint.drivers.local.sandbox import Confinement
from setpoint.formats import digest_hook, retention
from setpoint.formats.envoy.limits import FUNCTION_S, HOT_FUNCTIONS, limits
from setpoint.formats.surveyor import APART_FROM, apart_from
from setpoint.model.errors import Refused, SetpointError
from setpoint.model.level import LEVEL_WORDS, LEVELS, Level, at_least
from setpoint.policy import addresses
from setpoint.processes import preflight
from setpoint.processes.accounts import Accounts, accounts
from setpoint.processes.keeper import Child, Keeper

EDGE_PORT, API_PORT, TLS_PORT, RENDEZVOUS_PORT = 8080, 5180, 5100, 5101
DAEMONS = ("api", "api_tcp", "api_tls", "rendezvous")
"""Sockets that the daemon listens on."""
PASSED_ON = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "TZ", "LANG"),
    *("SETPOINT_ENVOY", "SETPOINT_PYTHON", "SETPOINT_NODE", "SETPOINT_UID_BASE"),
    *("SETPOINT_MEMORY_MIB", "SETPOINT_REGION"),
    HOT_FUNCTIONS,
    FUNCTION_S,
    APART_FROM,
    "SETPOINT_NAMESERVER",
    "SETPOINT_OUTBOUND_ALLOW",
    "NODE_EXTRA_CA_CERTS",
)
"""Of the operator's environment, all that the plane needs; besides uv's and npm's own and the
proxies."""
PASSED_ON_PREFIXES = ("UV_", retention.PREFIX, "NPM_CONFIG_", "npm_config_")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
READY, FAILED = ("ready ", '{"ready_s"'), ("cannot ", '{"id"')
"""How the lines begin that say so: in words, and with --json."""
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(128 * 1024)}
"""Of the C library: what a long answer took goes back to the machine. Where nothing is said, the
threshold rises with the longest there was, and a process stays as large as it was once."""
STOP_APPS_S_MAX = 45.0
EDGE_S_MAX = 5.0


def main(argv: list[str] | None = None) -> int:
    options = _parse(argv)
    if options.detach:
        return _leave_behind(sys.argv[1:] if argv is None else argv)
    report = os.fdopen(options.report_fd, "w") if options.report_fd is not None else sys.stdout
    started_s = time.monotonic()
    try:
        keeper = _prepare(options, report, started_s)
        precedence.take()
        fatal = keeper.run()
    except SetpointError as error:
        fatal = str(error)
    if fatal:
        told = _as_json(fatal) if options.json else fatal
        print(told, file=report if options.report_fd is not None else sys.stderr, flush=True)
    elif options.report_fd is None and not options.json:
        print("\ndown", flush=True)  # below the ^C that the terminal shows
    return 2 if fatal else 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="setpoint up")
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--edge-port", type=int, default=EDGE_PORT)
    parser.add_argument("--api-port", type=int, default=API_PORT)
    parser.add_argument("--tls-port", type=int, default=None)
    parser.add_argument("--tls-address", default=preflight.LOOPBACK)
    parser.add_argument("--rendezvous-port", type=int, default=None)
    parser.add_argument("--floor", choices=LEVELS, default="L2")
    parser.add_argument("--detach", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--report-fd", type=int, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.tls_port is None:  # whoever says "any free one" for the API means all of it
        options.tls_port = TLS_PORT if options.api_port else 0
    if options.rendezvous_port is None:
        options.rendezvous_port = RENDEZVOUS_PORT if options.tls_port else 0
    return options


def _leave_behind(argv: list[str]) -> int:
    """Start the keeper in its own session and show what it reports until it is ready."""
    read_fd, write_fd = os.pipe()
    rest = [a for a in argv if a != "--detach"]
    child = subprocess.Popen(
        [sys.executable, "-I", "-m", "setpoint.processes.up", *rest, "--report-fd", str(write_fd)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(write_fd,),
        start_new_session=True,
        cwd="/",
    )
    os.close(write_fd)
    ready, shown = False, sys.stdout
    with os.fdopen(read_fd) as report:
        for line in report:
            ready = ready or line.startswith(READY)
            shown = sys.stderr if line.startswith(FAILED) else shown
            print(line, end="", file=shown)
    if ready:
        return 0
    return child.wait() or 1


def _prepare(options: argparse.Namespace, report: IO[str], started_s: float) -> Keeper:
    """Everything that can refuse, refuses in here, before the first process is started."""
    kept, bounds = retention.retention(os.environ), limits(os.environ)
    digest_hook.hook(os.environ)
    addresses.networks(os.environ)
    apart_from(os.environ)
    data: Path = options.data.absolute()
    paths, who = Paths(data, default_runtime(data)), accounts()
    lock = preflight.take_lock(paths)
    preflight.check_reachable(paths, who)
    preflight.make_folders(paths, who)
    confinement = sandbox.probe(paths.tools, paths.installation)
    _check_floor(confinement, options.floor)
    epoch = preflight.serving_epoch(paths, "envoy")
    preflight.end_old_plane(paths, but="envoy")
    ports, listeners = _ports(options, paths, edge_serves=epoch is not None)
    envoy = prepare_envoy(paths, ports["edge"], who.envoy, bounds)
    envoy_child = _envoy_child(paths, who, envoy, epoch, ports["edge"])
    sockets = _sockets(paths, who, listeners)
    if not options.json and (warning := preflight.scarcity(paths, kept)):
        print(warning, file=report, flush=True)
    os.set_inheritable(lock, False)

    def announce() -> None:
        _await_edge(ports["edge"])
        tell = _announcement_json if options.json else _announcement
        print(tell(paths, ports, confinement, started_s), file=report, flush=True)
        if options.report_fd is not None:
            report.close()

    return Keeper(
        children=_children(paths, who, sockets, ports, envoy_child),
        listener=sockets["keeper"],
        record=partial(preflight.record_process, paths),
        stop_apps=lambda: _stop_apps(paths),
        release=partial(_release, paths, lock, envoy),
        held=tuple(s for name, s in sockets.items() if name != "keeper"),
        on_ready=announce,
    )


def _check_floor(confinement: Confinement, floor: Level) -> None:
    level = confinement.level
    if not at_least(level, floor):
        missing = "; ".join(confinement.missing) or "this user may not have more"
        raise Refused(
            f"cannot start Setpoint at isolation level {level} ({LEVEL_WORDS[level]}): {missing}",
            f"give the missing, or accept it for development with --floor {level}",
        )


def _release(paths: Paths, lock: int, envoy: EnvoyStart, keep_apps: bool) -> None:
    """Orders hold config values in clear: they stay only as long as instances do."""
    if not keep_apps:
        preflight.note_stop(paths)
        shutil.rmtree(paths.orders, ignore_errors=True)
    preflight.end_old_plane(paths)  # an Envoy that was taken over from may still drain
    envoy.clear()
    os.close(lock)


def _ports(
    options: argparse.Namespace, paths: Paths, *, edge_serves: bool
) -> tuple[dict[str, int], dict[str, socket.socket]]:
    """All of them, and the API's sockets that they are of. `edge_serves`: an Envoy of ours still
    holds its port, and will hand it to the next one."""
    before = preflight.remembered_ports(paths)
    wanted = {
        "edge": options.edge_port or before.get("edge", 0),
        "api": options.api_port or before.get("api", 0),
        "tls": options.tls_port or before.get("tls", 0),
        "rendezvous": options.rendezvous_port or before.get("rendezvous", 0),
    }
    edge = wanted["edge"]
    if not edge_serves or edge != before.get("edge"):
        edge = preflight.free_port(edge, "the edge", "--edge-port")
    listeners = {
        "api_tcp": preflight.bind_loopback(wanted["api"], "the API", "--api-port"),
        "api_tls": preflight.bind(
            options.tls_address, wanted["tls"], "the API over TLS", "--tls-port"
        ),
        "rendezvous": preflight.bind(
            options.tls_address,
            wanted["rendezvous"],
            "heroku run's terminals",
            "--rendezvous-port",
        ),
    }
    api, tls, rendezvous = (listener.getsockname()[1] for listener in listeners.values())
    ports = {"edge": edge, "api": api, "tls": tls, "rendezvous": rendezvous}
    preflight.remember_ports(paths, ports)
    return ports, listeners


def _sockets(
    paths: Paths, who: Accounts, listeners: dict[str, socket.socket]
) -> dict[str, socket.socket]:
    """Held here for as long as the plane runs, so that no restart refuses a connection."""
    bind = preflight.bind_unix
    return {
        "keeper": bind(paths.keeper_socket, uid=None, gid=None, mode=0o600),
        "control": bind(paths.supervisor_socket, uid=None, gid=who.plane, mode=0o660),
        "edge": bind(paths.edge_socket, uid=who.edge, gid=who.plane, mode=0o660),
        "api": bind(paths.api_socket, uid=who.daemon, gid=who.plane, mode=0o666),
        **listeners,
    }


def _children(
    paths: Paths,
    who: Accounts,
    sockets: dict[str, socket.socket],
    ports: dict[str, int],
    envoy: Child,
) -> list[Child]:
    """In the order in which they start."""
    common = _environment()
    common |= {"SETPOINT_DATA": str(paths.data), "SETPOINT_RUNTIME": str(paths.runtime)}
    common |= {"SETPOINT_EDGE_PORT": str(ports["edge"]), "SETPOINT_API_PORT": str(ports["api"])}
    common |= {"SETPOINT_TLS_PORT": str(ports["tls"])}
    common |= {"SETPOINT_RENDEZVOUS_PORT": str(ports["rendezvous"])}

    ordinary = partial(precedence.leave, os.getpriority(os.PRIO_PROCESS, 0))
    digests = {k: v for k, v in os.environ.items() if k.startswith(digest_hook.PREFIX)}

    def python(
        name: str,
        uid: int | None,
        held: dict[str, str],
        own: Mapping[str, str] = {},
        prepare: Callable[[], None] = ordinary,
    ) -> Child:
        """As root it imports everything first and then takes its uid: see privileges. `own`: of
        the environment, what this one alone is told."""
        fds = {inside: sockets[key].fileno() for inside, key in held.items()}
        env = common | {"SETPOINT_FDS": ",".join(f"{k}={v}" for k, v in fds.items())}
        env |= _as_user(uid, who.plane) | dict(own)
        return Child(
            name=name,
            argv=lambda _: [sys.executable, "-I", "-m", f"setpoint.processes.{name}"],
            log=str(paths.plane_logs / f"{name}.log"),
            env=env,
            fds=tuple(fds.values()),
            prepare=prepare,
        )

    return [
        python("supervisor", None, {"control": "control"}),
        python("edge_agent", who.edge, {"control": "edge"}, prepare=precedence.take),
        envoy,
        python("daemon", who.daemon, {name: name for name in DAEMONS}, digests),
    ]


def _envoy_child(
    paths: Paths, who: Accounts, envoy: EnvoyStart, epoch: int | None, port: int
) -> Child:
    """`epoch`: of the Envoy that still serves, which the new one then takes over from."""
    return Child(
        name="envoy",
        argv=envoy.argv,
        log=str(paths.plane_logs / "envoy.log"),
        env={},
        fds=envoy.fds,
        prepare=partial(_become_envoy, who.envoy),
        says_ready=False,
        takes_over=envoy.base_id is not None,
        first_epoch=0 if epoch is None else epoch + 1,
        door=(preflight.LOOPBACK, port),
    )


def _become_envoy(uid: int | None) -> None:
    """All that a program which is not ours cannot do for itself."""
    try:
        precedence.take()
        outlive()
        if uid is not None:
            privileges.drop(uid, uid)
    except BaseException as error:  # who started it hears that something was wrong, and not what
        os.write(2, f"cannot become Envoy: {error!r}\n".encode())
        raise


def _as_user(uid: int | None, gid: int | None) -> dict[str, str]:
    """Tells a child whom to become."""
    return {} if uid is None else {privileges.UID: str(uid), privileges.GID: str(gid)}


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        **ALLOCATOR,
        **{
            name: value
            for name, value in os.environ.items()
            if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES) or name.lower() in PROXIES
        },
    }


def _await_edge(port: int) -> None:
    """Envoy was started before the daemon and needs about 0.1 s; a moment more is no failure."""
    deadline_s = time.monotonic() + EDGE_S_MAX
    while time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)


def _stop_apps(paths: Paths) -> None:
    """One message to the supervisor, in its own framing; returns when every instance is gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(STOP_APPS_S_MAX)
        link.connect(str(paths.supervisor_socket))
        link.sendall(json.dumps({"type": "StopAll"}).encode() + b"\n")
        link.recv(4096)


def _announcement(
    paths: Paths, ports: dict[str, int], confinement: Confinement, started_s: float
) -> str:
    took_s = time.monotonic() - started_s
    return "\n".join(
        (
            f"Setpoint {__version__}, isolation {confinement.words}",
            f"  data  {paths.data}",
            f"  API   http://127.0.0.1:{ports['api']}",
            f"  TLS   https://localhost:{ports['tls']} (heroku: setpoint env)",
            f"  apps  http://<app>.localhost:{ports['edge']}",
            f"ready in {took_s:.1f} s; next: setpoint deploy DIR{_named(paths)}",
        )
    )


def _named(paths: Paths) -> str:
    """What a command must say to find this one."""
    return "" if paths.data == default_data() else f" --data {shlex.quote(str(paths.data))}"


def _announcement_json(
    paths: Paths, ports: dict[str, int], confinement: Confinement, started_s: float
) -> str:
    return json.dumps(
        {
            "ready_s": round(time.monotonic() - started_s, 3),
            "version": __version__,
            "level": confinement.level,
            "missing": list(confinement.missing),
            "data": str(paths.data),
            "api": f"http://127.0.0.1:{ports['api']}",
            "api_tls": f"https://localhost:{ports['tls']}",
            "edge_port": ports["edge"],
        }
    )


def _as_json(fatal: str) -> str:
    """As every other command's errors with --json. The first line is the fact, the rest a hint."""
    message, _, hint = fatal.partition("\n")
    return json.dumps({"id": "cannot_start", "message": message, "hint": hint})


if __name__ == "__main__":
    sys.exit(main())
