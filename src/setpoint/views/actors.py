"""Who comes, by what they show."""

import hmac

from setpoint.model.account import INSTALLATION, Account, Scope, Token, digest
from setpoint.model.change import Actor
from setpoint.policy import accounts as policy
from setpoint.store.port import Store

INSTALLATION_NAME = "admin"


async def by_token(store: Store, secret: str, now_s: float) -> Actor | None:
    """None for what nobody knows, was revoked, or has expired. Looked up by its digest, so nothing
    can be told from the time that takes."""
    return await by_digest(store, digest(secret), now_s)


async def by_digest(store: Store, of_token: bytes, now_s: float) -> Actor | None:
    held = await store.held_by(of_token)
    if held is None:
        return None
    token, account = held
    if token.expired(now_s):
        return None
    return _actor(token, account)


async def by_password(store: Store, email: str, password: str) -> Actor | None:
    """With all that the account may."""
    account = await store.account(email.strip().lower())
    known = account.password if account is not None else None
    same = hmac.compare_digest(digest(password), known if known is not None else b"")
    return _person(account) if account is not None and same else None


def _actor(token: Token, account: Account | None) -> Actor | None:
    scope = policy.scope(token.scopes)
    if token.account == INSTALLATION:
        return Actor(INSTALLATION_NAME, INSTALLATION, scope)
    if account is None:
        return None
    return _person(account, scope)


def _person(account: Account, scope: Scope = "admin") -> Actor:
    return Actor(account.email, account.email, scope, "all" if account.admin else "granted")
