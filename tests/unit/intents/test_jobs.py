"""A command that is to run once, and a job that is to end."""

import msgspec
import pytest

from setpoint.intents import apps, config, jobs, release_phase
from setpoint.intents.jobs import Wish
from setpoint.model.change import Actor
from setpoint.model.errors import Forbidden, Invalid, NotFound, OverLimit
from setpoint.model.job import JOBS_LIVE_MAX, RUN_S_MAX
from tests.support.doors import in_office
from tests.support.memory import asked
from tests.unit.intents.test_intents import released

READER = asked(actor=Actor("eve", "eve@example.com", "read"))


async def serving(office):
    unit = await released(office)
    await office.store.settle_release(unit.id, 1, True, "")
    return unit


def test_a_job_is_a_row_that_says_who_and_why_and_wakes_the_app():
    async def story(office):
        unit = await serving(office)
        wish = Wish("rake db:migrate", "standard-2x", {"A": "s3cret!"}, run_s_max=60.0)
        job = await jobs.run(office.door, asked(why="schema 12"), "shop", wish)
        (row,) = await office.store.jobs(unit.id)
        assert row == job
        assert (row.kind, row.state, row.release) == ("run", "pending", 1)
        assert (row.command, row.size, row.run_s_max) == ("rake db:migrate", "standard-2x", 60.0)
        assert (row.by, row.why) == ("dev@example.com", "schema 12")
        assert row.dyno.startswith("run.")
        assert await office.store.reveal(row.environment) == {"A": "s3cret!"}
        assert b"s3cret!" not in msgspec.json.encode(row)
        assert office.woken[-1] == unit.id

    in_office(story)


def test_a_command_line_is_kept_and_never_with_a_secret_in_it():
    async def story(office):
        unit = await serving(office)
        await config.patch(
            office.door, asked(), "shop", {"KEY": "hunter2!", "DEBUG": "1", "MODE": "production"}
        )
        for command, name in (("pay --key hunter2!", "KEY"), ("pay --pin s3cret!!", "PIN")):
            wish = Wish(command, environment={"PIN": "s3cret!!"})
            with pytest.raises(Invalid, match=rf"contains the value of {name}, and") as refused:
                await jobs.run(office.door, asked(), "shop", wish)
            assert "hunter2" not in str(refused.value)
            assert "s3cret" not in str(refused.value)
        assert await office.store.jobs(unit.id) == ()
        job = await jobs.run(office.door, asked(), "shop", Wish("pay --key $KEY -n 1 production"))
        assert job.command == "pay --key $KEY -n 1 production"

    in_office(story)


def test_it_runs_for_a_day_at_most_unless_said():
    async def story(office):
        await serving(office)
        job = await jobs.run(office.door, asked(), "shop", Wish("ls"))
        assert job.run_s_max == RUN_S_MAX

    in_office(story)


def test_asking_again_with_the_same_key_is_the_same_job():
    async def story(office):
        unit = await serving(office)
        said = msgspec.structs.replace(asked(), idempotency_key="k1")
        first = await jobs.run(office.door, said, "shop", Wish("ls"))
        again = await jobs.run(office.door, said, "shop", Wish("ls"))
        assert first == again
        assert len(await office.store.jobs(unit.id)) == 1

    in_office(story)


@pytest.mark.parametrize(
    ("wish", "error", "fact"),
    [
        (Wish(""), Invalid, "it is empty"),
        (Wish("  \n"), Invalid, "it is empty"),
        (Wish("a\0b"), Invalid, "NUL"),
        (Wish("a\ud800"), Invalid, "not valid text"),
        (Wish("x" * 20_000), OverLimit, "20000 bytes"),
        (Wish("ls", "huge"), Invalid, "'huge' is no dyno size"),
        (Wish("ls", environment={"A-B": "1"}), Invalid, "'A-B' is not a valid config key"),
        (Wish("ls", environment={"A": "\0"}), Invalid, "NUL"),
        (Wish("ls", environment={f"A{n}": "" for n in range(101)}), OverLimit, "101 variables"),
        (Wish("ls", run_s_max=0.0), Invalid, "run_s_max=0"),
        (Wish("ls", run_s_max=float("nan")), Invalid, "run_s_max=nan"),
        (Wish("ls", run_s_max=1e9), Invalid, "run_s_max=1e+09"),
    ],
)
def test_what_cannot_run_is_refused_at_the_door(wish: Wish, error: type[Exception], fact: str):
    async def story(office):
        unit = await serving(office)
        with pytest.raises(error, match="cannot run a command in 'shop'") as told:
            await jobs.run(office.door, asked(), "shop", wish)
        assert fact in str(told.value)
        assert await office.store.jobs(unit.id) == ()

    in_office(story)


def test_without_a_release_that_serves_there_is_nothing_to_run_on():
    async def story(office):
        await apps.create(office.door, asked(), "empty")
        with pytest.raises(Invalid, match="it has no release yet"):
            await jobs.run(office.door, asked(), "empty", Wish("ls"))
        with pytest.raises(NotFound, match="no such app"):
            await jobs.run(office.door, asked(), "nope", Wish("ls"))
        with pytest.raises(Forbidden):
            await jobs.run(office.door, READER, "empty", Wish("ls"))

    in_office(story)


def test_an_app_has_so_many_jobs_at_one_time():
    async def story(office):
        await serving(office)
        names = set()
        for _ in range(JOBS_LIVE_MAX):
            names.add((await jobs.run(office.door, asked(), "shop", Wish("ls"))).dyno)
        assert len(names) == JOBS_LIVE_MAX, "two that run at once are not called the same"
        with pytest.raises(OverLimit, match="at most 50"):
            await jobs.run(office.door, asked(), "shop", Wish("ls"))

    in_office(story)


def test_a_why_may_not_hold_a_value_of_the_command_s_own():
    async def story(office):
        await serving(office)
        wish = Wish("ls", environment={"KEY": "hunter22"})
        with pytest.raises(Invalid, match="value of a config var"):
            await jobs.run(office.door, asked(why="with hunter22"), "shop", wish)

    in_office(story)


def test_a_job_is_stopped_by_its_name_or_its_id():
    async def story(office):
        unit = await serving(office)
        one = await jobs.run(office.door, asked(), "shop", Wish("ls"))
        two = await jobs.run(office.door, asked(), "shop", Wish("ls"))
        await jobs.stop(office.door, asked(), "shop", one.dyno)
        await jobs.stop(office.door, asked(), "shop", two.id)
        assert all(job.stop_asked for job in await office.store.jobs(unit.id))
        with pytest.raises(NotFound, match="no such job"):
            await jobs.stop(office.door, asked(), "shop", "run.0")
        with pytest.raises(Forbidden):
            await jobs.stop(office.door, READER, "shop", one.dyno)

    in_office(story)


def test_how_long_a_release_phase_may_take_is_a_change_of_its_own():
    async def story(office):
        await serving(office)
        unit = await release_phase.bound(office.door, asked(), "shop", 60.0)
        assert unit.intent.release_s_max == 60.0
        again = await release_phase.bound(office.door, asked(), "shop", 60.0)
        assert again.last_change == unit.last_change
        for nonsense in (0.0, -1.0, float("nan"), 1e9):
            with pytest.raises(Invalid, match="for its release phase is not between"):
                await release_phase.bound(office.door, asked(), "shop", nonsense)

    in_office(story)
