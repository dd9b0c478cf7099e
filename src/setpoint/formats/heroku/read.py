"""What Heroku's clients send -> values. Lenient where they differ, strict on what is unknown."""

import re
from typing import Literal

import msgspec

from setpoint.model.app import Formation
from setpoint.model.errors import Invalid

QUANTITY_RE = re.compile(r"(?:([+-]?)(\d{1,9})|(\d{1,9})\.\.(\d{1,9}))")
CHECKSUM_RE = re.compile(r"(?:(?i:sha256):)?([0-9a-f]{64})")


class NewDomain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /apps/A/domains. `sni_endpoint`: a certificate's name or id."""

    hostname: str
    sni_endpoint: str | None = None


class DomainPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PATCH /apps/A/domains/D. None: without a certificate."""

    sni_endpoint: str | None


class NewSniEndpoint(msgspec.Struct, frozen=True):
    """POST and PATCH of /apps/A/sni-endpoints. PEM."""

    certificate_chain: str
    private_key: str

    def __repr__(self) -> str:
        return "NewSniEndpoint(...)"


class NewLogDrain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /apps/A/log-drains"""

    url: str


class NewWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /apps/A/webhooks. Without a secret there is one made."""

    include: tuple[str, ...]
    level: str
    url: str
    secret: str | None = None
    authorization: str | None = None


class WebhookPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PATCH /apps/A/webhooks/W. What is left out stays; `authorization` null takes it away."""

    include: tuple[str, ...] | None = None
    level: str | None = None
    url: str | None = None
    secret: str | None = None
    authorization: str | msgspec.UnsetType | None = msgspec.UNSET


class NewApp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /apps, and /teams/apps. `region`: a name or an id, or an object with one of them. Stack
    and what else is an object are accepted and have no say here. `personal`, `locked` and
    `internal_routing` are what Terraform sends, mostly false."""

    name: str | None = None
    region: object = None
    stack: object = None
    team: str | None = None
    space: str | None = None
    generation: object = None
    feature_flags: object = None
    personal: bool | None = None
    locked: bool | None = None
    internal_routing: bool | None = None
    kernel: object = None


class TeamAppPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PATCH /teams/apps/A. `owner`: a person's email, or a team's name."""

    locked: bool | None = None
    owner: str | None = None


class Among(msgspec.Struct, frozen=True):
    """Ids or names, of which any will do."""

    id: tuple[str, ...] = ()
    name: tuple[str, ...] = ()


class AppFilter(msgspec.Struct, frozen=True, rename={"among": "in"}):
    """POST /filters/apps"""

    among: Among = Among()


class AppPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PATCH /apps/A. What is left out, or null, stays. heroku3 says 0 for false. `region`: as in
    NewApp; '' is as if nothing had been said."""

    name: str | None = None
    maintenance: bool | Literal[0, 1] | None = None
    build_stack: str | None = None
    region: object = None


class NewAuthorization(msgspec.Struct, frozen=True):
    """POST /oauth/authorizations"""

    description: str | None = None
    expires_in: int | str | None = None
    scope: tuple[str, ...] | None = None

    @property
    def expires_in_s(self) -> float | None:
        """A command line sends it as text. Raises Invalid."""
        said = self.expires_in
        if said is None or said == "":
            return None
        if isinstance(said, int):
            return float(said)
        if not said.isdecimal() or len(said) > 12:
            raise Invalid(f"cannot make a token: it expires in '{said[:20]}', which is no number")
        return float(said)


class NewLogin(msgspec.Struct, frozen=True):
    """POST /auth of the host where people sign in"""

    description: str | None = None


class AuthorizationPatch(msgspec.Struct, frozen=True):
    """PATCH /oauth/authorizations/ID. There are no clients to set."""

    description: str | None = None


class NewSshKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /account/keys. What is sent may be a private key, by mistake."""

    public_key: str

    def __repr__(self) -> str:
        return "NewSshKey(...)"


class NewOAuthClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /oauth/clients"""

    name: str
    redirect_uri: str


class OAuthClientPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PATCH /oauth/clients/ID. What is left out, or null, stays."""

    name: str | None = None
    redirect_uri: str | None = None


class NewCollaborator(msgspec.Struct, frozen=True):
    """POST /apps/A/collaborators, and /teams/apps/A/collaborators with permissions."""

    user: str
    permissions: tuple[str, ...] | None = None
    silent: bool | None = None


class Permissions(msgspec.Struct, frozen=True):
    """PATCH /teams/apps/A/collaborators/C"""

    permissions: tuple[str, ...]


class Member(msgspec.Struct, frozen=True):
    """PUT and PATCH /teams/T/members"""

    email: str
    role: str
    federated: bool | None = None


class NewLogSession(msgspec.Struct, frozen=True):
    """POST /apps/A/log-sessions. Clients differ in how they name a dyno or a type."""

    lines: int | None = None
    tail: bool | None = None
    source: str | None = None
    dyno: str | None = None
    dyno_name: str | None = None
    type: str | None = None

    @property
    def of(self) -> str:
        return self.dyno or self.dyno_name or self.type or ""


class DynoSizeName(msgspec.Struct, frozen=True):
    name: str | None = None
    id: str | None = None


class FormationChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One type's new scale. `quantity`: 2, "2", "+1" or, Setpoint's own, "0..2"."""

    quantity: int | str | None = None
    size: str | None = None
    dyno_size: DynoSizeName | str | None = None
    min: int | None = None
    max: int | None = None
    idle_s: float | None = None
    boot_s_max: float | None = None
    concurrency: int | None = None

    @property
    def size_name(self) -> str | None:
        """As intents spell it: lower case."""
        named = self.dyno_size
        text = self.size or (named.name if isinstance(named, DynoSizeName) else named)
        return text.lower() if text else None


class NamedFormationChange(FormationChange, frozen=True, forbid_unknown_fields=True):
    """An item of a batch. `type` is a name or, as Terraform sends it, the formation's id."""

    type: str = ""
    id: str | None = None


class FormationBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PATCH /apps/A/formation"""

    updates: tuple[NamedFormationChange, ...]


class NewDyno(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /apps/A/dynos: Heroku's run. `time_to_live`: seconds. `type` is always run here."""

    command: str = ""
    attach: bool = False
    env: dict[str, str | int] = {}
    size: str | None = None
    type: str | None = None
    time_to_live: int | None = None
    force_no_tty: bool | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.env.items()}

    @property
    def tty_size(self) -> tuple[int, int] | None:
        """(rows, columns) of the caller's terminal; None where it has none. Heroku's client names
        them as variables, and only if its output is one."""
        rows, columns = (str(self.env.get(name, "")) for name in ("LINES", "COLUMNS"))
        if not self.attach or self.force_no_tty or not (rows.isdecimal() and columns.isdecimal()):
            return None
        return int(rows[:6]), int(columns[:6])

    @property
    def size_name(self) -> str:
        return (self.size or "basic").lower()


class SourceBlob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`url`: what POST /sources gave, with the blob already put there. `digest` is ours."""

    url: str | None = None
    digest: str | None = None
    checksum: str | None = None
    version: str | None = None
    version_description: str | None = None


class NewRelease(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /apps/A/releases: a rollback. `release`: an id, 7, "7" or "v7"; None is Setpoint's own:
    what served before. The rest, of a release that is put together by hand, is refused."""

    release: str | int | None = None
    slug: str | None = None
    oci_image: str | None = None
    description: str | None = None


class BuildpackUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`buildpack`: an address, or what POST /sources gave. `name`, Setpoint's own: an upload's."""

    buildpack: str
    name: str | None = None


class BuildpackBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /apps/A/buildpack-installations"""

    updates: tuple[BuildpackUpdate, ...]


class NewBuild(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /apps/A/builds. Buildpacks in here have no say: those of the app count."""

    source_blob: SourceBlob
    buildpacks: object = None


def bounds(change: FormationChange, current: Formation | None) -> tuple[object, object]:
    """The new (min, max), None where nothing was said. What is no quantity comes back as it is:
    policy refuses it in one wording for all doors."""
    if change.quantity is None:
        return change.min, change.max
    if change.min is not None or change.max is not None:
        raise Invalid("cannot scale: quantity and min or max were both given", "give one of them")
    if isinstance(change.quantity, int):
        return change.quantity, change.quantity
    return _quantity(change.quantity, current)


def _quantity(text: str, current: Formation | None) -> tuple[object, object]:
    """'2', '0..2', and '+1' or '-1' on what is intended now."""
    match = QUANTITY_RE.fullmatch(text.strip())
    if match is None:
        return text, text
    sign, number, low, high = match.groups()
    if low is not None:
        return int(low), int(high)
    now = current.max if current is not None else 0
    moved = {"": int(number), "+": now + int(number), "-": now - int(number)}[sign]
    return moved, moved


def checksum(text: str) -> str:
    """'SHA256:<hex>' or bare hex -> the digest. Raises Invalid."""
    match = CHECKSUM_RE.fullmatch(text)
    if match is None:
        raise Invalid("cannot deploy: the checksum is not SHA256: and 64 hex digits")
    return match[1]


class Owner(msgspec.Struct, frozen=True):
    """`type`: user or team. Where it is left out, whoever asks is meant."""

    id: str = "~"
    type: str = "user"


class NewPipeline(msgspec.Struct, frozen=True):
    """POST /pipelines. Older command lines say no generation."""

    name: str
    owner: Owner | None = None
    generation: object = None


class PipelinePatch(msgspec.Struct, frozen=True):
    """PATCH /pipelines/ID"""

    name: str | None = None


class NamedById(msgspec.Struct, frozen=True):
    id: str


class NewCoupling(msgspec.Struct, frozen=True):
    """POST /pipeline-couplings, each by id or name"""

    app: str
    pipeline: str
    stage: str


class CouplingPatch(msgspec.Struct, frozen=True):
    """PATCH /pipeline-couplings/ID"""

    stage: str | None = None


class OfApp(msgspec.Struct, frozen=True):
    app: NamedById


class PromotionSource(OfApp, frozen=True):
    """`release`: by id; None: what serves."""

    release: NamedById | None = None


class NewPromotion(msgspec.Struct, frozen=True):
    """POST /pipeline-promotions. Without targets, those of the next stage are meant."""

    pipeline: NamedById
    source: PromotionSource
    targets: tuple[OfApp, ...] = ()


class NewTransfer(msgspec.Struct, frozen=True):
    """POST /pipeline-transfers"""

    pipeline: NamedById
    new_owner: Owner


class SetupApp(msgspec.Struct, frozen=True):
    name: str | None = None


class BuildpackUrl(msgspec.Struct, frozen=True):
    url: str


class Overrides(msgspec.Struct, frozen=True):
    env: dict[str, str] = {}
    buildpacks: tuple[BuildpackUrl, ...] = ()


class NewSetup(msgspec.Struct, frozen=True):
    """POST /app-setups"""

    source_blob: SourceBlob
    app: SetupApp | None = None
    overrides: Overrides | None = None


class NewReviewApp(msgspec.Struct, frozen=True):
    """POST /review-apps"""

    branch: str
    pipeline: str
    source_blob: SourceBlob
    pr_number: int | None = None
    environment: dict[str, str] | None = None
