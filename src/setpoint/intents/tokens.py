"""Somebody signs in or out, or makes a token for a program of theirs."""

import msgspec

from setpoint.intents.door import Door
from setpoint.model.account import Token, digest, hint
from setpoint.model.change import Asked
from setpoint.model.errors import NotFound
from setpoint.policy import access, words
from setpoint.policy import accounts as policy
from setpoint.policy.names import shortened

MAKE, REVOKE, ALTER = "make a token for", "revoke a token of", "alter a token of"


class Wish(msgspec.Struct, frozen=True):
    """`expires_in_s`: None for never. `scopes`: () for all that its owner may."""

    description: str = ""
    scopes: tuple[str, ...] = ()
    expires_in_s: float | None = None
    login: bool = False


class Made(msgspec.Struct, frozen=True):
    """`secret`: what its holder shows; nobody can be told it again."""

    token: Token
    secret: str

    def __repr__(self) -> str:
        return f"Made({self.token.id})"


async def make(door: Door, asked: Asked, wish: Wish) -> Made:
    """Of whoever asks. Raises Forbidden, Invalid, OverLimit."""
    email = asked.actor.email
    access.authorise(asked.actor, MAKE, email)
    failing = f"cannot {MAKE} '{email}'"
    scopes = policy.check_scopes(wish.scopes, failing)
    policy.check_expiry(wish.expires_in_s, failing)
    held = [t for t in await door.store.tokens(email) if not t.expired(asked.at_s)]
    gone = policy.crowded_out(held, failing, login=wish.login)
    secret = door.new_token()
    token = Token(
        id=door.new_id(),
        account=email,
        digest=digest(secret),
        scopes=scopes,
        description=policy.description(wish.description),
        hint=hint(secret),
        created_at_s=asked.at_s,
        expires_at_s=asked.at_s + wish.expires_in_s if wish.expires_in_s is not None else None,
        login=wish.login,
    )
    told = f"{'Sign in' if wish.login else 'Make a token'}{_named(token)}"
    await door.store.commit_people(_accepted(asked), MAKE, told, [token], gone)
    return Made(token, secret)


async def rotate(door: Door, asked: Asked, id: str) -> Made:
    """The same token with another secret; it expires when it would have."""
    access.authorise(asked.actor, ALTER, asked.actor.email)
    token = await own(door, asked, id)
    secret = door.new_token()
    after = msgspec.structs.replace(token, digest=digest(secret), hint=hint(secret))
    told = f"Rotate the token{_named(token)}"
    await door.store.commit_people(_accepted(asked), ALTER, told, [after])
    return Made(after, secret)


async def describe(door: Door, asked: Asked, id: str, said: str) -> Token:
    access.authorise(asked.actor, ALTER, asked.actor.email)
    token = await own(door, asked, id)
    after = msgspec.structs.replace(token, description=policy.description(said))
    told = f"Describe the token{_named(token)} otherwise"
    await door.store.commit_people(_accepted(asked), ALTER, told, [after])
    return after


async def revoke(door: Door, asked: Asked, id: str, shown: str) -> Token:
    """`shown`: the secret that the request came with. Any token may end itself."""
    token = await own(door, asked, id)
    if token.digest != digest(shown):
        access.authorise(asked.actor, REVOKE, asked.actor.email)
    told = f"{'Sign out' if token.login else 'Revoke the token'}{_named(token)}"
    await door.store.commit_people(_accepted(asked), REVOKE, told, gone=[token])
    return token


async def own(door: Door, asked: Asked, id: str) -> Token:
    """One of whoever asks. Raises NotFound."""
    found = next((t for t in await door.store.tokens(asked.actor.email) if t.id == id), None)
    if found is None:
        raise NotFound(
            f"cannot find the token '{shortened(id)}': {asked.actor.email} has no such token",
            "see: setpoint tokens",
        )
    return found


def _named(token: Token) -> str:
    return f" ({token.description})" if token.description else ""


def _accepted(asked: Asked) -> Asked:
    return words.accepted(words.linked(asked))
