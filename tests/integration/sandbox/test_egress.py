"""The way out of an app, tried on an internet that this test made: see tests/support/internet.

Every attempt is made by real code in a real sandbox, and what is refused must be refused at once.
"""

import contextlib
import errno
import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import nftables, syscalls, uplinks, wall
from setpoint.drivers.local.sandbox.netlink import Netlink
from setpoint.drivers.local.sandbox.netns import app_address, pin_path
from setpoint.drivers.local.ways_out import WaysOut
from setpoint.model.egress import INTERNET, NONE, Egress
from setpoint.model.errors import DriverError
from setpoint.model.ids import AppId, Fence
from tests.integration.sandbox.box import Ground, world_readable_folder
from tests.support import internet
from tests.support.internet import INNER, MACHINE, PORT, ROUTER, WEB, Internet

pytestmark = pytest.mark.usefixtures("root")

AT_ONCE_S = 0.9
"""A connection that is dropped is tried again after a second: what takes less was refused."""

ATTEMPTS = """
import errno, json, os, socket, time

def attempt(kind, host, port):
    started = time.monotonic()
    try:
        if kind == "tcp":
            with socket.create_connection((host, port), 3) as peer:
                peer.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                said = peer.recv(1000).decode()[-18:]
        elif kind == "udp":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                peer.settimeout(3)
                peer.connect((host, port))
                peer.send(b"x")
                said = peer.recv(10).decode()
        elif kind == "greet":
            with socket.create_connection((host, port), 3):
                said = "connected"
        elif kind == "tcp6":
            with socket.socket(socket.AF_INET6) as peer:
                peer.settimeout(3)
                peer.connect((host, port))
                said = "connected"
        else:
            said = socket.getaddrinfo(host, port, socket.AF_INET)[0][4][0]
    except TimeoutError:
        said = "timed out"
    except socket.gaierror as error:
        said = f"no name: {error.errno}"
    except OSError as error:
        said = errno.errorcode.get(error.errno, str(error))
    return said, time.monotonic() - started

print(json.dumps([attempt(*asked) for asked in json.loads(os.environ["ASKED"])]))
"""
GREETING = "hello from outside"
STRANGER = "198.18.200.1"
"""answers over there, and its address could be an app's"""
REFUSED = ("ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EACCES")


@pytest.fixture
def outside() -> Iterator[Internet]:
    """Taken before `ground`, so that what is cleared away is cleared away in here."""
    with pytest.MonkeyPatch.context() as patch, internet.simulated() as made:
        patch.setenv(uplinks.NAMESERVER, internet.NAMESERVER)
        yield made


@pytest.fixture
def ground(outside: Internet, ground: Ground) -> Iterator[Ground]:
    """`outside` is made last and ends first: apps are dropped while it still stands."""
    yield ground
    for box in ground.boxes:
        box.clear()
    for app in ground.apps:
        sandbox.drop_app(ground.confinement, ground.runtime, app)


def allow(ground: Ground, egress: Egress, app: str = "appa") -> None:
    sandbox.prepare_app(ground.confinement, ground.runtime, app)
    ground.apps.add(app)
    sandbox.set_egress(ground.confinement, ground.runtime, app, egress)


def tried(ground: Ground, *asked: tuple[str, str, int], app: str = "appa") -> list[str]:
    """What came of each attempt. That refusals come at once is checked on the way."""
    box = ground.start(ATTEMPTS, app=app, env={"ASKED": json.dumps(asked), "PATH": "/usr/bin"})
    fd = sandbox.open_pidfd(box.identity)
    assert fd is not None
    os.close(fd)
    assert box.ended() == (0, False), box.read().decode()
    outcomes = json.loads(box.read())
    slow = [(a, o) for a, o in zip(asked, outcomes, strict=True) if o[1] > AT_ONCE_S]
    assert not slow
    return [said for said, _ in outcomes]


def test_the_public_internet_is_reached_by_the_machines_own_address(
    ground: Ground, outside: Internet
) -> None:
    allow(ground, INTERNET)
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]
    assert outside.callers == [MACHINE]


def test_names_are_asked_of_the_machines_nameserver(ground: Ground, outside: Internet) -> None:
    allow(ground, INTERNET)
    asked = (("name", "web.example", 80), ("tcp", "web.example", PORT), ("name", "no.example", 80))
    assert tried(ground, *asked) == [WEB, GREETING, "no name: -2"]
    assert "web.example" in outside.questions


def test_an_apps_own_name_is_asked_of_nobody(ground: Ground, outside: Internet) -> None:
    """Many servers want to know it as they start, whether a nameserver answers or not."""
    allow(ground, INTERNET)
    assert tried(ground, ("name", "web-1", 80), ("name", "localhost", 80)) == [
        "127.0.1.1",
        "127.0.0.1",
    ]
    assert outside.questions == []


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_no_address_that_is_not_public_is_reached_and_each_is_refused_at_once(
    ground: Ground, outside: Internet, kind: str
) -> None:
    """Of datagrams the kernel refuses six in a row to one caller, and then one a second: each app
    asks a few."""
    for app, addresses in (("appa", INNER[:4]), ("appb", INNER[4:8]), ("appc", INNER[8:])):
        allow(ground, INTERNET, app)
        said = tried(ground, *((kind, address, PORT) for address in addresses), app=app)
        assert set(said) <= set(REFUSED)
    assert outside.callers == []


def test_a_name_that_leads_to_an_inner_address_opens_nothing(
    ground: Ground, outside: Internet
) -> None:
    allow(ground, INTERNET)
    said = tried(ground, ("name", "rebound.example", 80), ("tcp", "rebound.example", PORT))
    assert said == ["169.254.169.254", "ECONNREFUSED"]
    assert outside.callers == []


def test_of_the_nameserver_nothing_but_its_answers_is_reached(ground: Ground) -> None:
    allow(ground, INTERNET)
    said = tried(ground, ("tcp", internet.NAMESERVER, PORT), ("tcp", wall.RESOLVER, PORT))
    assert set(said) <= set(REFUSED)


def test_the_machine_itself_is_not_reached_on_any_of_its_addresses(ground: Ground) -> None:
    allow(ground, INTERNET)
    head, _, last = app_address(ground.runtime, "appa").rpartition(".")
    with socket.create_server(("0.0.0.0", 0)) as plane:
        port = plane.getsockname()[1]
        for address in (MACHINE, f"{head}.{int(last) - 1}", "127.0.0.1"):
            assert tried(ground, ("tcp", address, port), ("udp", address, port))[0] in REFUSED
        plane.settimeout(0)
        with pytest.raises(BlockingIOError):
            plane.accept()


SERVE = """
import socket, time
listener = socket.create_server(("0.0.0.0", 5000))
print("up", flush=True)
time.sleep(60)
"""


def test_another_app_is_not_reached_by_one_with_a_way_out(ground: Ground) -> None:
    for app in ("appa", "appb"):
        allow(ground, INTERNET, app)
    other = ground.start(SERVE, app="appb")
    other.hears(b"up")
    said = tried(ground, ("tcp", app_address(ground.runtime, "appb"), 5000))
    assert set(said) <= set(REFUSED)


def test_none_is_no_route_and_no_name(ground: Ground, outside: Internet) -> None:
    allow(ground, NONE)
    said = tried(ground, ("tcp", WEB, PORT), ("name", "web.example", 80), ("udp", WEB, 53))
    assert said == ["ENETUNREACH", "no name: -3", "ENETUNREACH"]
    assert outside.callers == outside.questions == []


def test_an_app_that_nothing_was_said_of_has_no_way_out(ground: Ground, outside: Internet) -> None:
    allow(ground, INTERNET, "appb")
    assert tried(ground, ("tcp", WEB, PORT)) == ["ENETUNREACH"]
    assert outside.callers == []


def test_there_is_no_ipv6(ground: Ground) -> None:
    allow(ground, INTERNET)
    assert set(tried(ground, ("tcp6", "2001:4860:4860::8888", 443))) <= set(REFUSED)


def test_a_range_that_is_named_is_open_to_whoever_named_it_and_to_nobody_else(
    ground: Ground, outside: Internet
) -> None:
    allow(ground, ("internet", "10.9.9.0/24", "192.168.7.7"))
    allow(ground, INTERNET, "appb")
    near = (("tcp", "10.9.9.9", PORT), ("tcp", "192.168.7.7", PORT), ("tcp", WEB, PORT))
    assert tried(ground, *near) == [GREETING] * 3
    assert tried(ground, *near, app="appb")[:2] == ["ECONNREFUSED"] * 2
    assert tried(ground, ("tcp", "172.16.5.5", PORT)) == ["ECONNREFUSED"]
    allow(ground, ("192.168.0.0/16",))
    assert tried(ground, *near) == ["ECONNREFUSED", GREETING, "ECONNREFUSED"]
    assert tried(ground, ("name", "web.example", 80)) == [WEB]
    assert set(outside.callers) == {MACHINE}


def test_a_service_of_the_machine_is_reached_by_who_named_its_address(ground: Ground) -> None:
    """Never on loopback, and not by the others."""
    for app, egress in (("appa", ("93.184.0.2",)), ("appb", INTERNET)):
        allow(ground, egress, app)
    with socket.create_server(("0.0.0.0", 0)) as service:
        port = service.getsockname()[1]
        assert tried(ground, ("greet", MACHINE, port)) == ["connected"]
        assert tried(ground, ("greet", MACHINE, port), app="appb") == ["ECONNREFUSED"]


@pytest.fixture
def other(ground: Ground) -> Iterator[Ground]:
    """Another Setpoint on the same machine."""
    elsewhere = Ground(replace(ground.confinement, installation="other"), world_readable_folder())
    yield elsewhere
    elsewhere.close()
    sandbox.drop_all(elsewhere.confinement, elsewhere.runtime)
    shutil.rmtree(elsewhere.folder)


def test_installations_leave_each_others_walls_and_ways_alone(
    ground: Ground, other: Ground
) -> None:
    for mine, app in ((ground, "appa"), (other, "appb")):
        allow(mine, INTERNET, app)
        mine.start(SERVE, app=app).hears(b"up")
    addresses = app_address(ground.runtime, "appa"), app_address(other.runtime, "appb")
    for mine, app, theirs in ((ground, "appa", addresses[1]), (other, "appb", addresses[0])):
        assert tried(mine, ("tcp", WEB, PORT), app=app) == [GREETING]
        with inside(mine, app):
            assert not connects(theirs, 5000)
    other.close()
    other.readers.clear()
    sandbox.drop_all(other.confinement, other.runtime)
    assert not other.confinement.wall.stands()
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]
    assert uplinks.opened() == {"wan0"}


HOLD = f"""
import socket, sys
peer = socket.create_connection(("{WEB}", {PORT}), 5)
print("connected", flush=True)
try:
    while True:
        peer.sendall(b"x")
        peer.recv(1000)
except OSError as error:
    print(type(error).__name__, flush=True)
"""


def test_closing_the_way_out_ends_what_is_under_way_and_opening_it_again_serves(
    ground: Ground,
) -> None:
    allow(ground, INTERNET)
    talking = ground.start(HOLD)
    talking.hears(b"connected")
    allow(ground, NONE)
    talking.hears(b"Error")
    assert tried(ground, ("tcp", WEB, PORT)) == ["ENETUNREACH"]
    allow(ground, INTERNET)
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]


@contextlib.contextmanager
def inside(ground: Ground, app: str = "appa") -> Iterator[None]:
    namespace = os.open(pin_path(ground.runtime, app), os.O_RDONLY)
    try:
        with syscalls.inside_network(namespace):
            yield
    finally:
        os.close(namespace)


def test_a_forged_source_gets_nothing_not_even_an_answer(ground: Ground, outside: Internet) -> None:
    """By root inside the namespace: an app itself has no way to forge."""
    allow(ground, INTERNET)
    with inside(ground):
        with Netlink() as netlink:
            netlink.add_address("lo", "93.184.216.99", 32)
        with socket.socket() as forger:
            forger.bind(("93.184.216.99", 0))
            forger.settimeout(0.5)
            with pytest.raises(TimeoutError):
                forger.connect((WEB, PORT))
    assert outside.callers == []


def test_the_machine_becomes_no_router_for_others(ground: Ground, outside: Internet) -> None:
    allow(ground, INTERNET)
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == "0\n"
    assert ground.confinement.wall.uplinks() == uplinks.opened() == frozenset({"wan0"})
    with syscalls.inside_new_network():
        third = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        with syscalls.inside_network(outside.machine), Netlink() as netlink:
            netlink.add_pair("lan0", "eth0", third)
            netlink.add_address("lan0", "10.7.0.1", 24)
            netlink.raise_up("lan0")
        with Netlink() as netlink:
            netlink.add_address("eth0", "10.7.0.2", 24)
            netlink.raise_up("eth0")
            netlink.route_everything_by("10.7.0.1")
        try:
            assert not connects(WEB, PORT)
            with syscalls.inside_network(outside.machine):
                uplinks.forward("lan0")  # as if somebody needed it for a router
            assert not connects(app_address(ground.runtime, "appa"), PORT)
        finally:
            os.close(third)


def connects(host: str, port: int) -> bool:
    with socket.socket() as peer:
        peer.settimeout(0.4)
        return peer.connect_ex((host, port)) == 0


def test_a_machine_that_is_a_router_stays_one(ground: Ground) -> None:
    switch = Path("/proc/sys/net/ipv4/ip_forward")
    switch.write_text("1")
    allow(ground, INTERNET)
    assert uplinks.opened() == frozenset()
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]
    sandbox.drop_app(ground.confinement, ground.runtime, "appa")
    sandbox.drop_all(ground.confinement, ground.runtime)
    assert switch.read_text() == "1\n"
    assert Path("/proc/sys/net/ipv4/conf/wan0/forwarding").read_text() == "1\n"


def test_another_uplink_is_taken(ground: Ground) -> None:
    allow(ground, INTERNET)
    with Netlink() as netlink:
        netlink.route_nothing_by(ROUTER)
        netlink.remove_link("wan0")
    sandbox.refresh(ground.confinement)
    assert ground.confinement.wall.uplinks() == frozenset()
    assert set(tried(ground, ("tcp", WEB, PORT))) <= set(REFUSED)


# --- as the supervisor keeps them ---------------------------------------------------------------


@pytest.fixture
def ways(ground: Ground) -> WaysOut:
    ground.apps |= {"appa", "appb"}
    return WaysOut(ground.confinement, ground.runtime)


def order(ways: WaysOut, generation: int, egress: Egress, app: str = "appa") -> None:
    ways.ordered(AppId(app), Fence(1, generation), egress)


def test_the_newest_order_counts_before_and_after_the_app_is_prepared(
    ground: Ground, ways: WaysOut
) -> None:
    order(ways, 2, INTERNET)
    order(ways, 1, NONE)
    ways.prepare(AppId("appa"))
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]
    order(ways, 3, NONE)
    assert tried(ground, ("tcp", WEB, PORT)) == ["ENETUNREACH"]


def test_an_order_that_could_not_be_carried_out_is_carried_out_when_it_comes_again(
    ground: Ground, ways: WaysOut
) -> None:
    ways.prepare(AppId("appa"))
    pinned = pin_path(ground.runtime, "appa")
    syscalls.unmount(pinned)
    with pytest.raises(DriverError):
        order(ways, 2, INTERNET)
    ways.prepare(AppId("appa"))
    order(ways, 2, INTERNET)
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]


def test_a_wall_that_somebody_cleared_is_mended_for_all_though_one_app_built_it_anew(
    ground: Ground, ways: WaysOut
) -> None:
    for app, egress in (("appa", INTERNET), ("appb", NONE)):
        order(ways, 1, egress, app)
        ways.prepare(AppId(app))
    ground.confinement.wall.tear_down()
    ways.prepare(AppId("appb"))
    assert not sandbox.walled(ground.confinement, ground.runtime, "appa")
    ways.look()
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]
    assert tried(ground, ("tcp", WEB, PORT), app="appb") == ["ENETUNREACH"]


def test_a_link_that_somebody_deleted_comes_back_with_its_way_out(
    ground: Ground, ways: WaysOut
) -> None:
    order(ways, 1, INTERNET)
    ways.prepare(AppId("appa"))
    with Netlink() as netlink:
        [link] = [name for name, _ in netlink.links() if name.startswith(wall.LINK_PREFIX)]
        netlink.remove_link(link)
    ways.look()
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]


def strangers_answer() -> bool:
    """Of whoever dials from here an app's address that no link leads to."""
    with socket.socket() as caller:
        caller.settimeout(3)
        outcome = caller.connect_ex((STRANGER, PORT))
    assert outcome in (0, errno.EACCES)
    return outcome == 0


def test_what_is_meant_for_an_app_whose_link_is_gone_does_not_leave_the_machine(
    ground: Ground, other: Ground, ways: WaysOut
) -> None:
    """Whoever dials an app, as the edge does, would be answered by a stranger."""
    assert strangers_answer()
    order(ways, 1, INTERNET)
    ways.prepare(AppId("appa"))
    assert not strangers_answer()
    with Netlink() as netlink:
        netlink.route_nowhere_no_more("198.18.0.0", 16)
    assert strangers_answer()
    ways.look()
    assert not strangers_answer()
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]
    allow(other, NONE, "appb")
    sandbox.drop_all(other.confinement, other.runtime)
    assert not strangers_answer()
    ways.drop_all()
    assert strangers_answer(), "nothing is left of it"


def cut(app_of: Ground, app: str) -> None:
    """Somebody deletes the app's link."""
    index = pin_path(app_of.runtime, app).with_name(f"{app}.link").read_text()
    with Netlink() as netlink:
        netlink.remove_link(f"{wall.LINK_PREFIX}{index}")
        assert not [n for n, _ in netlink.links() if n.startswith(wall.LINK_PREFIX)]


@pytest.mark.parametrize("prober", ["own", "doctor"])
def test_a_trial_takes_nothing_from_apps_whose_links_are_all_gone(
    ground: Ground, ways: WaysOut, home: Path, prober: str
) -> None:
    """As a supervisor, `setpoint up` or `doctor` makes one while apps run."""
    order(ways, 1, INTERNET)
    ways.prepare(AppId("appa"))
    cut(ground, "appa")
    mine = ground.confinement.installation
    sandbox.probe(home / "tools", mine if prober == "own" else prober)
    assert not strangers_answer()
    assert ground.confinement.wall.stands()
    assert uplinks.opened() == {"wan0"}
    assert nftables.tables() >= {f"setpoint-{mine}"}
    assert "setpoint-doctor" not in nftables.tables()
    ways.look()
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]


def test_an_installation_that_goes_down_takes_nothing_from_one_whose_links_are_all_gone(
    ground: Ground, other: Ground
) -> None:
    allow(ground, INTERNET)
    cut(ground, "appa")
    allow(other, NONE, "appb")
    sandbox.drop_all(other.confinement, other.runtime)
    assert not strangers_answer()
    assert uplinks.opened() == {"wan0"}
    sandbox.drop_all(ground.confinement, ground.runtime)
    assert strangers_answer(), "nothing is left of it"
    assert not ground.confinement.wall.stands()
    assert uplinks.opened() == frozenset()


def test_an_app_that_is_dropped_without_a_link_is_admitted_no_more(ground: Ground) -> None:
    allow(ground, INTERNET)
    cut(ground, "appa")
    sandbox.drop_app(ground.confinement, ground.runtime, "appa")
    assert ground.confinement.wall.admitted() == frozenset()


def test_a_supervisor_that_comes_back_leaves_open_what_is_open(
    ground: Ground, ways: WaysOut
) -> None:
    order(ways, 1, INTERNET)
    ways.prepare(AppId("appa"))
    talking = ground.start(HOLD)
    talking.hears(b"connected")
    back = WaysOut(ground.confinement, ground.runtime)
    back.prepare(AppId("appa"))
    assert tried(ground, ("tcp", WEB, PORT)) == [GREETING]
    order(back, 1, INTERNET)
    order(back, 2, NONE)
    talking.hears(b"Error")


def test_a_nameserver_that_changed_is_asked_from_the_next_look_on(
    ground: Ground, outside: Internet, ways: WaysOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(uplinks.NAMESERVER, "10.9.9.9")  # where nobody answers for names
    order(ways, 1, INTERNET)
    ways.prepare(AppId("appa"))
    monkeypatch.setenv(uplinks.NAMESERVER, internet.NAMESERVER)
    ways.look()
    assert tried(ground, ("name", "web.example", 80)) == [WEB]


def test_a_firewall_that_drops_what_is_forwarded_is_told_of(ground: Ground) -> None:
    chains = nftables.Table("somebodys")
    with syscalls.inside_new_network():
        assert nftables.tables_that_drop(nftables.FORWARD) == frozenset()
        nftables.transaction(
            [
                chains.add(),
                chains.chain("out", nftables.OUTPUT, 0, policy=nftables.DROP),
                chains.chain("through", nftables.FORWARD, 0, policy=nftables.ACCEPT),
            ]
        )
        assert nftables.tables_that_drop(nftables.FORWARD) == frozenset()
        nftables.transaction([chains.chain("f", nftables.FORWARD, 1, policy=nftables.DROP)])
        assert nftables.tables_that_drop(nftables.FORWARD) == {"somebodys"}


def test_a_link_that_nobody_remembers_goes_with_all_the_others(ground: Ground) -> None:
    allow(ground, INTERNET)
    pinned = pin_path(ground.runtime, "appa")
    pinned.with_name("appa.link").unlink()
    sandbox.drop_all(ground.confinement, ground.runtime)
    with Netlink() as netlink:
        assert {name for name, _ in netlink.links()} == {"lo", "wan0"}
    assert not ground.confinement.wall.stands()
    assert uplinks.opened() == frozenset()


def test_nothing_is_left_of_an_app_that_was_dropped_nor_of_the_last_one(ground: Ground) -> None:
    allow(ground, INTERNET)
    with Netlink() as netlink:
        [link] = [name for name, _ in netlink.links() if name.startswith(wall.LINK_PREFIX)]
        sandbox.drop_app(ground.confinement, ground.runtime, "appa")
        assert [name for name, _ in netlink.links()] == ["lo", "wan0"]
    index = int(link.removeprefix(wall.LINK_PREFIX))
    pin_path(ground.runtime, "appb").with_name("appb.link").write_text(str(index))
    allow(ground, NONE, "appb")  # takes the link's name, and nothing that was open to it
    with Netlink() as netlink:
        assert link in [name for name, _ in netlink.links()]
    assert tried(ground, ("tcp", WEB, PORT), app="appb") == ["ENETUNREACH"]
    sandbox.drop_app(ground.confinement, ground.runtime, "appb")
    sandbox.drop_all(ground.confinement, ground.runtime)
    assert not ground.confinement.wall.stands()
    assert Path("/proc/sys/net/ipv4/conf/wan0/forwarding").read_text() == "0\n"
