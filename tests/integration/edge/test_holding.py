"""A web app at zero: its requests are held, it is started once, and all of them are answered."""

import asyncio
import time

from setpoint.formats.control import Demand, Request
from setpoint.model.ids import SetKey
from setpoint.model.process import Bounds, Phase, SetFacts
from tests.integration.edge.caller import Answer
from tests.integration.edge.conftest import Run
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import World, facts_of, key_of, route_of, until, web

ON_DEMAND = Bounds(0, 1)
CROWD = 200


class Starter:
    """Does what the supervisor would: the first demand starts one instance, once."""

    def __init__(self, world: World, key: SetKey, becomes: SetFacts, boot_s: float) -> None:
        self._world, self._key = world, key
        self._becomes, self._boot_s = becomes, boot_s
        self.starts = 0
        world.supervisor.on_told = self._told

    def _told(self, message: Request) -> None:
        wanted = isinstance(message, Demand) and message.key == self._key and message.waiting
        if wanted and not self.starts:
            self.starts += 1
            self._world.supervisor.put(facts_of(self._key, None, phase=Phase.STARTING))
            loop = asyncio.get_running_loop()
            loop.call_later(self._boot_s, self._world.supervisor.put, self._becomes)


async def cold(world: World, app: str, *, fails: bool = False, boot_s: float = 0.2) -> Starter:
    key = key_of(app)
    world.supervisor.put(facts_of(key, bounds=ON_DEMAND, ever_ready=True))
    await world.route(route_of(app, web(app, key, hold=True)))
    if fails:
        becomes = facts_of(key, bounds=ON_DEMAND, gave_up=True, failures=3)
    else:
        becomes = facts_of(key, await world.tcp(Upstream(app)), bounds=ON_DEMAND)
    return Starter(world, key, becomes, boot_s)


def test_one_cold_request_is_held_until_the_app_is_there(world: World, run: Run) -> None:
    async def story() -> None:
        starter = await cold(world, "alone")
        answer = await world.get("alone.localhost")
        assert answer.json["name"] == "alone"
        assert int(answer.headers["x-setpoint-held-ms"]) >= 190
        assert starter.starts == 1
        line = await world.line("host=alone.localhost")
        assert line.startswith("at=info ")
        assert "dyno=web.1 " in line
        await until(lambda: world.supervisor.demands(key_of("alone"))[-1] == 0, "no more demand")

    run(story())


def test_a_crowd_causes_one_start_and_all_are_answered(world: World, run: Run) -> None:
    async def story() -> None:
        starter = await cold(world, "crowd")
        answers = await asyncio.gather(*(world.get("crowd.localhost") for _ in range(CROWD)))
        assert [a.status for a in answers] == [200] * CROWD
        assert starter.starts == 1
        demands = world.supervisor.demands(key_of("crowd"))
        assert max(demands) <= CROWD
        assert len(demands) <= 3  # that somebody waits, how many, that nobody does any more
        await until(lambda: world.supervisor.demands(key_of("crowd"))[-1] == 0, "no more demand")

    run(story())


def test_a_start_that_fails_is_told_to_everyone_who_waits(world: World, run: Run) -> None:
    async def story() -> None:
        starter = await cold(world, "fails", fails=True)
        answers = await asyncio.gather(*(world.get("fails.localhost") for _ in range(50)))
        assert {(a.status, a.code, a.json["id"]) for a in answers} == {(503, "H10", "app_crashed")}
        assert starter.starts == 1
        assert all(a.json["request_id"] == a.headers["x-request-id"] for a in answers)

    run(story())


def test_who_leaves_takes_nobodys_start_along(world: World, run: Run) -> None:
    async def story() -> None:
        starter = await cold(world, "leaves")
        first = asyncio.create_task(world.get("leaves.localhost"))
        await until(lambda: starter.starts, "the start")
        second = asyncio.create_task(world.get("leaves.localhost"))
        first.cancel()
        assert (await second).status == 200
        assert starter.starts == 1

    run(story())


def test_a_body_sent_to_a_cold_app_arrives_whole(world: World, run: Run) -> None:
    async def story() -> None:
        await cold(world, "upload")
        answer = await world.get("upload.localhost", method="POST", body=b"x" * 5_000_000)
        assert answer.json["body_bytes"] == 5_000_000

    run(story())


def test_an_app_that_is_only_restarting_is_waited_for(world: World, run: Run) -> None:
    """Also one that is never at zero: its next instance is on its way already."""

    async def story() -> None:
        key, upstream = key_of("again"), Upstream("again")
        world.supervisor.put(facts_of(key, None, phase=Phase.STARTING, crashes=1))
        await world.route(route_of("again", web("again", key)))
        waiting = asyncio.create_task(world.get("again.localhost"))
        await until(lambda: world.supervisor.demands(key), "a demand")
        world.supervisor.put(facts_of(key, await world.tcp(upstream), crashes=1))
        assert (await waiting).status == 200

    run(story())


def test_a_set_nobody_reported_yet_is_waited_for(world: World, run: Run) -> None:
    async def story() -> None:
        key, upstream = key_of("unknown"), Upstream("unknown")
        await world.route(route_of("unknown", web("unknown", key)))
        waiting = asyncio.create_task(world.get("unknown.localhost"))
        await until(lambda: world.supervisor.demands(key), "a demand")
        world.supervisor.put(facts_of(key, await world.tcp(upstream)))
        assert (await waiting).json["name"] == "unknown"

    run(story())


def test_a_warm_app_is_not_asked_about(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("warm")
        answer = await world.get("warm.localhost")
        assert "x-setpoint-held-ms" not in answer.headers
        assert world.supervisor.demands(key_of("warm")) == []

    run(story())


def test_what_is_used_is_reported_and_what_rests_too(world: World, run: Run) -> None:
    async def story() -> None:
        key = key_of("busy")
        await world.app("busy", bounds=ON_DEMAND)
        began_s = time.time()
        slow: list[asyncio.Task[Answer]] = []

        def in_flight() -> list[int]:
            return [a.in_flight for a in world.supervisor.activities(key)]

        async def keep_busy() -> None:
            while 1 not in in_flight():
                slow.append(asyncio.create_task(world.get("busy.localhost", "/slow=0.5")))
                await asyncio.gather(*slow)

        await asyncio.wait_for(keep_busy(), 15)
        await until(lambda: in_flight()[-1] == 0, "rest")
        assert world.supervisor.activities(key)[-1].last_used_s >= began_s

    run(story())
