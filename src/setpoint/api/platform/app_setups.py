"""Apps that begin from a source with an app.json: at once, or as the review app of a branch."""

import re
from typing import Literal

import msgspec

from setpoint.api import beginning, find
from setpoint.api.call import Call, Endpoint
from setpoint.api.errors import NoSuch
from setpoint.api.platform import builds
from setpoint.formats.heroku import pipeline_shapes, read
from setpoint.formats.heroku.shapes import IdRef, Ref
from setpoint.formats.heroku.write import derived, when
from setpoint.intents import apps, beginnings
from setpoint.intents.setups import Begins
from setpoint.model.app import Unit
from setpoint.model.pipeline import REVIEW
from setpoint.policy.names import shortened
from setpoint.views import beginnings as far_come
from setpoint.views import lookup
from setpoint.views import pipelines as lines

BRANCH_IN_NAME_CHARS = 12
CAME: dict[str, Literal["creating", "created", "errored"]] = {
    "pending": "creating",
    "succeeded": "created",
    "failed": "errored",
}


async def create(call: Call, body: read.NewSetup) -> pipeline_shapes.AppSetup:
    digest = builds.uploaded(call, body.source_blob)
    said, over = await beginning.said(call.services, digest), body.overrides or read.Overrides()
    begins = Begins(said, over.env, tuple(pack.url for pack in over.buildpacks))
    name = body.app.name if body.app is not None else None
    version = body.source_blob.version or ""
    unit = await beginnings.begin(call.services.door, call.asked, name, digest, version, begins)
    return await _told(call, unit)


async def info(call: Call) -> pipeline_shapes.AppSetup:
    unit = await _found(call, "app-setup", call.param("setup"))
    return await _told(call, unit)


async def _found(call: Call, kind: str, wanted: str) -> Unit:
    for unit in await lookup.apps_of(call.services.store, call.asked.actor):
        if derived(unit.id, kind) == wanted:
            return unit
    raise NoSuch(
        f"cannot see '{shortened(wanted)}': no such {kind}", resource=kind.replace("-", "_")
    )


async def _told(call: Call, unit: Unit) -> pipeline_shapes.AppSetup:
    far = await far_come.far(call.services.store, unit)
    job = far.script if far.script is not None and far.script.code is not None else None
    build = await builds.newest(call, unit)
    return pipeline_shapes.AppSetup(
        id=derived(unit.id, "app-setup"),
        app=Ref(unit.id, unit.name),
        build=pipeline_shapes.SetupBuild(build.id, build.status, build.output_stream_url)
        if build
        else None,
        status=far.status,
        failure_message=far.message or None,
        created_at=when(unit.created_at_s),
        updated_at=when(unit.updated_at_s),
        postdeploy=pipeline_shapes.Postdeploy(job.code or 0, job.message)
        if job is not None
        else None,
    )


# --- review apps ---------------------------------------------------------------------------------


async def review(call: Call, body: read.NewReviewApp) -> pipeline_shapes.ReviewApp:
    line = await lines.found(call.services.store, call.asked.actor, body.pipeline)
    digest = builds.uploaded(call, body.source_blob)
    said = await beginning.said(call.services, digest, REVIEW)
    unit = await beginnings.review(
        call.services.door,
        call.asked,
        _name(call, line.pipeline.name, body),
        digest,
        body.source_blob.version or "",
        Begins(said, body.environment or {}, branch=body.branch),
        line.pipeline,
        line.apps,
    )
    return await _reviewed(call, unit)


def _name(call: Call, pipeline: str, body: read.NewReviewApp) -> str:
    """`shop-pr-7`, or with the branch and something that makes it the only one of that name."""
    unique = re.sub(r"[^a-z0-9]", "", call.services.new_id().lower())[-4:]
    branch = re.sub(r"[^a-z0-9]+", "-", body.branch.lower())[:BRANCH_IN_NAME_CHARS]
    number = f"pr-{body.pr_number}" if body.pr_number is not None else branch
    stem = re.sub("-+", "-", f"{pipeline[:12]}-{number[:12]}").strip("-")
    return f"{stem}-{unique}"


async def review_info(call: Call) -> pipeline_shapes.ReviewApp:
    return await _reviewed(call, await _found(call, "review-app", call.param("review")))


async def review_of(call: Call) -> pipeline_shapes.ReviewApp:
    unit = await find.app(call)
    if not _is_review(unit):
        raise NoSuch(f"cannot see '{unit.name}': it is no review app", resource="review_app")
    return await _reviewed(call, unit)


async def reviews(call: Call) -> tuple[pipeline_shapes.ReviewApp, ...]:
    line = await lines.found(call.services.store, call.asked.actor, call.param("pipeline"))
    return tuple([await _reviewed(call, unit) for unit in line.apps if _is_review(unit)])


async def review_end(call: Call) -> pipeline_shapes.ReviewApp:
    """Its pr-predestroy script runs before anything of it goes."""
    unit = await _found(call, "review-app", call.param("review"))
    answer = await _reviewed(call, unit)
    await apps.destroy(call.services.door, call.asked, unit.name, unit.name)
    return msgspec.structs.replace(answer, status="deleting")


def _is_review(unit: Unit) -> bool:
    setup, coupling = unit.intent.setup, unit.intent.pipeline
    return bool(setup and setup.branch and coupling and coupling.stage == REVIEW)


async def _reviewed(call: Call, unit: Unit) -> pipeline_shapes.ReviewApp:
    setup, coupling = unit.intent.setup, unit.intent.pipeline
    if setup is None or coupling is None or not _is_review(unit):
        raise NoSuch("cannot see that review app: it is none", resource="review_app")
    far = await far_come.far(call.services.store, unit)
    status = "deleting" if unit.intent.deleted else CAME[far.status]
    return pipeline_shapes.ReviewApp(
        id=derived(unit.id, "review-app"),
        app=Ref(unit.id, unit.name),
        app_setup=IdRef(derived(unit.id, "app-setup")),
        branch=setup.branch,
        pipeline=IdRef(coupling.id),
        status=status,
        creator=IdRef(derived("user", unit.owner)),
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
