"""Where somebody may have things sent to. What was said is never repeated: it may hold a secret."""

from collections.abc import Sequence
from typing import Literal

from setpoint.model.errors import Invalid, OverLimit
from setpoint.model.target import Target, target
from setpoint.model.webhook import NAMES
from setpoint.policy.addresses import ALLOW, Network, refused
from setpoint.policy.names import shortened

URL_CHARS_MAX = 2000
DRAINS_MAX = 10
DRAIN_SCHEMES = ("https", "syslog+tls", "syslog")


def drain(app: str, said: str, count: int, allowed: tuple[Network, ...]) -> Target:
    """`count`: how many it has. Raises Invalid, OverLimit."""
    failing = f"cannot add a log drain to '{app}'"
    if count >= DRAINS_MAX:
        raise OverLimit(f"{failing}: it has {count}, at most {DRAINS_MAX} are allowed")
    found = checked(failing, said, DRAIN_SCHEMES, allowed)
    if found.scheme != "https" and (found.user or found.password or found.path != "/"):
        raise Invalid(f"{failing}: a syslog address is a host and a port, and nothing else")
    return found


def checked(
    failing: str, said: str, schemes: tuple[str, ...], allowed: tuple[Network, ...]
) -> Target:
    """An address of one of these kinds, that does not name this machine or its neighbours. Raises
    Invalid."""
    kinds = " or ".join(f"{scheme}://" for scheme in schemes)
    hint = f"give one that begins {kinds}"
    if not said.isascii() or not said.isprintable() or " " in said or len(said) > URL_CHARS_MAX:
        fact = f"at most {URL_CHARS_MAX} ASCII characters without spaces"
        raise Invalid(f"{failing}: the address is not valid", fact)
    if said.partition("://")[0].lower() not in schemes or "#" in said:
        raise Invalid(f"{failing}: that is no address for it", hint)
    try:
        found = target(said)
    except ValueError:
        raise Invalid(f"{failing}: that is no address", hint) from None
    if refused(found.host, allowed):
        raise Invalid(
            f"{failing}: {found.host[:100]} is not a public address",
            f"the operator may open networks with {ALLOW}",
        )
    return found


# --- webhooks ---------------------------------------------------------------------------------

WEBHOOKS_MAX = 20
SECRET_CHARS_MIN, SECRET_CHARS_MAX = 8, 500
LEVELS = ("notify", "sync")


def check_webhooks(failing: str, count: int) -> None:
    if count >= WEBHOOKS_MAX:
        raise OverLimit(f"{failing}: it has {count}, at most {WEBHOOKS_MAX} are allowed")


def webhook_url(failing: str, said: str, allowed: tuple[Network, ...]) -> Target:
    return checked(failing, said, ("https",), allowed)


def included(failing: str, said: Sequence[str]) -> tuple[str, ...]:
    """Each once, as they were said: what is read back is what was written. Raises Invalid."""
    unknown = [name for name in said if name not in NAMES]
    if not said or unknown:
        fact = f"'{shortened(unknown[0])}' is nothing to tell of" if unknown else "it is of nothing"
        raise Invalid(f"{failing}: {fact}", f"include some of: {', '.join(NAMES)}")
    return tuple(dict.fromkeys(said))


def level(failing: str, said: str) -> Literal["notify", "sync"]:
    if said == "notify" or said == "sync":
        return said
    raise Invalid(
        f"{failing}: '{shortened(said)}' is no level",
        "notify (tried once) or sync (tried for 72 hours)",
    )


def secret(failing: str, said: str) -> str:
    if not SECRET_CHARS_MIN <= len(said) <= SECRET_CHARS_MAX or not said.isprintable():
        bounds = f"{SECRET_CHARS_MIN} to {SECRET_CHARS_MAX} printable characters"
        raise Invalid(f"{failing}: the secret is not valid", bounds)
    return said


def header(failing: str, said: str) -> str:
    if len(said) > URL_CHARS_MAX or not said.isascii() or not said.isprintable():
        raise Invalid(f"{failing}: the authorization is not valid", "one line of ASCII characters")
    return said
