"""Two apps, each with a process that its functions are forked from: nothing of one is the other's.

What `tests/integration/sandbox/test_escape.py` expects of a start of its own is expected of a fork
as well: the same probes run inside one.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from setpoint.model.process import SetOrder
from tests.integration.sandbox.test_escape import FILES, HIDING, PROBES, SOCKETS, listening
from tests.integration.sandbox.test_network import free_port
from tests.integration.supervisor.functions import (
    ask,
    forks,
    lasting,
    with_main,
    with_spec,
    zygotes,
)
from tests.integration.supervisor.plane import Plane
from tests.support.waiting import until

MAIN = """
import contextlib, ctypes, io, json, mmap, os, sys

libc = ctypes.CDLL(None, use_errno=True)
SEGMENT = 0x5e790

async def function(event, context):
    asked = event.data
    match asked.pop("do"):
        case "probe":
            os.environ["TARGETS"] = json.dumps(asked["targets"])
            os.environ["PORT"] = str(asked["port"])
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(asked["probes"], "probes", "exec"), {"__name__": "probes"})
            return json.loads(said.getvalue())
        case "leave":
            for folder in ("/tmp", "/dev/shm", os.environ["TMPDIR"]):
                with open(f"{folder}/left", "w") as file:
                    file.write("by the first app")
            made = libc.shmget(SEGMENT, 4096, 0o1666)
            return {"shared memory": made >= 0 or os.strerror(ctypes.get_errno())}
        case "find":
            folders = ("/tmp", "/dev/shm", os.environ["TMPDIR"])
            found = [f for f in folders if os.path.exists(f"{f}/left")]
            return {"files": found, "segment": libc.shmget(SEGMENT, 4096, 0)}
        case "who":
            return {
                "env": dict(os.environ),
                "seed": [hash(str(n)) for n in range(4)],
                "addresses": [id(object()), id(sys.modules), id(json)],
            }
"""
NAMESPACES = ("mnt", "pid", "ipc", "uts", "net", "user", "cgroup")
OWN = ("mnt", "pid", "ipc", "uts", "net", "user")
ABOUT_ANOTHER = ("signal another app", "memory of another app", "environment of another app")


@dataclass(frozen=True)
class Forked:
    """A function's instance, and the process it was forked from: pids on the host."""

    order: SetOrder
    pid: int
    zygote: int


@dataclass(frozen=True)
class Two:
    plane: Plane
    first: Forked
    second: Forked


@pytest.fixture
def two(plane: Plane, order: SetOrder) -> Two:
    first = with_spec(order, code=with_main(plane, MAIN))
    key = replace(first.key, app=plane.app("other"))
    second = replace(first, key=key, app_name="other")
    made = [forked(plane, each, number) for number, each in enumerate((first, second), start=1)]
    return Two(plane, *made)


def forked(plane: Plane, order: SetOrder, number: int) -> Forked:
    """It got ready the long way, ended, and is up again by a fork."""
    secret = {"SECRET": f"of app {number}"}
    plane.apply(order, **secret)
    until(lambda: len(zygotes(plane)) == number, what="its zygote is ready")
    plane.when(order, lambda facts: facts.ever_ready and not facts.instances)
    before = set(plane.pids().values())
    plane.apply(lasting(order), **secret)
    ask(plane, order, do="who")
    (pid,) = until(lambda: set(plane.pids().values()) - before, what="it is written down")
    log = plane.log(order.app_name)
    assert any(line.text.startswith("Started by a fork") for line in log), log
    return Forked(order, pid, parent(pid))


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_every_way_out_is_closed_to_a_fork_too(two: Two) -> None:
    plane, slug = two.plane, "/app"
    with ExitStack() as stack:
        host = stack.enter_context(listening(("127.0.0.1", 0)))
        abstract = f"setpoint-test-{os.getpid()}"
        stack.enter_context(listening("\0" + abstract, socket.AF_UNIX))
        targets: dict[str, object] = {
            "files": dict(zip(FILES, files(two), strict=True)),
            "sockets": dict(zip(SOCKETS, sockets(two), strict=True)),
            "host loopback": host.getsockname(),
            "host everywhere": host.getsockname(),
            "other app": host.getsockname(),
            "other pid": two.second.pid,
            "host pid": plane.supervisor_pid,
            "abstract": abstract,
            "slug": slug,
        }

        def probe(**other: object) -> dict[str, str]:
            told = {**targets, **other}
            port = free_port()
            return ask(plane, two.first.order, do="probe", targets=told, probes=PROBES, port=port)

        outcomes = probe()
        about_its_zygote = probe(only=ABOUT_ANOTHER, **{"other pid": two.second.zygote})
    assert outcomes.keys() == HIDING.keys()
    wrong = {name: seen for name, seen in outcomes.items() if seen not in HIDING[name]}
    wrong |= {n: seen for n, seen in about_its_zygote.items() if seen not in HIDING[n]}
    assert wrong == {}
    assert plane.facts(two.second.order).ready


def files(two: Two) -> Iterator[str]:
    """In the order of the probes: the machine's, the plane's, the other app's."""
    plane, other = two.plane, two.second.order
    yield from ("/etc/shadow", os.path.expanduser("~root/.profile"))
    yield str(plane.paths.private)
    yield str(plane.paths.layers / "code" / other.spec.code / "f/main.py")
    yield str(plane.paths.logs / other.key.app)
    yield f"/proc/{two.second.pid}/status"


def sockets(two: Two) -> Iterator[str]:
    paths, endpoint = two.plane.paths, two.plane.facts(two.second.order).socket
    assert endpoint is not None
    yield from (str(paths.keeper_socket), str(paths.supervisor_socket), str(paths.runtime))
    yield endpoint.address


def test_they_share_no_namespace_user_or_group_and_a_fork_has_its_zygotes(two: Two) -> None:
    first, second = (
        {pid: namespaces(pid) for pid in (each.zygote, each.pid)}
        for each in (two.first, two.second)
    )
    for family in (first, second):
        zygote, fork = family.values()
        assert {n: zygote[n] for n in OWN} == {n: fork[n] for n in OWN}
    for one in first.values():
        for other in second.values():
            assert all(one[name] != other[name] for name in OWN if name != "user"), (one, other)
    users = {user(each.pid) for each in (two.first, two.second)}
    assert len(users) == 2
    assert 0 not in users
    groups = {Path(f"/proc/{pid}/cgroup").read_text() for pid in (*first, *second)}
    assert len(groups) == 4


def namespaces(pid: int) -> dict[str, str]:
    return {name: os.readlink(f"/proc/{pid}/ns/{name}") for name in NAMESPACES}


def user(pid: int) -> int:
    return os.stat(f"/proc/{pid}").st_uid


def test_they_share_no_writable_memory_and_no_open_file(two: Two) -> None:
    pids = {each: (each.zygote, each.pid) for each in (two.first, two.second)}
    first, second = (frozenset().union(*(open_files(p) for p in of)) for of in pids.values())
    assert first & second == frozenset()
    shared = [line for of in pids.values() for pid in of for line in shared_memory(pid)]
    assert shared == []


def open_files(pid: int) -> frozenset[tuple[int, int]]:
    """Devices are everybody's; all else counts by its inode."""
    found: set[tuple[int, int]] = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        if not os.readlink(entry.path).startswith(("/dev/", "anon_inode:")):
            seen = os.stat(entry.path)
            found.add((seen.st_dev, seen.st_ino))
    return frozenset(found)


def shared_memory(pid: int) -> list[str]:
    """Mappings that others could write through."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return [line for line in lines if "w" in line.split()[1] and "s" in line.split()[1]]


def test_what_one_leaves_in_common_places_the_other_does_not_find(two: Two) -> None:
    left = ask(two.plane, two.first.order, do="leave")
    found = ask(two.plane, two.second.order, do="find")
    assert found == {"files": [], "segment": -1}
    mine = ask(two.plane, two.first.order, do="find")
    assert len(mine["files"]) == 3
    assert (left["shared memory"] is True) == (mine["segment"] >= 0)


def test_neither_knows_the_others_config_seed_or_addresses(two: Two) -> None:
    one, other = (ask(two.plane, each.order, do="who") for each in (two.first, two.second))
    assert (one["env"]["SECRET"], other["env"]["SECRET"]) == ("of app 1", "of app 2")
    assert "of app 2" not in json.dumps(one)
    for each in (two.first, two.second):
        assert b"of app" not in Path(f"/proc/{each.zygote}/environ").read_bytes()
    assert not set(one["seed"]) & set(other["seed"])
    assert not set(one["addresses"]) & set(other["addresses"])


def test_the_end_of_one_apps_zygote_is_nothing_to_the_other(two: Two) -> None:
    plane = two.plane
    os.kill(two.first.zygote, 9)
    until(lambda: not os.path.exists(f"/proc/{two.first.zygote}"), what="it is dead")
    assert parent(two.second.pid) == two.second.zygote
    before = forks(plane)
    plane.apply(two.second.order, SECRET="of app 2")
    plane.when(two.second.order, lambda facts: not facts.instances)
    ask(plane, two.second.order, do="who")
    assert forks(plane) == before
    log = [line.text for line in plane.log("other")]
    assert sum(text.startswith("Started by a fork") for text in log) == 2
