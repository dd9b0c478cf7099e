"""Model -> Heroku's reply objects. Pure translation; ids of things Heroku gives ids are derived."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal
from uuid import UUID, uuid5

import msgspec

from setpoint.formats.heroku import shapes
from setpoint.model import app as intent
from setpoint.model import job as jobs
from setpoint.model import process, release
from setpoint.model.account import ROLES, Account, Role, Token
from setpoint.model.change import Actor
from setpoint.model.ids import BuildId
from setpoint.model.webhook import Delivery

NAMESPACE = UUID("6f0c3f1e-5e53-5a4c-9a54-2f2ff2a9a0d6")
"""Of ids that Heroku's clients want and Setpoint has no other use for."""
REGION = "local"
NO_ACM = "nobody outside is asked for certificates here; bring your own: heroku certs:add CRT KEY"
DYNO_SIZE_NAMES = {
    "eco": "Eco",
    "basic": "Basic",
    "standard-1x": "Standard-1X",
    "standard-2x": "Standard-2X",
    "performance-m": "Performance-M",
    "performance-l": "Performance-L",
    "performance-l-ram": "Performance-L-RAM",
    "performance-xl": "Performance-XL",
    "performance-2xl": "Performance-2XL",
}
"""Canonical case: Terraform sees any other as drift."""
GENERATION = "cedar"
GIB = 1024**3
SHARES = 1024
"""of a Standard-1X"""
TEAM = "setpoint"
"""The installation, as Heroku's clients know it: all apps are its, and who may sign in a member."""
ACCESS = "org-access-controls"
"""The feature of a team by which they know that permissions are said."""
PERMISSIONS: dict[Role, str] = {
    "view": "See the app, its log and why it is so",
    "deploy": "Deploy, configure, run commands",
    "operate": "Scale, restart, domains, maintenance",
    "manage": "Give access, rename, destroy",
}


@lru_cache(maxsize=4096)
def derived(*parts: str | int) -> str:
    """The same id for the same thing, for ever. Kept, since lists ask for few of them often."""
    return str(uuid5(NAMESPACE, "\0".join(map(str, parts))))


@lru_cache(maxsize=4096)
def when(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def account(actor: Actor, since_s: float) -> shapes.Account:
    return shapes.Account(
        id=_person(actor.email).id,
        email=actor.email,
        name=actor.name,
        created_at=when(since_s),
        updated_at=when(since_s),
    )


def app(
    unit: intent.Unit,
    *,
    stack: str,
    web_url: str,
    git_url: str,
    released_at_s: float | None,
    region: str = REGION,
) -> shapes.App:
    named_stack = _named("stack", stack)
    return shapes.App(
        id=unit.id,
        name=unit.name,
        owner=_person(unit.owner),
        region=_named("region", region),
        stack=named_stack,
        build_stack=named_stack,
        generation=_named("generation", GENERATION),
        created_at=when(unit.created_at_s),
        updated_at=when(unit.updated_at_s),
        released_at=when(released_at_s) if released_at_s is not None else None,
        git_url=git_url,
        web_url=web_url,
        maintenance=unit.intent.maintenance,
        acm=unit.intent.acm,
        team=_named("team", TEAM),
    )


def stack(name: str, since_s: float) -> shapes.Stack:
    """`since_s`: this Setpoint began then, and the stack with it."""
    return shapes.Stack(derived("stack", name), name, when(since_s), when(since_s))


def generation(since_s: float) -> shapes.Generation:
    id = derived("generation", GENERATION)
    return shapes.Generation(id, GENERATION, when(since_s), when(since_s))


def dyno_size(size: intent.DynoSize) -> shapes.DynoSize:
    name = DYNO_SIZE_NAMES[size.name]
    return shapes.DynoSize(
        id=_named("dyno-size", name).id,
        name=name,
        memory=size.memory_bytes_max / GIB,
        compute=max(1, size.cpu_weight // SHARES),
        generation=_named("generation", GENERATION),
    )


def region(name: str, since_s: float) -> shapes.Region:
    return shapes.Region(
        id=derived("region", name),
        name=name,
        country="Here",
        locale="This machine",
        description="This machine",
        provider=shapes.Provider("setpoint", name),
        created_at=when(since_s),
        updated_at=when(since_s),
    )


def domain(unit: intent.Unit, hostname: str) -> shapes.Domain:
    return shapes.Domain(
        id=derived(unit.id, "domain", hostname),
        app=shapes.Ref(unit.id, unit.name),
        hostname=hostname,
        created_at=when(unit.created_at_s),
        updated_at=when(unit.updated_at_s),
    )


def custom_domain(
    unit: intent.Unit, hostname: str, *, target: str, answered: bool
) -> shapes.Domain:
    """`target`: the host it stands for; `answered`: by the edge, already."""
    kept = unit.intent.certificates.items()
    name = next((name for name, one in kept if hostname in one.domains), None)
    return msgspec.structs.replace(
        domain(unit, hostname),
        sni_endpoint=shapes.Ref(certificate_id(unit, name), name) if name is not None else None,
        kind="custom",
        cname=target,
        status="succeeded" if answered else "pending",
        acm_status="failing" if unit.intent.acm and name is None else None,
        acm_status_reason=NO_ACM if unit.intent.acm and name is None else None,
    )


def log_drain(unit: intent.Unit, id: str, token: str, url: str, since_s: float) -> shapes.LogDrain:
    at = when(since_s)
    return shapes.LogDrain(id, url, token, shapes.Ref(unit.id, unit.name), at, at)


def certificate_id(unit: intent.Unit, name: str) -> str:
    return derived(unit.id, "sni-endpoint", name)


def certificate(unit: intent.Unit, name: str, chain: str) -> shapes.SniEndpoint:
    """`chain`: PEM."""
    one = unit.intent.certificates[name]
    own = one.issuer == one.subject
    return shapes.SniEndpoint(
        id=certificate_id(unit, name),
        name=name,
        display_name=None,
        app=shapes.Ref(unit.id, unit.name),
        certificate_chain=chain,
        domains=tuple(derived(unit.id, "domain", host) for host in one.domains),
        ssl_cert=shapes.SslCert(
            id=derived(unit.id, "ssl-cert", one.fingerprint),
            cert_domains=one.names,
            expires_at=when(one.expires_at_s),
            issuer=one.issuer,
            starts_at=when(one.starts_at_s),
            subject=one.subject,
            fingerprint=one.fingerprint,
            ca_signed=one.trusted,
            self_signed=own,
            is_ca_signed=one.trusted,
            is_self_signed=own,
        ),
        created_at=when(unit.created_at_s),
        updated_at=when(unit.updated_at_s),
    )


def webhook(
    unit: intent.Unit, id: str, include: tuple[str, ...], level: str, url: str, since_s: float
) -> shapes.Webhook:
    at = when(since_s)
    return shapes.Webhook(id, shapes.Ref(unit.id, unit.name), include, level, url, at, at)


def webhook_event(told: Delivery) -> shapes.WebhookEvent:
    at = when(told.created_at_s)
    return shapes.WebhookEvent(told.event, told.include, told.payload, at, at)


def webhook_delivery(told: Delivery) -> shapes.WebhookDelivery:
    at_s = told.attempted_at_s
    last = None
    if at_s is not None:
        answered = "succeeded" if told.status == "succeeded" else "failed"
        id = derived(told.id, "attempt", told.attempts)
        last = shapes.Attempt(id, told.code, told.error or None, answered, when(at_s), when(at_s))
    next_at = when(told.next_at_s) if told.next_at_s is not None else None
    return shapes.WebhookDelivery(
        id=told.id,
        event=shapes.EventRef(told.event, told.include),
        webhook=shapes.WebhookRef(told.webhook, told.level),
        status=told.status,
        num_attempts=told.attempts,
        last_attempt=last,
        next_attempt_at=next_at,
        created_at=when(told.created_at_s),
        updated_at=when(at_s if at_s is not None else told.created_at_s),
    )


def owner(unit: intent.Unit, *, admin: bool) -> shapes.Collaborator:
    return _collaborator(unit, unit.owner, "manage", "admin" if admin else "owner")


def collaborator(unit: intent.Unit, email: str, role: Role) -> shapes.Collaborator:
    return _collaborator(unit, email, role, "collaborator")


def _collaborator(unit: intent.Unit, email: str, role: Role, called: str) -> shapes.Collaborator:
    person = _person(email)
    return shapes.Collaborator(
        id=derived(unit.id, "collaborator", email),
        app=shapes.Ref(unit.id, unit.name),
        user=shapes.User(person.id, person.email),
        created_at=when(unit.created_at_s),
        updated_at=when(unit.created_at_s),
        role=called,
        permissions=tuple(permission(held) for held in ROLES[: ROLES.index(role) + 1]),
    )


def permission(role: Role) -> shapes.Permission:
    return shapes.Permission(role, PERMISSIONS[role])


def authorization(token: Token, secret: str, now_s: float) -> shapes.Authorization:
    """`secret`: '' where nobody can be told it any more."""
    return shapes.Authorization(
        id=token.id,
        access_token=shapes.AccessToken(
            derived("token", token.id), secret or token.hint, _expires_in(token, now_s)
        ),
        user=_person(token.account),
        scope=token.scopes,
        description=token.description,
        created_at=when(token.created_at_s),
        updated_at=when(token.created_at_s),
        session=shapes.IdRef(token.id) if token.login else None,
    )


def session(token: Token, now_s: float) -> shapes.Session:
    at = when(token.created_at_s)
    return shapes.Session(token.id, token.description, _expires_in(token, now_s), at, at)


def _expires_in(token: Token, now_s: float) -> int | None:
    return max(0, round(token.expires_at_s - now_s)) if token.expires_at_s is not None else None


def team(since_s: float, role: str) -> shapes.Team:
    at = when(since_s)
    named = _named("team", TEAM)
    return shapes.Team(named.id, named.name, at, at, role)


def member(account: Account) -> shapes.Member:
    person, at = _person(account.email), when(account.created_at_s)
    return shapes.Member(
        id=person.id,
        email=person.email,
        role="admin" if account.admin else "member",
        user=shapes.Ref(person.id, person.email),
        created_at=at,
        updated_at=at,
    )


def formation(
    unit: intent.Unit, type: release.ProcessType, wanted: intent.Formation
) -> shapes.Formation:
    size = DYNO_SIZE_NAMES[wanted.size]
    return shapes.Formation(
        id=derived(unit.id, "formation", type.name),
        app=shapes.Ref(unit.id, unit.name),
        type=type.name,
        command=type.command,
        quantity=wanted.max,
        size=size,
        dyno_size=_named("dyno-size", size),
        created_at=when(unit.created_at_s),
        updated_at=when(unit.updated_at_s),
        min=wanted.min,
        max=wanted.max,
        idle_s=wanted.idle_s,
        boot_s_max=wanted.boot_s_max,
        concurrency=wanted.concurrency,
    )


def dynos(
    unit: intent.Unit, facts: process.SetFacts, command: str, size: str
) -> tuple[shapes.Dyno, ...]:
    return tuple(_dyno(unit, facts, i, command, size) for i in facts.instances)


def _dyno(
    unit: intent.Unit,
    facts: process.SetFacts,
    instance: process.Instance,
    command: str,
    size: str,
) -> shapes.Dyno:
    return shapes.Dyno(
        id=derived(unit.id, "dyno", instance.id),
        name=f"{facts.key.process}.{instance.ordinal}",
        type=facts.key.process,
        command=command,
        size=DYNO_SIZE_NAMES[size],
        state=dyno_state(instance),
        app=shapes.Ref(unit.id, unit.name),
        release=shapes.VersionRef(release_id(unit, facts.release), facts.release),
        created_at=when(instance.started_at_s),
        updated_at=when(instance.ready_at_s or instance.started_at_s),
    )


def job(
    unit: intent.Unit, row: jobs.Job, facts: jobs.JobFacts | None, attach_url: str | None = None
) -> shapes.Dyno:
    """A one-off dyno. `facts`: as last seen running."""
    started_s = facts.started_at_s if facts is not None else None
    return shapes.Dyno(
        id=derived(unit.id, "dyno", row.id),
        name=row.dyno,
        type=row.dyno.partition(".")[0],
        command=row.command,
        size=DYNO_SIZE_NAMES[row.size],
        state="starting" if facts is None else "up",
        app=shapes.Ref(unit.id, unit.name),
        release=shapes.VersionRef(release_id(unit, row.release), row.release),
        created_at=when(row.asked_at_s),
        updated_at=when(started_s if started_s is not None else row.asked_at_s),
        attach_url=attach_url,
    )


def dyno_state(instance: process.Instance) -> Literal["up", "starting", "crashed", "down"]:
    match instance.phase:
        case process.Phase.STARTING:
            return "starting"
        case process.Phase.READY:
            return "up"
        case process.Phase.DRAINING | process.Phase.STOPPING:
            return "down"
        case process.Phase.GONE:
            expected = instance.exit is not None and instance.exit.expected
            return "down" if expected else "crashed"


def release_id(unit: intent.Unit, version: int) -> str:
    return derived(unit.id, "release", version)


def initial(unit: intent.Unit) -> shapes.Release:
    """What stands for an app before its first release: there is nothing in it to go back to."""
    return shapes.Release(
        id=release_id(unit, 0),
        version=0,
        app=shapes.Ref(unit.id, unit.name),
        description="Initial release",
        status="succeeded",
        current=True,
        user=_person(unit.owner),
        slug=None,
        created_at=when(unit.created_at_s),
        updated_at=when(unit.created_at_s),
        eligible_for_rollback=False,
    )


def released(
    unit: intent.Unit, row: release.Release, *, urls: "Urls", by: str, current: bool
) -> shapes.Release:
    """`by`: email of whoever asked for it."""
    id = release_id(unit, row.version)
    has_phase = row.slug.process("release") is not None
    return shapes.Release(
        id=id,
        version=row.version,
        app=shapes.Ref(unit.id, unit.name),
        description=row.description,
        status="expired" if row.status == "superseded" else row.status,
        current=current,
        user=_person(by),
        slug=shapes.IdRef(derived("slug", row.slug.code)) if row.slug_kept else None,
        created_at=when(row.created_at_s),
        updated_at=when(row.created_at_s),
        eligible_for_rollback=row.status == "succeeded" and row.slug_kept,
        output_stream_url=urls.release_output(unit.name, id) if has_phase else None,
    )


def build(
    unit: intent.Unit, row: release.Build, *, urls: "Urls", version: str, release: int | None
) -> shapes.Build:
    """`version`: the user's label of the source, where this build is of the intended one."""
    status = "pending" if row.status == "running" else row.status
    return shapes.Build(
        id=row.id,
        app=shapes.IdRef(unit.id),
        status=status,
        output_stream_url=urls.build_output(unit.name, row.id),
        source_blob=shapes.BuildSource(
            url=urls.source(row.source), version=version or None, checksum=f"SHA256:{row.source}"
        ),
        user=_person(unit.owner),
        stack=row.stack,
        created_at=when(row.started_at_s or unit.updated_at_s),
        updated_at=when(row.ended_at_s or row.started_at_s or unit.updated_at_s),
        message=row.message,
        release=shapes.IdRef(release_id(unit, release)) if release is not None else None,
        slug=shapes.IdRef(derived("slug", row.slug.code)) if row.slug else None,
    )


class Urls:
    """Where this reply's reader finds what a build and a release phase said, and sources."""

    def __init__(self, base: str) -> None:
        self.base = base

    def build_output(self, app: str, build: BuildId) -> str:
        return f"{self.base}/apps/{app}/builds/{build}/output"

    def release_output(self, app: str, release: str) -> str:
        """`release`: its id."""
        return f"{self.base}/apps/{app}/releases/{release}/output"

    def source(self, digest: str) -> str:
        return f"{self.base}/sources/{digest}"


@lru_cache(maxsize=256)
def _named(kind: str, name: str) -> shapes.Ref:
    return shapes.Ref(derived(kind, name), name)


@lru_cache(maxsize=4096)
def _person(email: str) -> shapes.Person:
    return shapes.Person(derived("user", email), email)
