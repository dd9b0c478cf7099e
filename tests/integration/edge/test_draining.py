"""Taking an instance away under load: no request may notice."""

import msgspec

from setpoint.formats.control import Demand, Request
from setpoint.model.process import Bounds, Phase, SetFacts
from tests.integration.edge.conftest import Run
from tests.integration.edge.load import Load
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import World, facts_of, key_of, route_of, until, web


def draining(facts: SetFacts, *ordinals: int) -> SetFacts:
    return msgspec.structs.replace(
        facts,
        instances=tuple(
            msgspec.structs.replace(i, phase=Phase.DRAINING) if i.ordinal in ordinals else i
            for i in facts.instances
        ),
    )


def test_one_of_two_is_taken_away_without_an_error(world: World, run: Run) -> None:
    async def story() -> None:
        key, apps = key_of("two"), [Upstream("stays"), Upstream("goes")]
        both = facts_of(key, *[await world.tcp(a) for a in apps])
        world.supervisor.put(both)
        await world.route(route_of("two", web("two", key)))
        load = Load(world, "two.localhost")
        await load.more(100)
        world.supervisor.put(draining(both, 2))
        gone = both.instances[1].id
        await until(lambda: gone in world.supervisor.drained(), "drained")
        before = len(apps[1].requests)
        await load.more(200)
        assert len(apps[1].requests) == before
        assert apps[1].in_flight == 0
        assert set(await load.end()) == {"200 "}

    run(story())


def test_scaling_to_zero_and_back_under_load_loses_nothing(world: World, run: Run) -> None:
    """Drain the last one while requests arrive: they are held, and the next start serves them."""

    async def story() -> None:
        key, upstream = key_of("zero"), Upstream("zero")
        up = facts_of(key, await world.tcp(upstream), bounds=Bounds(0, 1))
        stopped: list[int] = []

        def supervise(message: Request) -> None:
            """Only when the edge says so is the instance really gone; a demand brings it back."""
            if up.instances[0].id in world.supervisor.drained():
                world.supervisor.told.clear()
                stopped.append(upstream.in_flight)
                world.supervisor.put(facts_of(key, bounds=Bounds(0, 1)))
            wanted = isinstance(message, Demand) and message.key == key and message.waiting
            if wanted and not world.supervisor.facts[key].instances:
                world.supervisor.put(up)

        world.supervisor.put(up)
        await world.route(route_of("zero", web("zero", key, hold=True)))
        load = Load(world, "zero.localhost")
        world.supervisor.on_told = supervise
        for round_ in range(1, 6):
            await load.more(50)
            world.supervisor.put(draining(up, 1))
            await until(lambda n=round_: len(stopped) >= n, f"stop {round_}")
            # Wanted already while it drained: the edge repeats that within a second.
            await until(lambda: world.supervisor.facts[key].ready, "the next start")
        await load.more(50)
        assert set(await load.end()) == {"200 "}
        assert stopped == [0] * 5

    run(story())


def test_a_function_instance_is_free_to_go_at_once(world: World, run: Run) -> None:
    """The edge knows only the shared socket, so no request can be on its way to one instance."""

    async def story() -> None:
        key = key_of("fn", "hello")
        socket = await world.pipe(Upstream("fn"), "drainfn.sock")
        one = facts_of(key, None, phase=Phase.DRAINING, socket=socket)
        world.supervisor.put(one)
        await until(lambda: one.instances[0].id in world.supervisor.drained(), "drained")

    run(story())


def test_a_route_moves_to_a_new_set_under_load(world: World, run: Run) -> None:
    async def story() -> None:
        old, new = key_of("moves", hash_="a"), key_of("moves", hash_="b")
        first, second = Upstream("old"), Upstream("new")
        world.supervisor.put(facts_of(old, await world.tcp(first)))
        await world.route(route_of("moves", web("moves", old)))
        load = Load(world, "moves.localhost")
        await load.more(100)
        world.supervisor.put(facts_of(new, await world.tcp(second)))
        await world.route(route_of("moves", web("moves", new), generation=2))
        world.supervisor.put(draining(world.supervisor.facts[old], 1))
        await until(lambda: "web.1-moves" in world.supervisor.drained(), "drained")
        world.supervisor.remove(old)
        await load.more(100)
        assert set(await load.end()) == {"200 "}
        assert (await world.get("moves.localhost")).json["name"] == "new"

    run(story())
