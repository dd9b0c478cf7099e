"""SSH keys and OAuth clients of the simulated store."""

from collections.abc import Mapping, Sequence

import msgspec

from setpoint.model.account import Account
from setpoint.model.credential import OAuthClient, PeopleRow, SshKey
from setpoint.model.errors import Conflict
from setpoint.testing.store.tables import Tables


class Credentials(Tables):
    async def ssh_keys(self, account: str) -> tuple[SshKey, ...]:
        found = (k for k in self.ssh.values() if k.account == account)
        return tuple(sorted(found, key=lambda k: (k.created_at_s, k.id)))

    async def oauth_clients(self, account: str) -> tuple[OAuthClient, ...]:
        found = (c for c in self.clients.values() if c.account == account)
        return tuple(sorted(found, key=lambda c: (c.created_at_s, c.id)))

    def _check_credentials(self, put: Sequence[PeopleRow], secrets: Mapping[str, str]) -> None:
        held = {(k.account, k.fingerprint) for k in self.ssh.values()}
        for row in put:
            if isinstance(row, SshKey) and (row.account, row.fingerprint) in held:
                raise Conflict(f"cannot add an SSH key to '{row.account}': it exists already")
            if isinstance(row, OAuthClient) and row.id not in self.clients:
                new = row.secret.version == 1 and row.secret.key in secrets
                if not new:
                    raise Conflict(f"cannot alter '{row.name}': it was removed meanwhile")

    def _put_credentials(self, put: Sequence[PeopleRow], secrets: Mapping[str, str]) -> None:
        for row in put:
            if isinstance(row, SshKey):
                self.ssh[row.id] = row
            elif isinstance(row, OAuthClient):
                self.clients[row.id] = self._altered(row, secrets)
        self.secrets |= secrets

    def _altered(self, row: OAuthClient, secrets: Mapping[str, str]) -> OAuthClient:
        """What is not said with it stays: a secret where it is named, else the rest."""
        known = self.clients.get(row.id, row)
        if row.secret.key in secrets:
            self.secrets.pop(known.secret.key, None)
            return msgspec.structs.replace(known, secret=row.secret, updated_at_s=row.updated_at_s)
        return msgspec.structs.replace(row, secret=known.secret)

    def _drop_credentials(self, gone: Sequence[PeopleRow]) -> None:
        ids = {row.id for row in gone}
        emails = {row.email for row in gone if isinstance(row, Account)}
        self.ssh = {
            id: k for id, k in self.ssh.items() if id not in ids and k.account not in emails
        }
        for client in tuple(self.clients.values()):
            if client.id in ids or client.account in emails:
                del self.clients[client.id]
                self.secrets.pop(client.secret.key, None)
