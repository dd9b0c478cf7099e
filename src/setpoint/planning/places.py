"""Stage 0: where it is to run, and whether its hosts get certificates by themselves.

Neither keeps anything from running: it runs where it can, with the certificates that there are.
"""

from fnmatch import fnmatchcase

from setpoint.model.app import covered
from setpoint.planning.draft import Draft


def plan_region(draft: Draft) -> None:
    """The operator says where the machine stands; no app is moved to another one."""
    wanted = draft.unit.intent.region
    if not wanted:
        return
    draft.want("regions")
    offered = draft.capabilities.regions
    if wanted in offered:
        return
    because = f"all apps run on this machine, which is in {offered[-1]}"
    draft.fall_short(
        "region", wanted, ", ".join(offered), "regions", because, nearest=offered[-1], warned=True
    )


def plan_automatic_certificates(draft: Draft) -> None:
    """Of hosts that the edge's own authority signs for, and of those that have one of their own,
    nothing falls short."""
    if not draft.unit.intent.acm:
        return
    draft.want("tls_hosts")
    bare = [host for host in draft.unit.intent.domains if not _has_one(draft, host)]
    if not bare:
        return
    because = (
        "nobody outside is asked for certificates, for this machine need not be reachable from "
        f"there; bring your own: heroku certs:add CRT KEY -a {draft.unit.name}"
    )
    more = f" and {len(bare) - 5} more" if len(bare) > 5 else ""
    wanted = f"a certificate for {', '.join(bare[:5])}{more}"
    offered = ", ".join(draft.capabilities.tls_hosts) or "none"
    draft.fall_short(
        "acm", wanted, offered, "tls_hosts", because, nearest="one of your own", warned=True
    )


def _has_one(draft: Draft, host: str) -> bool:
    certificates = draft.unit.intent.certificates.values()
    if any(host in one.domains and covered(one.names, host) for one in certificates):
        return True
    return any(fnmatchcase(host, pattern) for pattern in draft.capabilities.tls_hosts)
