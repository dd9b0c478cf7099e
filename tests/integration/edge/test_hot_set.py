"""Sleeping functions beyond the hot set: Envoy forgets their clusters, and no caller notices."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from setpoint.formats.control import Demand, Request
from setpoint.formats.envoy.clusters import cluster_name
from setpoint.model.ids import SetKey
from setpoint.model.process import Bounds, Endpoint, Phase
from tests.integration.edge.conftest import Run
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import (
    SCALED,
    World,
    a_world,
    facts_of,
    function,
    key_of,
    route_of,
    until,
)

KEY = "k-3f9a"
WITH_KEY = {"authorization": f"Bearer {KEY}"}
ON_DEMAND = Bounds(0, 1)
CROWD = 200
LEAVING_S = 0.5


@pytest.fixture(scope="module")
def world(run: Run) -> Iterator[World]:
    """Room for one function that sleeps."""
    limits = msgspec.structs.replace(SCALED, hot_functions=1, leaving_s=LEAVING_S)
    made = a_world(limits)
    found: list[World] = []

    async def enter() -> None:
        found.append(await made.__aenter__())

    async def leave() -> None:
        await made.__aexit__(None, None, None)

    run(enter())
    yield found[0]
    run(leave())


class Function:
    """One behind a socket of its own, of which the test says whether it runs."""

    def __init__(self, world: World, name: str, socket: Endpoint, upstream: Upstream) -> None:
        self.world, self.socket, self.upstream = world, socket, upstream
        self.key = key_of(name, "hello")
        self.host = f"hello--{name}.localhost"

    def runs(self, phase: Phase = Phase.READY) -> None:
        facts = facts_of(self.key, None, phase=phase, bounds=ON_DEMAND, socket=self.socket)
        self.world.supervisor.put(facts)

    def sleeps(self) -> None:
        """It was used just now."""
        asleep = facts_of(self.key, bounds=ON_DEMAND, ever_ready=True, socket=self.socket)
        self.world.supervisor.put(msgspec.structs.replace(asleep, last_used_s=time.time()))

    async def call(self) -> int:
        return (await self.world.get(self.host, headers=WITH_KEY)).status


async def a_function(world: World, name: str) -> Function:
    upstream = Upstream(name)
    made = Function(world, name, await world.pipe(upstream, f"{name}.sock"), upstream)
    made.runs()
    await world.route(route_of(name, function(name, "hello", made.key, hold=True)), KEY)
    made.sleeps()
    return made


async def forgotten(world: World, name: str) -> Function:
    """A function that sleeps outside the hot set, for another one fell asleep after it."""
    made = await a_function(world, name)
    await a_function(world, f"{name}-next")
    await until(lambda: known(world, made.key, False), "its cluster to go")
    return made


async def known(world: World, key: SetKey, wanted: bool) -> bool:
    return (cluster_name(key) in await clusters(world)) is wanted


async def clusters(world: World) -> set[str]:
    """By Envoy's own account."""
    reader, writer = await asyncio.open_unix_connection(world.paths.envoy_admin)
    writer.write(b"GET /clusters HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    return {line.partition("::")[0] for line in text.splitlines() if "::" in line}


def starter(world: World, made: Function) -> list[int]:
    """Does what the supervisor would: while nothing runs, one is started for whoever waits."""
    starts: list[int] = []

    def told(message: Request) -> None:
        wanted = isinstance(message, Demand) and message.key == made.key and message.waiting
        if wanted and not world.supervisor.facts[made.key].instances:
            starts.append(message.waiting)
            made.runs(Phase.STARTING)

    world.supervisor.on_told = told
    return starts


def test_its_cluster_goes_and_the_first_call_is_held_and_answered(world: World, run: Run) -> None:
    async def story() -> None:
        made = await forgotten(world, "first")
        starts = starter(world, made)
        answer = await world.get(made.host, headers=WITH_KEY)
        assert answer.json["name"] == "first"
        assert "x-setpoint-held-ms" in answer.headers
        assert "authorization" not in answer.json["headers"]
        assert len(starts) == 1
        assert await known(world, made.key, True)
        await until(lambda: world.supervisor.demands(made.key)[-1] == 0, "no more demand")

    run(story())


def test_the_next_call_is_not_held(world: World, run: Run) -> None:
    async def story() -> None:
        made = await forgotten(world, "second")
        starter(world, made)
        await made.call()
        await until(lambda: world.acked("second"), "its host to be confirmed")
        answer = await world.get(made.host, headers=WITH_KEY)
        assert answer.status == 200
        assert "x-setpoint-held-ms" not in answer.headers

    run(story())


def test_a_crowd_wants_one_start_and_all_are_answered(world: World, run: Run) -> None:
    async def story() -> None:
        made = await forgotten(world, "crowd")
        starts = starter(world, made)
        assert await asyncio.gather(*(made.call() for _ in range(CROWD))) == [200] * CROWD
        assert len(starts) == 1
        assert len(made.upstream.requests) == CROWD

    run(story())


def test_nobody_without_its_key_brings_it_back(world: World, run: Run) -> None:
    async def story() -> None:
        made = await forgotten(world, "shut")
        answers = [
            await world.get(made.host),
            await world.get(made.host, headers={"authorization": "Bearer no"}),
        ]
        assert [a.status for a in answers] == [401, 401]
        assert world.supervisor.demands(made.key) == []
        assert await known(world, made.key, False)

    run(story())


def test_a_body_of_several_mebibytes_arrives_whole(world: World, run: Run) -> None:
    async def story() -> None:
        made = await forgotten(world, "upload")
        body = b"x" * 5_000_000
        answer = await world.get(made.host, method="POST", headers=WITH_KEY, body=body)
        assert answer.json["body_bytes"] == len(body)

    run(story())


def test_a_body_under_way_as_it_leaves_the_hot_set_is_not_lost(world: World, run: Run) -> None:
    """By the time it is whole, its host asks others; it was let through by the old one."""

    async def story() -> None:
        made = await a_function(world, "slowly")
        begun, left = asyncio.Event(), asyncio.Event()

        async def chunks() -> AsyncIterator[bytes]:
            yield b"x" * 1000
            begun.set()
            await left.wait()
            yield b"x" * 1000

        sending = asyncio.create_task(
            world.get(made.host, method="POST", headers=WITH_KEY, chunks=chunks())
        )
        await begun.wait()
        await a_function(world, "slowly-next")
        await until(lambda: world.acked("slowly"), "its host to be confirmed")
        left.set()
        answer = await sending
        assert (answer.status, answer.json["body_bytes"]) == (200, 2000)

    run(story())


def test_functions_that_push_each_other_out_answer_every_call(world: World, run: Run) -> None:
    """Each is called as it has just left, is leaving, or sleeps on: 0 of 600 calls may fail."""

    async def story() -> None:
        made = [await a_function(world, f"churn{n}") for n in range(6)]

        async def caller(n: int) -> list[int]:
            answers: list[int] = []
            for turn in range(100):
                one = made[(n + turn) % len(made)]
                answers.append(await one.call())
                one.runs()
                one.sleeps()
            return answers

        found = await asyncio.gather(*(caller(n) for n in range(len(made))))
        assert [status for each in found for status in each if status != 200] == []

    run(story())


def test_a_function_that_is_in_it_answers_while_the_agent_is_dead(world: World, run: Run) -> None:
    """One outside has to wait until the agent is back, as a web app at zero has."""

    async def story() -> None:
        outside = await forgotten(world, "outside")
        inside = await a_function(world, "inside")
        await until(lambda: world.acked("inside"), "its host to be confirmed")
        world.kill_agent()
        try:
            assert await inside.call() == 200
            answer = await world.get(outside.host, headers=WITH_KEY)
            assert (answer.status, answer.code) == (503, "H99")
        finally:
            world.start_agent()
        await until(lambda: world.acked_again("outside"), "the agent to be back")
        assert await outside.call() == 200

    run(story())
