"""Somebody adds a public SSH key to their account, or takes one away. Nothing is opened with it."""

from setpoint.formats import ssh_keys
from setpoint.intents.door import Door
from setpoint.model.change import Asked
from setpoint.model.credential import SshKey
from setpoint.model.errors import Invalid, NotFound
from setpoint.policy import access, credentials, words
from setpoint.policy.names import shortened

ADD, REMOVE = "add an SSH key to", "remove an SSH key from"


async def add(door: Door, asked: Asked, said: str) -> SshKey:
    """To whoever asks. Raises Forbidden, Invalid, OverLimit."""
    email = asked.actor.email
    access.authorise(asked.actor, ADD, email)
    failing = f"cannot {ADD} '{email}'"
    found = ssh_keys.read(said, failing)
    held = await door.store.ssh_keys(email)
    if any(key.fingerprint == found.fingerprint for key in held):
        raise Invalid(f"{failing}: its fingerprint already exists", "see: heroku keys")
    credentials.check_keys(len(held), failing)
    key = SshKey(
        id=door.new_id(),
        account=email,
        public_key=found.line,
        comment=found.comment,
        fingerprint=found.fingerprint,
        created_at_s=asked.at_s,
    )
    await door.store.commit_people(_accepted(asked), ADD, f"Add SSH key {_told(key)}", [key])
    return key


async def remove(door: Door, asked: Asked, wanted: str) -> SshKey:
    access.authorise(asked.actor, REMOVE, asked.actor.email)
    key = await own(door, asked, wanted)
    told = f"Remove SSH key {_told(key)}"
    await door.store.commit_people(_accepted(asked), REMOVE, told, gone=[key])
    return key


async def own(door: Door, asked: Asked, wanted: str) -> SshKey:
    """One of whoever asks, by id or fingerprint. Raises NotFound."""
    for key in await door.store.ssh_keys(asked.actor.email):
        if wanted in (key.id, key.fingerprint):
            return key
    raise NotFound(
        f"cannot find the SSH key '{shortened(wanted)}': {asked.actor.email} has no such key",
        "see: heroku keys",
    )


def _told(key: SshKey) -> str:
    return f"{key.fingerprint} ({key.comment})" if key.comment else key.fingerprint


def _accepted(asked: Asked) -> Asked:
    return words.accepted(words.linked(asked))
