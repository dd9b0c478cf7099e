"""Any of them may die, also all at once: what served goes on serving, or comes back by itself."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from setpoint.drivers.envoy import client
from setpoint.model.errors import Terminal, Transient
from setpoint.model.ids import AppId, Fence, SetKey
from setpoint.model.process import Phase
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
    web,
)


def test_warm_apps_do_not_notice_that_the_agent_is_killed(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("warm")
        world.kill_agent()
        for _ in range(20):
            assert (await world.get("warm.localhost")).status == 200
        world.start_agent()
        await until(reachable(world), "the agent")
        await until(lambda: world.acked("warm"), "Envoy to confirm what it has")
        await world.app("after")
        assert (await world.get("after.localhost")).json["name"] == "after"

    run(story())


def reachable(world: World) -> "Any":
    async def check() -> bool:
        with contextlib.suppress(Transient):
            await world.routes()
            return True
        return False

    return check


def test_all_routes_come_a_part_at_a_time_and_none_twice(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PART", 2)
    apps = [f"app-{number}" for number in range(5)]

    async def story() -> None:
        async with a_world() as world:
            assert await world.routes() == []
            for app in apps:
                await world.edge.ensure_route(route_of(app, web(app, key_of(app))), None, "")
            parts = [part async for part in world.edge.everything()]
            assert [len(part) for part in parts] == [2, 2, 1]
            assert sorted(route.route.app for part in parts for route in part) == apps

    run(story())


CROWD = 20


async def starting(world: World, app: str) -> SetKey:
    key = key_of(app)
    world.supervisor.put(facts_of(key, None, phase=Phase.STARTING))
    await world.route(route_of(app, web(app, key, hold=True)))
    return key


PATIENT = msgspec.structs.replace(SCALED, hold_s=30.0, check_s=40.0, cold_idle_s=50.0)
"""An agent on busy cores takes longer to come back than the others are held."""


def test_a_request_that_comes_while_there_is_no_agent_waits_for_it(run: Run) -> None:
    async def story() -> None:
        async with a_world(PATIENT) as world:
            await waits_for_the_agent(world)

    async def waits_for_the_agent(world: World) -> None:
        key = await starting(world, "agentless")
        world.kill_agent()
        asked = asyncio.create_task(world.get("agentless.localhost"))
        await asyncio.wait([asked], timeout=0.5)
        assert not asked.done()
        world.start_agent()
        world.supervisor.put(facts_of(key, await world.tcp(Upstream("agentless"))))
        assert (await asked).json["name"] == "agentless"

    run(story())


def test_held_requests_go_on_waiting_when_the_agent_is_killed(run: Run) -> None:
    async def story() -> None:
        async with a_world(PATIENT) as world:
            await go_on_waiting(world)

    async def go_on_waiting(world: World) -> None:
        key = await starting(world, "orphaned")
        crowd = [asyncio.create_task(world.get("orphaned.localhost")) for _ in range(CROWD)]
        await until(lambda: CROWD in world.supervisor.demands(key), "all of them to be held")
        world.kill_agent()
        world.start_agent()
        world.supervisor.put(facts_of(key, await world.tcp(Upstream("orphaned"))))
        assert {a.json["name"] for a in await asyncio.gather(*crowd)} == {"orphaned"}

    run(story())


def test_who_waits_for_an_agent_that_stays_away_is_told_so(world: World, run: Run) -> None:
    async def story() -> None:
        await starting(world, "forsaken")
        world.kill_agent()
        answer = await world.get("forsaken.localhost")
        assert (answer.status, answer.code, answer.json["id"]) == (503, "H99", "platform_error")
        world.start_agent()

    run(story())


def test_envoy_killed_serves_again_with_everything(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("survives")
        envoy = world.envoys[-1]
        envoy.kill()
        envoy.wait()
        world.start_envoy()
        first = await world.answers(lambda a: True, "survives.localhost")
        assert first.status == 200  # the very first answer: never a 404 for an app that is there

    run(story())


def test_after_a_reboot_envoy_is_served_with_daemon_and_supervisor_away(run: Run) -> None:
    async def story() -> None:
        async with a_world() as world:
            await world.app("lasting")
            key = key_of("lasting", "hello")
            socket = await world.pipe(Upstream("fn"), "lasting.sock")
            world.supervisor.put(facts_of(key, None, socket=socket))
            await world.route(route_of("keyed", function("keyed", "hello", key)), "k-1")
            facts = world.paths.edge / "facts.json"
            await until(lambda: facts.exists() and b"lasting.sock" in facts.read_bytes(), "memory")
            await world.supervisor.stop()
            world.supervisor.facts.clear()
            for process in (world.agent, *world.envoys):
                assert process is not None
                process.kill()
                process.wait()
            world.paths.xds_socket.unlink(missing_ok=True)
            world.start_agent()
            world.start_envoy()
            assert (await world.answers(lambda a: True, "lasting.localhost")).status == 200
            host = "hello--keyed.localhost"
            assert (await world.get(host)).status == 401
            with_key = {"authorization": "Bearer k-1"}
            assert (await world.get(host, headers=with_key)).json["name"] == "fn"

    run(story())


def test_what_the_agent_remembers_is_for_nobody_elses_eyes(world: World, run: Run) -> None:
    async def story() -> None:
        key = key_of("secret", "hello")
        await world.route(route_of("secret", function("secret", "hello", key)), "k-hidden")
        path = world.paths.edge / "secret.route"
        assert b"k-hidden" in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600
        assert "k-hidden" not in world.logs()
        assert "k-hidden" not in repr(await world.routes())

    run(story())


def refused(call: Coroutine[Any, Any, None]) -> Any:
    async def attempt() -> str:
        with pytest.raises((Terminal, Transient)) as caught:
            await call
        return caught.value.message

    return attempt()


def test_an_older_generation_never_wins(world: World, run: Run) -> None:
    async def story() -> None:
        app, key = AppId("fenced"), key_of("fenced")
        world.supervisor.put(facts_of(key, await world.tcp(Upstream("fenced"))))
        await world.route(route_of("fenced", web("fenced", key), generation=5))
        older = route_of("fenced", web("fenced", None), generation=4)
        said = await refused(world.edge.ensure_route(older, None, ""))
        assert said == "cannot route fenced: generation 1.4 is older than 1.5"
        await refused(world.edge.remove_route(app, Fence(1, 4)))
        assert (await world.get("fenced.localhost")).status == 200
        await world.edge.remove_route(app, Fence(1, 6))
        await world.edge.remove_route(app, Fence(1, 6))
        await world.answers(lambda a: a.status == 404, "fenced.localhost")
        world.kill_agent()
        world.start_agent()
        await until(reachable(world), "the agent")
        await refused(world.edge.ensure_route(older, None, ""))

    run(story())


def test_a_host_has_one_owner_and_can_move_on(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("owner")
        rival, key = route_of("rival", web("rival", None, host="owner.localhost")), key_of("rival")
        said = await refused(world.edge.ensure_route(rival, None, ""))
        assert said == "cannot route rival: owner.localhost still belongs to owner (owner)"
        moved = web("owner", key_of("owner"), host="moved.localhost")
        await world.route(route_of("owner", moved, generation=2))
        world.supervisor.put(facts_of(key, await world.tcp(Upstream("rival"))))
        await world.route(route_of("rival", web("rival", key, host="owner.localhost")))
        assert (await world.get("owner.localhost")).json["name"] == "rival"
        assert (await world.get("moved.localhost")).json["name"] == "owner"

    run(story())


def test_two_apps_that_trade_hosts_do_not_wait_for_each_other(world: World, run: Run) -> None:
    async def story() -> None:
        for name in ("one", "two"):
            await world.app(name)
        traded = [
            route_of(name, web(name, key_of(name), host=f"{other}.localhost"), generation=2)
            for name, other in (("one", "two"), ("two", "one"))
        ]
        for route in (*traded, *traded):
            with contextlib.suppress(Transient):
                await world.edge.ensure_route(route, None, "")
        await world.answers(lambda a: a.json["name"] == "two", "one.localhost")
        await world.answers(lambda a: a.json["name"] == "one", "two.localhost")

    run(story())


@pytest.mark.parametrize("host", ["*", "a b.localhost", "-a.localhost", "a..b", "x" * 300, ""])
def test_what_is_no_host_never_reaches_envoy(world: World, run: Run, host: str) -> None:
    async def story() -> None:
        bad = route_of("odd", web("odd", None, host=host or " "))
        assert "is not a host name" in await refused(world.edge.ensure_route(bad, None, ""))

    run(story())


def test_who_watches_hears_of_each_confirmed_route(world: World, run: Run) -> None:
    async def story() -> None:
        heard: list[str] = []
        changes = world.edge.changes()

        async def listen() -> None:
            async for app in changes:
                heard.append(app)
                if app == "watched":
                    return

        await world.edge.ensure_route(route_of("watched", web("watched", None)), None, "")
        await listen()
        await changes.aclose()  # type: ignore[attr-defined]
        assert "watched" in heard

    run(story())


def test_no_other_user_may_speak_to_the_agent_or_to_envoys_admin(world: World, run: Run) -> None:
    async def story() -> None:
        for path in (world.paths.edge_socket, world.paths.xds_socket, world.paths.envoy_admin):
            assert path.stat().st_mode & 0o007 == 0, path

    run(story())
