"""What an app's own hosts are served with over TLS, and who is to be told that it ends."""

from setpoint.model.app import Certificate
from setpoint.model.route import Served
from setpoint.planning.draft import Draft

DAY_S = 86_400.0


def served(draft: Draft) -> tuple[Served, ...]:
    """Of certificates that name one host, the first by name has it."""
    left = set(draft.unit.intent.domains)
    found: list[Served] = []
    for _, one in sorted(draft.unit.intent.certificates.items()):
        hosts = tuple(host for host in one.domains if host in left)
        left -= set(hosts)
        if hosts:
            found.append(Served(hosts, one.pem))
    return tuple(found)


def plan_certificates(draft: Draft) -> None:
    """One that ends goes on being served: a visitor may go past a warning, and nobody past a
    connection that is refused. No command fails over it."""
    for name, one in sorted(draft.unit.intent.certificates.items()):
        left_s = one.expires_at_s - draft.now_s
        due_s = one.due_s - draft.now_s
        if not one.domains:
            continue
        if due_s > 0:
            draft.alarms_s.append(due_s)
            continue
        if left_s > 0:
            draft.alarms_s.append(min(left_s, DAY_S))
        _fall_short(draft, name, one, left_s)


def _fall_short(draft: Draft, name: str, one: Certificate, left_s: float) -> None:
    days = int(left_s // DAY_S)
    ends = "that has expired" if left_s <= 0 else "that expires today" if days == 0 else ""
    draft.fall_short(
        f"certificates.{name}",
        f"a certificate for {', '.join(one.domains[:5])}",
        f"one {ends}" if ends else f"one that expires in {days} day{'s' if days != 1 else ''}",
        "tls_hosts",
        f"{name} is not renewed by itself: heroku certs:update CRT KEY --name {name} "
        f"-a {draft.unit.name}",
        warned=True,
    )
