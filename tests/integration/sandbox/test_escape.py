"""The permanent escape suite: two apps side by side, the plane around them, and every way out.

`probes.py` runs inside app A. What each probe must get is written here, per level; a probe without
an expectation fails, and so does an expectation without a probe.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from setpoint.drivers.local.sandbox import Confinement
from setpoint.drivers.local.sandbox.netns import app_address
from tests.integration.sandbox.box import Box, Ground, world_readable_folder
from tests.integration.sandbox.test_network import free_port, serving

PROBES = (Path(__file__).parent / "probes.py").read_text()

WORKS = frozenset({"allowed"})
ABSENT = frozenset({"ENOENT", "ENOTDIR"})
NOT_PERMITTED = frozenset({"EPERM"})
READ_ONLY = frozenset({"EROFS"})
NO_SUCH_PROCESS = frozenset({"ESRCH"})
NO_WAY = frozenset({"ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT"})
NO_ACCESS = frozenset({"EACCES", "EPERM"})
DENIED = NO_ACCESS | ABSENT | READ_ONLY

CALLS = (
    *("mount", "umount", "pivot_root", "fsopen", "open_tree", "move_mount"),
    *("bpf", "keyctl", "add_key", "request_key", "io_uring_setup", "perf_event_open"),
    *("userfaultfd", "userfaultfd user-only", "unshare user", "unshare network", "setns"),
    *("ptrace", "process_vm_readv", "pidfd_getfd", "kcmp", "open_by_handle_at", "syslog"),
    *("init_module", "kexec_load", "reboot", "settimeofday", "acct", "swapon", "quotactl"),
)
FILES = (
    *("the shadow file", "root's home", "the store", "the other app's code", "the other app's log"),
    *("the other app's status",),
)
SOCKETS = ("the keeper", "the supervisor", "Envoy's admin", "the other app's relay")

# With namespaces (L3 and L2).
HIDING: dict[str, frozenset[str]] = {
    **{f"call {name}": NOT_PERMITTED for name in CALLS},
    "call clone3": frozenset({"ENOSYS"}),
    **{f"read {name}": ABSENT for name in FILES},
    **{f"connect {name}": ABSENT for name in SOCKETS},
    "connect host loopback": NO_WAY,
    "connect host everywhere": NO_WAY,
    "connect other app": NO_WAY,
    "connect abstract socket": NO_WAY,
    **{f"create in {name}": READ_ONLY for name in ("/", "/usr", "/etc", "/dev", "slug")},
    "write core_pattern": DENIED,
    "write modprobe": DENIED,
    "write sysrq": DENIED,
    "write ip_forward": DENIED,
    "write max_user_namespaces": DENIED,
    "write oom_score_adj": NO_ACCESS,
    "write cgroup": ABSENT,
    "environment of pid 1": frozenset({"ENODATA"}),
    "environment of another app": ABSENT,
    "memory of another app": ABSENT,
    "signal another app": NO_SUCH_PROCESS,
    "signal the supervisor": NO_SUCH_PROCESS,
    "see processes of the host": ABSENT,
    "raw socket": NO_ACCESS,
    **{
        f"{name} socket": frozenset({"EAFNOSUPPORT"})
        for name in ("packet", "vsock", "crypto", "bluetooth")
    },
    "change the network": NOT_PERMITTED,
    "clone a user namespace": NOT_PERMITTED,
    "become root": frozenset({"EINVAL", "EPERM"}),
    "join group 0": NOT_PERMITTED,
    "chroot": NOT_PERMITTED,
    "make a device": NOT_PERMITTED,
    "set the host name": NOT_PERMITTED,
    "run a set-uid program as root": NOT_PERMITTED,
    "type into the terminal": NOT_PERMITTED,
    "type into the terminal, high bits": NOT_PERMITTED,
    "raise a limit": NOT_PERMITTED,
    "dump core": NOT_PERMITTED,
    "read back the output": NO_ACCESS,
    "create in TMPDIR": WORKS,
    "fork": WORKS,
    "start a thread": WORKS,
    "run a program": WORKS,
    "listen": WORKS,
}

# Without namespaces (L0) nothing is hidden; Landlock and the filter refuse.
REFUSING: dict[str, frozenset[str]] = {
    **HIDING,
    **{f"read {name}": NO_ACCESS for name in FILES},
    **{f"connect {name}": NO_ACCESS for name in ("host loopback", "host everywhere", "other app")},
    "connect abstract socket": NO_ACCESS,
    **{f"create in {name}": DENIED for name in ("/", "/usr", "/etc", "/dev", "slug")},
    "write cgroup": DENIED,
    "environment of pid 1": NO_ACCESS,
    "environment of another app": NO_ACCESS,
    "memory of another app": NO_ACCESS,
    "signal another app": NO_ACCESS,
    "signal the supervisor": NO_ACCESS,
    "become root": NOT_PERMITTED,
    "make a device": NO_ACCESS,
    "type into the terminal": NO_ACCESS,
    "type into the terminal, high bits": NO_ACCESS,
    # Known holes of this level, which is why `up` refuses it unless told otherwise: Landlock knows
    # no rule for connecting to a socket file, and process numbers stay visible.
    **{f"connect {name}": NO_ACCESS | ABSENT | WORKS for name in SOCKETS},
    "see processes of the host": WORKS,
}

EXPECTED: dict[str, dict[str, frozenset[str]]] = {
    "L3": HIDING,
    # One uid: an app may open its own output again, and could only rob us of its own words.
    "L2": {**HIDING, "read back the output": NO_ACCESS | WORKS},
    "L0": REFUSING,
}


@pytest.fixture(scope="module")
def scene(confinement: Confinement) -> Iterator[Ground]:
    folder = world_readable_folder()
    made = Ground(confinement, folder)
    yield made
    made.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def targets(scene: Ground) -> Iterator[dict[str, object]]:
    """Everything there is to reach, standing while app A tries."""
    with ExitStack() as stack:
        other, endpoint = serving(scene, app="appb", name="web.1")
        host = stack.enter_context(listening(("127.0.0.1", 0)))
        everywhere = stack.enter_context(listening(("0.0.0.0", 0)))
        abstract = f"setpoint-test-{os.getpid()}"
        stack.enter_context(listening("\0" + abstract, socket.AF_UNIX))
        sockets = {name: scene.runtime / f"{at}.sock" for at, name in enumerate(SOCKETS[:3])}
        for path in sockets.values():
            stack.enter_context(listening(str(path), socket.AF_UNIX))
            path.chmod(0o600)
        relay = endpoint.address if endpoint.kind == "relay" else scene.runtime / "fn" / "absent"
        yield {
            "files": {name: str(path) for name, path in files(scene, other).items()},
            "sockets": {name: str(path) for name, path in sockets.items()}
            | {SOCKETS[3]: str(relay)},
            "host loopback": host.getsockname(),
            "host everywhere": (gateway(scene), everywhere.getsockname()[1]),
            "other app": (
                endpoint.address if endpoint.kind == "veth" else "127.0.0.1",
                endpoint.port,
            ),
            "other pid": other.identity.inner_pid,
            "host pid": os.getpid(),
            "abstract": abstract,
        }


@pytest.fixture(scope="module")
def outcomes(scene: Ground, targets: dict[str, object]) -> dict[str, str]:
    """Of one run of all probes inside app A."""
    name = "probe.1"
    slug = scene.confinement.inside(scene.folder / f"appa-{name}", "/app")
    env = {"TARGETS": json.dumps({**targets, "slug": slug}), "PATH": "/usr/bin"}
    port = free_port()
    box = scene.start(PROBES, app="appa", name=name, port=port, env={**env, "PORT": str(port)})
    assert box.ended() == (0, False), box.read().decode()
    return json.loads(box.read())


def listening(address: object, family: int = socket.AF_INET) -> socket.socket:
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen()
    return listener


def files(scene: Ground, other: Box) -> dict[str, Path]:
    """The plane's and the other app's."""
    private = scene.folder / "private"
    private.mkdir(mode=0o700)
    (private / "store").write_text("the plane's own")
    home = Path(os.path.expanduser("~root")) / ".profile"
    return {
        "the shadow file": Path("/etc/shadow"),
        "root's home": home,
        "the store": private / "store",
        "the other app's code": scene.folder / "appb-web.1" / "main.py",
        "the other app's log": other.spec.output,
        "the other app's status": other.spec.status,
    }


def gateway(scene: Ground) -> str:
    """The host's end of app A's link."""
    if scene.confinement.ingress != "veth":
        return "127.0.0.1"
    scene.spec("", app="appa")
    head, _, last = app_address(scene.runtime, "appa").rpartition(".")
    return f"{head}.{int(last) - 1}"


@pytest.mark.parametrize("name", sorted(HIDING))
def test_probe(confinement: Confinement, outcomes: dict[str, str], name: str) -> None:
    if confinement.level == "L0" and not confinement.landlock:
        pytest.skip("this kernel has no Landlock")
    assert outcomes[name] in EXPECTED[confinement.level][name]


def test_probes_get_through_where_nothing_confines_them(targets: dict[str, object]) -> None:
    """Else a typo in a probe would look like a wall. Only those that do no harm."""
    harmless = (
        *("read the store", "read the other app's code"),
        *(f"connect {name}" for name in (*SOCKETS[:3], "host loopback", "abstract socket")),
        *("signal another app", "signal the supervisor"),
        *("see processes of the host", "create in slug", "create in TMPDIR", "listen"),
    )
    given = {**targets, "slug": "/tmp", "only": harmless}
    done = subprocess.run(
        [sys.executable, "-c", PROBES],
        env={"TARGETS": json.dumps(given), "PORT": str(free_port())},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == dict.fromkeys(harmless, "allowed")


def test_every_probe_has_an_expectation(outcomes: dict[str, str]) -> None:
    assert set(outcomes) == set(HIDING) == set(REFUSING)


def test_no_route_leads_to_the_world(scene: Ground, hidden: None) -> None:
    """Looked at, not dialled: a test never sends to an address that is not ours."""
    look = "print(open('/proc/net/route').read(), open('/proc/net/ipv6_route').read())"
    box = scene.start(look, name="routes.1")
    assert box.ended() == (0, False)
    ipv4 = [line.split() for line in box.read().decode().splitlines()[1:] if "\t" in line]
    assert all(fields[1] != "00000000" for fields in ipv4), ipv4


def test_inside_there_is_little_to_see(scene: Ground, hidden: None) -> None:
    box = scene.start(
        "import json, os\n"
        "print(json.dumps([sorted(os.listdir('/')), sorted(os.listdir('/dev')),\n"
        "    [p for p in os.listdir('/proc') if p.isdigit()], sorted(os.environ), os.getuid(),\n"
        "    os.uname().nodename, os.getcwd()]))",
        env={"KEY": "value"},
        name="look.1",
    )
    assert box.ended() == (0, False)
    root, devices, pids, environment, uid, host, here = json.loads(box.read())
    assert set(root) <= {"app", "bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "tmp",
                         "usr", "opt"}  # fmt: skip
    assert set(devices) == {"core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr",
                            "stdin", "stdout", "tty", "urandom", "zero"}  # fmt: skip
    assert pids == ["1", "2"]
    assert set(environment) <= {"KEY", "PWD", "LC_CTYPE"}
    assert (uid, host, here) == (10001, "web-1", "/app")
