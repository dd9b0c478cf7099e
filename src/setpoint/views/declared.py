"""An app as a file would declare it: what was set, and why. Values of config vars stay here."""

from setpoint.model.app import Formation, Unit
from setpoint.model.change import Actor
from setpoint.model.decision import Decision, Wish
from setpoint.model.declared import Declared, DeclaredApp, DeclaredProcess, DeclaredVar
from setpoint.model.text import when
from setpoint.planning.reasons import reason
from setpoint.store.port import Store
from setpoint.views import decisions, lookup

BOUNDS = ("max", "min")

Whys = dict[str, tuple[int, str]]
"""By path: the Change it comes from, and why; only what says something."""


async def declared(store: Store, actor: Actor, name: str, now_s: float) -> Declared:
    """Applied to where it comes from, it changes nothing. Raises NotFound."""
    unit = await lookup.app_to(store, actor, "see", name)
    whys = await _whys(store, unit)
    newest = await store.releases(unit.id, 1)
    known = newest[0].slug.processes if newest else ()
    functions = {p.name for p in known if p.kind == "function"}
    formation = {
        process: _process(process, bounds, whys)
        for process, bounds in unit.intent.formation.items()
    }
    app = DeclaredApp(
        name=unit.name,
        processes={p: said for p, said in formation.items() if p not in functions},
        functions={p: said for p, said in formation.items() if p in functions},
        config={
            key: DeclaredVar(why=whys.get(f"config.{key}", (0, ""))[1])
            for key in sorted(unit.intent.config)
        },
        maintenance=unit.intent.maintenance or None,
    )
    decided = await decisions.of_app(store, unit.id, now_s)
    return Declared((app,), tuple(_wish(d) for d in decided))


async def _whys(store: Store, unit: Unit) -> Whys:
    told: Whys = {}
    for field in await store.fields(unit.id):
        made = next(c for c in await store.change(field.change) if c.unit == unit.id)
        touch = next((t for t in made.touches if t.path == field.path), None)
        notes = await store.notes([field.change])
        said = reason(made.change.asked, notes.get(field.change, ()), touch)
        if said.kind in ("said", "thin"):
            told[field.path] = (field.change, said.text)
    return told


def _process(name: str, bounds: Formation, whys: Whys) -> DeclaredProcess:
    """What is as it is by default is not said."""
    usual = Formation(0, 0)
    said = [whys[path] for bound in BOUNDS if (path := f"formation.{name}.{bound}") in whys]
    return DeclaredProcess(
        min=bounds.min,
        max=bounds.max,
        size=bounds.size if bounds.size != usual.size else None,
        idle_s=bounds.idle_s if bounds.idle_s != usual.idle_s else None,
        boot_s_max=bounds.boot_s_max if bounds.boot_s_max != usual.boot_s_max else None,
        why=max(said)[1] if said else "",
    )


def _wish(decision: Decision) -> Wish:
    """As it was said; who it serves or replaced is known by number, here alone."""
    decided, bet = decision.decided, decision.decided.bet
    revisit_at_s = decision.revisit_at_s if decision.bet_state == "open" else None
    return Wish(
        text=decision.asked.why.strip(),
        bet=bet.claim if bet is not None else "",
        wrong_if=bet.wrong_if if bet is not None else "",
        if_wrong=bet.if_wrong if bet is not None else "",
        revisit=when(revisit_at_s)[:10] if revisit_at_s is not None else "",
        on=tuple(scope.text for scope in decided.governs),
        owner=decided.owner,
        backup=decided.backup,
    )
