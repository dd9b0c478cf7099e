"""Who can reach whom: the edge the app, nobody else anybody."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import syscalls
from setpoint.drivers.local.sandbox.netlink import Netlink
from setpoint.drivers.local.sandbox.netns import app_address, pin_path
from setpoint.model.process import Endpoint
from tests.integration.sandbox.box import Box, Ground
from tests.support.waiting import until

ECHO = """
import asyncio, os

async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b'.')
    writer.close()

async def main():
    server = await asyncio.start_server(echo, '0.0.0.0', int(os.environ['PORT']), backlog=500)
    await server.serve_forever()

asyncio.run(main())
"""


def dial(endpoint: Endpoint) -> socket.socket:
    """As the edge would."""
    if endpoint.kind == "relay":
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(10)
        peer.connect(endpoint.address)
        return peer
    return socket.create_connection((endpoint.address, endpoint.port), 10)


def free_port() -> int:
    """At L0 apps share the host's ports."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serving(ground: Ground, code: str = ECHO, **changes: str) -> tuple[Box, Endpoint]:
    box = ground.start(code, port=free_port(), **changes)
    endpoint = box.spec.ingress
    assert endpoint is not None
    until(lambda: sandbox.connectable(endpoint), what=f"it serves: {box.read()!r}")
    return box, endpoint


def echoed(endpoint: Endpoint, data: bytes) -> bytes:
    """Send everything, half-close, read everything."""
    with dial(endpoint) as peer:
        sender = threading.Thread(target=lambda: (peer.sendall(data), peer.shutdown(1)))
        sender.start()
        received = b""
        while chunk := peer.recv(1 << 16):
            received += chunk
        sender.join()
    return received


def test_not_connectable_before_and_after_but_while_it_serves(ground: Ground) -> None:
    spec = ground.spec(ECHO, port=free_port())
    assert spec.ingress is not None
    assert not sandbox.connectable(spec.ingress)
    box, endpoint = serving(ground)
    box.clear()
    until(lambda: not sandbox.connectable(endpoint), what="nobody answers any more")


def test_the_edge_reaches_the_app_byte_for_byte(ground: Ground) -> None:
    _, endpoint = serving(ground)
    data = os.urandom(3_000_000)
    assert echoed(endpoint, data) == data + b"."


def test_many_connections_at_once(ground: Ground) -> None:
    _, endpoint = serving(ground)
    peers = [dial(endpoint) for _ in range(100)]
    for at, peer in enumerate(peers):
        peer.sendall(b"%d" % at)
    for at, peer in enumerate(peers):
        assert peer.recv(10) == b"%d" % at
        peer.close()
    assert echoed(endpoint, b"still there") == b"still there."


def test_a_caller_who_does_not_read_stalls_nobody_else(ground: Ground) -> None:
    _, endpoint = serving(ground, ECHO.replace("write(data)", "write(data * 100)"))
    with dial(endpoint) as lazy:
        lazy.setblocking(False)
        sent = 0
        try:
            while sent < 50_000_000:
                sent += lazy.send(b"x" * 65536)
        except BlockingIOError:
            pass
        assert sent < 50_000_000
        assert echoed(endpoint, b"y") == b"y" * 100 + b"."


def test_two_instances_of_an_app_serve_side_by_side(ground: Ground) -> None:
    _, first = serving(ground)
    _, second = serving(ground)
    assert first != second
    assert echoed(first, b"1") == b"1."
    assert echoed(second, b"2") == b"2."


@pytest.mark.usefixtures("hidden")
def test_a_port_that_never_opens_never_answers(ground: Ground) -> None:
    box = ground.start("import time; print('up', flush=True); time.sleep(60)", port=5000)
    box.hears(b"up")
    assert box.spec.ingress is not None
    assert not sandbox.connectable(box.spec.ingress)


def test_the_relay_ends_with_its_instance(ground: Ground) -> None:
    if ground.confinement.ingress != "relay":
        pytest.skip(f"no relay is used: {ground.confinement.words}")
    box, _ = serving(ground)
    relay = str(ground.confinement.tools.relay).encode()
    until(lambda: relay_count(relay) == 1, what="a relay runs")
    box.clear()
    until(lambda: relay_count(relay) == 0, what="it has ended")


def relay_count(relay: bytes) -> int:
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += relay in path.read_bytes().split(b"\0")
        except OSError:
            continue
    return found


# --- level L3: namespaces of apps ---------------------------------------------------------------


@contextmanager
def inside(ground: Ground, app: str = "appa") -> Iterator[None]:
    namespace = os.open(pin_path(ground.runtime, app), os.O_RDONLY)
    try:
        with syscalls.inside_network(namespace):
            yield
    finally:
        os.close(namespace)


def links_of(ground: Ground, app: str) -> set[str]:
    """One that was dropped stays visible until the kernel gets to it."""
    alias = f"setpoint:{ground.confinement.installation}:{app}"
    with Netlink() as netlink:
        return {name for name, other in netlink.links() if other == alias}


@pytest.mark.usefixtures("root")
def test_preparing_twice_changes_nothing(ground: Ground) -> None:
    first = sandbox.prepare_app(ground.confinement, ground.runtime, "twice")
    address = app_address(ground.runtime, "twice")
    [link] = links_of(ground, "twice")
    assert sandbox.prepare_app(ground.confinement, ground.runtime, "twice") == first
    assert app_address(ground.runtime, "twice") == address
    assert links_of(ground, "twice") == {link}
    sandbox.drop_app(ground.confinement, ground.runtime, "twice")


@pytest.mark.usefixtures("root")
def test_dropping_an_app_removes_its_link_and_file(ground: Ground) -> None:
    pinned = sandbox.prepare_app(ground.confinement, ground.runtime, "dropped")
    assert pinned is not None
    assert links_of(ground, "dropped")
    for _ in range(2):
        sandbox.drop_app(ground.confinement, ground.runtime, "dropped")
        assert not pinned.exists()
    until(lambda: not links_of(ground, "dropped"), what="the kernel removed the link")


@pytest.mark.usefixtures("root")
def test_an_app_dropped_and_made_again_does_not_get_the_dying_link(ground: Ground) -> None:
    for _ in range(5):
        box, endpoint = serving(ground, app="phoenix")
        assert echoed(endpoint, b"new") == b"new."
        box.clear()
        sandbox.drop_app(ground.confinement, ground.runtime, "phoenix")


@pytest.mark.usefixtures("root")
def test_a_living_app_is_adopted_when_the_runtime_folder_was_wiped(ground: Ground) -> None:
    _, endpoint = serving(ground)
    pinned = pin_path(ground.runtime, "appa")
    syscalls.unmount(pinned)
    for file in pinned.parent.iterdir():
        file.unlink()
    sandbox.prepare_app(ground.confinement, ground.runtime, "appa")
    found = sandbox.endpoint(ground.confinement, ground.runtime, "appa", endpoint.port)
    assert found == endpoint
    assert echoed(found, b"same") == b"same."
    _, second = serving(ground)
    assert second.address == endpoint.address


@pytest.mark.usefixtures("root")
def test_a_link_somebody_deleted_comes_back_with_its_address(ground: Ground) -> None:
    _, endpoint = serving(ground, app="cut")
    [name] = links_of(ground, "cut")
    delete_link(name)
    until(lambda: not links_of(ground, "cut"), what="the link is gone")
    assert not sandbox.connectable(endpoint)
    sandbox.prepare_app(ground.confinement, ground.runtime, "cut")
    assert echoed(endpoint, b"again") == b"again."


def delete_link(name: str) -> None:
    from setpoint.drivers.local.sandbox import netlink

    with Netlink() as talk:
        talk.ask((17, 0, b"\0" * 16 + netlink.text(3, name)))


@pytest.mark.usefixtures("root")
def test_a_wall_somebody_tore_down_is_built_again(ground: Ground) -> None:
    sandbox.prepare_app(ground.confinement, ground.runtime, "appa")
    wall = ground.confinement.wall
    wall.tear_down()
    assert not wall.stands()
    sandbox.prepare_app(ground.confinement, ground.runtime, "appa")
    assert wall.stands()
    sandbox.drop_app(ground.confinement, ground.runtime, "appa")


@pytest.mark.usefixtures("root")
def test_without_nf_tables_apps_get_a_relay_and_no_link(ground: Ground) -> None:
    ground.confinement = replace(ground.confinement, ingress="relay")
    box, endpoint = serving(ground, app="relayed")
    assert endpoint.kind == "relay"
    assert echoed(endpoint, b"hello") == b"hello."
    assert links_of(ground, "relayed") == set()
    with inside(ground, "relayed"), Netlink() as netlink:
        assert [name for name, _ in netlink.links()] == ["lo"]
    box.clear()
    until(lambda: not sandbox.connectable(endpoint), what="the relay has ended too")


@pytest.mark.usefixtures("root")
def test_the_wall_lets_nothing_begin_from_an_app(ground: Ground) -> None:
    sandbox.prepare_app(ground.confinement, ground.runtime, "appa")
    sandbox.prepare_app(ground.confinement, ground.runtime, "appb")
    gateway = app_address(ground.runtime, "appa").removesuffix(
        last := app_address(ground.runtime, "appa").rpartition(".")[2]
    ) + str(int(last) - 1)
    with socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))
        everywhere.listen()
        port = everywhere.getsockname()[1]
        with socket.create_connection((gateway, port), 2):
            pass  # the listener does answer, from the host's side
        for address in (gateway, app_address(ground.runtime, "appb"), "192.0.2.1", "127.0.0.1"):
            for source in (0, 5000):
                assert not reaches(ground, address, port, source), (address, source)
    for app in ("appa", "appb"):
        sandbox.drop_app(ground.confinement, ground.runtime, app)


def reaches(ground: Ground, address: str, port: int, source: int) -> bool:
    with inside(ground), socket.socket() as probe:
        probe.settimeout(0.3)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("0.0.0.0", source))
        return probe.connect_ex((address, port)) == 0


@pytest.mark.usefixtures("root")
def test_the_wall_drops_datagrams_of_both_families(ground: Ground) -> None:
    _, endpoint = serving(ground)
    head, _, last = endpoint.address.rpartition(".")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
        host.bind(("0.0.0.0", 0))
        host.settimeout(0.3)
        with inside(ground), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as app:
            app.sendto(b"x", (f"{head}.{int(last) - 1}", host.getsockname()[1]))
        with pytest.raises(TimeoutError):
            host.recv(10)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as host:
        host.bind(("::", 0))
        host.settimeout(0.3)
        with inside(ground), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as app:
            link = socket.if_nametoindex("eth0")
            try:
                app.sendto(b"x", ("ff02::1", host.getsockname()[1], 0, link))
            except OSError:
                return  # no IPv6 address on that link (yet): nothing was sent
        with pytest.raises(TimeoutError):
            host.recv(10)
