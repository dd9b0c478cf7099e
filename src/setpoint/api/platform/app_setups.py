"""Apps that begin from a source with an app.json: at once, or as the review app of a branch."""

import re
from typing import Literal

import msgspec

from setpoint.api import beginning, find
from setpoint.api.beginning import REVIEW
from setpoint.api.call import Call, Endpoint
from setpoint.api.errors import NoSuch
from setpoint.api.platform import builds
from setpoint.formats.heroku import read, shapes
from setpoint.formats.heroku.write import derived, when
from setpoint.intents import apps, deploys, pipelines, setups
from setpoint.intents.setups import Begins
from setpoint.model.app import Unit
from setpoint.model.errors import Invalid
from setpoint.model.ids import Digest
from setpoint.policy import pipelines as policy
from setpoint.policy.names import shortened
from setpoint.views import beginnings, lookup
from setpoint.views import pipelines as lines

BRANCH_CHARS_MAX = 200
BRANCH_IN_NAME_CHARS = 12
CAME: dict[str, Literal["creating", "created", "errored"]] = {
    "pending": "creating",
    "succeeded": "created",
    "failed": "errored",
}


async def create(call: Call, body: read.NewSetup) -> shapes.AppSetup:
    """All of it is checked before there is an app."""
    digest = builds.uploaded(call, body.source_blob)
    said, over = await beginning.said(call.services, digest), body.overrides or read.Overrides()
    begins = Begins(said, over.env, tuple(pack.url for pack in over.buildpacks))
    name = body.app.name if body.app is not None else None
    setups.check(name or "an app", begins)
    unit = await apps.create(call.services.door, call.asked, name)
    unit = await _deployed(call, unit, digest, body.source_blob.version or "", begins)
    return await _told(call, unit)


async def info(call: Call) -> shapes.AppSetup:
    unit = await _found(call, "app-setup", call.param("setup"))
    return await _told(call, unit)


async def _deployed(call: Call, unit: Unit, digest: Digest, version: str, begins: Begins) -> Unit:
    door = call.services.door
    return await deploys.deploy(door, call.asked, unit.name, digest, version, begins)


async def _found(call: Call, kind: str, wanted: str) -> Unit:
    for unit in await lookup.apps_of(call.services.store, call.asked.actor):
        if derived(unit.id, kind) == wanted:
            return unit
    raise NoSuch(
        f"cannot see '{shortened(wanted)}': no such {kind}", resource=kind.replace("-", "_")
    )


async def _told(call: Call, unit: Unit) -> shapes.AppSetup:
    far = await beginnings.far(call.services.store, unit)
    job = far.script if far.script is not None and far.script.code is not None else None
    build = await builds.newest(call, unit)
    return shapes.AppSetup(
        id=derived(unit.id, "app-setup"),
        app=shapes.Ref(unit.id, unit.name),
        build=shapes.SetupBuild(build.id, build.status, build.output_stream_url) if build else None,
        status=far.status,
        failure_message=far.message or None,
        created_at=when(unit.created_at_s),
        updated_at=when(unit.updated_at_s),
        postdeploy=shapes.Postdeploy(job.code or 0, job.message) if job is not None else None,
    )


# --- review apps ---------------------------------------------------------------------------------


async def review(call: Call, body: read.NewReviewApp) -> shapes.ReviewApp:
    store, actor, door = call.services.store, call.asked.actor, call.services.door
    line = await lines.found(store, actor, body.pipeline)
    if not 0 < len(body.branch) <= BRANCH_CHARS_MAX or not body.branch.isprintable():
        raise Invalid(f"cannot create a review app: '{shortened(body.branch)}' is no branch")
    policy.admit_to_add(actor, line.pipeline, line.apps, f"a review app of {body.branch[:40]}")
    digest = builds.uploaded(call, body.source_blob)
    said = await beginning.said(call.services, digest, REVIEW)
    begins = Begins(said, body.environment or {}, branch=body.branch)
    name = _name(call, line.pipeline.name, body)
    setups.check(name, begins)
    unit = await apps.create(door, call.asked, name)
    unit = await pipelines.add(door, call.asked, unit.name, line.pipeline, REVIEW)
    unit = await _deployed(call, unit, digest, body.source_blob.version or "", begins)
    return await _reviewed(call, unit)


def _name(call: Call, pipeline: str, body: read.NewReviewApp) -> str:
    """`shop-pr-7`, or with the branch and something that makes it the only one of that name."""
    unique = re.sub(r"[^a-z0-9]", "", call.services.new_id().lower())[-4:]
    branch = re.sub(r"[^a-z0-9]+", "-", body.branch.lower())[:BRANCH_IN_NAME_CHARS]
    number = f"pr-{body.pr_number}" if body.pr_number is not None else branch
    stem = re.sub("-+", "-", f"{pipeline[:12]}-{number[:12]}").strip("-")
    return f"{stem}-{unique}"


async def review_info(call: Call) -> shapes.ReviewApp:
    return await _reviewed(call, await _found(call, "review-app", call.param("review")))


async def review_of(call: Call) -> shapes.ReviewApp:
    unit = await find.app(call)
    if not _is_review(unit):
        raise NoSuch(f"cannot see '{unit.name}': it is no review app", resource="review_app")
    return await _reviewed(call, unit)


async def reviews(call: Call) -> tuple[shapes.ReviewApp, ...]:
    line = await lines.found(call.services.store, call.asked.actor, call.param("pipeline"))
    return tuple([await _reviewed(call, unit) for unit in line.apps if _is_review(unit)])


async def review_end(call: Call) -> shapes.ReviewApp:
    """Its pr-predestroy script runs before anything of it goes."""
    unit = await _found(call, "review-app", call.param("review"))
    answer = await _reviewed(call, unit)
    await apps.destroy(call.services.door, call.asked, unit.name, unit.name)
    return msgspec.structs.replace(answer, status="deleting")


def _is_review(unit: Unit) -> bool:
    setup, coupling = unit.intent.setup, unit.intent.pipeline
    return bool(setup and setup.branch and coupling and coupling.stage == REVIEW)


async def _reviewed(call: Call, unit: Unit) -> shapes.ReviewApp:
    setup, coupling = unit.intent.setup, unit.intent.pipeline
    if setup is None or coupling is None or not _is_review(unit):
        raise NoSuch("cannot see that review app: it is none", resource="review_app")
    far = await beginnings.far(call.services.store, unit)
    status = "deleting" if unit.intent.deleted else CAME[far.status]
    return shapes.ReviewApp(
        id=derived(unit.id, "review-app"),
        app=shapes.Ref(unit.id, unit.name),
        app_setup=shapes.IdRef(derived(unit.id, "app-setup")),
        branch=setup.branch,
        pipeline=shapes.IdRef(coupling.id),
        status=status,
        creator=shapes.IdRef(derived("user", unit.owner)),
        created_at=when(unit.created_at_s),
        updated_at=when(unit.updated_at_s),
        error_status=far.message or None,
        message=far.message or None,
    )


ROUTES: tuple[Endpoint, ...] = (
    Endpoint("POST", "/app-setups", create, "write", "Create an app of a source", status=202),
    Endpoint("GET", "/app-setups/{setup}", info, "read", "How far it has come"),
    Endpoint("POST", "/review-apps", review, "write", "Create a branch's review app", status=201),
    Endpoint("GET", "/review-apps/{review}", review_info, "read", "One review app"),
    Endpoint("DELETE", "/review-apps/{review}", review_end, "write", "End a review app"),
    Endpoint("GET", "/apps/{app}/review-app", review_of, "view", "An app as a review app"),
    Endpoint("GET", "/pipelines/{pipeline}/review-apps", reviews, "read", "Its review apps"),
)
