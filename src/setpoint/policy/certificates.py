"""Which certificate may stand for which of an app's hosts."""

from collections.abc import Mapping

import msgspec

from setpoint.model.app import Certificate, covered
from setpoint.model.errors import Invalid, NotFound, OverLimit
from setpoint.policy.names import shortened

CERTIFICATES_MAX = 20


def check_count(app: str, count: int) -> None:
    if count >= CERTIFICATES_MAX:
        raise OverLimit(
            f"cannot add a certificate to '{app}': it has {count}, at most {CERTIFICATES_MAX}",
            "remove one: heroku certs:remove",
        )


def check_covers(names: tuple[str, ...], hosts: tuple[str, ...], failing: str) -> None:
    """Raises Invalid: whoever visits would be told that it is another's."""
    bare = [host for host in hosts if not covered(names, host)]
    if bare:
        told = ", ".join(names[:5])
        raise Invalid(f"{failing}: it is for {told}, and not for {', '.join(bare[:5])}")


def named(app: str, kept: Mapping[str, Certificate], wanted: str, failing: str) -> str:
    """Raises NotFound."""
    if wanted not in kept:
        raise NotFound(
            f"{failing}: '{app}' has no certificate '{shortened(wanted)}'",
            f"see: heroku certs -a {app}",
        )
    return wanted


def bound(kept: Mapping[str, Certificate], host: str, to: str | None) -> dict[str, Certificate]:
    """Served with this one, or with none."""

    def of(name: str, one: Certificate) -> Certificate:
        others = {*one.domains} - {host}
        after = tuple(sorted(others | {host} if name == to else others))
        return msgspec.structs.replace(one, domains=after) if after != one.domains else one

    return {name: of(name, one) for name, one in kept.items()}
