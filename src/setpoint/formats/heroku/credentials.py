"""SSH keys and OAuth clients -> Heroku's reply objects."""

from setpoint.formats.heroku import shapes, write
from setpoint.model import credential as model


def ssh_key(key: model.SshKey) -> shapes.SshKey:
    """There is nothing to alter of one."""
    at = write.when(key.created_at_s)
    return shapes.SshKey(
        id=key.id,
        email=key.account,
        comment=key.comment,
        fingerprint=key.fingerprint,
        public_key=key.public_key,
        created_at=at,
        updated_at=at,
    )


def oauth_client(client: model.OAuthClient, secret: str) -> shapes.OAuthClient:
    return shapes.OAuthClient(
        id=client.id,
        name=client.name,
        redirect_uri=client.redirect_uri,
        secret=secret,
        created_at=write.when(client.created_at_s),
        updated_at=write.when(client.updated_at_s),
    )
