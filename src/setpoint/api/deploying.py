"""How a deploy goes, for whoever waits for it: lines as they come, and a verdict last."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

from setpoint.api.platform import builds, release_output
from setpoint.api.services import Services
from setpoint.api.until import until
from setpoint.intents.deploys import VERB
from setpoint.model.app import Unit
from setpoint.model.condition import ConditionType, find
from setpoint.model.history import Usual
from setpoint.model.ids import BuildId, Digest
from setpoint.model.release import Build, Release
from setpoint.planning.builds import build_id
from setpoint.planning.explain import duration
from setpoint.planning.release_phase import PROCESS
from setpoint.views import history

LOOK_AGAIN_S = 0.05
RELEASES_READ = 20
SLACK_S = 1.0
"""Past of the same length each time is no reason to be alarmed at once."""
MARK, INDENT, WARN = "-----> ", "       ", " !     "
WAITS = ("Frozen",)
"""Reasons to be stalled with which all is as somebody wants it: what was built waits."""


class Line(NamedTuple):
    """`verdict`: on the last line, whether it serves, or will when it may."""

    text: str
    verdict: bool | None = None


@dataclass(frozen=True)
class Pace:
    """How long it takes beside how long such a one usually took. `began_s`: by the loop's clock."""

    usual: Usual | None
    began_s: float

    @property
    def foretold(self) -> str:
        if self.usual is None:
            return "no history to predict it from"
        half, most = duration(self.usual.median_s), duration(self.usual.p90_s)
        return f"predicted live in {half} (p90 {most})"

    @property
    def took_s(self) -> float:
        return asyncio.get_running_loop().time() - self.began_s

    @property
    def left_s(self) -> float | None:
        """Until it takes longer than nine of ten did; None where that is not known."""
        return self.usual.p90_s + SLACK_S - self.took_s if self.usual is not None else None

    @property
    def late(self) -> str:
        assert self.usual is not None
        return f"longer than predicted (p90 {duration(self.usual.p90_s)})"


async def under_way(services: Services, unit: Unit, source: Digest, version: str) -> bool:
    """Is this what was deployed last, and has it not failed?"""
    intended = unit.intent.source
    if intended is None or unit.intent.rollback_to is not None:
        return False
    if (intended.digest, intended.version) != (source, version):
        return False
    build, release = await _build(services, unit), await _release(services, unit)
    failed = (build is not None and build.status == "failed") or (
        release is not None and release.status != "succeeded" and release.status != "pending"
    )
    return not failed


async def lines(services: Services, unit: Unit) -> AsyncIterator[Line]:
    """`unit`: as it was deployed. Ends early where this process does."""
    ended = False
    pace = await _pace(services, unit)
    yield Line(f"{MARK}{pace.foretold}")
    async for line in until(services.ending, paced(_lines(services, unit, pace), pace)):
        yield line
        ended = line.verdict is not None
    if not ended:
        yield Line(f"{WARN}Setpoint itself is being renewed; the deploy goes on")
        yield Line(f"{WARN}push again to see what came of it", False)


async def _pace(services: Services, unit: Unit) -> Pace:
    """From when it was accepted, also where somebody asks again later."""
    usual = (await history.of_app(services.store, unit.id)).get(VERB)
    ago_s = max(0.0, services.now() - unit.updated_at_s)
    return Pace(usual, asyncio.get_running_loop().time() - ago_s)


async def paced(lines: AsyncIterator[Line], pace: Pace) -> AsyncGenerator[Line, None]:
    """All of them; and once, at that moment, that it takes longer than was predicted."""
    told, coming = pace.usual is None, asyncio.ensure_future(anext(lines, None))
    try:
        while True:
            done, _ = await asyncio.wait((coming,), timeout=None if told else pace.left_s)
            if not done:
                told = True
                yield Line(f"{WARN}{pace.late}")
            elif (line := coming.result()) is None:
                return
            else:
                yield line
                coming = asyncio.ensure_future(anext(lines, None))
    finally:
        coming.cancel()


async def _lines(services: Services, unit: Unit, pace: Pace) -> AsyncIterator[Line]:
    """The build's output, then the release phase's, then what came of it."""
    async for text in _split(builds.stream(services, unit.id, _build_id(services, unit))):
        yield Line(text)
    while (build := await _build(services, unit)) is None or not build.final:
        if build is not None and build.cut_off:
            yield Line(f"{WARN}the build was cut off, and is tried again: {build.message}")
            yield Line(f"{WARN}push again to see what came of it", False)
            return
        await asyncio.sleep(LOOK_AGAIN_S)
    if build.status == "failed":
        yield Line(f"{WARN}cannot deploy '{unit.name}': the build failed", False)
        return
    told = False
    while (came := await _came(services, unit, pace)) is None:
        release = await _release(services, unit)
        if release is not None and not told and release.slug.process(PROCESS) is not None:
            told = True
            yield Line(f"{MARK}Release command of {release.label}")
            async for text in _split(release_output.said(services, unit, release)):
                yield Line(f"{INDENT}{text}")
        else:
            await asyncio.sleep(LOOK_AGAIN_S)
    for line in came:
        yield line


async def _came(services: Services, unit: Unit, pace: Pace) -> tuple[Line, ...] | None:
    """None while it is under way."""
    release = await _release(services, unit)
    match release.status if release is not None else None:
        case "succeeded":
            assert release is not None
            return (
                Line(f"{MARK}Released {release.label}"),
                Line(f"{INDENT}live after {duration(pace.took_s)}"),
                Line(f"{INDENT}{url(services, unit.name)} serves it", True),
            )
        case "failed":
            assert release is not None
            return _failed(unit, release.message, await _serving(services, unit))
        case "superseded":
            return (_overtaken(unit),)
        case _:
            return await _waiting(services, unit)


async def _waiting(services: Services, unit: Unit) -> tuple[Line, ...] | None:
    now = await services.store.unit(unit.id)
    if now is None or now.intent.deleted or now.source_change != unit.source_change:
        return (_overtaken(unit),)
    status = await services.store.status(unit.id)
    if status is None or status.observed_generation < unit.generation:
        return None
    stalled = find(status.conditions, ConditionType.STALLED)
    if stalled is None or not stalled.status:
        return None
    if stalled.reason in WAITS:
        return (Line(f"{WARN}what was built waits: {stalled.message}", True),)
    return _failed(unit, stalled.message, await _serving(services, unit))


def url(services: Services, app: str) -> str:
    here = services.installation
    return f"http://{app}.{here.host_suffix}:{here.edge_port}/"


def _failed(unit: Unit, message: str, serving: str) -> tuple[Line, ...]:
    head = Line(f"{WARN}cannot deploy '{unit.name}': it was built, but does not run")
    facts = (Line(f"{WARN}  {line}") for line in message.splitlines())
    still = f"{serving} still serves" if serving else "nothing serves yet"
    return (head, *facts, Line(f"{WARN}{still}; see: heroku logs -a {unit.name}", False))


def _overtaken(unit: Unit) -> Line:
    return Line(f"{WARN}cannot deploy '{unit.name}': a newer deploy has overtaken this one", False)


async def _serving(services: Services, unit: Unit) -> str:
    rows = await services.store.releases(unit.id, RELEASES_READ)
    return next((row.label for row in rows if row.status == "succeeded"), "")


def _build_id(services: Services, unit: Unit) -> BuildId:
    return build_id(unit, services.capabilities().stack)


async def _build(services: Services, unit: Unit) -> Build | None:
    wanted = _build_id(services, unit)
    return next((b for b in await services.store.builds(unit.id) if b.id == wanted), None)


async def _release(services: Services, unit: Unit) -> Release | None:
    """The newest that was made of this deploy's build."""
    wanted = _build_id(services, unit)
    rows = await services.store.releases(unit.id, RELEASES_READ)
    return next((row for row in rows if row.build == wanted), None)


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Whole lines, so that an escape sequence cannot hide between two chunks."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")
    if rest:
        yield rest.decode(errors="replace")
