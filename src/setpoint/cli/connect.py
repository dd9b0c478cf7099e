"""`setpoint connect`: another machine's Setpoint, as if it were here: Heroku's program sends its
token to this machine alone."""

import argparse
import asyncio
import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from setpoint.cli import codes
from setpoint.cli.command import Here
from setpoint.drivers import pinned, relay
from setpoint.drivers.local.files import write_whole
from setpoint.model.errors import Refused

EXAMPLE = "setpoint connect https://build.example.com:5100 --fingerprint SHA256:0f3a…"
FOLDER, AUTHORITY, PORTS = "connect", "ca.pem", "ports.json"
PORT_TAKEN = "what listens there, a Setpoint of your own perhaps, has to end first"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="where the other one speaks TLS")
    parser.add_argument(
        "--fingerprint",
        metavar="SHA256",
        default="",
        help="of its authority: `setpoint env --fingerprint` tells it there",
    )
    parser.add_argument("--port", type=int, metavar="N", default=0, help="here (the same as there)")


def run(here: Here) -> int:
    host, port = place(here.args.url)
    known = pinned.look(host, port, here.args.fingerprint)
    local = here.args.port or port
    listeners = {port: relay.listen(local, f"{PORT_TAKEN}; or name another with --port")}
    if known.rendezvous_port:
        listeners[known.rendezvous_port] = relay.listen(known.rendezvous_port, PORT_TAKEN)
    folder = remembered(here.data, host, port)
    _remember(folder, known.certificate, local)

    def announce() -> None:
        here.out.line(f"https://localhost:{local} is {host}:{port} now, until Ctrl-C")
        here.out.line(f'in another shell: eval "$(setpoint env --connected {here.args.url})"')
        here.out.result({"port": local, "authority": str(folder / AUTHORITY)})

    asyncio.run(_until_interrupted(relay.Relay(host, here.out.complain), listeners, announce))
    return codes.SETTLED


def _remember(folder: Path, authority: str, port: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / AUTHORITY, authority.encode(), mode=0o644)
        write_whole(folder / PORTS, json.dumps({"tls": port}).encode(), mode=0o644)
    except OSError as error:
        raise Refused(
            f"cannot remember whom to trust: {folder}: {error.strerror}",
            "name a folder of yours with --data",
        ) from None


async def _until_interrupted(
    over: relay.Relay, listeners: dict[int, socket.socket], announce: Callable[[], None]
) -> None:
    """Said only once Ctrl-C is waited for: whoever reads it may press it at once."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    announce()
    await over.serve(listeners, ended)


def place(url: str) -> tuple[str, int]:
    """Host and port. Raises Refused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 5100
    except ValueError:
        host, port, parts = None, 0, urlsplit("")
    if parts.scheme != "https" or not host:
        raise Refused(f"cannot connect to {url[:80]!r}: it is no https URL", f"example: {EXAMPLE}")
    return host, port


def remembered(data: Path, host: str, port: int) -> Path:
    """Where it is kept whom to trust there."""
    name = "".join(c if c.isalnum() or c in ".-" else "_" for c in host)
    return data / FOLDER / f"{name}_{port}"
