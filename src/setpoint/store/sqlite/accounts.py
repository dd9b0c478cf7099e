"""Accounts and what they have: each write is a Change of its own, which is no app's."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from setpoint.model.account import Account, Token
from setpoint.model.change import Asked
from setpoint.model.credential import OAuthClient, PeopleRow, SshKey
from setpoint.model.errors import Conflict
from setpoint.store.sealing import Sealer
from setpoint.store.sqlite import changes, credentials, events, said
from setpoint.store.sqlite.connection import Connection

_ACCOUNT = "SELECT id, email, admin, created_at_s, password FROM account "
_TOKEN = (
    "SELECT id, account, digest, scopes, description, hint, created_at_s, expires_at_s, login "
    "FROM token "
)


def commit(
    db: Connection,
    sealer: Sealer,
    asked: Asked,
    verb: str,
    summary: str,
    put: Sequence[PeopleRow],
    gone: Sequence[PeopleRow],
    secrets: Mapping[str, str],
) -> int:
    """Raises Conflict."""
    for row in gone:
        _drop(db, row)
    for row in put:
        _put(db, sealer, row, secrets)
    asked = said.labelled(db, asked, verb, ())
    seq = changes.insert(db, asked, verb, summary)
    said.remember(db, asked, seq)
    events.append(db, "", "change.accepted", change=seq, verb=verb, summary=summary)
    return seq


def every(db: Connection) -> tuple[Account, ...]:
    return _accounts(db.execute(_ACCOUNT + "ORDER BY email"))


def one(db: Connection, email: str) -> Account | None:
    return next(iter(_accounts(db.execute(_ACCOUNT + "WHERE email = ?", (email,)))), None)


def tokens(db: Connection, account: str) -> tuple[Token, ...]:
    where = "WHERE account = ? ORDER BY created_at_s, id"
    return tuple(_token(row) for row in db.execute(_TOKEN + where, (account,)))


def held_by(db: Connection, digest: bytes) -> tuple[Token, Account | None] | None:
    row = db.execute(_TOKEN + "WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        return None
    token = _token(row)
    return token, one(db, token.account)


def _put(db: Connection, sealer: Sealer, row: PeopleRow, secrets: Mapping[str, str]) -> None:
    match row:
        case Account():
            _put_account(db, row)
        case Token():
            _put_token(db, row)
        case SshKey():
            credentials.put_key(db, row)
        case OAuthClient():
            credentials.put_client(db, sealer, row, secrets)


def _put_account(db: Connection, account: Account) -> None:
    put = db.execute(
        "INSERT INTO account (email, id, admin, created_at_s, password) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (email) DO UPDATE SET admin = excluded.admin, password = excluded.password "
        "WHERE id = excluded.id",
        (account.email, account.id, account.admin, account.created_at_s, account.password),
    )
    if not put.rowcount:
        raise Conflict(f"cannot add the account '{account.email}': there is one already")


def _put_token(db: Connection, token: Token) -> None:
    db.execute(
        "INSERT OR REPLACE INTO token (id, account, digest, scopes, description, hint, "
        "created_at_s, expires_at_s, login) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            token.id, token.account, token.digest, msgspec.json.encode(token.scopes).decode(),
            token.description, token.hint, token.created_at_s, token.expires_at_s, token.login,
        ),
    )  # fmt: skip


def _drop(db: Connection, row: PeopleRow) -> None:
    if isinstance(row, Token):
        db.execute("DELETE FROM token WHERE id = ?", (row.id,))
    elif not isinstance(row, Account):
        credentials.drop(db, row)
    else:
        credentials.drop_all_of(db, row.email)
        db.execute("DELETE FROM account WHERE email = ?", (row.email,))
        db.execute("DELETE FROM token WHERE account = ?", (row.email,))


def _accounts(rows: Iterable[sqlite3.Row]) -> tuple[Account, ...]:
    return tuple(
        Account(id, email, bool(admin), created_at_s, password)
        for id, email, admin, created_at_s, password in rows
    )


def _token(row: Sequence[Any]) -> Token:
    id, account, digest, scopes, description, hint, created, expires, login = row
    said = msgspec.json.decode(scopes, type=tuple[str, ...])
    return Token(id, account, digest, said, description, hint, created, expires, bool(login))
