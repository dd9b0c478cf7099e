"""A machine and an internet to try ways out on, in network namespaces of their own.

`simulated()` puts this thread into a fresh namespace, the machine. Its one link leads to another
one, in which everything answers: public addresses, and all those nobody should reach through us. No
packet leaves the two.
"""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from setpoint.drivers.local.sandbox import syscalls
from setpoint.drivers.local.sandbox.netlink import Netlink

MACHINE, ROUTER = "93.184.0.2", "93.184.0.1"
WEB = "93.184.216.34"
NAMESERVER = "10.1.2.3"
"""private, as a machine's often is"""
INNER = (
    *("10.9.9.9", "100.64.1.1", "169.254.169.254", "172.16.5.5", "192.0.2.7", "192.168.7.7"),
    *("198.18.200.1", "198.19.1.1", "203.0.113.5", "198.51.100.9", "192.0.0.8", "240.1.1.1"),
)
"""each answers over there, and no app may come to it"""
PORT = 80
NAMES = {"web.example": WEB, "rebound.example": "169.254.169.254"}


@dataclass
class Internet:
    """`callers`: who asked for a page, in the order they came."""

    machine: int
    callers: list[str] = field(default_factory=list[str])
    questions: list[str] = field(default_factory=list[str])


@contextlib.contextmanager
def simulated() -> Iterator[Internet]:
    with contextlib.ExitStack() as stack:
        stack.enter_context(syscalls.inside_new_network())
        machine = _namespace(stack)
        with Netlink() as netlink:
            netlink.raise_up("lo")
        internet = Internet(machine)
        with syscalls.inside_new_network():
            outside = _namespace(stack)
            with Netlink() as netlink, syscalls.inside_network(machine), Netlink() as ours:
                ours.add_pair("wan0", "eth0", outside)
                ours.add_address("wan0", MACHINE, 24)
                ours.raise_up("wan0")
            with Netlink() as netlink:
                netlink.raise_up("lo")
                netlink.add_address("eth0", ROUTER, 24)
                netlink.raise_up("eth0")
                for address in (WEB, NAMESERVER, *INNER):
                    netlink.add_address("lo", address, 32)
            _serve(stack, internet)
        with Netlink() as netlink:
            netlink.route_everything_by(ROUTER)
        yield internet


def _namespace(stack: contextlib.ExitStack) -> int:
    fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, fd)
    return fd


def _serve(stack: contextlib.ExitStack, internet: Internet) -> None:
    web = stack.enter_context(socket.create_server(("0.0.0.0", PORT), backlog=200))
    names = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    names.bind((NAMESERVER, 53))
    named = stack.enter_context(socket.create_server((NAMESERVER, 53)))
    _answering(stack, web, lambda: _page(web, internet))
    _answering(stack, names, lambda: _name(names, internet))
    _answering(stack, named, lambda: named.accept()[0].close())


def _answering(
    stack: contextlib.ExitStack, listener: socket.socket, answer: Callable[[], None]
) -> None:
    over = threading.Event()
    listener.settimeout(0.05)

    def run() -> None:
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                answer()

    thread = threading.Thread(target=run)
    thread.start()
    stack.callback(thread.join)
    stack.callback(over.set)


def _page(listener: socket.socket, internet: Internet) -> None:
    """One page per connection; one that says nothing is kept until it does."""
    peer, (host, _) = listener.accept()
    internet.callers.append(host)
    threading.Thread(target=_converse, args=(peer,), daemon=True).start()


def _converse(peer: socket.socket) -> None:
    with peer, contextlib.suppress(OSError):
        peer.settimeout(20)
        while peer.recv(4096):
            peer.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello from outside")


def _name(listener: socket.socket, internet: Internet) -> None:
    question, caller = listener.recvfrom(512)
    name, at = "", 12
    while size := question[at]:
        name += question[at + 1 : at + 1 + size].decode() + "."
        at += 1 + size
    name = name.rstrip(".")
    internet.questions.append(name)
    kind = struct.unpack_from(">H", question, at + 1)[0]
    known = [socket.inet_aton(NAMES[name])] if kind == 1 and name in NAMES else []
    code = 0x8180 if name in NAMES else 0x8183
    head = question[:2] + struct.pack(">HHHHH", code, 1, len(known), 0, 0)
    records = b"".join(struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + a for a in known)
    listener.sendto(head + question[12 : at + 5] + records, caller)
