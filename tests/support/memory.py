"""Short ways to fill a store: who asked, an app, a build, a release."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from setpoint.model.app import AppIntent, SecretRef, Source, Unit
from setpoint.model.change import Actor, Asked
from setpoint.model.ids import AppId, BuildId, Digest
from setpoint.model.release import Build, ProcessType, Release, Slug
from setpoint.store.port import Store, UnitWrite

T = TypeVar("T")

NOON_S = 1_790_000_000.0
SHOP = AppId("5f0c0000-0000-4000-8000-000000000001")
DIGEST = Digest("a1" * 32)
OTHER_DIGEST = Digest("b2" * 32)
DEV = Actor("dev", "dev@example.com")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def asked(why: str = "", at_s: float = NOON_S, actor: Actor = DEV, key: str = "") -> Asked:
    return Asked(actor=actor, via="cli", at_s=at_s, why=why, idempotency_key=key)


def shop(**fields: Any) -> AppIntent:
    return AppIntent(**{"id": SHOP, "name": "shop", **fields})


async def created(store: Store, intent: AppIntent | None = None) -> Unit:
    wanted = intent if intent is not None else shop()
    committed = await store.commit(
        asked(), "create", f"Create {wanted.name}", [UnitWrite(wanted, None)]
    )
    return committed.units[0]


async def write(
    store: Store,
    base: Unit,
    intent: AppIntent,
    secrets: dict[str, str] | None = None,
    summary: str = "Change shop",
    **options: Any,
) -> Unit:
    """One Change made from `base`."""
    unit_write = UnitWrite(intent, base.rev, **options)
    committed = await store.commit(asked(), "change", summary, [unit_write], secrets or {})
    return committed.units[0]


def slug(*processes: ProcessType) -> Slug:
    types = processes or (ProcessType("web", "web", "python -m http.server"),)
    return Slug(Digest("c3" * 32), types, "stack-1", "/usr/bin/python3")


def build(source: Digest = DIGEST, id: str = "b-1", **fields: Any) -> Build:
    made: dict[str, Any] = {"status": "succeeded", "slug": slug(), "started_at_s": NOON_S}
    return Build(id=BuildId(id), app=SHOP, source=source, **(made | fields))


async def deployed(store: Store, unit: Unit, digest: Digest = DIGEST) -> tuple[Unit, Release]:
    """The unit with a source, built and cut as a release."""
    intent = msgspec.structs.replace(unit.intent, source=Source(digest))
    unit = await write(store, unit, intent, summary=f"Deploy {digest[:8]}")
    made = build(digest, id=f"b-{unit.rev}")
    await store.record_build(made)
    release = await store.cut_release(
        unit.id, made, unit.intent.config, unit.shape_summary, unit.shape_change, NOON_S
    )
    assert release is not None
    return unit, release


def ref(version: int = 1, id: str = "s-1") -> SecretRef:
    return SecretRef(id, version)
