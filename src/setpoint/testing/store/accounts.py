"""Accounts and tokens of the simulated store."""

from collections.abc import Mapping, Sequence

from setpoint.model.account import Account, Token
from setpoint.model.change import Asked, Change, UnitChange
from setpoint.model.credential import PeopleRow
from setpoint.model.errors import Conflict
from setpoint.testing.store.credentials import Credentials


class Accounts(Credentials):
    async def commit_people(
        self,
        asked: Asked,
        verb: str,
        summary: str,
        put: Sequence[PeopleRow] = (),
        gone: Sequence[PeopleRow] = (),
        secrets: Mapping[str, str] = {},
    ) -> int:
        for row in put:
            known = self.people.get(row.email) if isinstance(row, Account) else None
            if known is not None and known.id != row.id:
                raise Conflict(f"cannot add the account '{known.email}': there is one already")
        self._check_credentials(put, secrets)
        self._drop_credentials(gone)
        self._put_credentials(put, secrets)
        kept = dict(self.held)
        for row in gone:
            if isinstance(row, Account):
                self.people.pop(row.email, None)
            kept = {id: t for id, t in kept.items() if row.id != id and not _of(row, t)}
        self.people |= {row.email: row for row in put if isinstance(row, Account)}
        self.held = kept | {row.id: row for row in put if isinstance(row, Token)}
        self._seq += 1
        self.told.append(UnitChange(Change(self._seq, asked, verb, summary), "", 0, ()))
        body = {"change": self._seq, "verb": verb, "summary": summary}
        self._emit("", "change.accepted", body)
        self._committed()
        return self._seq

    async def accounts(self) -> tuple[Account, ...]:
        return tuple(sorted(self.people.values(), key=lambda a: a.email))

    async def account(self, email: str) -> Account | None:
        return self.people.get(email)

    async def tokens(self, account: str) -> tuple[Token, ...]:
        found = [t for t in self.held.values() if t.account == account]
        return tuple(sorted(found, key=lambda t: (t.created_at_s, t.id)))

    async def held_by(self, digest: bytes) -> tuple[Token, Account | None] | None:
        token = next((t for t in self.held.values() if t.digest == digest), None)
        return (token, self.people.get(token.account)) if token is not None else None


def _of(row: PeopleRow, token: Token) -> bool:
    return isinstance(row, Account) and token.account == row.email
