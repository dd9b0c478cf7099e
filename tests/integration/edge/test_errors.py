"""Heroku's error codes: each one provoked, as the caller sees it and as the log tells it."""

import asyncio

import pytest

from setpoint.model.process import Endpoint, Phase
from tests.integration.edge.conftest import Run
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import World, facts_of, key_of, route_of, until, web

CLOSED_PORT = Endpoint("ip", "127.0.0.1", 1)


async def provoke(world: World, app: str, path: str, code: str, id_: str, desc: str) -> str:
    """The caller gets the code as header and body, the log the same; returns the router line."""
    answer = await world.get(f"{app}.localhost", path)
    assert (answer.status, answer.code) == (503, code), answer
    assert answer.headers["content-type"] == "application/json"
    expected = {"id": id_, "code": code, "message": desc}
    assert answer.json == expected | {"request_id": answer.headers["x-request-id"]}
    line = await world.line(f"request_id={answer.json['request_id']}")
    assert line.startswith(f'at=error code={code} desc="{desc}" method=GET path="{path}"')
    assert " status=503 " in line
    return line


def test_h10_when_the_app_crashed_and_nothing_restarts_it_now(world: World, run: Run) -> None:
    async def story() -> None:
        key = key_of("h10")
        world.supervisor.put(facts_of(key, gave_up=True, crashes=3))
        await world.route(route_of("h10", web("h10", key)))
        await provoke(world, "h10", "/", "H10", "app_crashed", "App crashed")

    run(story())


def test_h12_when_the_first_byte_is_late_and_the_request_ran_once(world: World, run: Run) -> None:
    async def story() -> None:
        upstream = await world.app("h12")
        line = await provoke(world, "h12", "/slow=5", "H12", "request_timeout", "Request timeout")
        assert len(upstream.requests) == 1
        assert "dyno=web.1 " in line

    run(story())


def test_a_long_answer_that_keeps_coming_is_not_cut(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("drip")
        assert (await world.get("drip.localhost", "/drip=0.4")).body == b"xxxx"

    run(story())


def test_h13_when_the_app_closes_without_an_answer(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("h13")
        desc = "Connection closed without response"
        await provoke(world, "h13", "/die", "H13", "connection_closed", desc)

    run(story())


def test_h14_when_no_process_is_meant_to_run(world: World, run: Run) -> None:
    async def story() -> None:
        await world.route(route_of("h14", web("h14", None)))
        line = await provoke(world, "h14", "/", "H14", "no_process", "No web processes running")
        assert " dyno= " in line

    run(story())


def test_h15_when_an_answer_stalls(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("h15")
        with pytest.raises(EOFError):
            await world.get("h15.localhost", "/drip=3")
        line = await world.line("host=h15.localhost")
        assert line.startswith('at=error code=H15 desc="Idle connection"')

    run(story())


def test_h18_when_the_app_stops_in_the_middle(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("h18")
        with pytest.raises(EOFError):
            await world.get("h18.localhost", "/half")
        line = await world.line("host=h18.localhost")
        assert line.startswith('at=error code=H18 desc="Server Request Interrupted"')

    run(story())


def test_h20_when_the_app_does_not_come_up_in_time(world: World, run: Run) -> None:
    async def story() -> None:
        key = key_of("h20")
        world.supervisor.put(facts_of(key, None, phase=Phase.STARTING))
        await world.route(route_of("h20", web("h20", key)))
        await provoke(world, "h20", "/", "H20", "boot_timeout", "App boot timeout")

    run(story())


def test_h21_when_nothing_listens(world: World, run: Run) -> None:
    async def story() -> None:
        key = key_of("h21")
        world.supervisor.put(facts_of(key, CLOSED_PORT))
        await world.route(route_of("h21", web("h21", key)))
        desc = "Backend connection refused"
        await provoke(world, "h21", "/", "H21", "connection_refused", desc)

    run(story())


def test_h27_when_the_caller_leaves(world: World, run: Run) -> None:
    async def story() -> None:
        upstream = await world.app("h27", Upstream("h27"))
        _, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(b"GET /slow=0.3 HTTP/1.1\r\nhost: h27.localhost\r\n\r\n")
        await until(lambda: upstream.requests, "the request to arrive")
        writer.close()
        line = await world.line("host=h27.localhost")
        assert line.startswith('at=warning code=H27 desc="Client Request Interrupted"')
        assert " status=499 " in line

    run(story())


def test_a_code_the_app_itself_claims_is_not_believed(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("claims")
        assert (await world.get("claims.localhost")).headers["x-setpoint-error"] == "H99"
        assert (await world.line("host=claims.localhost")).startswith("at=info method=GET")

    run(story())
