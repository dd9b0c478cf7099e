"""What an account has besides its tokens: SSH keys, and OAuth clients."""

import msgspec

from setpoint.model.account import Account, Token
from setpoint.model.app import SecretRef


class SshKey(msgspec.Struct, frozen=True):
    """A public one, which opens nothing here. `public_key`: one line, as it was brought.

    `account`: an email. `comment`: what the line ends with. `fingerprint`: as Heroku tells it.
    """

    id: str
    account: str
    public_key: str
    comment: str
    fingerprint: str
    created_at_s: float


class OAuthClient(msgspec.Struct, frozen=True):
    """A program of somebody's that would ask others. `account`: an email. `secret`: sealed, a new
    version with each rotation."""

    id: str
    account: str
    name: str
    redirect_uri: str
    secret: SecretRef
    created_at_s: float
    updated_at_s: float


PeopleRow = Account | Token | SshKey | OAuthClient
"""All that is written of who may sign in."""
