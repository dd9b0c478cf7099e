"""Runs inside a sandbox and tries to get out. Prints one JSON object: probe -> outcome.

An outcome is "allowed" or the name of the error. Standard library only; told where things are by
the JSON in $TARGETS. Some probes are wanted to work: a sandbox nobody can work in is no use.
"""

import ctypes
import errno
import fcntl
import json
import os
import platform
import resource
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable

TARGETS = json.loads(os.environ["TARGETS"])
ARM = platform.machine() == "aarch64"
PROBES: dict[str, Callable[[], object]] = {}
libc = ctypes.CDLL(None, use_errno=True)

# name: (x86_64, aarch64, arguments)
CALLS: dict[str, tuple[int, int, tuple[object, ...]]] = {
    "mount": (165, 40, (b"none", b"/tmp", b"tmpfs", 0, 0)),
    "umount": (166, 39, (b"/tmp", 0)),
    "pivot_root": (155, 41, (b"/tmp", b"/tmp")),
    "fsopen": (430, 430, (b"tmpfs", 0)),
    "open_tree": (428, 428, (-100, b"/", 1)),
    "move_mount": (429, 429, (-100, b"/tmp", -100, b"/tmp", 0)),
    "bpf": (321, 280, (0, 0, 0)),
    "keyctl": (250, 219, (0, -3, 0)),
    "add_key": (248, 217, (b"user", b"a", b"b", 1, -3)),
    "request_key": (249, 218, (b"user", b"a", b"b", -3)),
    "io_uring_setup": (425, 425, (8, ctypes.create_string_buffer(256))),
    "perf_event_open": (298, 241, (ctypes.create_string_buffer(128), 0, -1, -1, 0)),
    "userfaultfd": (323, 282, (0,)),
    "userfaultfd user-only": (323, 282, (1,)),
    "unshare user": (272, 97, (0x10000000,)),
    "unshare network": (272, 97, (0x40000000,)),
    "setns": (308, 268, (0, 0)),
    "clone3": (435, 435, (0, 0)),
    "ptrace": (101, 117, (0, 0, 0, 0)),
    "process_vm_readv": (310, 270, (1, 0, 0, 0, 0, 0)),
    "pidfd_getfd": (438, 438, (0, 0, 0)),
    "kcmp": (312, 272, (1, 1, 0, 0, 0)),
    "open_by_handle_at": (304, 265, (-100, ctypes.create_string_buffer(64), 0)),
    "syslog": (103, 116, (3, ctypes.create_string_buffer(99), 99)),
    "init_module": (175, 105, (0, 0, 0)),
    "kexec_load": (246, 104, (0, 0, 0, 0)),
    "reboot": (169, 142, (0, 0, 0, 0)),
    "settimeofday": (164, 170, (0, 0)),
    "acct": (163, 89, (0,)),
    "swapon": (167, 224, (b"/tmp/x", 0)),
    "quotactl": (179, 60, (0, 0, 0, 0)),
}


def probe(name: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    def register(function: Callable[[], object]) -> Callable[[], object]:
        PROBES[name] = function
        return function

    return register


def call(number: int, *arguments: object) -> int:
    cast = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *cast)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        content = file.read(200)
    if not content:
        raise OSError(errno.ENODATA, "")
    return content


def write(path: str, content: bytes = b"x") -> None:
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, content)


def create(folder: str) -> None:
    path = os.path.join(folder, f"probe-{os.getpid()}")
    open(path, "x").close()
    os.unlink(path)


def connect(address: object, family: int = socket.AF_INET) -> None:
    with socket.socket(family) as peer:
        peer.settimeout(0.5)
        peer.connect(address)


def tcp(name: str) -> Callable[[], None]:
    host, port = TARGETS[name]
    return lambda: connect((host, port))


for name, (x86, arm, arguments) in CALLS.items():
    number = arm if ARM else x86
    PROBES[f"call {name}"] = lambda n=number, a=arguments: call(n, *a)

for name, path in TARGETS["files"].items():
    PROBES[f"read {name}"] = lambda p=path: read(p)
for name, path in TARGETS["sockets"].items():
    PROBES[f"connect {name}"] = lambda p=path: connect(p, socket.AF_UNIX)
for name in ("host loopback", "host everywhere", "other app"):
    PROBES[f"connect {name}"] = tcp(name)
for folder in ("/", "/usr", "/etc", "/dev", TARGETS["slug"]):
    label = "slug" if folder == TARGETS["slug"] else folder
    PROBES[f"create in {label}"] = lambda f=folder: create(f)
PROBES["create in TMPDIR"] = lambda: create(os.environ.get("TMPDIR", "/tmp"))
for name, path, content in (
    ("core_pattern", "/proc/sys/kernel/core_pattern", b"|/tmp/x"),
    ("modprobe", "/proc/sys/kernel/modprobe", b"/tmp/x"),
    ("sysrq", "/proc/sysrq-trigger", b"h"),
    ("ip_forward", "/proc/sys/net/ipv4/ip_forward", b"1"),
    ("max_user_namespaces", "/proc/sys/user/max_user_namespaces", b"99"),
    ("oom_score_adj", "/proc/self/oom_score_adj", b"-999"),
    ("cgroup", "/sys/fs/cgroup/pids/cgroup.procs", b"0"),
):
    PROBES[f"write {name}"] = lambda p=path, c=content: write(p, c)


@probe("environment of pid 1")
def _() -> None:
    read("/proc/1/environ")


@probe("environment of another app")
def _() -> None:
    read(f"/proc/{TARGETS['other pid']}/environ")


@probe("memory of another app")
def _() -> None:
    os.close(os.open(f"/proc/{TARGETS['other pid']}/mem", os.O_RDWR))


@probe("signal another app")
def _() -> None:
    os.kill(TARGETS["other pid"], 0)


@probe("signal the supervisor")
def _() -> None:
    os.kill(TARGETS["host pid"], 0)


@probe("see processes of the host")
def _() -> None:
    """In its own walls there are init, what forks, one forked ahead, and itself."""
    if len([name for name in os.listdir("/proc") if name.isdigit()]) <= 4:
        raise OSError(errno.ENOENT, "")


@probe("connect abstract socket")
def _() -> None:
    connect("\0" + TARGETS["abstract"], socket.AF_UNIX)


def open_socket(family: int, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()


for name, family, kind, protocol in (
    ("raw", socket.AF_INET, socket.SOCK_RAW, 1),
    ("packet", 17, socket.SOCK_RAW, 3),
    ("vsock", 40, socket.SOCK_STREAM, 0),
    ("crypto", 38, 5, 0),
    ("bluetooth", 31, socket.SOCK_RAW, 1),
):
    PROBES[f"{name} socket"] = lambda f=family, k=kind, p=protocol: open_socket(f, k, p)


@probe("change the network")
def _() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", 0))


@probe("clone a user namespace")
def _() -> None:
    if call(220 if ARM else 56, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)
    os.wait()


@probe("become root")
def _() -> None:
    os.setuid(0)


@probe("join group 0")
def _() -> None:
    os.setgroups([0])


@probe("chroot")
def _() -> None:
    os.chroot("/")


@probe("make a device")
def _() -> None:
    os.mknod(os.path.join(os.environ.get("TMPDIR", "/tmp"), "dev"), 0o20666, os.makedev(1, 1))


@probe("set the host name")
def _() -> None:
    socket.sethostname("probe")


@probe("run a set-uid program as root")
def _() -> None:
    """su without a password: only ever asks who it is, when it has become root."""
    done = subprocess.run(
        ["/usr/bin/su", "-c", "id -u"], capture_output=True, stdin=-3, check=False
    )
    if done.stdout.strip() != b"0":
        raise PermissionError(errno.EPERM, "")


@probe("type into the terminal")
def _() -> None:
    _, terminal = os.openpty()
    fcntl.ioctl(terminal, 0x5412, b"x")


@probe("type into the terminal, high bits")
def _() -> None:
    _, terminal = os.openpty()
    call(29 if ARM else 16, terminal, 0x1_0000_5412, b"x")


@probe("raise a limit")
def _() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))
    except ValueError:
        raise PermissionError(errno.EPERM, "") from None


@probe("dump core")
def _() -> None:
    if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0):
        raise PermissionError(errno.EPERM, "")


@probe("read back the output")
def _() -> None:
    os.close(os.open("/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK))


@probe("fork")
def _() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@probe("start a thread")
def _() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


@probe("run a program")
def _() -> None:
    subprocess.run(["/bin/true"], check=True)


@probe("listen")
def _() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(os.environ["PORT"])))
        listener.listen()


def outcome(function: Callable[[], object]) -> str:
    try:
        function()
    except TimeoutError:
        return "ETIMEDOUT"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "allowed"


wanted = TARGETS.get("only") or list(PROBES)
print(json.dumps({name: outcome(PROBES[name]) for name in wanted}))
