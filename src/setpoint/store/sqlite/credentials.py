"""SSH keys and OAuth clients: rows of an account, written as its tokens are."""

from collections.abc import Mapping
from typing import Any

from setpoint.model.app import SecretRef
from setpoint.model.credential import OAuthClient, SshKey
from setpoint.model.errors import Conflict
from setpoint.store.sealing import Sealer
from setpoint.store.sqlite.connection import Connection

_KEY = "SELECT id, account, public_key, comment, fingerprint, created_at_s FROM ssh_key "
_CLIENT = (
    "SELECT id, account, name, redirect_uri, version, created_at_s, updated_at_s FROM oauth_client "
)


def keys(db: Connection, account: str) -> tuple[SshKey, ...]:
    rows = db.execute(_KEY + "WHERE account = ? ORDER BY created_at_s, id", (account,))
    return tuple(SshKey(*row) for row in rows)


def clients(db: Connection, account: str) -> tuple[OAuthClient, ...]:
    rows = db.execute(_CLIENT + "WHERE account = ? ORDER BY created_at_s, id", (account,))
    return tuple(_client(*row) for row in rows)


def put_key(db: Connection, key: SshKey) -> None:
    """Raises Conflict where the account has it already."""
    put = db.execute(
        "INSERT INTO ssh_key (id, account, fingerprint, public_key, comment, created_at_s) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, fingerprint) DO NOTHING",
        (key.id, key.account, key.fingerprint, key.public_key, key.comment, key.created_at_s),
    )
    if not put.rowcount:
        raise Conflict(f"cannot add an SSH key to '{key.account}': its fingerprint already exists")


def put_client(
    db: Connection, sealer: Sealer, client: OAuthClient, secrets: Mapping[str, str]
) -> None:
    """With a secret it is new, or has another one; without, that stays. Raises Conflict where what
    is altered is there no more."""
    secret = secrets.get(client.secret.key)
    sealed = sealer.seal(client.secret, secret) if secret is not None else None
    row = {
        "id": client.id,
        "account": client.account,
        "name": client.name,
        "redirect_uri": client.redirect_uri,
        "version": client.secret.version,
        "sealed": sealed,
        "created_at_s": client.created_at_s,
        "updated_at_s": client.updated_at_s,
    }
    if not db.execute(_ALTER if sealed is None else _SEAL, row).rowcount:
        raise Conflict(f"cannot alter the OAuth client '{client.name}': it was removed meanwhile")


_ALTER = (
    "UPDATE oauth_client SET name = :name, redirect_uri = :redirect_uri, "
    "updated_at_s = :updated_at_s WHERE id = :id"
)
_SEAL = (
    "INSERT INTO oauth_client (id, account, name, redirect_uri, version, sealed, created_at_s, "
    "updated_at_s) SELECT :id, :account, :name, :redirect_uri, :version, :sealed, :created_at_s, "
    ":updated_at_s WHERE :version = 1 OR EXISTS (SELECT 1 FROM oauth_client WHERE id = :id) "
    "ON CONFLICT (id) DO UPDATE SET version = excluded.version, sealed = excluded.sealed, "
    "updated_at_s = excluded.updated_at_s"
)


def drop(db: Connection, row: SshKey | OAuthClient) -> None:
    table = "ssh_key" if isinstance(row, SshKey) else "oauth_client"
    db.execute(f"DELETE FROM {table} WHERE id = ?", (row.id,))


def drop_all_of(db: Connection, account: str) -> None:
    db.execute("DELETE FROM ssh_key WHERE account = ?", (account,))
    db.execute("DELETE FROM oauth_client WHERE account = ?", (account,))


def _client(id: str, account: str, name: str, uri: str, version: int, *at_s: Any) -> OAuthClient:
    return OAuthClient(id, account, name, uri, SecretRef(id, version), *at_s)
