"""Stage 5: which hosts ought to reach which set. Traffic moves only to what is ready."""

from setpoint.model.change import Because
from setpoint.model.ids import SetKey
from setpoint.model.release import ProcessType, Release
from setpoint.model.route import Backend, Route, RouteFacts, RouteKind
from setpoint.model.steps import EnsureRoute
from setpoint.planning import certificates, releases
from setpoint.planning.draft import Draft
from setpoint.planning.processes import CRASHES_TOLD, Wanted, still_proving

HOST_SUFFIX = "localhost"


def plan_route(draft: Draft, wanted: tuple[Wanted, ...]) -> None:
    unit = draft.unit
    route = Route(
        unit.id,
        unit.name,
        _backends(draft, wanted),
        unit.fence,
        unit.intent.maintenance,
        certificates.served(draft),
    )
    seen = draft.observed.route
    key = draft.unit.intent.invoke_key
    same = seen is not None and seen.route.same_as(route) and seen.invoke_key == key
    if seen is not None and same:
        _keep(draft, seen, EnsureRoute(route, key, _because_renewed(draft)))
    else:
        draft.steps.append(EnsureRoute(route, key, _because(draft, route)))
    draft.serving = (
        same
        and seen is not None
        and seen.acked
        and draft.target is not None
        and all(w.ready for w in wanted)
        and _on_target(seen.route, wanted)
    )


def _keep(draft: Draft, seen: RouteFacts, renewal: EnsureRoute) -> None:
    """An edge that has not heard of a newer generation would still obey a delayed command of an
    older one, which would then pass for an outsider's doing."""
    if seen.route.fence < renewal.route.fence:
        draft.steps.append(renewal)
    if seen.nack:
        draft.stall("RouteRefused", f"the edge refused the route: {seen.nack}")
    elif not seen.acked:
        draft.wait("route", "the edge has not confirmed the route yet")


def _on_target(route: Route, wanted: tuple[Wanted, ...]) -> bool:
    keys = {w.order.key for w in wanted}
    return all(b.target is None or b.target in keys for b in route.backends)


def _backends(draft: Draft, wanted: tuple[Wanted, ...]) -> tuple[Backend, ...]:
    routable = [w for w in wanted if w.type.kind in ("web", "function")]
    functions = [w for w in routable if w.type.kind == "function"]
    backends = _kept(draft, wanted)
    if any(_home(draft) in b.hosts for b in backends):
        routable = [w for w in routable if w.type.kind != "web"]  # its turn comes with its proof
    home_taken = backends != [] or any(w.type.kind == "web" for w in routable)
    backends += [
        _backend(draft, wanted, w, alone=not home_taken and len(functions) == 1) for w in routable
    ]
    if not any(_home(draft) in b.hosts for b in backends):
        backends.append(Backend(_homes(draft), "web", "web", None))
    return tuple(backends)


def _kept(draft: Draft, wanted: tuple[Wanted, ...]) -> list[Backend]:
    """What serves now and the new release drops, for as long as that release may yet fail."""
    seen, target = draft.observed.route, draft.target
    if target is None or not still_proving(draft, wanted):
        return []
    kept = [
        b
        for b in (seen.route.backends if seen is not None else ())
        if b.target is not None
        and target.slug.process(b.process) is None
        and _stands(draft, b.target)
    ]
    return kept + _given_back(draft, target, kept)


def _given_back(draft: Draft, target: Release, kept: list[Backend]) -> list[Backend]:
    """Of what the new release drops, that which an outsider took out of the routes meanwhile."""
    serving = releases.proven(draft.observed)
    types = serving.slug.processes if serving is not None else ()
    served = [(t, key) for t in types if (key := _has_served(draft, t.name)) is not None]
    alone = [t.kind for t, _ in served if t.kind != "worker"] == ["function"]
    known = {b.process for b in kept}
    return [
        _led_to(draft, t, key, alone=alone)
        for t, key in served
        if t.kind in ("web", "function") and target.slug.process(t.name) is None
        if t.name not in known
    ]


def _led_to(draft: Draft, type_: ProcessType, key: SetKey, *, alone: bool) -> Backend:
    facts = next(s for s in draft.observed.sets if s.key == key)
    return _backend_of(draft, type_, key, hold=facts.bounds.min == 0, alone=alone)


def _home(draft: Draft) -> str:
    return f"{draft.unit.name}.{HOST_SUFFIX}"


def _homes(draft: Draft) -> tuple[str, ...]:
    """The app's own host, and those that somebody gave it."""
    return (_home(draft), *draft.unit.intent.domains)


def _backend(draft: Draft, wanted: tuple[Wanted, ...], want: Wanted, *, alone: bool) -> Backend:
    target, hold = _target(draft, wanted, want), want.order.bounds.min == 0
    return _backend_of(draft, want.type, target, hold=hold, alone=alone)


def _backend_of(
    draft: Draft, type_: ProcessType, target: SetKey | None, *, hold: bool, alone: bool
) -> Backend:
    kind: RouteKind = "web" if type_.kind == "web" else "function"
    hosts = _homes(draft) if kind == "web" or alone else ()
    if kind == "function":
        hosts = (f"{type_.name}--{draft.unit.name}.{HOST_SUFFIX}", *hosts)
    return Backend(hosts, kind, type_.name, target, hold, keyed=kind == "function")


def _target(draft: Draft, wanted: tuple[Wanted, ...], want: Wanted) -> SetKey | None:
    """The new set once it is ready (a new release moves as a whole), until then what serves now."""
    pending = draft.target is not None and draft.target.status == "pending"
    moved = all(w.ready for w in wanted) if pending else want.ready
    if moved:
        return want.order.key
    current = _current(draft, want.process) or _has_served(draft, want.process)
    if current is not None and _stands(draft, current) and (pending or not _loops(draft, current)):
        return current
    return None if pending else want.order.key


def _stands(draft: Draft, key: SetKey) -> bool:
    """It is there and meant to stay. It may be at zero (idle) or restarting: still its turn."""
    return any(s.key == key and not s.retiring for s in draft.observed.sets)


def _loops(draft: Draft, key: SetKey) -> bool:
    """It crashes again and again: nothing is lost by giving its place to what replaces it."""
    sets = draft.observed.sets
    return any(s.key == key and not s.ready and s.crashes >= CRASHES_TOLD for s in sets)


def _current(draft: Draft, process: str) -> SetKey | None:
    seen = draft.observed.route
    if seen is None:
        return None
    return next((b.target for b in seen.route.backends if b.process == process), None)


def _has_served(draft: Draft, process: str) -> SetKey | None:
    """Where an outsider took it out of the route: what the release that serves has ready of it, or
    sleeps until somebody asks for it."""
    serving = releases.proven(draft.observed)
    able = (s for s in draft.observed.sets if s.ever_ready and (s.ready or s.bounds.min == 0))
    sets = (s for s in able if s.key.process == process and not s.retiring)
    ours = (s.key for s in sets if serving is not None and s.release == serving.version)
    return next(ours, None)


def _because_renewed(draft: Draft) -> Because:
    name, change = draft.unit.name, draft.unit.last_change
    return draft.because("renew", f"the route of {name} stays as it is, and is told of c{change}")


def _because(draft: Draft, route: Route) -> Because:
    facts, name = draft.observed.route, draft.unit.name
    if draft.too_low:
        return draft.because("level", f"nothing of {name} may run at this level")
    if not draft.was_so:
        return draft.because("route", _why(facts.route if facts is not None else None, route))
    if facts is None:
        return draft.again(f"{name} is routed", "missing", f"{name} should be routed and is not")
    another = f"the edge has another route for {name} than it was given"
    return draft.again(f"{name} is routed", "altered", another)


def _why(seen: Route | None, route: Route) -> str:
    if seen is not None and seen.app_name != route.app_name:
        return f"{seen.app_name} is called {route.app_name} now"
    if route.maintenance and not (seen is not None and seen.maintenance):
        return "maintenance was switched on"
    if seen is not None and seen.maintenance and not route.maintenance:
        return "maintenance is over"
    before, after = seen.backends if seen is not None else (), route.backends
    old = {b.process: b.target for b in before}
    moved = [b.process for b in after if b.target is not None and b.target != old.get(b.process)]
    if moved:
        return f"{', '.join(moved)} is ready to take requests"
    if seen is not None and before == after and seen.certificates != route.certificates:
        return "its hosts have another certificate"
    if not before:
        return "the app has a host and nothing serves it yet"
    return "hosts or their treatment changed"
