"""The draft a pass of planning fills in, stage by stage. Private to the planning room."""

from dataclasses import dataclass, field

from setpoint.model.app import Unit, Upkeep
from setpoint.model.capability import Capabilities, Unmet, Want
from setpoint.model.change import Because
from setpoint.model.observed import Observed
from setpoint.model.release import Build, Release
from setpoint.model.steps import Drift, Step, Waiting


@dataclass
class Draft:
    unit: Unit
    observed: Observed
    capabilities: Capabilities
    now_s: float
    steps: list[Step] = field(default_factory=list[Step])
    waiting: list[Waiting] = field(default_factory=list[Waiting])
    unmet: list[Unmet] = field(default_factory=list[Unmet])
    stalled: tuple[str, str] | None = None
    """(reason, message) when only a human can help; the first one found is told"""
    build: Build | None = None
    """the fact about the intended source, once there is one"""
    target: Release | None = None
    """the release that ought to run"""
    laying: bool = False
    """what the target runs on was altered, and is laid again, now or after a pause"""
    lays_first: bool = False
    """something of it waits for that to be started"""
    serving: bool = False
    """everything wanted is ready and routed"""
    alarms_s: list[float] = field(default_factory=list[float])
    """seconds after which something will be due, whatever is settled by then"""

    memory_granted: int = 0
    """bytes that the process types planned so far may take at most"""
    drift: list[Drift] = field(default_factory=list[Drift])
    """what is left as outsiders made it"""
    left_undone: bool = False
    too_low: bool = False
    """nothing of it may run at the level of isolation there is"""
    wants: set[Want] = field(default_factory=set[Want])

    @property
    def stack(self) -> str:
        self.want("stack")
        return self.capabilities.stack

    @property
    def upkeep(self) -> Upkeep | None:
        """None where everything is enforced. A clock that jumped ahead ends nothing."""
        return self.unit.intent.upkeep_at(self.believed_s)

    @property
    def believed_s(self) -> float:
        return self.now_s - self.observed.clock_ahead_s

    @property
    def was_so(self) -> bool:
        """Everything that is intended now was there once: what is not has drifted."""
        was = self.observed.settled_generation >= self.unit.generation
        return was and not self.too_low and not self._read_late

    @property
    def _read_late(self) -> bool:
        """The world has heard of a newer intent than this, which is none any more."""
        observed, fence = self.observed, self.unit.fence
        if observed.route is not None and observed.route.route.fence > fence:
            return True
        return any(s.fence > fence for s in observed.sets)

    def again(self, what: str, rule: str, drift: str) -> Because:
        """Why something is to be as it was so once: by what ended everything, which is nobody's
        drift and nobody's Change, or else by `drift`, which is of this `rule`."""
        ended = self.observed.uptime.ended(self.observed.settled_in)
        if ended:
            return Because("resume", f"{ended}: {what} again")
        return self.because(rule, drift)

    def because(self, rule: str, text: str, change: int | None = None) -> Because:
        return Because(rule, text, change if change is not None else self.unit.last_change)

    def want(self, capability: str, most: int | None = None, one: str | None = None) -> None:
        """Whoever reads an offer says so: when it is another, this app is planned for anew."""
        self.wants.add(Want(capability, most, one))

    def stall(self, reason: str, message: str) -> None:
        if self.stalled is None:
            self.stalled = (reason, message)

    def fall_short(
        self,
        path: str,
        wanted: str,
        offered: str,
        capability: str,
        because: str,
        *,
        nearest: str = "",
        warned: bool = False,
    ) -> None:
        """`nearest`: what to ask for instead; '' where that is what is offered."""
        for name in (capability, "provider", "workarounds"):
            self.want(name)
        offers = self.capabilities
        way_round = offers.workarounds.get(capability, "").replace("APP", self.unit.name)
        self.unmet.append(
            Unmet(
                path,
                wanted,
                offered,
                capability,
                nearest or offered,
                because,
                offers.provider,
                way_round,
                warned,
            )
        )

    def wait(self, on: str, because: str, look_again_s: float = 1.0) -> None:
        self.waiting.append(Waiting(on, because, look_again_s))
