"""A file says what is intended: all of it is one Change, or none of it.

What the file does not name stays as it is, unless it asks for the rest to go.
"""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from setpoint.intents import buildpacks, decisions, declared_app
from setpoint.intents.declared_app import AppPlan
from setpoint.intents.door import Door
from setpoint.model.app import Unit
from setpoint.model.change import Actor, Asked
from setpoint.model.decision import Decided, Wish
from setpoint.model.declared import Declared, DeclaredApp
from setpoint.model.errors import Conflict, SetpointError
from setpoint.planning.decisions import fold
from setpoint.policy import access, names, words
from setpoint.store.port import UnitWrite

VERB = "apply"
SUMMARY_CHARS_MAX = 160
CHANGES_TOLD_MAX = 3


class FilePlan(msgspec.Struct, frozen=True):
    """`token`: names this plan; it is another one once anything it was made from is. `decisions`:
    those that are not there yet."""

    token: str
    apps: tuple[AppPlan, ...]
    decisions: tuple[tuple[Asked, Decided], ...]

    @property
    def changed(self) -> tuple[AppPlan, ...]:
        return tuple(app for app in self.apps if app.touches)


class Applied(msgspec.Struct, frozen=True):
    """`change`: seq of the one Change, 0 where all was so already. `failed`: why a decision that
    came after it was not recorded."""

    plan: FilePlan
    change: int = 0
    decisions: tuple[int, ...] = ()
    failed: str = ""


async def planned(door: Door, asked: Asked, file: Declared) -> FilePlan:
    """What applying it would come to; nothing is written. Raises what applying it would, but for
    what whoever asks may only look at."""
    access.authorise(asked.actor, "plan", "the file")
    apps = tuple(
        [
            await declared_app.planned(door, asked.actor, said, prune=file.prune)
            for said in file.apps
        ]
    )
    await _check_domains(door, apps)
    unborn = {app.name: _unborn(app, asked) for app in apps if app.unit is None}
    wanted = await _new_decisions(door, asked.actor, file.decisions)
    drafts = tuple([await decisions.drafted(door, asked, wish, unborn) for wish in wanted])
    return FilePlan(await _token(door, file, apps), apps, drafts)


async def apply(door: Door, asked: Asked, file: Declared, token: str = "") -> Applied:
    """`token`: of the plan that was looked at; anything else is refused then."""
    access.authorise(asked.actor, VERB, "the file")
    plan = await planned(door, asked, file)
    for unit in (app.unit for app in plan.apps if app.unit is not None):
        access.admit(asked.actor, VERB, unit)
    if token and _hash(token) != _hash(plan.token):
        raise Conflict(
            f"cannot apply the file: plan {names.shortened(token)} is not what would be done any "
            "more",
            await _since(door, token, plan),
        )
    for app in plan.changed:
        await buildpacks.hold(door, app.name, app.intent.buildpacks, asked.at_s)
    change = await _commit(door, asked, plan) if plan.changed else 0
    made: list[int] = []
    try:
        for said, decided in plan.decisions:
            once = msgspec.structs.replace(said, idempotency_key="")
            made.append((await door.store.decide(once, decided)).decision)
    except SetpointError as error:
        if not change:
            raise
        return Applied(plan, change, tuple(made), str(error))
    return Applied(plan, change, tuple(made))


async def _commit(door: Door, asked: Asked, plan: FilePlan) -> int:
    unsayable = await _unsayable(door, plan)
    for app in plan.changed:
        words.check_told([*app.whys.values()], unsayable, "file")
    asked = words.accepted(words.linked(msgspec.structs.replace(asked, via="file")), unsayable)
    writes = [
        UnitWrite(
            app.intent,
            app.unit.rev if app.unit is not None else None,
            whole=True,
            restated=app.restated,
            whys=app.whys,
        )
        for app in sorted(plan.changed, key=_takes_domains)
    ]
    sealed = {key: value for app in plan.changed for key, value in app.sealed.items()}
    summary = _bounded("; ".join(app.told for app in plan.changed))
    done = await door.store.commit(asked, VERB, summary, writes, sealed)
    for unit in done.units:
        door.wake(unit.id)
    return done.change


async def _check_domains(door: Door, apps: Sequence[AppPlan]) -> None:
    """No two apps answer at one host, as the file would have it. Raises Conflict."""
    taking = [app for app in apps if _takes_domains(app)]
    if not taking:
        return
    after = {app.intent.id: app.intent for app in apps}
    held = {u.id: u.intent for u in await door.store.units()} | after
    for app in taking:
        for other in held.values():
            shared = {*other.domains} & {*app.intent.domains}
            if other.id != app.intent.id and shared:
                who = f"'{other.name}'" if other.id in after else "another app"
                raise Conflict(
                    f"cannot add the domain '{min(shared)}' to '{app.name}': {who} has it"
                )


def _takes_domains(app: AppPlan) -> bool:
    """Who gives one away is written before who gets it."""
    return not {*app.intent.domains} <= {*app.base.domains}


async def _unsayable(door: Door, plan: FilePlan) -> tuple[str, ...]:
    values: list[str] = []
    for app in plan.apps:
        if app.unit is not None:
            values += (await door.store.reveal(app.unit.intent.config)).values()
        values += app.sealed.values()
    return tuple(values)


# --- decisions, and the plan's name --------------------------------------------------------------


async def _new_decisions(door: Door, actor: Actor, wishes: Sequence[Wish]) -> tuple[Wish, ...]:
    """Those whose title no decision that stands has."""
    if not wishes:
        return ()
    standing = [d for d in fold(await door.store.decisions()) if not d.superseded_by]
    known = {d.title for d in standing if await decisions.seen(door, actor, d)}
    return tuple(w for w in wishes if w.text.strip().partition("\n")[0] not in known)


async def _token(door: Door, file: Declared, apps: Iterable[AppPlan]) -> str:
    """`<newest Change>.<hash>`: over the file with fingerprints for the values of its environment,
    over which of those would be news, and over what each app is made of now."""
    bare = msgspec.json.encode([_bare(door, app) for app in file.apps])
    rest = msgspec.json.encode((file.decisions, file.prune))
    state = msgspec.json.encode(
        [
            (app.name, app.unit.id, app.unit.rev, sorted(t.path for t in app.touches))
            if app.unit is not None
            else (app.name,)
            for app in apps
        ]
    )
    newest = await door.store.changes(None, 1)
    seq = newest[0].change.seq if newest else 0
    return f"c{seq}.{hashlib.sha256(b'|'.join((bare, rest, state))).hexdigest()[:12]}"


def _hash(token: str) -> str:
    return token.rpartition(".")[2]


def _bare(door: Door, app: DeclaredApp) -> DeclaredApp:
    config = {
        key: msgspec.structs.replace(var, value=door.store.fingerprint(app.name, key, var.value))
        for key, var in app.config.items()
        if var.value is not None
    }
    config = {**app.config, **config}
    return msgspec.structs.replace(app, config=config)


async def _since(door: Door, token: str, plan: FilePlan) -> str:
    """What was changed since that plan, as far as its name tells."""
    seq = token.removeprefix("c").partition(".")[0]
    since = int(seq) if seq.isdecimal() and len(seq) < 18 else 0
    told: list[str] = []
    for app in plan.apps:
        made = await door.store.changes(app.unit.id, CHANGES_TOLD_MAX) if app.unit else ()
        told += [
            f"{c.change.label} {c.change.summary}" for c in made if since and c.change.seq > since
        ]
    because = f"since then: {', '.join(told)}" if told else "the file, or its environment, differs"
    return f"{because}; look again: setpoint plan -f FILE"


def _unborn(app: AppPlan, asked: Asked) -> Unit:
    return Unit(app.intent, 0, 0, 0, asked.actor.email, asked.at_s, asked.at_s, last_change=0)


def _bounded(summary: str) -> str:
    if len(summary) <= SUMMARY_CHARS_MAX:
        return summary
    return summary[: SUMMARY_CHARS_MAX - 1] + "…"
