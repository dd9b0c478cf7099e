"""Small builders for tests and histories: a value with sensible defaults, in one line."""

import msgspec

from setpoint.model.app import AppIntent, Formation, ProcessKind, SecretRef, Source, Unit
from setpoint.model.capability import Capabilities
from setpoint.model.change import Actor, Asked
from setpoint.model.ids import AppId, Digest, Fence, InstanceId, SetKey
from setpoint.model.process import Bounds, Instance, Phase, ProcessSpec, SetFacts, SetOrder
from setpoint.testing.supervisor import CAPABILITIES

APP = AppId("7b1f6a52-0000-4000-8000-000000000001")
ANA = Actor("ana", "ana@example.com")
CODE = Digest("ab" * 32)


def asked(at_s: float, why: str = "", key: str = "") -> Asked:
    return Asked(ANA, "cli", at_s, why=why, idempotency_key=key)


def intent(
    id: AppId = APP,
    name: str = "shop",
    *,
    source: Digest | None = CODE,
    config: dict[str, SecretRef] | None = None,
    formation: dict[str, Formation] | None = None,
) -> AppIntent:
    return AppIntent(
        id=id,
        name=name,
        source=Source(source) if source is not None else None,
        config=config or {},
        formation=formation or {},
    )


def unit(document: AppIntent | None = None, *, generation: int = 1, change: int = 1) -> Unit:
    """As the store would give it back. `change`: the last one, taken to have shaped the app."""
    document = document or intent()
    return Unit(
        intent=document,
        incarnation=1,
        generation=generation,
        rev=generation,
        owner=ANA.email,
        created_at_s=0.0,
        updated_at_s=0.0,
        last_change=change,
        source_change=change if document.source is not None else 0,
        shape_change=change if document.source is not None else 0,
        shape_summary="Deploy",
    )


def capabilities(**fields: object) -> Capabilities:
    return msgspec.structs.replace(CAPABILITIES, **fields)


def order(
    bounds: Bounds | None = None,
    *,
    app: AppId = APP,
    process: str = "web",
    generation: int = 1,
    attempts_max: int = 3,
    code: Digest = CODE,
    command: str = "serve",
    kind: ProcessKind | None = None,
) -> SetOrder:
    """A standing order; `code` and `process` make its key."""
    spec = ProcessSpec(
        process=process,
        kind=kind or ("web" if process == "web" else "worker"),
        release=1,
        code=code,
        layer=None,
        python=CAPABILITIES.python,
        folder="",
        command=command,
        runtime="",
        environment=Digest(""),
        size="basic",
        memory_bytes_max=512 * 1024 * 1024,
        pids_max=256,
        cpu_weight=1024,
    )
    key = SetKey(app, process, code)
    fence = Fence(1, generation)
    return SetOrder(key, "shop", spec, bounds or Bounds(1, 1), fence, attempts_max)


def instance(
    ordinal: int = 1,
    phase: Phase = Phase.READY,
    *,
    process: str = "web",
    started_at_s: float = 0.0,
    ready_at_s: float | None = None,
    stop_at_s: float | None = None,
    drained: bool = False,
    in_hand: int = 0,
) -> Instance:
    id = InstanceId(f"{process}.{ordinal}-{ordinal:06x}")
    return Instance(
        id,
        ordinal,
        phase,
        started_at_s,
        ready_at_s,
        stop_at_s=stop_at_s,
        drained=drained,
        in_hand=in_hand,
    )


def facts(of: SetOrder, *instances: Instance, **fields: object) -> SetFacts:
    """What the supervisor would report of this order's set."""
    seen = SetFacts(of.key, of.fence, of.bounds, of.spec.release, instances)
    return msgspec.structs.replace(seen, **fields)
