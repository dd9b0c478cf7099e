"""Sealed values, one row per version. Plaintext enters and leaves only here."""

from collections.abc import Iterable, Mapping

from setpoint.model.app import AppIntent, SecretRef
from setpoint.model.errors import StoreError
from setpoint.model.ids import AppId
from setpoint.model.paths import flatten
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


def _open(db: Connection, sealer: Sealer, ref: SecretRef) -> str:
    row = db.execute(
        "SELECT sealed FROM secret WHERE id = ? AND version = ?", (ref.id, ref.version)
    ).fetchone()
    if row is None:
        raise StoreError(f"cannot open {ref}: it is not in the store")
    return sealer.open(ref, row[0])


def refs(intent: AppIntent) -> list[SecretRef]:
    """All that a document refers to."""
    return [leaf for leaf in flatten(intent).values() if isinstance(leaf, SecretRef)]
