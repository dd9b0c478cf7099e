"""What may be said about the way out of an app."""

from ipaddress import IPv4Network

from setpoint.model.egress import INTERNET, NEVER_OPENED, NONE, RANGES_MAX, Egress
from setpoint.model.errors import Invalid, OverLimit
from setpoint.policy.names import shortened


def accepted(app: str, said: Egress) -> Egress:
    """As it is to be kept: 'internet' first, ranges with their length, each once.

    () is nothing said, and fine. Raises Invalid or OverLimit.
    """
    if len(said) - said.count(INTERNET[0]) > RANGES_MAX:
        raise OverLimit(
            _cannot(app, f"{len(said)} words are too many"),
            f"name at most {RANGES_MAX} ranges; larger ones may take in several",
        )
    if NONE[0] in said and len(said) > 1:
        raise Invalid(_cannot(app, "'none' stands alone"), "close it, or name what is open")
    if said == NONE:
        return NONE
    open_to = INTERNET if INTERNET[0] in said else ()
    ranges = sorted({_range(app, word) for word in said if word not in INTERNET})
    return open_to + tuple(str(block) for block in ranges)


def _range(app: str, word: str) -> IPv4Network:
    try:
        block = IPv4Network(word)
    except ValueError:
        fact = f"'{shortened(word)}' is neither 'internet', 'none' nor a range of IPv4 addresses"
        hint = "a range is like 10.0.3.0/24 or 10.0.3.7; names of hosts cannot be given"
        raise Invalid(_cannot(app, fact), hint) from None
    for closed in NEVER_OPENED:
        if block.overlaps(closed):
            raise Invalid(
                _cannot(app, f"{block} is not opened to anybody, for {closed} is in it"),
                "loopback, link-local and other apps stay closed; all public addresses are "
                "'internet'",
            )
    return block


def _cannot(app: str, fact: str) -> str:
    return f"cannot set the egress of '{app}': {fact}"
