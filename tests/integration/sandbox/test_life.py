"""How instances start and end: exit codes, signals, limits, left-overs."""

import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox.identity import members, start_time
from setpoint.model.errors import DriverError, Terminal
from tests.integration.sandbox.box import MEGABYTE, Ground
from tests.support.waiting import until

SLEEP = "import time; print('up', flush=True); time.sleep(60)"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("raise SystemExit(0)", 0, id="success"),
        pytest.param("raise SystemExit(7)", 7, id="failure"),
        pytest.param("import os; os.kill(os.getpid(), 11)", 128 + 11, id="crash"),
        pytest.param("import os; os.abort()", 128 + 6, id="abort"),
        pytest.param("import os; os.kill(os.getpid(), 9)", 128 + 9, id="kills-itself"),
    ],
)
def test_exit_code_is_known_after_the_end(ground: Ground, code: str, expected: int) -> None:
    assert ground.start(code).ended() == (expected, False)


def test_sigterm_reaches_the_app(ground: Ground) -> None:
    box = ground.start(SLEEP)
    box.hears(b"up")
    sandbox.terminate(ground.confinement, box.identity)
    assert box.ended() == (128 + signal.SIGTERM, False)


def test_an_app_may_end_gracefully_on_sigterm(ground: Ground) -> None:
    box = ground.start(
        "import signal, sys, time\n"
        "signal.signal(15, lambda *_: (print('bye', flush=True), sys.exit(0)))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    box.hears(b"up")
    sandbox.terminate(ground.confinement, box.identity)
    assert box.ended() == (0, False)
    assert b"bye" in box.read()


def test_sigterm_in_the_middle_of_a_start_is_heeded_once_there_is_somebody(ground: Ground) -> None:
    for _ in range(10):
        box = ground.start(SLEEP)
        until(lambda b=box: sandbox.terminate(ground.confinement, b.identity), what="it is told")
        # None: told before the command was entered, bubblewrap leaves no exit code
        assert box.ended() in ((128 + signal.SIGTERM, False), None)


PARENTS_OUTLIVE_THEIR_CHILDREN = """
import os, time, signal
def told(*_):
    os.write(1, b'told\\n')
    try:
        while True: os.wait()
    except ChildProcessError:
        os._exit(0)
signal.signal(15, told)
os.fork()
os.fork()
os.write(1, b'up\\n')
time.sleep(60)
"""


def test_sigterm_reaches_every_process_of_an_instance(ground: Ground) -> None:
    box = ground.start(PARENTS_OUTLIVE_THEIR_CHILDREN)
    until(lambda: box.read().count(b"up") == 4, what="four processes are up")
    sandbox.terminate(ground.confinement, box.identity)
    until(lambda: box.read().count(b"told") == 4, what="all four were told")
    box.ended()


def test_kill_ends_everything_inside(ground: Ground) -> None:
    box = ground.start(f"import os; os.fork(); os.setsid() if os.fork() == 0 else 0; {SLEEP}")
    until(lambda: box.read().count(b"up") == 4, what="four processes are up")
    inside = members(ground.confinement, box.identity)
    started = {pid: start_time(pid) for pid in inside}
    sandbox.kill(ground.confinement, box.identity)
    assert box.ended() == (137, False)
    until(lambda: all(start_time(p) != s for p, s in started.items()), what="none is left")


def test_what_the_main_process_leaves_behind_is_killed(ground: Ground) -> None:
    box = ground.start("import os, time\nif os.fork() == 0: time.sleep(60)\nraise SystemExit(3)")
    assert box.ended() == (3, False)
    until(lambda: not sandbox.alive(box.identity), what="the sandbox is gone")


def test_a_killed_monitor_leaves_a_watchable_instance(ground: Ground, hidden: None) -> None:
    box = ground.start(SLEEP)
    box.hears(b"up")
    os.kill(box.identity.outer_pid, signal.SIGKILL)
    os.waitpid(box.identity.outer_pid, 0)
    assert sandbox.alive(box.identity)
    watched = sandbox.open_pidfd(box.identity)
    assert watched is not None
    os.close(watched)
    sandbox.kill(ground.confinement, box.identity)
    assert box.ended() is None


def test_a_program_that_is_not_there_says_so_in_the_output(ground: Ground) -> None:
    box = ground.start("", argv=("/usr/bin/no-such-program",))
    result = box.ended()
    assert b"no-such-program" in box.read()
    assert result in (None, (127, False))


def test_a_folder_that_is_not_there_ends_the_start(ground: Ground, hidden: None) -> None:
    spec = ground.spec("")
    box = ground.start("", binds=(*spec.binds, (ground.folder / "nothing", "/nothing")))
    assert box.ended() is None
    assert b"nothing" in box.read()


def test_a_start_that_cannot_begin_leaves_nothing(ground: Ground) -> None:
    spec = ground.spec("", name="web.9", output=ground.folder / "absent" / "out")
    with pytest.raises(DriverError, match=r"cannot start web\.9: "):
        sandbox.launch(ground.confinement, spec)
    groups = ground.confinement.cgroups
    assert groups is None or spec.folder not in groups.names()


def test_names_that_leave_the_folder_are_refused(ground: Ground) -> None:
    spec = replace(ground.spec(""), name="../x")
    with pytest.raises(Terminal, match="not a valid name"):
        sandbox.launch(ground.confinement, spec)


def test_numbers_we_use_ourselves_are_refused(ground: Ground) -> None:
    with pytest.raises(Terminal, match="numbered 3 to 199"):
        sandbox.launch(ground.confinement, ground.spec("", fds={0: 200}))


def test_memory_is_limited_and_its_end_is_told(ground: Ground, limited: None) -> None:
    box = ground.start(
        "x = [bytearray(1 << 20) for _ in range(400)]", memory_bytes_max=64 * MEGABYTE
    )
    assert box.ended() == (137, True)


def test_without_cgroups_memory_is_refused_instead(ground: Ground) -> None:
    if ground.confinement.limits:
        pytest.skip("this level has cgroups")
    box = ground.start(
        "x = [bytearray(1 << 20) for _ in range(2000)]", memory_bytes_max=64 * MEGABYTE
    )
    assert box.ended() == (1, False)
    assert b"MemoryError" in box.read()


def test_processes_are_limited(ground: Ground, limited: None) -> None:
    box = ground.start(
        "import os, time\ncount = 0\n"
        "try:\n"
        "    while True:\n"
        "        if os.fork() == 0: time.sleep(60)\n"
        "        count += 1\n"
        "except BlockingIOError:\n"
        "    print('forks:', count, flush=True)",
        pids_max=16,
    )
    box.hears(b"forks: 1")
    box.ended()
    assert 10 <= int(box.read().split()[-1]) < 16


def test_a_fork_bomb_ends_with_one_kill(ground: Ground, limited: None) -> None:
    box = ground.start(
        "import os\nos.write(1, b'up')\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        pids_max=32,
    )
    box.hears(b"up")
    sandbox.kill(ground.confinement, box.identity)
    box.ended()
    assert members(ground.confinement, box.identity) == set()


def test_tmp_is_private_and_bounded(ground: Ground, hidden: None) -> None:
    box = ground.start(
        "import os\n"
        "assert os.listdir('/tmp') == [], os.listdir('/tmp')\n"
        "with open('/tmp/big', 'wb') as file:\n"
        "    for _ in range(64): file.write(bytes(1 << 20))",
        memory_bytes_max=48 * MEGABYTE,
    )
    code, _ = box.ended() or (0, False)
    assert code != 0


def test_output_is_kept_byte_for_byte(ground: Ground) -> None:
    box = ground.start(
        "import os\nos.write(1, bytes(range(256)))\nos.write(2, b'x' * 300_000 + b'last words')"
    )
    box.hears(b"last words")
    assert box.ended() == (0, False)
    assert box.read() == bytes(range(256)) + b"x" * 300_000 + b"last words"


def test_output_can_be_opened_anew_by_its_name(ground: Ground, hidden: None) -> None:
    box = ground.start(
        "for name in ('/dev/stdout', '/dev/stderr', '/proc/self/fd/1'):\n"
        "    with open(name, 'a') as file: print('by', name, file=file)"
    )
    assert box.ended() == (0, False)
    assert box.read() == b"by /dev/stdout\nby /dev/stderr\nby /proc/self/fd/1\n"


def test_a_descriptor_arrives_under_its_number(ground: Ground) -> None:
    path = ground.folder / "function.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as caller:
        listener.bind(str(path))
        listener.listen()
        caller.connect(str(path))
        box = ground.start(
            "import socket\n"
            "peer = socket.socket(fileno=7).accept()[0]\n"
            "peer.sendall(b'hello from inside')",
            fds={listener.fileno(): 7},
        )
        assert box.ended() == (0, False)
        assert caller.recv(100) == b"hello from inside"


def test_nothing_else_of_ours_gets_inside(ground: Ground) -> None:
    secret = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        box = ground.start(
            "import os, signal\n"
            "for name in sorted(os.listdir('/proc/self/fd'), key=int):\n"
            "    try: print(name, os.readlink('/proc/self/fd/' + name))\n"
            "    except OSError: pass\n"
            "print('ignored', signal.getsignal(1), signal.pthread_sigmask(0, []))"
        )
        assert box.ended() == (0, False)
    finally:
        os.close(secret)
    lines = box.read().decode().splitlines()
    out = str(box.spec.output)
    assert [line.split(" ", 1)[1] for line in lines[:3]] == ["/dev/null", out, out]
    assert lines[3:] == ["ignored 0 set()"], lines


def test_config_is_on_no_command_line(ground: Ground) -> None:
    value = "hunter2-" + os.urandom(8).hex()
    box = ground.start(
        "import os; print(os.environ['SECRET'], flush=True); import time; time.sleep(60)",
        env={"SECRET": value},
    )
    box.hears(value.encode())
    identity = box.identity
    for pid in {identity.outer_pid, identity.inner_pid}:
        assert value.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    if ground.confinement.hides:
        for pid in {identity.outer_pid, identity.inner_pid}:
            assert value.encode() not in Path(f"/proc/{pid}/environ").read_bytes()


def test_an_instance_takes_a_user_of_its_own(ground: Ground) -> None:
    if ground.confinement.uids is None:
        pytest.skip(f"users cannot be switched: {ground.confinement.words}")
    box = ground.start(SLEEP)
    box.hears(b"up")
    for pid in members(ground.confinement, box.identity):
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        assert status["Uid"].split() == status["Gid"].split() == [str(box.spec.uid)] * 4
        assert status["Groups"].split() == []
        assert int(status["CapEff"], 16) == 0 or pid == box.identity.outer_pid


def test_starting_many_leaves_no_descriptor_behind(ground: Ground) -> None:
    before = set(os.listdir("/proc/self/fd"))
    spec = ground.spec("", argv=("/bin/true",))
    reader = sandbox.open_output(spec.output)
    for _ in range(3):
        identity = sandbox.launch(ground.confinement, spec)
        until(lambda i=identity: ended(ground, i, spec), what="it ended")
    os.close(reader)
    assert set(os.listdir("/proc/self/fd")) == before


def ended(ground: Ground, identity: sandbox.Identity, spec: sandbox.Launch) -> bool:
    if sandbox.read_exit(ground.confinement, spec.app, spec.name, spec.status) is None:
        return False
    sandbox.kill(ground.confinement, identity)
    return sandbox.forget(ground.confinement, identity, spec.app, spec.name, spec.status)
