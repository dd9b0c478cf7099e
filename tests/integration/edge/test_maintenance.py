"""An app in maintenance answers H80 at each of its hosts, whatever is behind them."""

import msgspec

from setpoint.model.process import Bounds
from setpoint.model.route import Route
from tests.integration.edge.conftest import Run
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import World, facts_of, function, key_of, route_of, web

BROWSER = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def closed(route: Route) -> Route:
    return msgspec.structs.replace(route, maintenance=True)


def test_h80_while_in_maintenance_and_the_app_again_after(world: World, run: Run) -> None:
    async def story() -> None:
        upstream = await world.app("upkeep")
        route = route_of("upkeep", web("upkeep", key_of("upkeep")), generation=2)
        await world.route(closed(route))
        answer = await world.get("upkeep.localhost", "/x")
        assert (answer.status, answer.code) == (503, "H80")
        assert answer.headers["content-type"] == "application/json"
        request_id = answer.headers["x-request-id"]
        expected = {"id": "maintenance", "code": "H80", "message": "Maintenance mode"}
        assert answer.json == expected | {"request_id": request_id}
        line = await world.line(f"request_id={request_id}")
        assert line.startswith('at=info code=H80 desc="Maintenance mode" method=GET path="/x" ')
        assert " dyno= " in line
        assert " status=503 " in line
        assert upstream.requests == []
        await world.route(msgspec.structs.replace(route, maintenance=False))
        assert (await world.get("upkeep.localhost")).json["name"] == "upkeep"

    run(story())


def test_a_browser_is_shown_a_page(world: World, run: Run) -> None:
    async def story() -> None:
        await world.route(closed(route_of("page", web("page", None))))
        answer = await world.get("page.localhost", headers=BROWSER)
        assert (answer.status, answer.code) == (503, "H80")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert b"<h1>Maintenance mode</h1>" in answer.body

    run(story())


def test_nothing_is_started_and_no_key_is_asked_for(world: World, run: Run) -> None:
    async def story() -> None:
        cold, fn = key_of("asleep"), key_of("asleep", "hello")
        world.supervisor.put(facts_of(cold, bounds=Bounds(0, 1)))
        socket = await world.pipe(Upstream("asleep"), "asleep.sock")
        world.supervisor.put(facts_of(fn, None, socket=socket))
        backends = web("asleep", cold, hold=True), function("asleep", "hello", fn)
        await world.route(closed(route_of("asleep", *backends)), "k-1")
        for host in ("asleep.localhost", "hello--asleep.localhost"):
            for headers in ({}, {"authorization": "Bearer k-1"}):
                answer = await world.get(host, headers=headers)
                assert (answer.status, answer.code) == (503, "H80")
        assert world.supervisor.demands(cold) == world.supervisor.demands(fn) == []

    run(story())
