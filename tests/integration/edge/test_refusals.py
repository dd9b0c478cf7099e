"""When Envoy refuses something, its neighbours in the same push are served all the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from setpoint.drivers.envoy import wire
from setpoint.drivers.envoy.ads import Ads
from setpoint.drivers.envoy.hold import Holds
from setpoint.drivers.envoy.server import Ears, EnvoyServer
from setpoint.drivers.envoy.snapshot import Snapshot
from setpoint.formats.envoy.resource import Kind, Resource
from setpoint.model.process import Endpoint
from setpoint.processes.accounts import accounts
from tests.integration.edge.conftest import Run
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import (
    SCALED,
    World,
    a_world,
    facts_of,
    key_of,
    route_of,
    until,
    web,
)


def host(name: str, claims: str = "") -> Resource:
    """`claims`: the host whose requests it wants, if not its own."""
    reply = {"match": {"prefix": "/"}, "direct_response": {"status": 204}}
    virtual = {"name": name, "domains": ["*"], "routes": [reply]}
    body = {
        "name": name,
        "key": {"fragments": [{"string_key": claims or name}]},
        "route_configuration": {"name": name, "virtual_hosts": [virtual]},
    }
    return Resource(Kind.HOST, name, body)


@asynccontextmanager
async def bare(world: World) -> AsyncIterator[tuple[Snapshot, Ads]]:
    """An Envoy that is told exactly what the test puts into the snapshot, unchecked."""
    snapshot = Snapshot(wire.pack)
    ads = Ads(snapshot, lambda _: None, lambda _: None)
    holds = Holds(lambda _: (None, False), lambda *_: None, SCALED)
    server = EnvoyServer(ads, holds, Ears(lambda _: None, lambda *_: None))
    server.bind(world.paths.xds_socket, accounts().envoy, accounts().edge)
    await server.start()
    world.start_envoy()
    await world.up()
    try:
        yield snapshot, ads
    finally:
        await server.stop()


def test_one_bad_host_takes_no_good_one_along(run: Run) -> None:
    async def story() -> None:
        async with a_world(running=False) as world, bare(world) as (snapshot, ads):
            first, *good = [host(f"good-{n}.x") for n in range(3)]
            ads.changed(snapshot.replace((), [first]))
            await until(lambda: ads.confirmed(first.kind, first.name), "the first host")
            clash = host("clash.x", claims="good-0.x")
            ads.changed(snapshot.replace((), [*good, clash]))
            bad = (Kind.HOST, clash.name)
            await until(lambda: ads.refusal(*bad), "Envoy to refuse the duplicate")
            assert "good-0.x" in ads.refusal(*bad)
            for one in (first, *good):
                await until(lambda one=one: ads.confirmed(one.kind, one.name), one.name)
                assert (await world.get(one.name)).status == 204
            assert not ads.confirmed(*bad)
            ads.changed(snapshot.replace([bad], [host("clash.x")]))
            await until(lambda: ads.confirmed(*bad), "the mended host")
            assert (await world.get("clash.x")).status == 204

    run(story())


def test_a_refused_endpoint_is_the_routes_problem_alone(world: World, run: Run) -> None:
    async def story() -> None:
        key, other = key_of("sick"), key_of("well")
        await world.edge.ensure_route(route_of("sick", web("sick", key)), None, "")
        await world.edge.ensure_route(route_of("well", web("well", other)), None, "")
        good = await world.tcp(Upstream("well"))
        world.supervisor.put(facts_of(key, Endpoint("ip", "not-an-address", 1)))
        world.supervisor.put(facts_of(other, good))
        assert (await world.answers(lambda a: a.status == 200, "well.localhost")).json["name"]

        async def told() -> bool:
            found = {r.route.app: r.nack for r in await world.routes()}
            return "not-an-address" in found["sick"] and found["well"] == ""

        await until(told, "Envoy's own words about the sick one")
        world.supervisor.put(facts_of(key, await world.tcp(Upstream("cured"))))
        await world.answers(lambda a: a.status == 200, "sick.localhost")
        await asyncio.wait_for(world.acked("sick"), 5)

    run(story())
