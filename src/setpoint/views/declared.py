"""An app as a file would declare it: what was set, and why. Values of config vars stay here."""

from setpoint.model.app import Formation, Probe, Unit
from setpoint.model.change import Actor
from setpoint.model.decision import Decision, Wish
from setpoint.model.declared import (
    Declared,
    DeclaredApp,
    DeclaredBuildpacks,
    DeclaredDomains,
    DeclaredEgress,
    DeclaredMaintenance,
    DeclaredProbe,
    DeclaredProcess,
    DeclaredReleasePhase,
    DeclaredVar,
    DeclaredWord,
)
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
    intent = unit.intent
    formation = {
        process: _process(process, intent.formation.get(process), intent.probes.get(process), whys)
        for process in {**intent.formation, **intent.probes}
    }
    app = DeclaredApp(
        name=unit.name,
        processes={p: said for p, said in formation.items() if p not in functions},
        functions={p: said for p, said in formation.items() if p in functions},
        config={
            key: DeclaredVar(why=_said(whys, f"config.{key}")) for key in sorted(intent.config)
        },
        maintenance=DeclaredMaintenance(on=True, why=_said(whys, "maintenance"))
        if intent.maintenance
        else None,
        release_phase=DeclaredReleasePhase(intent.release_s_max, _said(whys, "release_s_max"))
        if intent.release_s_max is not None
        else None,
        buildpacks=DeclaredBuildpacks(intent.buildpacks, _said(whys, "buildpacks"))
        if intent.buildpacks
        else None,
        domains=DeclaredDomains(intent.domains, _said(whys, "domains")) if intent.domains else None,
        egress=DeclaredEgress(intent.egress, _said(whys, "egress")) if intent.egress else None,
        isolation_level_min=_word(whys, "isolation_level_min", intent.isolation_level_min),
        region=_word(whys, "region", intent.region),
    )
    decided = await decisions.of_app(store, unit.id, now_s)
    decided = await decisions.seen_by(store, actor, decided)
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


def _word(whys: Whys, path: str, said: str | None) -> DeclaredWord | None:
    return DeclaredWord(said, _said(whys, path)) if said else None


def _said(whys: Whys, *paths: str) -> str:
    """The newest of what was said of any of them."""
    return max((whys[path] for path in paths if path in whys), default=(0, ""))[1]


def _process(
    name: str, bounds: Formation | None, probe: Probe | None, whys: Whys
) -> DeclaredProcess:
    """What is as it is by default is not said."""
    asked = _probe(name, probe, whys) if probe is not None else None
    if bounds is None:
        return DeclaredProcess(probe=asked)
    usual = Formation(0, 0)
    return DeclaredProcess(
        min=bounds.min,
        max=bounds.max,
        size=bounds.size if bounds.size != usual.size else None,
        idle_s=bounds.idle_s if bounds.idle_s != usual.idle_s else None,
        boot_s_max=bounds.boot_s_max if bounds.boot_s_max != usual.boot_s_max else None,
        concurrency=bounds.concurrency if bounds.concurrency != usual.concurrency else None,
        probe=asked,
        why=_said(whys, *(f"formation.{name}.{bound}" for bound in BOUNDS)),
    )


def _probe(name: str, probe: Probe, whys: Whys) -> DeclaredProbe:
    paths = (f"probes.{name}.{field}" for field in Probe.__struct_fields__)
    return DeclaredProbe(
        path=probe.path,
        timeout_s=probe.timeout_s,
        status_below=probe.status_below,
        once=probe.once,
        why=_said(whys, *paths),
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
