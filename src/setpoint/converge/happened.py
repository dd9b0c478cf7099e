"""What an event of the store means to somebody outside: which thing, what happened to it, and how
it is now."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from setpoint.formats.heroku import shapes, write
from setpoint.model.account import Role
from setpoint.model.app import Unit
from setpoint.model.change import Touch, UnitChange
from setpoint.model.job import Job
from setpoint.model.release import ProcessType, Release
from setpoint.store.port import Event, Store


@dataclass(frozen=True)
class Place:
    """Where this Setpoint is, for addresses in what is told. `stack`: apps are built on."""

    stack: str = ""
    edge_port: int = 0
    tls_port: int = 0
    host_suffix: str = "localhost"

    @property
    def urls(self) -> write.Urls:
        return write.Urls(f"https://localhost:{self.tls_port}")


class Happened(NamedTuple):
    """`include`: as webhooks name it; `resource`: as Heroku names the thing."""

    include: str
    action: str
    resource: str
    data: Any
    previous: dict[str, Any]
    by: str


async def happened(store: Store, place: Place, unit: Unit, event: Event) -> AsyncIterator[Happened]:
    body: dict[str, Any] = msgspec.json.decode(event.body)
    match event.type:
        case "change.accepted":
            for change in await store.change(body["change"]):
                if change.unit == unit.id:
                    async for told in _changed(store, place, unit, change):
                        yield told
        case "build.begun" | "build.ended":
            action = "create" if event.type == "build.begun" else "update"
            for build in await store.builds(unit.id):
                if build.id == body["build"]:
                    shown = write.build(unit, build, urls=place.urls, version="", release=None)
                    yield Happened("api:build", action, "build", shown, {}, unit.owner)
        case "release.cut" | "release.settled":
            release = await store.release(unit.id, body["version"])
            if release is not None:
                cut = event.type == "release.cut"
                yield await _released(store, place, unit, release, "create" if cut else "update")
        case "job.asked" | "job.ended":
            for job in await store.jobs(unit.id):
                if job.id == body["job"]:
                    yield _job(unit, job, ended=event.type == "job.ended")
        case _:
            pass


async def _changed(
    store: Store, place: Place, unit: Unit, change: UnitChange
) -> AsyncIterator[Happened]:
    by = change.change.asked.actor.email
    touched = {touch.path: touch for touch in change.touches}
    if (action := _of_app(change, touched)) is not None:
        name = touched.get("name")
        renamed = name is not None and action == "update"
        previous = {"name": name.old} if name is not None and renamed else {}
        yield Happened("api:app", action, "app", _app(place, unit), previous, by)
    for process in sorted({p.split(".")[1] for p in touched if p.startswith("formation.")}):
        type_ = await _type(store, unit, process)
        shown = write.formation(unit, type_, unit.intent.formation_of(process, type_.kind))
        bound = touched.get(f"formation.{process}.max")
        previous = {"quantity": bound.old} if bound is not None and bound.old is not None else {}
        yield Happened("api:formation", "update", "formation", shown, previous, by)
    if "domains" in touched:
        for told in _domains(place, unit, touched["domains"], by):
            yield told
    for path, touch in touched.items():
        if path.startswith("access."):
            yield _collaborator(unit, path.removeprefix("access."), touch, by)


def _of_app(change: UnitChange, touched: dict[str, Touch]) -> str | None:
    if change.change.verb == "create":
        return "create"
    if "deleted" in touched:
        return "destroy"
    return "update" if touched.keys() & {"name", "maintenance"} else None


def _app(place: Place, unit: Unit) -> shapes.App:
    return write.app(
        unit,
        stack=place.stack,
        web_url=f"http://{unit.name}.{place.host_suffix}:{place.edge_port}/",
        git_url=f"https://localhost:{place.tls_port}/{unit.name}.git",
        released_at_s=None,
    )


async def _type(store: Store, unit: Unit, process: str) -> ProcessType:
    for release in await store.releases(unit.id, 1):
        if (known := release.slug.process(process)) is not None:
            return known
    return ProcessType(process, "worker")


def _domains(place: Place, unit: Unit, touch: Touch, by: str) -> list[Happened]:
    before, after = (set(_list(value)) for value in (touch.old, touch.new))
    target = f"{unit.name}.{place.host_suffix}"
    return [
        Happened(
            "api:domain",
            "create" if host in after else "destroy",
            "domain",
            write.custom_domain(unit, host, target=target, answered=False),
            {},
            by,
        )
        for host in sorted(before ^ after)
    ]


def _list(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def _collaborator(unit: Unit, email: str, touch: Touch, by: str) -> Happened:
    action = "create" if touch.old is None else "destroy" if touch.new is None else "update"
    role: Role = msgspec.convert(touch.new if touch.new is not None else touch.old, Role)
    shown = write.collaborator(unit, email, role)
    return Happened("api:collaborator", action, "collaborator", shown, {}, by)


async def _released(
    store: Store, place: Place, unit: Unit, release: Release, action: str
) -> Happened:
    by = next((c.change.asked.actor.email for c in await store.change(release.change)), unit.owner)
    serves = release.status == "succeeded"
    shown = write.released(unit, release, urls=place.urls, by=by, current=serves)
    return Happened("api:release", action, "release", shown, {}, by)


def _job(unit: Unit, job: Job, *, ended: bool) -> Happened:
    """A one-off dyno; of instances a webhook tells nothing."""
    shown = write.job(unit, job, None)
    if ended:
        shown = msgspec.structs.replace(shown, state="down")
    return Happened("api:dyno", "update" if ended else "create", "dyno", shown, {}, unit.owner)
