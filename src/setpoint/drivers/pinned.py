"""Another Setpoint's authority, known by nothing but its fingerprint."""

import hashlib
import json
import socket
import ssl
from typing import NamedTuple

from setpoint.model.errors import Refused, Terminal, Transient

DIAL_S_MAX = 10.0
ANSWER_BYTES_MAX = 256 * 1024
PREFIX = "SHA256:"
REQUEST = (
    b"GET /v1/authority HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
    b"Connection: close\r\n\r\n"
)


class Known(NamedTuple):
    """`certificate`: of the authority, PEM. `rendezvous_port`: where its terminals are met."""

    certificate: str
    rendezvous_port: int


def fingerprint(pem: str) -> str:
    """`SHA256:<hex>` of the certificate. Raises Terminal for what is none."""
    try:
        return PREFIX + hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    except ValueError:
        raise Terminal("cannot read a certificate: it is none") from None


def same(said: str, found: str) -> bool:
    """However it was written: with or without the prefix, colons, upper case."""
    bare = said.strip().lower().removeprefix(PREFIX.lower()).replace(":", "")
    return bare == found.removeprefix(PREFIX)


def look(host: str, port: int, pin: str) -> Known:
    """Nothing secret is sent before the pin is found to be that of the authority, and a certificate
    by it to be there. Raises Refused, Transient, Terminal."""
    known = _told(_asked(host, port, _unverified()))
    found = fingerprint(known.certificate)
    where = f"{host}:{port}"
    if not pin:
        raise Refused(
            f"cannot trust {where}: it was not said by which authority it is",
            f"it says {found}; if `setpoint env --fingerprint` says the same there, "
            "repeat with --fingerprint",
        )
    if not same(pin, found):
        raise Refused(
            f"cannot trust {where}: its authority is {found}, another than was said",
            "ask whoever runs it what `setpoint env --fingerprint` says there",
        )
    _asked(host, port, ssl.create_default_context(cadata=known.certificate))
    return known


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _asked(host: str, port: int, context: ssl.SSLContext) -> bytes:
    where = f"{host}:{port}"
    try:
        with (
            socket.create_connection((host, port), DIAL_S_MAX) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as link,
        ):
            link.sendall(REQUEST)
            return _read(link)
    except ssl.SSLCertVerificationError as error:
        fact = f"its certificate is not by that authority ({error.verify_message})"
        raise Refused(f"cannot trust {where}: {fact}") from None
    except ssl.SSLError:
        raise Terminal(f"cannot connect to {where}: no TLS is spoken there") from None
    except ConnectionRefusedError:
        raise Transient(
            f"cannot connect to {where}: nothing listens there",
            "it listens for others once it is started with: setpoint up --tls-address",
        ) from None
    except TimeoutError:
        raise Transient(f"cannot connect to {where}: it does not answer") from None
    except OSError as error:
        raise Transient(f"cannot connect to {where}: {error.strerror or error}") from None


def _read(link: ssl.SSLSocket) -> bytes:
    read = bytearray()
    while len(read) < ANSWER_BYTES_MAX and (piece := link.recv(16 * 1024)):
        read += piece
    return bytes(read)


def _told(answer: bytes) -> Known:
    head, _, body = answer.partition(b"\r\n\r\n")
    try:
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise ValueError("not answered")
        told = json.loads(body)
        return Known(str(told["certificate"]), int(told["rendezvous_port"]))
    except (ValueError, KeyError, TypeError):
        raise Terminal("cannot connect: what answers there is no Setpoint") from None
