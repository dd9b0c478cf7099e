"""Who may sign in here."""

from setpoint.model.account import INSTALLATION, Account
from setpoint.model.change import Actor
from setpoint.policy import access
from setpoint.store.port import Store

VERB = "see the accounts of"


async def accounts(store: Store, actor: Actor) -> tuple[Account, ...]:
    """By email; without the installation itself. Raises Forbidden."""
    access.authorise(actor, VERB, "this Setpoint")
    return await store.accounts()


async def known(store: Store, actor: Actor, email: str) -> Account | None:
    """Raises Forbidden."""
    access.authorise(actor, VERB, "this Setpoint")
    return await store.account(email.strip().lower())


async def is_admin(store: Store, email: str) -> bool:
    account = await store.account(email)
    return email == INSTALLATION or (account is not None and account.admin)
