"""What became of one intended value, read off what was last seen, or off the clock."""

from setpoint.model.answer import Actual
from setpoint.model.app import Upkeep
from setpoint.model.observed import StatusSummary
from setpoint.model.paths import shown
from setpoint.model.release import Release
from setpoint.model.text import told, when


def actual(path: str, seen: StatusSummary, serving: Release | None, at_s: float) -> Actual | None:
    """`serving`: the release that does. None for what leaves nothing to be seen."""
    head, _, rest = path.partition(".")
    match head:
        case "formation":
            process, _, field = rest.rpartition(".")
            return _formation(process, field, seen, at_s)
        case "config" if serving is not None:
            live = serving.config.get(rest)
            runs = str(shown(live)) if live is not None else "not set"
            return Actual(None, f"{runs} in {serving.label}", "", at_s)
        case "source" if serving is not None and rest == "digest":
            return Actual(None, f"{told(serving.source)} in {serving.label}", "", at_s)
        case "name" | "maintenance" if seen.route is not None:
            route = seen.route.route
            routed = route.app_name if head == "name" else route.maintenance
            return Actual(None, routed, seen.route.nack, at_s)
        case "domains" if seen.route is not None:
            route = seen.route.route
            hosts = [h for b in route.backends for h in b.hosts if not h.endswith(".localhost")]
            return Actual(None, ", ".join(hosts), seen.route.nack, at_s)
        case _:
            return _unmet(path, seen, at_s)


def _unmet(path: str, seen: StatusSummary, at_s: float) -> Actual | None:
    """Of a wish that cannot be had, what there is instead. One may be told of several leaves."""
    about = (u for u in seen.unmet if path == u.path or path.startswith(f"{u.path}."))
    unmet = next(about, None)
    return Actual(unmet.offered, None, unmet.because, at_s) if unmet is not None else None


def upkeep_over(upkeep: Upkeep, now_s: float) -> Actual | None:
    """None while it holds, or has no end: what was said is so then."""
    if upkeep.until_s is None or now_s < upkeep.until_s:
        return None
    over = f"it ended by itself at {when(upkeep.until_s)}"
    return Actual(None, "enforce", over, upkeep.until_s)


def _formation(process: str, field: str, seen: StatusSummary, at_s: float) -> Actual | None:
    """Several sets of one process stand side by side in a roll-out: the newest is the intended."""
    sets = [s for s in seen.sets if s.key.process == process and not s.retiring]
    newest = max(sets, key=lambda s: (s.fence, s.release), default=None)
    if newest is None or field not in ("min", "max"):
        return _unmet(f"formation.{process}.{field}", seen, at_s)
    because = next((u.because for u in seen.unmet if u.path == f"formation.{process}.max"), "")
    granted = newest.bounds.min if field == "min" else newest.bounds.max
    return Actual(granted, len(newest.ready), because, at_s)
