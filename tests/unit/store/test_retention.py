"""What only the real store prunes: rows of jobs, builds and idempotency keys; in small portions."""

import msgspec

from setpoint.model.account import Account, Token
from setpoint.model.ids import JobId
from setpoint.model.job import Job, JobEnd
from setpoint.model.journal import Entry
from setpoint.model.retention import DAY_S, Retention
from setpoint.store.port import UnitWrite
from setpoint.store.sqlite import retention
from setpoint.store.sqlite.builds import KEPT as BUILDS_READ
from tests.support.memory import DEV, NOON_S, SHOP, asked, build, created, deployed, ref, run, shop

DEFAULTS = Retention()


async def _ended(store, count: int, at_s: float, **fields) -> None:
    for n in range(count):
        job = Job(JobId(f"{n:032x}"), SHOP, "run", f"run.{n}", "tidy", 1, asked_at_s=at_s)
        job = msgspec.structs.replace(job, **fields)
        await store.add_job(job)
        await store.settle_job(SHOP, job.id, JobEnd("succeeded", ended_at_s=at_s))


def test_the_newest_jobs_stay_for_their_days_and_live_ones_for_ever(open_one):
    async def story():
        store = open_one()
        await created(store)
        await store.add_job(Job(JobId("f" * 32), SHOP, "run", "run.9", "wait", 1))
        await _ended(store, 8, NOON_S)
        few = Retention(jobs=5)
        assert (await store.prune(few, NOON_S + 3600)).jobs == 0
        assert (await store.prune(few, NOON_S + 2 * DAY_S)).jobs == 3
        assert (await store.prune(few, NOON_S + 91 * DAY_S)).jobs == 5
        assert [j.dyno for j in await store.jobs(SHOP)] == ["run.9"]
        await store.close()

    run(story())


def test_a_release_phase_is_not_forgotten_while_its_release_is_on_its_way(open_one):
    """Forgotten it would run a second time."""

    async def story():
        store = open_one()
        await deployed(store, await created(store))
        await _ended(store, 1, NOON_S, kind="release")
        assert (await store.prune(DEFAULTS, NOON_S + 400 * DAY_S)).jobs == 0
        await store.settle_release(SHOP, 1, True, "")
        assert (await store.prune(DEFAULTS, NOON_S + 400 * DAY_S)).jobs == 1
        await store.close()

    run(story())


def test_builds_beyond_those_that_are_ever_read_go(open_one):
    async def story():
        store = open_one()
        await created(store)
        for n in range(BUILDS_READ + 3):
            await store.record_build(build(id=f"b-{n}"))
        read = await store.builds(SHOP)
        assert (await store.prune(DEFAULTS, NOON_S)).builds == 3
        assert await store.builds(SHOP) == read
        await store.close()

    run(story())


def test_idempotency_keys_expire(open_one):
    async def story():
        store = open_one()
        await store.commit(asked(key="once"), "create", "Create shop", [UnitWrite(shop(), None)])
        assert (await store.prune(DEFAULTS, NOON_S + 3600)).keys == 0
        assert (await store.prune(DEFAULTS, NOON_S + 2 * DAY_S)).keys == 1
        await store.close()

    run(story())


def test_expired_tokens_go(open_one):
    async def story():
        store = open_one()
        kept = Token("t-1", DEV.email, b"1", ("global",), "", "", NOON_S)
        old = msgspec.structs.replace(kept, id="t-2", digest=b"2", expires_at_s=NOON_S + 60.0)
        people = [Account("a-1", DEV.email, False, NOON_S), kept, old]
        await store.commit_people(asked(), "make", "Make", people)
        assert (await store.prune(DEFAULTS, NOON_S + 59.0)).tokens == 0
        assert (await store.prune(DEFAULTS, NOON_S + 61.0)).tokens == 1
        assert await store.tokens(DEV.email) == (kept,)
        await store.close()

    run(story())


def test_what_cannot_be_read_keeps_its_secrets_and_holds_up_nothing_else(open_one):
    async def story():
        store = open_one()
        made = UnitWrite(shop(config={"KEY": ref()}), None)
        await store.commit(asked(key="once"), "create", "Create shop", [made], {ref().key: "hush"})
        await _ended(store, 2, NOON_S)
        for damage in (
            "UPDATE unit SET intent = x'7b'",
            f"UPDATE job SET body = x'7b' WHERE id = '{0:032x}'",
        ):
            await store._writer.run(lambda db, damage=damage: db.execute(damage))
        pruned = await store.prune(DEFAULTS, NOON_S + 400 * DAY_S)
        assert (pruned.secrets, pruned.jobs, pruned.keys) == (0, 1, 1)
        await store._writer.run(lambda db: db.execute("UPDATE unit SET forgotten = 1"))
        assert (await store.prune(DEFAULTS, NOON_S + 400 * DAY_S)).secrets == 1
        await store.close()

    run(story())


def test_a_long_journal_goes_in_portions_and_others_write_in_between(open_one, monkeypatch):
    monkeypatch.setattr(retention, "PORTION", 10)

    async def story():
        store = open_one()
        await created(store)
        old = Entry(
            id=0, app=SHOP, generation=1, kind="act", verb="start", subject="web.1", rule="r",
            because="b", change=None, state="succeeded", planned_at_s=NOON_S, ended_at_s=NOON_S,
        )  # fmt: skip
        await store.begin_pass([old] * 55)
        assert (await store.prune(DEFAULTS, NOON_S + 91 * DAY_S)).journal == 55
        assert await store.journal(SHOP) == ()
        await store.close()

    run(story())
