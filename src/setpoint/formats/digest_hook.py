"""A digest as it is sent: what the operator says of where to, and the bytes on the way."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from setpoint.model.digest import Digest
from setpoint.model.errors import Invalid

PREFIX = "SETPOINT_DIGEST_"
URL, SECRET, PERSON = "SETPOINT_DIGEST_URL", "SETPOINT_DIGEST_SECRET", "SETPOINT_DIGEST_FOR"
SECRET_CHARS_MIN = 16
URL_CHARS_MAX = 2000
BODY_BYTES_MAX = 48 * 1024


@dataclass(frozen=True)
class Hook:
    """Where `person`'s digest goes. `url`: for some receivers it is a secret too."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    person: str

    @property
    def reader(self) -> str:
        """What its cursor is kept under: the person's own stays where it is."""
        return f"webhook of {self.person}"


def hook(environment: Mapping[str, str]) -> Hook | None:
    """None where nobody wants one. Raises Invalid, which repeats neither address nor secret."""
    said = {key: text for key, text in environment.items() if key.startswith(PREFIX)}
    for key in said.keys() - {URL, SECRET, PERSON}:
        raise Invalid(
            f"cannot start Setpoint: there is no setting {key[:80]}",
            f"there are {URL}, {SECRET}, {PERSON}",
        )
    if not said:
        return None
    if missing := [key for key in (URL, SECRET, PERSON) if not said.get(key)]:
        raise Invalid(
            f"cannot start Setpoint: {missing[0]} is missing",
            "a digest is sent to an address, signed with a secret, for somebody",
        )
    parts = urlsplit(said[URL])
    fits = said[URL].isascii() and said[URL].isprintable() and len(said[URL]) <= URL_CHARS_MAX
    if parts.scheme != "https" or not parts.hostname or " " in said[URL] or not fits:
        raise Invalid(f"cannot start Setpoint: {URL} is no https address")
    if len(said[SECRET]) < SECRET_CHARS_MIN:
        raise Invalid(
            f"cannot start Setpoint: {SECRET} has fewer than {SECRET_CHARS_MIN} characters",
            "make one with: openssl rand -hex 32",
        )
    return Hook(said[URL], said[SECRET], said[PERSON])


def body(told: Digest, lines: Sequence[str]) -> bytes:
    """As JSON; `text` is what chats show. What is too long ends with how to hear the rest."""
    kept, size = list[str](), 0
    for line in lines:
        size += 2 * len(line.encode()) + 8
        if size > BODY_BYTES_MAX:
            kept.append(f"and {len(lines) - len(kept)} more lines: setpoint digest")
            break
        kept.append(line)
    said = {
        "text": "\n".join(kept),
        "person": told.person,
        "since_s": told.since_s,
        "at_s": told.at_s,
        "needs": len(told.needs),
        "surprises": len(told.surprises),
    }
    return msgspec.json.encode(said)


def headers(hook: Hook, told: Digest, content: bytes, now_s: float) -> dict[str, str]:
    """Signed together with the time, so that an old one is not believed when it is sent again. A
    retry of the same digest has the same id of delivery."""
    at = str(int(now_s))
    signed = hmac.new(hook.secret.encode(), f"{at}.".encode() + content, hashlib.sha256)
    since = f"{hook.reader} {told.since_s}".encode()
    return {
        "Content-Type": "application/json",
        "Setpoint-Delivery": hashlib.sha256(since).hexdigest()[:32],
        "Setpoint-Signature": f"t={at},v1={signed.hexdigest()}",
    }
