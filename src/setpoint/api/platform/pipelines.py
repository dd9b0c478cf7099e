"""Pipelines, which apps are in them, and promotions."""

from collections.abc import Iterable

from setpoint.api import find
from setpoint.api.call import Call, Endpoint
from setpoint.api.errors import NoSuch
from setpoint.api.platform import builds, releases
from setpoint.formats.heroku import pipeline_shapes, read, shapes
from setpoint.formats.heroku import pipelines as write
from setpoint.formats.heroku.write import derived, release_id
from setpoint.formats.heroku.write import team as team_shape
from setpoint.intents import pipelines as intents
from setpoint.model.app import Unit
from setpoint.model.errors import Invalid
from setpoint.model.pipeline import Pipeline, Promotion
from setpoint.policy.names import shortened
from setpoint.views import accounts
from setpoint.views import pipelines as views


async def listed(call: Call) -> tuple[pipeline_shapes.Pipeline, ...]:
    """`eq[name]`: those of that name, of which somebody may see several."""
    wanted = call.request.query_params.get("eq[name]")
    lines = await views.listed(call.services.store, call.asked.actor)
    rows = [line.pipeline for line in lines if wanted in (None, line.pipeline.name)]
    return tuple(write.pipeline(row) for row in rows)


async def create(call: Call, body: read.NewPipeline) -> pipeline_shapes.Pipeline:
    _refuse_others(call, body.owner)
    row = await intents.create(call.services.door, call.asked, body.name)
    return write.pipeline(row)


async def info(call: Call) -> pipeline_shapes.Pipeline:
    return write.pipeline((await _line(call)).pipeline)


async def patch(call: Call, body: read.PipelinePatch) -> pipeline_shapes.Pipeline:
    line = await _line(call, intents.ALTER)
    door = call.services.door
    return write.pipeline(await intents.alter(door, call.asked, line.pipeline, name=body.name))


async def destroy(call: Call) -> pipeline_shapes.Pipeline:
    line = await _line(call, intents.DESTROY)
    return write.pipeline(await intents.destroy(call.services.door, call.asked, line.pipeline))


async def transfer(call: Call, body: read.NewTransfer) -> pipeline_shapes.Transfer:
    store, actor = call.services.store, call.asked.actor
    line = await views.found(store, actor, body.pipeline.id, intents.ALTER)
    email = await _person(call, body.new_owner)
    after = await intents.alter(call.services.door, call.asked, line.pipeline, owner=email)
    return write.transfer(after, line.pipeline.owner)


# --- which apps are in them ----------------------------------------------------------------------


async def couplings(call: Call) -> tuple[pipeline_shapes.Coupling, ...]:
    lines = await views.listed(call.services.store, call.asked.actor)
    return tuple(shape for line in lines for shape in _coupled(line))


async def ones_couplings(call: Call) -> tuple[pipeline_shapes.Coupling, ...]:
    if call.param("user") not in ("~", call.asked.actor.email, _me(call)):
        raise NoSuch("cannot see the couplings of another user", resource="user")
    return await couplings(call)


async def team_couplings(call: Call) -> tuple[pipeline_shapes.Coupling, ...]:
    team = team_shape(call.services.installation.since_s, "member")
    if call.param("team") not in (team.name, team.id):
        raise NoSuch(
            f"cannot see team '{shortened(call.param('team'))}': there is only {team.name}",
            resource="team",
        )
    return await couplings(call)


async def couplings_of(call: Call) -> tuple[pipeline_shapes.Coupling, ...]:
    return tuple(_coupled(await _line(call)))


async def coupling(call: Call) -> pipeline_shapes.Coupling:
    _, _, shape = await _coupling(call)
    return shape


async def coupling_of(call: Call) -> pipeline_shapes.Coupling:
    """Of one app: one, as Heroku's clients want it."""
    unit = await find.app(call)
    line = await _line_of(call, unit)
    if line is None:
        raise NoSuch(
            f"cannot see the pipeline of '{unit.name}': it is in none", resource="pipeline_coupling"
        )
    return next(shape for shape in _coupled(line) if shape.app.id == unit.id)


async def add(call: Call, body: read.NewCoupling) -> pipeline_shapes.Coupling:
    store, actor = call.services.store, call.asked.actor
    unit = await find.named(store, actor, body.app, intents.ADD)
    line = await views.found(store, actor, body.pipeline)
    unit = await intents.add(call.services.door, call.asked, unit.name, line.pipeline, body.stage)
    return _shape(unit, line.pipeline)


async def move(call: Call, body: read.CouplingPatch) -> pipeline_shapes.Coupling:
    unit, row, shape = await _coupling(call)
    unit = await intents.move(call.services.door, call.asked, unit.name, body.stage or shape.stage)
    return _shape(unit, row)


async def remove(call: Call) -> pipeline_shapes.Coupling:
    unit, _, shape = await _coupling(call)
    await intents.remove(call.services.door, call.asked, unit.name)
    return shape


def _coupled(line: views.Line) -> Iterable[pipeline_shapes.Coupling]:
    return (_shape(unit, line.pipeline) for unit in line.apps)


def _shape(unit: Unit, row: Pipeline) -> pipeline_shapes.Coupling:
    assert unit.intent.pipeline is not None
    return write.coupling(unit, row, unit.intent.pipeline.stage)


async def _coupling(call: Call) -> tuple[Unit, Pipeline, pipeline_shapes.Coupling]:
    wanted = call.param("coupling")
    for line in await views.listed(call.services.store, call.asked.actor):
        for unit in line.apps:
            shape = _shape(unit, line.pipeline)
            if shape.id == wanted:
                return unit, line.pipeline, shape
    raise NoSuch(
        f"cannot see the coupling '{shortened(wanted)}': no such coupling",
        resource="pipeline_coupling",
    )


async def _line(call: Call, verb: str = "see the pipeline") -> views.Line:
    return await views.found(call.services.store, call.asked.actor, call.param("pipeline"), verb)


async def _line_of(call: Call, unit: Unit) -> views.Line | None:
    coupling = unit.intent.pipeline
    lines = await views.listed(call.services.store, call.asked.actor)
    return next(
        (ln for ln in lines if coupling is not None and ln.pipeline.id == coupling.id), None
    )


# --- promotions ----------------------------------------------------------------------------------


async def promote(call: Call, body: read.NewPromotion) -> pipeline_shapes.Promotion:
    store, actor = call.services.store, call.asked.actor
    unit = await find.named(store, actor, body.source.app.id, intents.PROMOTE)
    line = await views.found(store, actor, body.pipeline.id)
    if all(app.id != unit.id for app in line.apps):
        raise Invalid(f"cannot promote '{unit.name}': it is not in '{line.pipeline.name}'")
    wanted = [target.app.id for target in body.targets]
    version = await _version(call, unit, body.source.release)
    door, stack = call.services.door, call.services.capabilities().stack
    promotion = await intents.promote(door, call.asked, unit.name, wanted, stack, version)
    return await _told(call, promotion)


async def _version(call: Call, unit: Unit, release: read.NamedById | None) -> int | None:
    """None: what serves. Raises NoSuch."""
    if release is None:
        return None
    for row in await call.services.store.releases(unit.id):
        if release.id == release_id(unit, row.version):
            return row.version
    raise NoSuch(
        f"cannot promote '{unit.name}': it has no release '{shortened(release.id)}'",
        f"see: heroku releases -a {unit.name}",
        resource="release",
    )


async def promotion(call: Call) -> pipeline_shapes.Promotion:
    return await _told(call, await _promotion(call))


async def targets(call: Call) -> tuple[pipeline_shapes.PromotionTarget, ...]:
    row = await _promotion(call)
    return tuple(write.target(row, *came) for came in await _came(call, row))


async def _told(call: Call, row: Promotion) -> pipeline_shapes.Promotion:
    came = await _came(call, row)
    return write.promotion(row, completed=all(one.status != "pending" for one in came))


async def _came(call: Call, row: Promotion) -> tuple[views.Came, ...]:
    return await views.came(call.services.store, call.asked.actor, row, call.services.now())


async def _promotion(call: Call) -> Promotion:
    return await views.promoted(call.services.store, call.asked.actor, call.param("promotion"))


# --- what its apps have last -----------------------------------------------------------------


async def latest_releases(call: Call) -> tuple[shapes.Release, ...]:
    told = [await releases.newest(call, unit) for unit in (await _line(call)).apps]
    return tuple(row for row in told if row is not None)


async def latest_builds(call: Call) -> tuple[shapes.Build, ...]:
    told = [await builds.newest(call, unit) for unit in (await _line(call)).apps]
    return tuple(row for row in told if row is not None)


async def stack(call: Call) -> pipeline_shapes.PipelineStack:
    await _line(call)
    name = call.services.capabilities().stack
    return pipeline_shapes.PipelineStack(shapes.Ref(derived("stack", name), name))


# --- whose they are --------------------------------------------------------------------------


def _refuse_others(call: Call, owner: read.Owner | None) -> None:
    """A team's is whoever's makes it: the installation is the one team there is."""
    if (
        owner is None
        or owner.type == "team"
        or owner.id in ("~", _me(call), call.asked.actor.email)
    ):
        return
    raise Invalid(
        "cannot create the pipeline: its owner is not who asks",
        "create it and hand it over: heroku pipelines:transfer",
    )


async def _person(call: Call, owner: read.Owner) -> str:
    """Their email. Others than oneself are known to administrators alone."""
    me = call.asked.actor
    if owner.type == "user" and owner.id in ("~", _me(call), me.email):
        return me.email
    if owner.type == "user" and me.reach == "all":
        for account in await accounts.accounts(call.services.store, me):
            if owner.id in (account.email, derived("user", account.email)):
                return account.email
    raise Invalid(
        "cannot alter the pipeline: no such person, or they are not known to whoever asks",
        "administrators may hand it over to any account",
    )


def _me(call: Call) -> str:
    return derived("user", call.asked.actor.email)


ONE, COUPLING = "/pipelines/{pipeline}", "/pipeline-couplings/{coupling}"
PROMOTION = "/pipeline-promotions/{promotion}"
ROUTES: tuple[Endpoint, ...] = (
    Endpoint("GET", "/pipelines", listed, "read", "Pipelines", paged=True, query=("eq[name]",)),
    Endpoint("POST", "/pipelines", create, "write", "Create a pipeline", status=201),
    Endpoint("GET", ONE, info, "read", "One pipeline"),
    Endpoint("PATCH", ONE, patch, "write", "Call it otherwise"),
    Endpoint("DELETE", ONE, destroy, "write", "End it; its apps go on"),
    Endpoint("GET", f"{ONE}/pipeline-couplings", couplings_of, "read", "Its apps", paged=True),
    Endpoint("GET", f"{ONE}/latest-releases", latest_releases, "read", "Each app's newest release"),
    Endpoint("GET", f"{ONE}/latest-builds", latest_builds, "read", "Each app's newest build"),
    Endpoint("GET", f"{ONE}/pipeline-stack", stack, "read", "What its apps are built on"),
    Endpoint("GET", "/pipeline-couplings", couplings, "read", "Which app is in which", paged=True),
    Endpoint("POST", "/pipeline-couplings", add, "write", "Add an app to one", status=201),
    Endpoint("GET", COUPLING, coupling, "read", "One of them"),
    Endpoint("PATCH", COUPLING, move, "write", "Move an app to another stage"),
    Endpoint("DELETE", COUPLING, remove, "write", "Take an app out of it"),
    Endpoint("GET", "/apps/{app}/pipeline-couplings", coupling_of, "view", "An app's pipeline"),
    Endpoint("GET", "/users/{user}/pipeline-couplings", ones_couplings, "read", "One's own"),
    Endpoint("GET", "/teams/{team}/pipeline-couplings", team_couplings, "read", "The team's"),
    Endpoint("POST", "/pipeline-promotions", promote, "write", "Promote a release", status=201),
    Endpoint("GET", PROMOTION, promotion, "read", "One promotion"),
    Endpoint("GET", f"{PROMOTION}/promotion-targets", targets, "read", "What came of it, by app"),
    Endpoint("POST", "/pipeline-transfers", transfer, "write", "Hand a pipeline over", status=201),
)
