"""One network namespace per app, pinned to a file, linked to the host by a pair of interfaces.

Level L3. The app's end is eth0; the host's end is named `spv<index>` and carries the app's id as
its alias, so the kernel itself remembers whose it is when the runtime directory is wiped. The
index decides the addresses. There is no route further than the link until a way out is opened, and
the wall (see `wall`) stands before the first link does. So does a route by which nothing that is
meant for an app leaves the machine while its link is gone: who dials it is refused, not answered by
whoever has that address elsewhere.
"""

import contextlib
import errno
import fcntl
import itertools
import os
import socket
import struct
import zlib
from collections.abc import Generator, Iterable
from pathlib import Path

from setpoint.drivers.local.sandbox import syscalls, uplinks, wall
from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.netlink import Netlink
from setpoint.drivers.local.sandbox.spec import folder_name, split_folder
from setpoint.model.egress import NONE, Egress
from setpoint.model.errors import Terminal, Transient

FIRST_ADDRESS = "198.18.0.0"
"""of a block set aside for benchmarks: never routed, and rarely anybody's own network"""
LINKS_MAX = 16384
"""four addresses each, in that block's first half"""
_PREFIX_BITS = 30
_BLOCK_BITS = 16
"""of the addresses of all links"""
_INSIDE = "eth0"
_GET_ADDRESS = 0x8915
"""SIOCGIFADDR"""


def prepare_app(confinement: Confinement, runtime: Path, app: str) -> Path | None:
    """The app's namespace, made, adopted or repaired. None where each instance has its own.

    Cheap when nothing is amiss: call it before every start. Raises Transient or Terminal.
    """
    if confinement.level != "L3":
        return None
    folder_name(app, app)
    pinned = pin_path(runtime, app)
    try:
        fresh = _pin(confinement, pinned, app)
        if confinement.ingress == "veth":
            _link(confinement, pinned, app, fresh)
    except OSError as error:
        raise Transient(f"cannot prepare the network of {app}: {error}") from error
    return pinned


def unpinned(confinement: Confinement, runtime: Path, apps: Iterable[str]) -> list[str]:
    """Those of them that a new instance could not join: `prepare_app` pins them again."""
    if confinement.level != "L3":
        return []
    return [app for app in apps if not _is_pinned(pin_path(runtime, app))]


def drop_app(confinement: Confinement, runtime: Path, app: str) -> None:
    """Forget it; the kernel removes it with its last process. Absent is success."""
    pinned = pin_path(runtime, app)
    _unlink(confinement, pinned, app)
    if _is_pinned(pinned):
        syscalls.unmount(pinned)
    pinned.unlink(missing_ok=True)
    _record(pinned).unlink(missing_ok=True)
    for relay in (runtime / "fn").glob(f"{app}-*.relay"):
        relay.unlink(missing_ok=True)


def drop_all(confinement: Confinement, runtime: Path) -> None:
    """When Setpoint goes down with its apps: namespaces, cgroups, and the wall."""
    if confinement.cgroups is not None:
        confinement.cgroups.remove_all()
    for pinned in sorted((runtime / "net").glob("*")):
        if pinned.suffix != ".link":
            with contextlib.suppress(OSError):  # somebody else's: it keeps no other app's
                drop_app(confinement, runtime, pinned.name)
    _drop_links(confinement)
    if confinement.ingress == "veth":
        with contextlib.suppress(OSError):
            confinement.wall.tear_down()
        _leave()


def _drop_links(confinement: Confinement) -> None:
    """Those too of which the runtime directory knows nothing any more."""
    if confinement.ingress != "veth":
        return
    with contextlib.suppress(OSError), Netlink() as netlink:
        for name, alias in list(netlink.links()):
            if alias.startswith(_alias(confinement, "")):
                netlink.remove_link(name)


def drop_wall(confinement: Confinement) -> None:
    """Unless an app still needs it: a link without an alias is about to be somebody's, and who is
    admitted may have lost their link a moment ago."""
    if confinement.ingress != "veth":
        return
    with contextlib.suppress(OSError), Netlink() as netlink:
        aliases = _links(netlink).values()
        needed = any(not alias or alias.startswith(_alias(confinement, "")) for alias in aliases)
        if not needed and not confinement.wall.admitted():
            confinement.wall.tear_down()
    _leave()


def _leave() -> None:
    """The machine's own links forward, and what is meant for an app leads nowhere else, until no
    installation has an app."""
    with contextlib.suppress(OSError), Netlink() as netlink:
        if not _links(netlink) and not wall.admits_anybody():
            netlink.route_nowhere_no_more(FIRST_ADDRESS, _BLOCK_BITS)
            uplinks.restore()


def _links(netlink: Netlink) -> dict[str, str]:
    """(name -> alias) of apps, of whichever installation."""
    return {n: alias for n, alias in netlink.links() if n.startswith(wall.LINK_PREFIX)}


def set_egress(confinement: Confinement, runtime: Path, app: str, egress: Egress) -> None:
    """Open or close the way out of a prepared app, at once: what is under way and not open any more
    ends. Twice is nothing.

    Where this level has none to give, nothing happens. Raises Transient or Terminal.
    """
    pinned = pin_path(runtime, app)
    index = _recorded(pinned)
    if confinement.egress != "public" or index is None:
        return
    gateway, _ = _addresses(index)
    try:
        with _inside(pinned), Netlink() as theirs:
            (theirs.route_nothing_by if egress == NONE else theirs.route_everything_by)(gateway)
        uplinks.forward(_name(index))
        # Last: where the wall says so already, all the rest was done.
        if confinement.wall.set_way(_name(index), egress):
            uplinks.refresh(confinement.wall)
    except OSError as error:
        raise Transient(f"cannot set the way out of {app}: {error}") from error


def refresh(confinement: Confinement) -> None:
    """Follow the machine's links and its nameserver. Raises OSError."""
    if confinement.egress == "public" and confinement.wall.stands():
        uplinks.refresh(confinement.wall)


def hold_in() -> bool:
    """What is meant for an app goes to its link or nowhere. Once for all installations of a
    machine. False: it was so already. Raises OSError."""
    with Netlink() as netlink:
        return netlink.route_nowhere(FIRST_ADDRESS, _BLOCK_BITS)


def walled(confinement: Confinement, runtime: Path, app: str) -> bool:
    """Do the app's namespace, its link and its place in the wall stand? Raises OSError."""
    pinned = pin_path(runtime, app)
    index = _recorded(pinned)
    if index is None or not _is_pinned(pinned):
        return False
    with Netlink() as netlink:
        linked = netlink.alias(_name(index)) == _alias(confinement, app)
    return linked and confinement.wall.admits(_name(index), _addresses(index)[1])


def unwalled(confinement: Confinement, runtime: Path, apps: Iterable[str]) -> list[str]:
    """Those of them that somebody cut or let loose, and that are to be prepared again. Two
    questions to the kernel, however many there are. Raises OSError."""
    with Netlink() as netlink:
        links = dict(netlink.links())
    admitted = confinement.wall.admitted()
    recorded = {app: _recorded(pin_path(runtime, app)) for app in apps}
    return [
        app
        for app, index in sorted(recorded.items())
        if index is None
        or links.get(_name(index)) != _alias(confinement, app)
        or (_name(index), _addresses(index)[1]) not in admitted
    ]


def pin_path(runtime: Path, app: str) -> Path:
    return runtime / "net" / app


def app_address(runtime: Path, app: str) -> str:
    """The address the host dials. Raises Terminal if the app was never prepared."""
    index = _recorded(pin_path(runtime, app))
    if index is None:
        raise Terminal(f"cannot reach {app}: it has no network yet")
    return _addresses(index)[1]


# --- the namespace ------------------------------------------------------------------------------


def _pin(confinement: Confinement, pinned: Path, app: str) -> bool:
    """True if the namespace is new."""
    if _is_pinned(pinned):
        return False
    pinned.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pinned.touch(mode=0o600)
    running = _running_member(confinement, app)
    if running is not None:
        # The runtime directory was wiped under a living app.
        syscalls.bind_mount(f"/proc/{running}/ns/net", pinned)
        return False
    with syscalls.inside_new_network():
        with Netlink() as netlink:
            netlink.raise_up("lo")
        syscalls.bind_mount("/proc/thread-self/ns/net", pinned)
    return True


def _is_pinned(path: Path) -> bool:
    """A namespace lies on the file system all namespaces share."""
    try:
        return path.stat().st_dev == os.stat("/proc/self/ns/net").st_dev
    except OSError:
        return False


def _running_member(confinement: Confinement, app: str) -> int | None:
    """Some process of the app that is in a network namespace other than ours."""
    groups = confinement.cgroups
    ours = os.stat("/proc/self/ns/net").st_ino
    for folder in groups.names() if groups else ():
        parts = split_folder(folder)
        if groups and parts and parts[0] == app:
            for pid in sorted(groups.members(folder)):
                with contextlib.suppress(OSError):
                    if os.stat(f"/proc/{pid}/ns/net").st_ino != ours:
                        return pid
    return None


# --- the link -----------------------------------------------------------------------------------


def _link(confinement: Confinement, pinned: Path, app: str, fresh: bool) -> None:
    """A fresh namespace has no link, even if one of the same app is still about to vanish."""
    if not confinement.wall.stands():
        confinement.wall.build()
    hold_in()
    alias, recorded = _alias(confinement, app), _recorded(pinned)
    with Netlink() as netlink:
        if not fresh and recorded is not None and netlink.alias(_name(recorded)) == alias:
            _admit(confinement, recorded)
            return
        links = dict(netlink.links())
    index = None if fresh else _index_inside(pinned)
    if index is None or links.get(_name(index)) != alias:
        index = _make_link(confinement, pinned, alias, links, recorded)
    else:
        _admit(confinement, index)
    _record(pinned).write_text(str(index))


def _admit(confinement: Confinement, index: int) -> None:
    """Who is admitted already keeps the way out it has."""
    name, address = _name(index), _addresses(index)[1]
    if not confinement.wall.admits(name, address):
        confinement.wall.admit(name, address)


def _unlink(confinement: Confinement, pinned: Path, app: str) -> None:
    """At once: else the link stays for as long as the kernel likes, and its name with it. Somebody
    may have taken it away before."""
    index = _recorded(pinned)
    if index is None:
        return
    with contextlib.suppress(OSError), Netlink() as netlink:
        alias = netlink.alias(_name(index))
        if alias == _alias(confinement, app):
            netlink.remove_link(_name(index))
        if alias in (_alias(confinement, app), None):
            confinement.wall.forget(_name(index))


def _index_inside(pinned: Path) -> int | None:
    """The namespace itself knows its link: by the address it has."""
    with _inside(pinned), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        request = struct.pack("16s24x", _INSIDE.encode())
        try:
            answer = fcntl.ioctl(asking, _GET_ADDRESS, request)
        except OSError:
            return None
    address = struct.unpack(">I", answer[20:24])[0]
    return (address - _first_address()) // 4


def _make_link(
    confinement: Confinement,
    pinned: Path,
    alias: str,
    links: dict[str, str],
    preferred: int | None,
) -> int:
    """The recorded index again if it is free, so that the address stays. Else everybody begins the
    search somewhere else: what was freed a moment ago may be where another app is still dialled."""
    candidates = [preferred] if preferred is not None else []
    first = zlib.crc32(alias.encode())
    around = ((first + n) % LINKS_MAX for n in range(LINKS_MAX))
    for index in itertools.chain(candidates, around):
        if _name(index) not in links:
            try:
                _connect(confinement, pinned, alias, index)
            except OSError as error:
                if error.errno != errno.EEXIST:
                    raise
                continue
            return index
    raise Terminal(f"cannot link another app: all {LINKS_MAX} links are taken")


def _connect(confinement: Confinement, pinned: Path, alias: str, index: int) -> None:
    """The alias comes last: a link that bears it is complete."""
    outside, inside = _addresses(index)
    with Netlink() as netlink:
        with _inside(pinned) as namespace, Netlink() as theirs:
            netlink.add_pair(_name(index), _INSIDE, namespace)
            theirs.add_address(_INSIDE, inside, _PREFIX_BITS)
            theirs.raise_up(_INSIDE)
        confinement.wall.admit(_name(index), inside)
        netlink.add_address(_name(index), outside, _PREFIX_BITS)
        netlink.raise_up(_name(index))
        netlink.set_alias(_name(index), alias)


@contextlib.contextmanager
def _inside(pinned: Path) -> Generator[int, None, None]:
    """This thread in the app's namespace; answers a descriptor of it."""
    namespace = os.open(pinned, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with syscalls.inside_network(namespace):
            yield namespace
    finally:
        os.close(namespace)


def _name(index: int) -> str:
    return f"{wall.LINK_PREFIX}{index}"


def _alias(confinement: Confinement, app: str) -> str:
    return f"setpoint:{confinement.installation}:{app}"


def _addresses(index: int) -> tuple[str, str]:
    """(the host's end, the app's end)."""
    base = _first_address() + 4 * index
    host, app = (socket.inet_ntoa(struct.pack(">I", base + offset)) for offset in (1, 2))
    return host, app


def _first_address() -> int:
    return struct.unpack(">I", socket.inet_aton(FIRST_ADDRESS))[0]


def _record(pinned: Path) -> Path:
    return pinned.with_name(pinned.name + ".link")


def _recorded(pinned: Path) -> int | None:
    try:
        return int(_record(pinned).read_text())
    except (OSError, ValueError):
        return None
