"""Who may do what: the scope each verb needs, and what is said about apps nobody may know of."""

from typing import Literal

from setpoint.model.change import Actor
from setpoint.model.errors import Forbidden, NotFound
from setpoint.policy.names import shortened

Scope = Literal["read", "write", "admin"]

_RANK: dict[Scope, int] = {"read": 0, "write": 1, "admin": 2}

NEEDS: dict[str, Scope] = {
    "see": "read",
    "plan": "read",
    "apply": "write",
    "note": "write",
    "decide": "write",
    "decide on": "write",
    "verify": "write",
    "question": "write",
    "settle the bet of": "write",
    "create": "write",
    "destroy": "write",
    "configure": "write",
    "scale": "write",
    "deploy": "write",
    "fetch from": "read",
    "restart": "write",
    "roll back": "write",
    "set the buildpacks of": "write",
    "purge the build cache of": "write",
    "set the probe of": "write",
    "bound the release phase of": "write",
    "set the egress of": "write",
    "rename": "write",
    "add a domain to": "write",
    "remove a domain from": "write",
    "switch maintenance of": "write",
    "freeze": "write",
    "unfreeze": "write",
    "stop repairing": "write",
    "rotate the invoke key of": "write",
    # As Heroku's read scope, ours does not cover config vars: they are credentials as a rule.
    "read the config vars of": "write",
    "invoke": "write",
    "collect": "admin",
    # It holds every app's story at once.
    "take a snapshot of": "admin",
    "run a command in": "write",
    "stop a dyno of": "write",
}
"""Verbs as they stand in `cannot <verb> 'shop'`, and in the Change."""


def authorise(actor: Actor, verb: str, app: str) -> None:
    """Raises Forbidden. A verb that is not in the table is a bug, hence a KeyError."""
    needed = NEEDS[verb]
    if _RANK[actor.scope] < _RANK[needed]:
        raise Forbidden(
            f"cannot {verb} '{shortened(app)}': {actor.name}'s token has scope '{actor.scope}', "
            f"this needs '{needed}'",
            f"use a token with scope '{needed}'",
        )


def no_such_app(verb: str, app: str) -> NotFound:
    """One wording for absent, destroyed and forgotten."""
    return NotFound(
        f"cannot {verb} '{shortened(app)}': no such app", "`setpoint apps` lists those there are"
    )
