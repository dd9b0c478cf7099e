"""Somebody registers a program of theirs as an OAuth client, alters it, or takes it away."""

import msgspec

from setpoint.intents.door import Door
from setpoint.model.app import SecretRef
from setpoint.model.change import Asked
from setpoint.model.credential import OAuthClient
from setpoint.model.errors import NotFound
from setpoint.policy import access, credentials, words
from setpoint.policy.names import shortened

CREATE, ALTER = "create the OAuth client", "alter the OAuth client"
DESTROY, SEE = "destroy the OAuth client", "see the OAuth clients of"


class Shown(msgspec.Struct, frozen=True):
    """`secret`: its owner may always be told it, as at Heroku."""

    client: OAuthClient
    secret: str

    def __repr__(self) -> str:
        return f"Shown({self.client.id})"


async def create(door: Door, asked: Asked, name: str, redirect_uri: str) -> Shown:
    """Of whoever asks. Raises Forbidden, Invalid, OverLimit."""
    access.authorise(asked.actor, CREATE, name)
    failing = f"cannot {CREATE} '{shortened(name)}'"
    credentials.check_clients(len(await door.store.oauth_clients(asked.actor.email)), failing)
    id, secret = door.new_id(), door.new_token()
    client = OAuthClient(
        id=id,
        account=asked.actor.email,
        name=credentials.client_name(name, failing),
        redirect_uri=credentials.redirect_uri(redirect_uri, failing),
        secret=SecretRef(id, 1),
        created_at_s=asked.at_s,
        updated_at_s=asked.at_s,
    )
    told, sealed = f"Create OAuth client {name}", {client.secret.key: secret}
    await door.store.commit_people(_accepted(asked, secret), CREATE, told, [client], secrets=sealed)
    return Shown(client, secret)


async def update(
    door: Door, asked: Asked, id: str, name: str | None, redirect_uri: str | None
) -> Shown:
    """What is None stays. What is so already is no Change."""
    access.authorise(asked.actor, ALTER, id)
    before = await own(door, asked, id)
    failing = f"cannot {ALTER} '{before.client.name}'"
    after = msgspec.structs.replace(
        before.client,
        name=before.client.name if name is None else credentials.client_name(name, failing),
        redirect_uri=before.client.redirect_uri
        if redirect_uri is None
        else credentials.redirect_uri(redirect_uri, failing),
    )
    if after == before.client:
        return before
    after = msgspec.structs.replace(after, updated_at_s=asked.at_s)
    told = f"Alter OAuth client {after.name}"
    await door.store.commit_people(_accepted(asked, before.secret), ALTER, told, [after])
    return Shown(after, before.secret)


async def rotate(door: Door, asked: Asked, id: str) -> Shown:
    """The same client with another secret; the old one is kept nowhere."""
    access.authorise(asked.actor, ALTER, id)
    before, secret = await own(door, asked, id), door.new_token()
    version = before.client.secret.version + 1
    after = msgspec.structs.replace(
        before.client, secret=SecretRef(before.client.id, version), updated_at_s=asked.at_s
    )
    told, sealed = f"Rotate the secret of OAuth client {after.name}", {after.secret.key: secret}
    said = _accepted(asked, before.secret, secret)
    await door.store.commit_people(said, ALTER, told, [after], secrets=sealed)
    return Shown(after, secret)


async def destroy(door: Door, asked: Asked, id: str) -> Shown:
    access.authorise(asked.actor, DESTROY, id)
    shown = await own(door, asked, id)
    told = f"Destroy OAuth client {shown.client.name}"
    said = _accepted(asked, shown.secret)
    await door.store.commit_people(said, DESTROY, told, gone=[shown.client])
    return shown


async def listed(door: Door, asked: Asked) -> tuple[Shown, ...]:
    """Oldest first. Their secrets are in it, so it needs more than to look."""
    access.authorise(asked.actor, SEE, asked.actor.email)
    found = await door.store.oauth_clients(asked.actor.email)
    secrets = await door.store.reveal({client.id: client.secret for client in found})
    return tuple(Shown(client, secrets[client.id]) for client in found)


async def own(door: Door, asked: Asked, id: str) -> Shown:
    """One of whoever asks. Raises NotFound."""
    access.authorise(asked.actor, SEE, asked.actor.email)
    for client in await door.store.oauth_clients(asked.actor.email):
        if client.id == id:
            return Shown(client, (await door.store.reveal({id: client.secret}))[id])
    raise NotFound(
        f"cannot find the OAuth client '{shortened(id)}': {asked.actor.email} has no such client",
        "see: heroku clients",
    )


def _accepted(asked: Asked, *secrets: str) -> Asked:
    return words.accepted(words.linked(asked), secrets)
