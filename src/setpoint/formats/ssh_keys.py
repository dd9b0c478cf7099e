"""One line of an `id_ed25519.pub`: read, and told by its fingerprint.

Pure. Nothing of what was said stands in an error: people paste the wrong file. The library is
imported late: most of Setpoint's processes never look at a key.
"""

import binascii
import hashlib
from base64 import b64decode, b64encode
from typing import NamedTuple

from setpoint.model.errors import Invalid

LINE_CHARS_MAX = 16 * 1024
COMMENT_CHARS_MAX = 300
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 16384
KINDS = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
PRIVATE = ("PRIVATE KEY", "PuTTY-User-Key-File")
EXAMPLE = "one line, as in ~/.ssh/id_ed25519.pub: ssh-ed25519 AAAA... you@laptop"


class PublicKey(NamedTuple):
    """`line`: as it was said, without white space around it."""

    line: str
    comment: str
    fingerprint: str


def read(said: str, failing: str) -> PublicKey:
    """`failing`: 'cannot add an SSH key to ...'. Raises Invalid."""
    if any(mark in said for mark in PRIVATE):
        raise Invalid(
            f"{failing}: that is a private key, which nobody else should ever have",
            "give the file that ends .pub, of a new pair: this one has been sent",
        )
    if len(said) > LINE_CHARS_MAX:
        raise Invalid(f"{failing}: it is larger than {LINE_CHARS_MAX // 1024} KiB")
    line = said.strip()
    if len(line.splitlines()) > 1:
        fix = "one at a time, each as one line; other forms: ssh-keygen -i -f FILE"
        raise Invalid(f"{failing}: it has several lines", fix)
    kind, blob, comment = _words(line, failing)
    if kind not in KINDS:
        raise Invalid(f"{failing}: it does not begin as an SSH key", EXAMPLE)
    if len(comment) > COMMENT_CHARS_MAX or not comment.isprintable():
        bounds = f"at most {COMMENT_CHARS_MAX} printable characters"
        raise Invalid(f"{failing}: its comment is not valid", bounds)
    return PublicKey(line, comment, _fingerprint(_checked(kind, blob, failing)))


def _words(line: str, failing: str) -> tuple[str, str, str]:
    words = line.split(None, 2)
    if len(words) < 2:
        raise Invalid(f"{failing}: that is no SSH key", EXAMPLE)
    return words[0], words[1], words[2] if len(words) == 3 else ""


def _checked(kind: str, text: str, failing: str) -> bytes:
    """The key itself, which is of that kind, and written in the one way there is."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        blob = b64decode(text.encode("ascii"), validate=True)
        key = load_ssh_public_key(f"{kind} {text}".encode("ascii"))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise Invalid(f"{failing}: the key cannot be read", EXAMPLE) from None
    if b64encode(blob).decode() != text:
        raise Invalid(f"{failing}: the key cannot be read", EXAMPLE)
    if isinstance(key, rsa.RSAPublicKey) and not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
        bounds = f"from {RSA_BITS_MIN} to {RSA_BITS_MAX} can be"
        raise Invalid(f"{failing}: an RSA key of {key.key_size} bits", bounds)
    return blob


def _fingerprint(blob: bytes) -> str:
    """As Heroku tells it, and `ssh-keygen -E md5 -l`. It guards nothing."""
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")
