"""Who may do what: what each verb needs, and what is said about apps nobody may know of."""

from collections.abc import Mapping
from typing import Literal

from setpoint.model.account import ROLES, Role, Scope
from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.errors import Forbidden, NotFound
from setpoint.policy.names import shortened

Need = Literal["none", "read", "write", "account", "admin", "view", "deploy", "operate", "manage"]
"""What a verb or a route asks of whoever comes. 'none': not even a token. 'read', 'write': a token
of that scope. 'account': one that was not narrowed at all, since it is about who may sign in.
'admin': such a one of an administrator. The others are roles on the app it is about."""

SCOPE_OF: dict[Need, Scope] = {
    "read": "read",
    "view": "read",
    "write": "write",
    "deploy": "write",
    "operate": "write",
    "manage": "write",
    "account": "admin",
    "admin": "admin",
}
"""The least scope of a token with which that can be had."""

_RANK: dict[Scope, int] = {"read": 0, "write": 1, "admin": 2}

NEEDS: dict[str, Need] = {
    "see": "view",
    "plan": "view",
    "apply": "operate",
    "note": "deploy",
    "decide": "write",
    "decide on": "operate",
    "verify": "deploy",
    "question": "deploy",
    "settle the bet of": "operate",
    "create": "write",
    "destroy": "manage",
    "configure": "deploy",
    "scale": "operate",
    "deploy": "deploy",
    # Code may hold what only those should see who may change it.
    "fetch from": "deploy",
    "restart": "operate",
    "roll back": "deploy",
    "set the buildpacks of": "deploy",
    "purge the build cache of": "deploy",
    "set the probe of": "operate",
    "bound the release phase of": "operate",
    "set the egress of": "operate",
    "set the isolation level of": "operate",
    "ask for certificates of": "operate",
    "rename": "manage",
    "add a domain to": "operate",
    "remove a domain from": "operate",
    # Where a log goes may hold a password, and who sets it sees all that the app writes.
    "add a log drain to": "operate",
    "remove a log drain from": "operate",
    "add a certificate to": "operate",
    "alter a certificate of": "operate",
    "remove a certificate from": "operate",
    "serve a domain of": "operate",
    "add a webhook to": "operate",
    "alter a webhook of": "operate",
    "remove a webhook from": "operate",
    "switch maintenance of": "operate",
    "freeze": "operate",
    "unfreeze": "operate",
    "stop repairing": "operate",
    "rotate the invoke key of": "operate",
    # As Heroku's read scope, ours does not cover config vars: they are credentials as a rule.
    # Whoever may deploy can read them anyway, with a line of code.
    "read the config vars of": "deploy",
    "invoke": "deploy",
    "collect": "admin",
    # It holds every app's story at once.
    "take a snapshot of": "admin",
    "run a command in": "deploy",
    "stop a dyno of": "operate",
    "give access to": "manage",
    "lock": "manage",
    "create the pipeline": "write",
    "alter the pipeline": "write",
    "destroy the pipeline": "write",
    "add to a pipeline": "operate",
    "change the stage of": "operate",
    "remove from its pipeline": "operate",
    # Whoever promotes hands code on, which only those should see who may change it.
    "promote": "deploy",
    "promote to": "deploy",
    "make a token for": "account",
    "alter a token of": "account",
    "revoke a token of": "account",
    "make a password for": "account",
    "add an SSH key to": "account",
    "remove an SSH key from": "account",
    # Whoever sees them sees their secrets.
    "see the OAuth clients of": "account",
    "create the OAuth client": "account",
    "alter the OAuth client": "account",
    "destroy the OAuth client": "account",
    "see the accounts of": "admin",
    "add the account": "admin",
    "alter the account": "admin",
    "remove the account": "admin",
}
"""Verbs as they stand in `cannot <verb> 'shop'`, and in the Change."""


def authorise(actor: Actor, verb: str, app: str) -> None:
    """By what the token is good for. Raises Forbidden. A verb that is not in the table is a bug,
    hence a KeyError."""
    needed = NEEDS[verb]
    failing = f"cannot {verb} '{shortened(app)}'"
    check(actor, needed, failing)


def check(actor: Actor, needed: Need, failing: str) -> None:
    """As far as it can be told without an app. Raises Forbidden."""
    scope = SCOPE_OF[needed]
    if _RANK[actor.scope] < _RANK[scope]:
        raise Forbidden(
            f"{failing}: {actor.name}'s token has scope '{actor.scope}', this needs '{scope}'",
            f"use a token with scope '{scope}'",
        )
    if needed == "admin" and actor.reach != "all":
        raise Forbidden(f"{failing}: that is for administrators")


def admit(actor: Actor, verb: str, unit: Unit) -> None:
    """By what they may do to this app. An app that somebody has no role on is none to them. Raises
    NotFound, Forbidden."""
    needed = NEEDS[verb]
    role = role_on(actor, unit)
    if role is None:
        raise no_such_app(verb, unit.name)
    if needed in ROLES and ROLES.index(role) < ROLES.index(needed):
        raise Forbidden(
            f"cannot {verb} '{unit.name}': {actor.name} may {role} there, this needs '{needed}'",
            f"whoever may manage it gives more: setpoint access {unit.name} --add {actor.email} "
            f"--role {needed}",
        )


def may(actor: Actor, verb: str, unit: Unit) -> bool:
    """Would both of the above let them?"""
    role, needed = role_on(actor, unit), NEEDS[verb]
    enough = role is not None and needed in ROLES and ROLES.index(role) >= ROLES.index(needed)
    return enough and _RANK[actor.scope] >= _RANK[SCOPE_OF[needed]]


def still_may(actor: Actor, needed: Need, unit: Unit | None) -> bool:
    """As `check` and `admit`, for what is open. `unit`: what it is about, None for no app."""
    if _RANK[actor.scope] < _RANK[SCOPE_OF[needed]] or (needed == "admin" and actor.reach != "all"):
        return False
    if needed not in ROLES:
        return True
    role = role_on(actor, unit) if unit is not None else None
    return role is not None and ROLES.index(role) >= ROLES.index(needed)


def role_on(actor: Actor, unit: Unit) -> Role | None:
    """Whose an app is, and administrators, may manage it."""
    if _owns(actor, unit.owner):
        return "manage"
    return unit.intent.access.get(actor.email)


def _owns(actor: Actor, owner: str) -> bool:
    return actor.reach == "all" or bool(actor.email and owner == actor.email)


def hide_unread(actor: Actor, verb: str, app: str, owners: Mapping[str, str]) -> None:
    """That an app cannot be read tells that there is one, so only whose it is hears of it: who has
    a role in it cannot be read either. `owners`: of such apps, by name and by id. Raises
    NotFound."""
    if app in owners and not _owns(actor, owners[app]):
        raise no_such_app(verb, app)


def sees(actor: Actor, unit: Unit) -> bool:
    return role_on(actor, unit) is not None


def no_such_app(verb: str, app: str) -> NotFound:
    """One wording for absent, destroyed, forgotten and hidden."""
    return NotFound(
        f"cannot {verb} '{shortened(app)}': no such app", "`setpoint apps` lists those there are"
    )
