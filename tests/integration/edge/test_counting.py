"""What the edge answered is counted, whoever made the answer and whichever process died since."""

import asyncio
from collections import Counter

from setpoint.model.errors import Transient
from setpoint.model.figures import Answered
from setpoint.model.ids import AppId
from setpoint.model.process import Phase
from tests.integration.edge.conftest import Run
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import World, facts_of, function, key_of, route_of, until, web


async def counted(world: World, app: str, process: str = "web") -> Answered:
    figures = await world.edge.answered({AppId(app)})
    found = [of for of in figures.processes if (of.app, of.process) == (app, process)]
    return found[0] if found else Answered(AppId(app), process)


async def kinds(world: World, app: str, total: int, process: str = "web") -> Counter[str]:
    """Once so many have been heard of: `200s` by their digit, the edge's own by their code too."""

    async def heard() -> bool:
        return sum(a.count for a in (await counted(world, app, process)).answers) == total

    await until(heard, f"{total} answers of {app}")
    of = await counted(world, app, process)
    return Counter({f"{a.digit}{a.code}": a.count for a in of.answers})


def test_an_apps_answers_and_the_edges_own_are_the_apps(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("tally")
        for path in ("/", "/missing", "/slow=5", "/die"):
            await world.get("tally.localhost", path)
        assert await kinds(world, "tally", 4) == {"2": 2, "5H12": 1, "5H13": 1}
        of = await counted(world, "tally")
        assert (of.total, of.errors) == (4, 2)
        assert of.wait.sum_s >= world.limits.first_byte_s * 0.9

        await world.route(route_of("nothing", web("nothing", None)))
        await world.get("nothing.localhost")
        assert await kinds(world, "nothing", 1) == {"5H14": 1}
        assert (await world.edge.answered({AppId("other")})).processes == ()

    run(story())


def test_who_waits_for_a_start_that_does_not_come_has_waited(world: World, run: Run) -> None:
    async def story() -> None:
        key = key_of("late")
        world.supervisor.put(facts_of(key, None, phase=Phase.STARTING))
        await world.route(route_of("late", web("late", key)))
        await world.get("late.localhost")
        assert await kinds(world, "late", 1) == {"5H20": 1}
        assert (await counted(world, "late")).wait.sum_s >= world.limits.hold_s * 0.9

    run(story())


def test_a_function_is_counted_by_its_own_name(world: World, run: Run) -> None:
    async def story() -> None:
        key = key_of("lib", "resize")
        place = await world.pipe(Upstream("lib"), "lib.sock")
        world.supervisor.put(facts_of(key, None, socket=place))
        await world.route(route_of("lib", function("lib", "resize", key)), key="secret")
        host = "resize--lib.localhost"
        await world.get(host, headers={"authorization": "Bearer secret"})
        await world.get(host)
        found = await kinds(world, "lib", 2, "resize")
        assert found == {"2": 1, "4unauthorized": 1}

    run(story())


def test_counts_outlive_envoy_and_begin_anew_with_the_agent(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("steady")
        await world.get("steady.localhost")
        await kinds(world, "steady", 1)
        began_s = (await world.edge.answered(())).since_s
        world.envoys[-1].kill()
        world.envoys[-1].wait()
        world.start_envoy()
        await world.answers(lambda a: a.status == 200, "steady.localhost")
        assert await kinds(world, "steady", 2) == {"2": 2}
        assert (await world.edge.answered(())).since_s == began_s

        world.kill_agent()
        world.start_agent()

        async def another() -> bool:
            try:
                return (await world.edge.answered(())).since_s > began_s
            except Transient:
                return False

        await until(another, "the next agent")
        await world.get("steady.localhost")
        assert await kinds(world, "steady", 1) == {"2": 1}

    run(story())


def test_none_of_many_at_once_is_missed(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("busy")

        async def visitor() -> None:
            for _ in range(50):
                assert (await world.get("busy.localhost")).status == 200

        await asyncio.gather(*(visitor() for _ in range(20)))
        assert await kinds(world, "busy", 1000) == {"2": 1000}

    run(story())
