"""Functions behind the edge: only for who has the key, bounded in size and time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from setpoint.model.ids import SetKey
from setpoint.model.process import Bounds, Endpoint
from tests.integration.edge.conftest import Run
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import World, facts_of, function, key_of, route_of, until

KEY = "k-3f9a"
WITH_KEY = {"authorization": f"Bearer {KEY}"}
MIB = 2**20


async def a_function(world: World, app: str, upstream: Upstream | None = None) -> SetKey:
    """Reachable at hello--<app>.localhost, behind the supervisor's socket."""
    key = key_of(app, "hello")
    socket = await world.pipe(upstream or Upstream(app), f"{app}.sock")
    world.supervisor.put(facts_of(key, None, socket=socket))
    await world.route(route_of(app, function(app, "hello", key)), KEY)
    return key


def test_with_the_key_it_is_called_and_never_sees_the_key(world: World, run: Run) -> None:
    async def story() -> None:
        await a_function(world, "calls")
        answer = await world.get("hello--calls.localhost", headers=WITH_KEY)
        assert answer.json["name"] == "calls"
        assert "authorization" not in answer.json["headers"]
        line = await world.line("host=hello--calls.localhost")
        assert "dyno=hello " in line
        assert KEY not in line

    run(story())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer other"},
        {"authorization": KEY},
        {"authorization": f"bearer {KEY}"},
        {"authorization": f"Bearer {KEY}x"},
        {"x-setpoint-key": KEY},
    ],
    ids=["none", "other", "bare", "lower-case", "longer", "another-header"],
)
def test_without_the_key_nothing_is_called(world: World, run: Run, headers: dict[str, str]) -> None:
    async def story() -> None:
        upstream = Upstream("closed")
        await a_function(world, "closed", upstream)
        answer = await world.get("hello--closed.localhost", headers=headers)
        assert (answer.status, answer.json["id"]) == (401, "unauthorized")
        assert upstream.requests == []

    run(story())


def test_without_the_key_nothing_is_started(world: World, run: Run) -> None:
    """A set without a socket yet is held like a web app; the key comes before the hold."""

    async def story() -> None:
        key = key_of("coldfn", "hello")
        world.supervisor.put(facts_of(key, bounds=Bounds(0, 1)))
        await world.route(route_of("coldfn", function("coldfn", "hello", key, hold=True)), KEY)
        answers = [
            await world.get("hello--coldfn.localhost"),
            await world.get("hello--coldfn.localhost", headers={"authorization": "Bearer no"}),
        ]
        assert [a.status for a in answers] == [401, 401]
        assert world.supervisor.demands(key) == []
        waiting = asyncio.create_task(world.get("hello--coldfn.localhost", headers=WITH_KEY))
        await until(lambda: world.supervisor.demands(key), "a demand")
        socket = await world.pipe(Upstream("coldfn"), "coldfn.sock")
        world.supervisor.put(facts_of(key, None, socket=socket))
        answer = await waiting
        assert answer.json["name"] == "coldfn"
        assert "authorization" not in answer.json["headers"]

    run(story())


def test_a_route_without_its_key_lets_nobody_in(world: World, run: Run) -> None:
    async def story() -> None:
        key = key_of("keyless", "hello")
        world.supervisor.put(facts_of(key, None, socket=Endpoint("pipe", "/nowhere")))
        await world.route(route_of("keyless", function("keyless", "hello", key)), "")
        for headers in ({}, {"authorization": "Bearer "}):
            assert (await world.get("hello--keyless.localhost", headers=headers)).status == 401

    run(story())


def test_a_rotated_key_replaces_the_old_one(world: World, run: Run) -> None:
    async def story() -> None:
        key = await a_function(world, "rotates")
        route = route_of("rotates", function("rotates", "hello", key), generation=2)
        await world.route(route, "k-new")
        host = "hello--rotates.localhost"
        assert (await world.get(host, headers=WITH_KEY)).status == 401
        assert (await world.get(host, headers={"authorization": "Bearer k-new"})).status == 200

    run(story())


def test_six_mebibytes_pass_and_one_byte_more_does_not(world: World, run: Run) -> None:
    async def story() -> None:
        upstream = Upstream("sized")
        await a_function(world, "sized", upstream)

        async def post(size: int) -> tuple[int, str]:
            host, body = "hello--sized.localhost", b"x" * size
            answer = await world.get(host, method="POST", headers=WITH_KEY, body=body)
            return answer.status, answer.json.get("id", "")

        assert await post(6 * MIB) == (200, "")
        assert await post(6 * MIB + 1) == (413, "payload_too_large")
        assert [r.body_bytes for r in upstream.requests] == [6 * MIB]

    run(story())


def test_a_body_of_unknown_size_is_bounded_too(world: World, run: Run) -> None:
    async def story() -> None:
        await a_function(world, "chunky")

        async def chunks(count: int) -> AsyncIterator[bytes]:
            for _ in range(count):
                yield b"x" * 65536

        host = "hello--chunky.localhost"
        good = await world.get(host, method="POST", headers=WITH_KEY, chunks=chunks(96))
        assert (good.status, good.json["body_bytes"]) == (200, 6 * MIB)
        bad = await world.get(host, method="POST", headers=WITH_KEY, chunks=chunks(97))
        assert (bad.status, bad.json["id"]) == (413, "payload_too_large")

    run(story())


def test_an_answer_that_takes_too_long_is_504(world: World, run: Run) -> None:
    async def story() -> None:
        upstream = Upstream("late")
        await a_function(world, "late", upstream)
        host = "hello--late.localhost"
        answer = await world.get(host, "/slow=5", method="POST", headers=WITH_KEY, body=b"{}")
        assert (answer.status, answer.code) == (504, "H12")
        assert answer.json["id"] == "function_timeout"
        assert len(upstream.requests) == 1

    run(story())


def test_a_function_that_ends_before_it_answers_says_so(world: World, run: Run) -> None:
    async def story() -> None:
        await a_function(world, "ends")
        host = "hello--ends.localhost"
        answer = await world.get(host, "/die", method="POST", headers=WITH_KEY, body=b"{}")
        assert (answer.status, answer.code) == (503, "H13")
        assert answer.json["id"] == "function_ended"
        assert "see the log" in answer.json["message"]

    run(story())


def test_each_request_has_its_own_connection(world: World, run: Run) -> None:
    """Instances share one listening socket: only a new connection finds whichever is free."""

    async def story() -> None:
        upstream = Upstream("fresh")
        await a_function(world, "fresh", upstream)
        for _ in range(5):
            await world.get("hello--fresh.localhost", headers=WITH_KEY)
        assert upstream.connections == 5

    run(story())


def test_a_function_that_cannot_start_says_so(world: World, run: Run) -> None:
    async def story() -> None:
        key = key_of("broken", "hello")
        socket = Endpoint("pipe", str(world.paths.functions / "broken.sock"))
        world.supervisor.put(facts_of(key, socket=socket, gave_up=True, failures=3))
        await world.route(route_of("broken", function("broken", "hello", key)), KEY)
        answer = await world.get("hello--broken.localhost", headers=WITH_KEY)
        assert (answer.status, answer.code) == (503, "H10")

    run(story())
