"""Who may be added, what a token may be good for, and how Heroku's words for that are read."""

import re
from collections.abc import Collection, Sequence

from setpoint.model.account import INSTALLATION, ROLES, SCOPES, Role, Scope, Token
from setpoint.model.errors import Invalid, NotFound, OverLimit
from setpoint.policy.names import shortened

EMAIL_RE = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}")
EMAIL_CHARS_MAX = 254
TOKENS_MAX, LOGINS_MAX = 200, 50
"""of one account"""
EXPIRY_S_MAX = 10 * 365 * 86400
DESCRIPTION_CHARS_MAX = 500
COLLABORATORS_MAX = 200
"""of one app"""

GLOBAL = "global"
_SCOPES: dict[str, Scope] = {
    GLOBAL: "admin",
    "admin": "admin",
    "write": "write",
    "write-protected": "write",
    "read": "read",
}
"""Heroku's words and ours; config vars are within write, as with its `write-protected`."""


def email(said: str, failing: str) -> str:
    """As it is kept. Raises Invalid."""
    known = said.strip().lower()
    if len(known) > EMAIL_CHARS_MAX or EMAIL_RE.fullmatch(known) is None:
        raise Invalid(f"{failing}: '{shortened(said)}' is no email address")
    return known


def check_new(known: str, failing: str) -> None:
    if known == INSTALLATION:
        raise Invalid(f"{failing}: that is the installation itself")


def scope(scopes: Collection[str]) -> Scope:
    """What a token of these scopes is good for. One that nobody knows is good for nothing more."""
    found = [_SCOPES[word] for word in scopes if word in _SCOPES]
    most: Scope = "read"
    for known in SCOPES:
        most = known if known in found else most
    return most


def check_scopes(scopes: Sequence[str], failing: str) -> tuple[str, ...]:
    """As they are kept: everything where nothing was said. Raises Invalid."""
    for word in scopes:
        if word not in _SCOPES:
            raise Invalid(
                f"{failing}: '{shortened(word)}' is no scope here",
                f"there are: {', '.join(_SCOPES)}",
            )
    return tuple(dict.fromkeys(scopes)) or (GLOBAL,)


def check_expiry(seconds: float | None, failing: str) -> None:
    if seconds is not None and not 0 < seconds <= EXPIRY_S_MAX:
        raise Invalid(f"{failing}: it would expire in {seconds:.0f} s, from 1 s to 10 years can be")


def description(said: str) -> str:
    """One line."""
    return " ".join(c for c in said.split() if c.isprintable())[:DESCRIPTION_CHARS_MAX]


def crowded_out(tokens: Sequence[Token], failing: str, *, login: bool) -> tuple[Token, ...]:
    """What goes when one more is made: of logins the oldest, since many a program never signs out.
    Raises OverLimit."""
    logins = [token for token in tokens if token.login]
    if login:
        return tuple(logins[: max(0, len(logins) + 1 - LOGINS_MAX)])
    if len(tokens) - len(logins) >= TOKENS_MAX:
        raise OverLimit(
            f"{failing}: there are {TOKENS_MAX} already", "revoke some: setpoint tokens --revoke ID"
        )
    return ()


def role(permissions: Collection[str] | None, failing: str) -> Role:
    """Heroku's set of permissions as the one role that is just that; of nothing said what its
    collaborators have. Raises Invalid: nobody is given more than was said."""
    if permissions is None:
        return "operate"
    for word in permissions:
        if word not in ROLES:
            raise Invalid(
                f"{failing}: '{shortened(word)}' is no permission",
                f"there are: {', '.join(ROLES)}",
            )
    said = {*permissions, "view"}
    wanted: Role = "view"
    for known in ROLES:
        wanted = known if known in said else wanted
    missing = [word for word in held(wanted) if word not in said]
    if missing:
        raise Invalid(
            f"{failing}: '{wanted}' comes with {' and '.join(missing)} here",
            f"say so: {','.join(held(wanted))}",
        )
    return wanted


def held(wanted: Role) -> tuple[Role, ...]:
    """All that a role lets somebody do."""
    return ROLES[: ROLES.index(wanted) + 1]


def no_collaborator(app: str, known: str) -> NotFound:
    return NotFound(
        f"cannot change the access of '{shortened(known)}' to '{app}': they have none",
        f"see: setpoint access {app}",
    )


def check_count(app: str, count: int) -> None:
    if count > COLLABORATORS_MAX:
        raise OverLimit(
            f"cannot give access to '{app}': {COLLABORATORS_MAX} others have it, no more may"
        )
