"""Reply objects of the Heroku Platform API, v3. All fields, `null` where Setpoint has nothing.

Times are RFC 3339 text. Where an object carries more than Heroku's, a docstring says so.
"""

from typing import Any, Literal

import msgspec


class Ref(msgspec.Struct, frozen=True):
    """How one object names another."""

    id: str
    name: str


class IdRef(msgspec.Struct, frozen=True):
    id: str


class Person(msgspec.Struct, frozen=True):
    id: str
    email: str


class Account(msgspec.Struct, frozen=True):
    id: str
    email: str
    name: str
    created_at: str
    updated_at: str
    verified: bool = True
    federated: bool = False
    allow_tracking: bool = False
    beta: bool = False
    two_factor_authentication: bool = False
    acknowledged_msa: bool = True
    acknowledged_msa_at: str | None = None
    country_of_residence: str | None = None
    default_organization: Ref | None = None
    default_team: Ref | None = None
    delinquent_at: str | None = None
    identity_provider: Ref | None = None
    italian_customer_terms: str | None = None
    last_login: str | None = None
    sms_number: str | None = None
    suspended_at: str | None = None


class SystemHealth(msgspec.Struct, frozen=True):
    system: str
    status: Literal["green", "yellow", "red"]


class Health(msgspec.Struct, frozen=True):
    status: tuple[SystemHealth, ...]
    incidents: tuple[str, ...] = ()
    scheduled: tuple[str, ...] = ()


class App(msgspec.Struct, frozen=True):
    id: str
    name: str
    owner: Person
    region: Ref
    stack: Ref
    build_stack: Ref
    generation: Ref
    created_at: str
    updated_at: str
    released_at: str | None
    git_url: str
    web_url: str
    acm: bool = False
    archived_at: str | None = None
    buildpack_provided_description: str | None = None
    create_status: str = "complete"
    internal_routing: bool | None = None
    locked: bool = False
    maintenance: bool = False
    organization: Ref | None = None
    process_tier: str = "production"
    repo_size: int | None = None
    slug_size: int | None = None
    space: Ref | None = None
    team: Ref | None = None


class SalesOrgConnection(msgspec.Struct, frozen=True):
    id: str
    sales_org_id: str
    sales_org_stage: Literal["prod", "test"] = "prod"


class ComputeEnvironment(App, frozen=True, kw_only=True):
    """An app, as the `sf` functions commands know it."""

    sfdx_project_name: str
    sales_org_connection: SalesOrgConnection


class Formation(msgspec.Struct, frozen=True):
    """`quantity` is the most that may run. From min to concurrency all is Setpoint's own."""

    id: str
    app: Ref
    type: str
    command: str
    quantity: int
    size: str
    dyno_size: Ref
    created_at: str
    updated_at: str
    min: int
    max: int
    idle_s: float
    boot_s_max: float
    concurrency: int
    docker_image: Ref | None = None


class DynoSize(msgspec.Struct, frozen=True):
    """`memory`: GiB. `compute`: its weight among others, as Heroku counts it: Standard-1X has 1."""

    id: str
    name: str
    memory: float
    compute: int
    generation: Ref
    cost: None = None
    dedicated: bool = False
    precise_dyno_units: float = 0.0
    private_space_only: bool = False


class VersionRef(msgspec.Struct, frozen=True):
    id: str
    version: int


class Dyno(msgspec.Struct, frozen=True):
    id: str
    name: str
    type: str
    command: str
    size: str
    state: Literal["up", "starting", "crashed", "down", "idle"]
    app: Ref
    release: VersionRef
    created_at: str
    updated_at: str
    attach_url: str | None = None


class Release(msgspec.Struct, frozen=True):
    id: str
    version: int
    app: Ref
    description: str
    status: Literal["pending", "succeeded", "failed", "expired"]
    current: bool
    user: Person
    slug: IdRef | None
    created_at: str
    updated_at: str
    eligible_for_rollback: bool
    addon_plan_names: tuple[str, ...] = ()
    artifacts: tuple[IdRef, ...] = ()
    oci_image: IdRef | None = None
    output_stream_url: str | None = None


class BuildSource(msgspec.Struct, frozen=True):
    url: str
    version: str | None = None
    checksum: str | None = None
    version_description: str | None = None


class Build(msgspec.Struct, frozen=True):
    """`message`, Setpoint's own: why it failed, with the tool's last lines."""

    id: str
    app: IdRef
    status: Literal["pending", "succeeded", "failed"]
    output_stream_url: str
    source_blob: BuildSource
    user: Person
    stack: str
    created_at: str
    updated_at: str
    message: str = ""
    release: IdRef | None = None
    slug: IdRef | None = None
    buildpacks: tuple[Ref, ...] = ()


class SourceUrls(msgspec.Struct, frozen=True):
    get_url: str
    put_url: str


class NewSource(msgspec.Struct, frozen=True):
    source_blob: SourceUrls


class BuildpackRef(msgspec.Struct, frozen=True):
    name: str
    url: str


class BuildpackInstallation(msgspec.Struct, frozen=True):
    """`ordinal`: from 0, in the order they run."""

    ordinal: int
    buildpack: BuildpackRef


class Generation(msgspec.Struct, frozen=True):
    id: str
    name: str
    created_at: str
    updated_at: str


class RateLimit(msgspec.Struct, frozen=True):
    remaining: int


class Stack(msgspec.Struct, frozen=True):
    id: str
    name: str
    created_at: str
    updated_at: str
    default: bool = True
    state: str = "public"


class Provider(msgspec.Struct, frozen=True):
    name: str
    region: str


class Region(msgspec.Struct, frozen=True):
    id: str
    name: str
    country: str
    locale: str
    description: str
    provider: Provider
    created_at: str
    updated_at: str
    private_capable: bool = False


class Domain(msgspec.Struct, frozen=True):
    id: str
    app: Ref
    hostname: str
    created_at: str
    updated_at: str
    kind: Literal["heroku", "custom"] = "heroku"
    status: str = "none"
    cname: str | None = None
    acm_status: str | None = None
    acm_status_reason: str | None = None
    sni_endpoint: Ref | None = None


class LogDrain(msgspec.Struct, frozen=True):
    id: str
    url: str
    token: str
    app: Ref
    created_at: str
    updated_at: str
    addon: Ref | None = None


class SslCert(
    msgspec.Struct,
    frozen=True,
    rename={"ca_signed": "ca_signed?", "self_signed": "self_signed?"},
):
    """Each fact by the names that one client or another reads it by."""

    id: str
    cert_domains: tuple[str, ...]
    expires_at: str
    issuer: str
    starts_at: str
    subject: str
    fingerprint: str
    ca_signed: bool
    self_signed: bool
    is_ca_signed: bool
    is_self_signed: bool
    acm: bool = False


class SniEndpoint(msgspec.Struct, frozen=True):
    """`domains`: ids of those that are served with it."""

    id: str
    name: str
    display_name: str | None
    app: Ref
    certificate_chain: str
    domains: tuple[str, ...]
    ssl_cert: SslCert
    created_at: str
    updated_at: str
    cname: str | None = None


class Webhook(msgspec.Struct, frozen=True):
    id: str
    app: Ref
    include: tuple[str, ...]
    level: str
    url: str
    created_at: str
    updated_at: str


class WebhookEvent(msgspec.Struct, frozen=True):
    """`payload`: what is sent, but for what is of one delivery."""

    id: str
    include: str
    payload: dict[str, Any]
    created_at: str
    updated_at: str


class EventRef(msgspec.Struct, frozen=True):
    id: str
    include: str


class WebhookRef(msgspec.Struct, frozen=True):
    id: str
    level: str


class Attempt(msgspec.Struct, frozen=True):
    """`error_class`: in words, null where it was answered."""

    id: str
    code: int | None
    error_class: str | None
    status: str
    created_at: str
    updated_at: str


class WebhookDelivery(msgspec.Struct, frozen=True):
    id: str
    event: EventRef
    webhook: WebhookRef
    status: str
    num_attempts: int
    last_attempt: Attempt | None
    next_attempt_at: str | None
    created_at: str
    updated_at: str


class User(msgspec.Struct, frozen=True):
    id: str
    email: str
    federated: bool = False


class Permission(msgspec.Struct, frozen=True):
    name: str
    description: str


class Collaborator(msgspec.Struct, frozen=True):
    id: str
    app: Ref
    user: User
    created_at: str
    updated_at: str
    role: str
    permissions: tuple[Permission, ...]


class AccessToken(msgspec.Struct, frozen=True):
    id: str
    token: str
    expires_in: int | None = None


class Authorization(msgspec.Struct, frozen=True):
    id: str
    access_token: AccessToken
    user: Person
    scope: tuple[str, ...]
    description: str
    created_at: str
    updated_at: str
    client: Ref | None = None
    grant: Ref | None = None
    refresh_token: AccessToken | None = None
    session: IdRef | None = None


class LoginUrls(msgspec.Struct, frozen=True):
    """Paths: where a person signs in, and where whoever shows `token` waits for it."""

    browser_url: str
    cli_url: str
    token: str


class LoginDone(msgspec.Struct, frozen=True):
    """One of both."""

    access_token: str | None = None
    error: str | None = None


class Session(msgspec.Struct, frozen=True):
    id: str
    description: str
    expires_in: int | None
    created_at: str
    updated_at: str


class SshKey(msgspec.Struct, frozen=True):
    """`email`: whose it is."""

    id: str
    email: str
    comment: str
    fingerprint: str
    public_key: str
    created_at: str
    updated_at: str


class OAuthClient(msgspec.Struct, frozen=True):
    """`ignores_delinquent`: nobody is billed here, so nobody is behind."""

    id: str
    name: str
    redirect_uri: str
    secret: str
    created_at: str
    updated_at: str
    ignores_delinquent: bool | None = None

    def __repr__(self) -> str:
        return f"OAuthClient({self.id})"


class Team(msgspec.Struct, frozen=True):
    id: str
    name: str
    created_at: str
    updated_at: str
    role: str
    type: str = "enterprise"
    default: bool = True
    credit_card_collections: bool = False
    enterprise_account: Ref | None = None
    identity_provider: Ref | None = None
    membership_limit: int | None = None
    provisioned_licenses: bool = False


class Member(msgspec.Struct, frozen=True):
    id: str
    email: str
    role: str
    user: Ref
    created_at: str
    updated_at: str
    federated: bool = False
    identity_provider: Ref | None = None
    two_factor_authentication: bool = False


class Feature(msgspec.Struct, frozen=True):
    id: str
    name: str
    created_at: str
    updated_at: str
    description: str = ""
    display_name: str = ""
    doc_url: str = ""
    feedback_email: str = ""
    enabled: bool = True
    state: str = "general"


class LogSession(msgspec.Struct, frozen=True):
    """`logplex_url` needs no token: it is the permission, and good for an hour."""

    id: str
    logplex_url: str
    created_at: str
    updated_at: str


class Nothing(msgspec.Struct, frozen=True):
    """`{}`: what Heroku answers to a restart."""
