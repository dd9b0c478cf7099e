"""Cgroups of both flavours. v1 is real here; v2 by its files, and by its way of being born in."""

import os
import select
from pathlib import Path

import pytest

from setpoint.drivers.local.sandbox import syscalls
from setpoint.drivers.local.sandbox.cgroups import (
    UNIFIED,
    Cgroups,
    Limits,
    _mounts,
    _own_folders,
    find,
)
from tests.support.waiting import until

LIMITS = Limits(memory_bytes_max=64 << 20, pids_max=32, cpu_weight=50)

V1_MOUNTS = """\
30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 30 0:28 /box /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
"""
V1_OWN = "4:memory:/tenant/7\n3:pids:/box/inner\n2:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n"
V2_MOUNTS = "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"


def own(folder: Path, mounts: str, membership: str) -> dict[str, str]:
    (folder / "mountinfo").write_text(mounts)
    (folder / "cgroup").write_text(membership)
    found = _own_folders(_mounts(folder / "mountinfo"), folder / "cgroup")
    return {controller: str(path) for controller, path in found}


def test_v1_folders_are_found_through_their_mounts(tmp_path: Path) -> None:
    assert own(tmp_path, V1_MOUNTS, V1_OWN) == {
        "memory": "/sys/fs/cgroup/memory/tenant/7",
        "pids": "/sys/fs/cgroup/pids/inner",
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
    }


def test_the_v2_folder_is_found(tmp_path: Path) -> None:
    found = own(tmp_path, V2_MOUNTS, "0::/user.slice/setpoint.service\n")
    assert found == {UNIFIED: "/sys/fs/cgroup/user.slice/setpoint.service"}


def test_v2_limits_are_written_where_the_kernel_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "app@web.1"
    folder.mkdir()
    names = ("memory.max", "memory.swap.max", "pids.max", "cpu.weight")
    for name in names:
        (folder / name).touch()
    assert Cgroups({UNIFIED: tmp_path}).make("app@web.1", LIMITS) == (folder,)
    written = {name: (folder / name).read_text() for name in names}
    assert written == {
        "memory.max": str(64 << 20),
        "memory.swap.max": "0",
        "pids.max": "32",
        "cpu.weight": "50",
    }


def test_v2_memory_kills_are_counted(tmp_path: Path) -> None:
    (tmp_path / "app@web.1").mkdir()
    (tmp_path / "app@web.1" / "memory.events").write_text("low 0\nmax 9\noom 1\noom_kill 3\n")
    groups = Cgroups({UNIFIED: tmp_path})
    assert groups.oom_kills("app@web.1") == 3
    assert groups.oom_kills("nobody@web.1") == 0


def test_v2_tells_in_time_that_memory_runs_short(tmp_path: Path) -> None:
    """What the kernel could take back is no shortage."""
    folder = tmp_path / "app@hello.1"
    folder.mkdir()
    files = {
        "memory.max": f"{64 << 20}\n",
        "memory.high": "max\n",
        "memory.events": "high 0\n",
        "memory.current": f"{63 << 20}\n",
        "memory.stat": f"anon {50 << 20}\nfile {13 << 20}\ninactive_file {13 << 20}\n",
        "cgroup.freeze": "0\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    groups = Cgroups({UNIFIED: tmp_path})
    told = groups.watch_shortage(folder.name)
    assert told is not None
    try:
        assert (folder / "memory.high").read_text().strip() == str(62 << 20)
        assert select.select([told], [], [], 0)[0] == []
        (folder / "memory.events").write_text("high 1\n")
        assert select.select([told], [], [], 0)[0] == [told]
        written_ns = (folder / "memory.high").stat().st_mtime_ns
        again = groups.watch_shortage(folder.name)
        assert again is not None
        os.close(again)
        assert (folder / "memory.high").stat().st_mtime_ns == written_ns, "reclaims each time"
    finally:
        os.close(told)
    assert not groups.is_short(folder.name)
    (folder / "memory.stat").write_text(f"anon {63 << 20}\nfile 0\ninactive_file 0\n")
    assert groups.is_short(folder.name)
    groups.halt(folder.name)
    assert (folder / "cgroup.freeze").read_text().startswith("1")
    groups.halt(folder.name, halted=False)
    assert (folder / "cgroup.freeze").read_text().startswith("0")


def test_v2_without_a_bound_is_never_short(tmp_path: Path) -> None:
    (tmp_path / "app@hello.1").mkdir()
    (tmp_path / "app@hello.1" / "memory.max").write_text("max\n")
    groups = Cgroups({UNIFIED: tmp_path})
    assert groups.watch_shortage("app@hello.1") is None
    assert not groups.is_short("app@hello.1")
    assert not groups.is_short("nobody@hello.1")


def test_real_limits_hold_what_was_asked() -> None:
    groups, why = find(f"cg{os.getpid()}")
    if groups is None or groups.unified:
        pytest.skip(why or "this machine has cgroup v2")
    try:
        for folder in groups.make("app@web.1", LIMITS):
            kind = next(k for k, root in groups.roots.items() if folder.is_relative_to(root))
            file, value = {
                "memory": ("memory.limit_in_bytes", str(64 << 20)),
                "pids": ("pids.max", "32"),
                "cpu": ("cpu.shares", "512"),
            }[kind]
            assert (folder / file).read_text().strip() == value
        assert groups.names() == ["app@web.1"]
        assert groups.members("app@web.1") == set()
        assert groups.remove_all()
        groups.make("app@web.2", LIMITS)
        assert groups.names() == ["app@web.2"]
    finally:
        assert groups.remove_all()
    assert groups.remove("app@web.1")


def test_apps_together_weigh_more_than_one_process() -> None:
    groups, why = find(f"cg{os.getpid()}")
    if groups is None or "cpu" not in groups.roots:
        pytest.skip(why or "this machine has no v1 controller for the CPU")
    try:
        shares = int((groups.roots["cpu"] / "cpu.shares").read_text())
        assert shares == min(262144, 4096 * (os.cpu_count() or 1))
    finally:
        assert groups.remove_all()


@pytest.mark.usefixtures("root")
def test_folders_made_in_another_session_are_found_again() -> None:
    name = f"cg{os.getpid()}"
    first, why = find(name)
    if first is None or first.unified:
        pytest.skip(why or "this machine has cgroup v2")
    moved = {kind: root.parent / "session" / root.name for kind, root in first.roots.items()}
    assert first.remove_all()
    try:
        for root in moved.values():
            root.mkdir(parents=True)
        again, _ = find(name)
        assert again is not None
        assert dict(again.roots) == moved
    finally:
        for root in moved.values():
            root.rmdir()
            root.parent.rmdir()


@pytest.mark.usefixtures("root")
def test_a_child_is_born_in_its_v2_cgroup() -> None:
    mounted = Path("/sys/fs/cgroup/unified")
    mounted = mounted if mounted.is_dir() else Path("/sys/fs/cgroup")
    if not (mounted / "cgroup.procs").exists():
        pytest.skip("needs a v2 hierarchy")
    folder = mounted / f"setpoint-test-{os.getpid()}"
    folder.mkdir()
    groups = Cgroups({UNIFIED: mounted})
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        pid = syscalls.clone(cgroup=fd)
        if pid == 0:
            os.execv("/bin/sleep", ["sleep", "60"])
        assert groups.members(folder.name) == {pid}
        groups.kill(folder.name)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9
    finally:
        os.close(fd)
        until(lambda: groups.remove(folder.name), what="the folder can be removed")
