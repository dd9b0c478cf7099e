"""Envelope encryption of secrets, and the key file that opens them.

Each secret is sealed under a data key of its own, and the data key under the key file's. Both are
bound (AAD) to the secret's id and version, so a row copied elsewhere does not open. Without the key
file nothing opens: it is made once, together with the database, and never silently again.
"""

import hmac
import os
import stat
from pathlib import Path

from setpoint.model.app import SecretRef
from setpoint.model.errors import StoreError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
PRINT_HEX = 12
"""Of a fingerprint: enough to tell the values of one path apart, too few to be one."""
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES

CHECK_REF = SecretRef("setpoint/key-check", 1)
CHECK_TEXT = "this key file belongs to this database"


class Sealer:
    """Seals and opens under one key. Blobs: wrapped data key, nonce, ciphertext with tag."""

    def __init__(self, key: bytes) -> None:
        # Imported here: it takes some 70 ms, which a command that only talks to the API never pays.
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aead = AESGCM
        self._invalid = InvalidTag
        self._key = AESGCM(key)
        self._print_key = hmac.digest(key, b"setpoint fingerprint", "sha256")

    def __repr__(self) -> str:
        return "Sealer(key=...)"

    def seal(self, ref: SecretRef, plaintext: str) -> bytes:
        aad = _aad(ref)
        data_key = self._aead.generate_key(bit_length=8 * KEY_BYTES)
        wrap_nonce, nonce = os.urandom(NONCE_BYTES), os.urandom(NONCE_BYTES)
        wrapped = self._key.encrypt(wrap_nonce, data_key, aad)
        ciphertext = self._aead(data_key).encrypt(nonce, plaintext.encode(), aad)
        return wrap_nonce + wrapped + nonce + ciphertext

    def open(self, ref: SecretRef, sealed: bytes) -> str:
        """Raises StoreError if it was sealed under another key, for another ref, or altered."""
        aad = _aad(ref)
        wrap_nonce, wrapped = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:WRAPPED_BYTES]
        body = sealed[WRAPPED_BYTES:]
        try:
            data_key = self._key.decrypt(wrap_nonce, wrapped, aad)
            plaintext = self._aead(data_key).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], aad)
        except (self._invalid, ValueError):
            raise StoreError(
                f"cannot open {ref}: it was sealed with another key, or altered"
            ) from None
        return plaintext.decode()

    def fingerprint(self, app: str, path: str, plaintext: str) -> str:
        """Equal for equal values of one path of one app. Keyed, so that nobody can try values
        without the key file; bound to the path, so that nobody can try them on another app."""
        said = "\0".join((app, path, plaintext))
        return hmac.digest(self._print_key, said.encode(), "sha256").hex()[:PRINT_HEX]


def _aad(ref: SecretRef) -> bytes:
    return str(ref).encode()


def sealed_check(sealer: Sealer) -> str:
    """What a new database keeps, so that a wrong key file is noticed before anything else is."""
    return sealer.seal(CHECK_REF, CHECK_TEXT).hex()


def verify(sealer: Sealer, check: str, key_path: Path) -> None:
    try:
        sealer.open(CHECK_REF, bytes.fromhex(check))
    except StoreError:
        raise StoreError(
            f"cannot open data directory: the key file {key_path} is not the one "
            "this database was made with",
            "put the original key file back (it is part of every backup)",
        ) from None


def load_key(key_path: Path, *, fresh: bool) -> bytes:
    """The key, made if `fresh` (there is no database yet) and not there. Raises StoreError."""
    if not key_path.exists():
        if not fresh:
            raise StoreError(
                f"cannot open data directory: its key file {key_path} is missing",
                "put it back from a backup; without it the stored config vars cannot be read",
            )
        _create(key_path)
    return _read(key_path)


def _create(key_path: Path) -> None:
    """Whole or not at all: a crash leaves no half key behind."""
    made = key_path.with_name(key_path.name + ".new")
    try:
        made.unlink(missing_ok=True)
        with open(made, "xb", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        made.rename(key_path)
        _sync_folder(key_path.parent)
    except OSError as error:
        raise StoreError(f"cannot create key file {key_path}: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(key_path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(key_path.stat().st_mode)
        key = key_path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"cannot open data directory: its key file {key_path} cannot be read: {error.strerror}"
        ) from None
    if mode & 0o077:
        raise StoreError(
            f"cannot open data directory: others may read its key file {key_path} "
            f"(mode {mode:04o})",
            f"chmod 600 {key_path}",
        )
    if len(key) != KEY_BYTES:
        raise StoreError(
            f"cannot open data directory: its key file {key_path} holds {len(key)} bytes, "
            f"not {KEY_BYTES}",
            "put the original key file back from a backup",
        )
    return key
