"""Sealed values, one row per version. Plaintext enters and leaves only here."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from setpoint.model.app import AppIntent, SecretRef
from setpoint.model.change import Touch
from setpoint.model.errors import StoreError
from setpoint.model.ids import AppId
from setpoint.model.paths import flatten, is_secret, secret_at
from setpoint.store.sealing import Sealer
from setpoint.store.sqlite.connection import Connection


def store(
    db: Connection, sealer: Sealer, intents: Iterable[AppIntent], secrets: Mapping[str, str]
) -> None:
    """Seal what these documents refer to. `secrets`: 'id@version' -> plaintext."""
    if not secrets:  # most Changes: walking their documents would cost as much as writing them
        return
    left = dict(secrets)
    for intent in intents:
        sealed = seal(db, sealer, intent.id, refs(intent), left)
        left = {key: value for key, value in left.items() if key not in sealed}
    if left:
        raise StoreError(f"cannot write to the store: no document refers to {', '.join(left)}")


def seal(
    db: Connection,
    sealer: Sealer,
    app: AppId,
    wanted: Iterable[SecretRef],
    values: Mapping[str, str],
) -> frozenset[str]:
    """The keys of those refs that have a value: they are sealed now."""
    sealed = {ref.key: ref for ref in wanted if ref.key in values}
    for key, ref in sealed.items():
        db.execute(
            "INSERT INTO secret (id, version, unit, sealed) VALUES (?, ?, ?, ?)",
            (ref.id, ref.version, app, sealer.seal(ref, values[key])),
        )
    return frozenset(sealed)


def reveal(db: Connection, sealer: Sealer, refs: Mapping[str, SecretRef]) -> dict[str, str]:
    return {name: _open(db, sealer, ref) for name, ref in refs.items()}


def fingerprinted(
    db: Connection,
    sealer: Sealer,
    before: AppIntent | None,
    after: AppIntent,
    touches: Sequence[Touch],
    fresh: Mapping[str, str],
) -> tuple[Touch, ...]:
    """Touches of secrets with the fingerprints of their values. `fresh`: 'id@version' -> plaintext
    of those that are not in the store yet."""
    if not any(is_secret(touch.path) for touch in touches):
        return tuple(touches)

    def fingerprint(intent: AppIntent | None, path: str) -> str | msgspec.UnsetType:
        ref = secret_at(intent, path) if intent is not None else None
        if ref is None:
            return msgspec.UNSET
        value = fresh[ref.key] if ref.key in fresh else _value(db, sealer, ref)
        return sealer.fingerprint(after.id, path, value) if value is not None else msgspec.UNSET

    def told(touch: Touch) -> Touch:
        if not is_secret(touch.path):
            return touch
        old, new = fingerprint(before, touch.path), fingerprint(after, touch.path)
        return msgspec.structs.replace(touch, old_print=old, new_print=new)

    return tuple(told(touch) for touch in touches)


def _open(db: Connection, sealer: Sealer, ref: SecretRef) -> str:
    value = _value(db, sealer, ref)
    if value is None:
        raise StoreError(f"cannot open {ref}: it is not in the store")
    return value


def _value(db: Connection, sealer: Sealer, ref: SecretRef) -> str | None:
    """None where it is kept no longer."""
    row = db.execute(
        "SELECT sealed FROM secret WHERE id = :id AND version = :version "
        "UNION ALL SELECT sealed FROM oauth_client WHERE id = :id AND version = :version",
        {"id": ref.id, "version": ref.version},
    ).fetchone()
    return sealer.open(ref, row[0]) if row is not None else None


def refs(intent: AppIntent) -> list[SecretRef]:
    """All that a document refers to."""
    return [leaf for leaf in flatten(intent).values() if isinstance(leaf, SecretRef)]
