"""What every store must do, whatever it is made of: SQLite on disk, in memory, and the simulated.

Only what the rest of the house relies on; wording and the bodies of events are a backend's own.
"""

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.model.account import Account, Token
from setpoint.model.app import Drain, Formation, SecretRef, Source
from setpoint.model.clock import Jump, Mark, Moment
from setpoint.model.condition import Condition, ConditionType
from setpoint.model.credential import OAuthClient, SshKey
from setpoint.model.decision import Bet, Decided, Scope
from setpoint.model.digest import ReadUpTo
from setpoint.model.drain import Place, Shipped
from setpoint.model.errors import Conflict, NotFound, StoreError
from setpoint.model.history import Took
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import Job, JobEnd
from setpoint.model.journal import DRIFT_RULE, DRIFTED, REPAIRED, Entry
from setpoint.model.pipeline import Coupling, Pipeline, PipelineWrite, Promoted, Promotion, Target
from setpoint.model.retention import DAY_S, Retention
from setpoint.model.signal import Sample, Sums
from setpoint.model.webhook import Delivery
from setpoint.planning.builds import build_id
from setpoint.store.port import Field, Standing, Status, UnitWrite
from setpoint.store.sqlite import open_in_memory, open_store
from setpoint.testing.store import SimStore
from tests.support.memory import (
    DEV,
    DIGEST,
    NOON_S,
    OTHER_DIGEST,
    SHOP,
    asked,
    build,
    created,
    deployed,
    ref,
    run,
    shop,
    write,
)

WEB = {"web": Formation(1, 1)}
KEPT = Retention()


@pytest.fixture(params=["file", "memory", "simulated"])
def open_any(request, tmp_path):
    """Opens a store; to be called, and closed, inside the event loop."""
    if request.param == "simulated":
        return SimStore
    if request.param == "memory":
        return open_in_memory
    return lambda: open_store(tmp_path / "store.db", tmp_path / "key")


@pytest.fixture
def tell(open_any):
    """Runs a story against a fresh store."""

    def told(story):
        async def whole():
            store = open_any()
            await story(store)
            await store.close()

        run(whole())

    return told


def changed(unit, **fields):
    return msgspec.structs.replace(unit.intent, **fields)


def test_generation_counts_changes_and_the_fence_carries_the_incarnation(tell):
    async def story(store):
        unit = await created(store)
        again = await write(store, unit, changed(unit, formation=WEB))
        assert (unit.generation, again.generation, again.incarnation) == (1, 2, 1)
        assert unit.fence < again.fence
        assert again.rev > unit.rev
        assert await store.unit(SHOP) == await store.unit_named("shop") == again

    tell(story)


def test_a_taken_name_is_refused_until_its_app_is_forgotten(tell):
    async def story(store):
        await created(store)
        with pytest.raises(Conflict):
            await created(store, shop(id=AppId("another")))
        await store.forget(SHOP)
        assert await store.unit(SHOP) is None
        again = await created(store, shop(id=AppId("another")))
        assert await store.units() == (again,)
        assert len(await store.changes(SHOP)) == 1

    tell(story)


def test_how_all_apps_are_is_told_at_once_and_is_what_is_so_now(tell):
    async def story(store):
        assert await store.standings() == {}
        other = await created(store, shop(id=AppId("another"), name="another"))
        unit, _ = await deployed(store, await created(store))
        await store.settle_release(SHOP, 1, True, "")
        unit, _ = await deployed(store, unit, OTHER_DIGEST)
        stalled = Condition(
            ConditionType.STALLED, True, "Crashed", "it ended at once", since_s=NOON_S
        )
        await store.end_pass([], SHOP, Status(3, (stalled,), b"{}", NOON_S), NOON_S)
        told = await store.standings()
        assert told.keys() == {SHOP, other.id}
        assert (told[SHOP].newest, told[SHOP].serving) == (2, 1)
        assert told[SHOP].status.conditions == (stalled,)
        assert told[other.id] == Standing(None, 0, 0)
        await store.settle_release(SHOP, 2, True, "")
        await store.end_pass([], SHOP, Status(4, (), b"{}", NOON_S), NOON_S)
        await store.forget(other.id)
        told = await store.standings()
        assert told.keys() == {SHOP}
        assert (told[SHOP].serving, told[SHOP].status.conditions) == (2, ())

    tell(story)


def test_what_a_pass_asks_of_apps_is_what_each_method_says(tell):
    async def story(store):
        assert await store.remembered([SHOP], 1, 50) == {}
        other = await created(store, shop(id=AppId("another"), name="another"))
        unit, first = await deployed(store, await created(store))
        unit, second = await deployed(store, unit, OTHER_DIGEST)
        await store.add_job(job(), {})
        found = await store.remembered([SHOP, AppId("nobody"), other.id], 1, 50)
        assert found.keys() == {SHOP, other.id}
        assert (found[other.id].unit, found[other.id].builds) == (other, ())
        memory = found[SHOP]
        assert memory.unit == await store.unit(SHOP) == unit
        assert memory.status == await store.status(SHOP)
        assert memory.builds == await store.builds(SHOP)
        assert memory.releases == await store.releases(SHOP, 1)
        assert [r.version for r in memory.releases] == [second.version]
        assert memory.jobs == await store.jobs(SHOP, 50)
        assert len(memory.jobs) == first.version == 1
        assert memory.cursor == (await store.event_bounds())[1]

    tell(story)


def test_it_tells_of_whom_something_was_written_since(tell):
    async def story(store):
        other = await created(store, shop(id=AppId("another"), name="another"))
        before = (await store.touched(0)).cursor
        assert (await store.touched(before)).newest == {}
        unit = await created(store)
        (memory,) = (await store.remembered([SHOP], 1, 50)).values()
        await store.tell("plane.said")
        touched = await store.touched(before)
        assert touched.newest == {SHOP: memory.cursor}
        assert touched.cursor > memory.cursor
        assert touched.whole
        await store.add_job(job(), {})
        await write(store, other, changed(other, formation=WEB))
        touched = await store.touched(touched.cursor)
        assert touched.newest.keys() == {SHOP, other.id}
        await store.forget(unit.id)
        assert SHOP in (await store.touched(touched.cursor)).newest

    tell(story)


def test_events_that_are_not_kept_any_more_might_have_told_of_more(tell):
    async def story(store):
        await created(store)
        await store.prune(Retention(events_s=DAY_S), NOON_S)
        await store.prune(Retention(events_s=DAY_S), NOON_S + 9 * DAY_S)
        floor, _ = await store.event_bounds()
        assert floor > 0
        for after in (-1, floor - 1):
            told = await store.touched(after)
            assert (told.whole, told.newest) == (False, {})
        assert (await store.touched(floor)).whole

    tell(story)


def test_what_was_begun_is_open_until_something_is_said_of_it_and_unknown_says_nothing(tell):
    async def story(store):
        await created(store)
        step = Entry(
            0, SHOP, 1, "step", "ensure-route", "shop", "route", "it has a host", None,
            "planned", NOON_S,
        )  # fmt: skip
        first, second = await store.begin_pass([step, step])
        assert (await store.touched(0)).left_open == {SHOP}
        assert (await store.remembered([SHOP], 1, 50))[SHOP].left_open == (first, second)
        await store.end_pass([(first, "succeeded", "")], SHOP, None, NOON_S)
        assert (await store.remembered([SHOP], 1, 50))[SHOP].left_open == (second,)
        outcomes = [(id, "unknown", "cut off") for id in (first, second)]
        await store.end_pass(outcomes, SHOP, None, NOON_S)
        assert [e.state for e in await store.journal(SHOP)] == ["unknown", "succeeded"]
        assert (await store.touched(0)).left_open == frozenset()

    tell(story)


def test_news_is_told_once_it_is_written_and_at_once_if_it_was(tell):
    async def story(store):
        waiting = asyncio.create_task(store.news(0))
        await asyncio.sleep(0)
        assert not waiting.done()
        await store.tell("it")
        await asyncio.wait_for(waiting, 20)
        await asyncio.wait_for(store.news(0), 20)

    tell(story)


def test_different_fields_merge_and_one_field_conflicts(tell):
    async def story(store):
        base = await created(store)
        await write(store, base, changed(base, formation=WEB))
        merged = await write(store, base, changed(base, source=Source(DIGEST)))
        assert merged.intent == shop(formation=WEB, source=Source(DIGEST))
        with pytest.raises(Conflict):
            await write(store, base, changed(base, source=Source(OTHER_DIGEST)))
        with pytest.raises(Conflict):
            await write(store, base, changed(base, config={"A": ref()}), whole=True)
        assert await store.unit(SHOP) == merged

    tell(story)


def test_a_restated_source_moves_its_change_and_its_shape(tell):
    async def story(store):
        unit = await created(store, shop(source=Source(DIGEST)))
        again = await write(store, unit, unit.intent, restated=("source.digest",))
        scaled = await write(store, again, changed(again, formation=WEB))
        assert again.source_change == again.shape_change == again.last_change
        assert (scaled.source_change, scaled.shape_change) == (again.last_change,) * 2

    tell(story)


def test_an_idempotency_key_makes_one_change_of_two_requests(tell):
    async def story(store):
        async def ask():
            return await store.commit(
                asked(key="k"), "create", "Create shop", [UnitWrite(shop(), None)]
            )

        assert await ask() == await ask()
        assert len(await store.changes(None)) == 1

    tell(story)


def test_a_clock_that_jumps_ahead_makes_no_two_changes_of_one(tell):
    """What is old is for the collector to say, who holds the clock against another."""

    async def story(store):
        writes = [UnitWrite(shop(), None)]
        first = await store.commit(asked(key="k"), "create", "Create shop", writes)
        later = asked(at_s=NOON_S + 365 * 86_400.0, key="k")
        assert await store.commit(later, "create", "Create shop", writes) == first
        assert len(await store.changes(None)) == 1

    tell(story)


def test_a_clock_that_jumps_ahead_takes_no_token_away(tell):
    async def story(store):
        token = Token("t-1", DEV.email, b"d", ("global",), "", "", NOON_S, NOON_S + 3600.0)
        await store.commit_people(
            asked(), "make", "Make", [Account("a-1", DEV.email, False, NOON_S), token]
        )
        ahead = asked(at_s=NOON_S + 365 * 86_400.0)
        other = Account("a-2", "ben@example.com", False, NOON_S)
        await store.commit_people(ahead, "make", "Make", [other])
        assert await store.tokens(DEV.email) == (token,)

    tell(story)


def test_a_mark_takes_the_place_of_the_last_and_is_no_news_of_any_app(tell):
    async def story(store):
        await created(store)
        before = await store.event_bounds()
        assert await store.marked() is None
        for up_s in (1.0, 2.0):
            mark = Mark(Moment("boot", up_s, NOON_S), Jump(3600.0, NOON_S))
            await store.mark(mark)
            assert await store.marked() == mark
        assert (await store.event_bounds(), await store.refusal()) == (before, None)

    tell(story)


def test_secrets_come_back_by_reference(tell):
    async def story(store):
        unit = await created(store)
        config = {"A": ref(1), "B": ref(1, "s-2")}
        await write(store, unit, changed(unit, config=config), {"s-1@1": "a", "s-2@1": "b"})
        assert await store.reveal(config) == {"A": "a", "B": "b"}
        assert await store.reveal({}) == {}

    tell(story)


def test_a_change_that_is_built_again_on_another_stack_has_another_release(tell):
    async def story(store):
        unit, first = await deployed(store, await created(store))
        await store.settle_release(SHOP, 1, True, "")
        slug = msgspec.structs.replace(first.slug, stack="stack-2")

        async def cut(made):
            return await store.cut_release(SHOP, made, {}, "again", unit.shape_change, NOON_S)

        moved, back = build(id="b-y", slug=slug), build(id="b-z")
        for made, version in ((moved, 2), (moved, 2), (back, 3), (back, 3), (moved, 4)):
            release = await cut(made)
            assert (release.version, release.change) == (version, first.change)
            assert release.slug.stack == made.slug.stack
        statuses = [r.status for r in await store.releases(SHOP)]
        assert statuses == ["pending", "superseded", "superseded", "succeeded"]
        await write(store, unit, changed(unit, config={"A": ref(1)}), {"s-1@1": "a"})
        assert await cut(back) is None

    tell(story)


def test_a_release_is_cut_once_per_change_and_only_for_the_newest_shape(tell):
    async def story(store):
        unit, first = await deployed(store, await created(store))
        made = build(id="b-x")
        again = await store.cut_release(SHOP, made, {}, "", unit.shape_change, NOON_S + 9)
        assert again == first
        assert await store.cut_release(SHOP, made, {}, "", 99, NOON_S) is None
        assert [r.version for r in await store.releases(SHOP)] == [1]

    tell(story)


def test_no_release_is_cut_for_a_change_that_was_overtaken(tell):
    async def story(store):
        unit = await created(store)
        first = await write(store, unit, changed(unit, source=Source(DIGEST)))
        await write(store, first, changed(first, source=Source(OTHER_DIGEST)))
        assert await store.cut_release(SHOP, build(), {}, "", first.shape_change, NOON_S) is None
        assert await store.releases(SHOP) == ()

    tell(story)


@pytest.mark.parametrize(("served", "kept"), [(True, "succeeded"), (False, "superseded")])
def test_a_release_overtaken_in_the_pass_that_judged_it(tell, served, kept):
    async def story(store):
        unit, _ = await deployed(store, await created(store))
        await deployed(store, unit, OTHER_DIGEST)
        await store.settle_release(SHOP, 1, served, "")
        newest, first = await store.releases(SHOP)
        assert (newest.status, first.status) == ("pending", kept)

    tell(story)


def test_a_verdict_is_spoken_once(tell):
    async def story(store):
        await deployed(store, await created(store))
        await store.settle_release(SHOP, 1, False, "crashed")
        await store.settle_release(SHOP, 1, True, "")
        (only,) = await store.releases(SHOP)
        assert (only.status, only.message) == ("failed", "crashed")

    tell(story)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (build(status="running"), build(), "succeeded"),
        (build(), build(status="running"), "succeeded"),
        (build(status="failed"), build(), "failed"),
        (build(status="failed", user_error=False), build(), "succeeded"),
    ],
)
def test_a_build_never_goes_back_from_its_verdict(tell, first, second, kept):
    async def story(store):
        await store.record_build(first)
        await store.record_build(second)
        assert [b.status for b in await store.builds(SHOP)] == [kept]

    tell(story)


def test_the_journal_knows_a_step_before_and_after(tell):
    async def story(store):
        unit = await created(store)
        step = Entry(
            0, SHOP, unit.generation, "step", "ensure-route", "web", "route", "it is ready", 1,
            "planned", NOON_S,
        )  # fmt: skip
        (first, second) = await store.begin_pass([step, step])
        assert [e.id for e in await store.journal(SHOP)] == [second, first]
        await store.end_pass([(first, "succeeded", "done")], SHOP, None, NOON_S + 1)
        later, earlier = await store.journal(SHOP)
        assert (earlier.state, earlier.result, earlier.ended_at_s) == (
            "succeeded",
            "done",
            NOON_S + 1,
        )
        assert (later.state, later.ended_at_s) == ("planned", None)

    tell(story)


def act(verb, because, at_s=NOON_S, subject="web.1", rule="standing-order", **fields):
    facts = {"app": SHOP, "generation": 1, "token": f"t-{verb}-{at_s}"} | fields
    return Entry(
        id=0, kind="act", verb=verb, subject=subject, rule=rule, because=because, change=None,
        state="succeeded", planned_at_s=at_s, ended_at_s=at_s, **facts,
    )  # fmt: skip


def test_acts_are_remembered_up_to_where_they_were_read(tell):
    async def story(store):
        assert await store.acts_seen() == 0
        await store.record_acts([act("start", "it crashed")], after=7)
        assert await store.acts_seen() == 7
        assert [e.verb for e in await store.journal(SHOP)] == ["start"]

    tell(story)


def test_a_crash_loop_is_one_entry_and_a_count(tell):
    async def story(store):
        for n in range(10):
            at_s = NOON_S + n
            started = act("start", f"the last one exited with code {n}; 0 up, 1 intended", at_s)
            await store.record_acts([act("crashed", "it crashed", at_s), started], after=2 * n + 2)
        start, crashed = await store.journal(SHOP)
        assert (start.verb, start.count) == ("start", 10)
        assert start.because == "the last one exited with code 9; 0 up, 1 intended"
        assert (crashed.verb, crashed.count) == ("crashed", 10)
        assert (start.planned_at_s, start.ended_at_s) == (NOON_S, NOON_S + 9)
        assert await store.acts_seen() == 20

    tell(story)


def test_acts_taken_in_twice_count_once(tell):
    async def story(store):
        for after in (3, 3, 2):
            await store.record_acts([act("start", "it crashed")], after)
        (only,) = await store.journal(SHOP)
        assert (only.count, await store.acts_seen()) == (1, 3)

    tell(story)


def test_acts_of_another_generation_subject_or_reason_are_entries_of_their_own(tell):
    async def story(store):
        acts = [
            act("start", "1 up, 2 intended"),
            act("start", "1 up, 2 intended", generation=2),
            act("start", "1 up, 2 intended", subject="worker.1"),
            act("start", "1 request is waiting"),
            act("start", "1 up, 2 intended", app=AppId("another")),
        ]
        await store.record_acts(acts, after=5)
        assert len(await store.journal(SHOP)) == 4
        assert len(await store.journal(AppId("another"))) == 1

    tell(story)


def drifts(*told):
    """(what, when it was noticed, when it was repaired), as the acts of a supervisor tell it."""
    for what, noticed_s, repaired_s in told:
        yield act(DRIFTED, what, NOON_S + noticed_s, "files", DRIFT_RULE)
        how = f"was laid again, {repaired_s - noticed_s:.1f} s later"
        yield act(REPAIRED, how, NOON_S + repaired_s, "files", DRIFT_RULE)


async def taken_in(store, *acts):
    for act in acts:
        await store.record_acts([act], await store.acts_seen() + 1)
    found = reversed(await store.journal(SHOP))
    return [(e.because, e.count, e.planned_at_s - NOON_S, e.ended_at_s - NOON_S) for e in found]


def test_what_an_outsider_did_stays_told_when_the_next_did_something_else(tell):
    async def story(store):
        acts = drifts(("app.py was altered", 10, 12), ("lib2.py was altered", 60, 63),
                      ("lib3.py was altered", 80, 81))  # fmt: skip
        assert await taken_in(store, *acts) == [
            ("app.py was altered", 1, 10, 10),
            ("was laid again, 2.0 s later", 1, 12, 12),
            ("lib2.py was altered", 1, 60, 60),
            ("was laid again, 3.0 s later", 1, 63, 63),
            ("lib3.py was altered", 1, 80, 80),
            ("was laid again, 1.0 s later", 1, 81, 81),
        ]

    tell(story)


def test_what_an_outsider_does_again_and_again_is_one_entry_and_a_count(tell):
    async def story(store):
        acts = drifts(*(("app.py was altered", 10 * n, 10 * n + n) for n in range(1, 6)))
        assert await taken_in(store, *acts) == [
            ("app.py was altered", 5, 10, 50),
            ("was laid again, 5.0 s later", 5, 11, 55),
        ]
        events = [e.type for e in await store.events(0) if e.unit == SHOP]
        assert events == [DRIFTED, REPAIRED] * 5

    tell(story)


kinds = st.sampled_from(["config", "scale", "deploy"])
histories = st.lists(st.tuples(kinds, st.integers(0, 3), st.integers(0, 2)), max_size=12)


def edited(intent, kind, value):
    """One of a few edits that overlap now and then."""
    if kind == "config":
        return msgspec.structs.replace(intent, config={"A": ref(value + 1)} if value else {})
    if kind == "scale":
        return msgspec.structs.replace(intent, formation={"web": Formation(value, 3)})
    return msgspec.structs.replace(intent, source=Source(DIGEST, f"v{value}"))


async def lived(store, history):
    """What a history leaves behind: document, provenance, the Changes and who was refused."""
    seen, refused = [await created(store)], []
    for n, (kind, value, age) in enumerate(history):
        base = seen[max(0, len(seen) - 1 - age)]
        try:
            seen.append(await write(store, base, edited(base.intent, kind, value)))
        except Conflict:
            refused.append(n)
    unit = await store.unit(SHOP)
    fields = sorted((f.path, f.change) for f in await store.fields(SHOP))
    cursors = [e.cursor for e in await store.events(0)]
    touches = [c.touches for c in await store.changes(SHOP)]
    shape = (unit.generation, unit.source_change, unit.shape_change, unit.last_change)
    await store.close()
    return unit.intent, shape, fields, touches, cursors, refused


@settings(deadline=None, max_examples=80)
@given(histories)
def test_any_history_ends_the_same_in_the_simulated_store_as_in_the_real_one(history):
    assert run(lived(SimStore(), history)) == run(lived(open_in_memory(), history))


# --- jobs -------------------------------------------------------------------------------------


def job(number: int = 1, **fields):
    id = JobId(f"{number:032x}")
    return msgspec.structs.replace(Job(id, SHOP, "run", f"run.{number}", "tidy up", 1), **fields)


def test_a_job_asked_for_twice_is_one_and_its_values_are_sealed(tell):
    async def story(store):
        await created(store)
        asked_for = job(environment={"TOKEN": ref(id="t-1")})
        await store.add_job(asked_for, {"t-1@1": "hush"})
        await store.add_job(asked_for, {"t-1@1": "hush"})
        assert await store.jobs(SHOP) == (asked_for,)
        assert await store.reveal(asked_for.environment) == {"TOKEN": "hush"}

    tell(story)


def test_a_job_of_an_app_that_is_gone_is_refused(tell):
    async def story(store):
        await created(store)
        await store.forget(SHOP)
        with pytest.raises(NotFound):
            await store.add_job(job())

    tell(story)


def test_a_pass_hands_jobs_over_with_or_without_a_row(tell):
    async def story(store):
        await created(store)
        known = await store.add_job(job(1))
        fresh = job(2, kind="release", dyno="release.2")
        await store.begin_pass([], [msgspec.structs.replace(known, incarnation=1), fresh])
        rows = await store.jobs(SHOP)
        assert [(r.dyno, r.state) for r in rows] == [("release.2", "handed"), ("run.1", "handed")]
        assert rows[1].incarnation == 1

    tell(story)


def test_what_came_of_a_job_is_said_once_for_ever(tell):
    async def story(store):
        await created(store)
        asked_for = await store.add_job(job())
        await store.settle_job(
            SHOP, asked_for.id, JobEnd("failed", "exited with code 3", 3, 1.0, 2.0)
        )
        await store.settle_job(SHOP, asked_for.id, JobEnd("succeeded"))
        await store.begin_pass([], [asked_for])
        assert (await store.stop_job(SHOP, asked_for.id)).stop_asked is False
        (row,) = await store.jobs(SHOP)
        assert (row.state, row.code, row.message, row.ended_at_s) == (
            "failed",
            3,
            "exited with code 3",
            2.0,
        )

    tell(story)


def test_one_that_ended_long_ago_and_is_handed_over_again_is_seen_to_have_ended(tell):
    async def story(store):
        await created(store)
        for number in (1, 2, 3):
            await store.begin_pass([], [job(number, kind="scheduled")])
            await store.settle_job(SHOP, job(number).id, JobEnd("succeeded"))
        assert [j.dyno for j in await store.jobs(SHOP, 1)] == ["run.3"]
        await store.begin_pass([], [job(1, kind="scheduled")])
        (seen,) = await store.jobs(SHOP, 1)
        assert (seen.dyno, seen.state) == ("run.1", "succeeded")
        await store.begin_pass([], [job(4, kind="scheduled")])
        assert [j.dyno for j in await store.jobs(SHOP, 2)] == ["run.4", "run.1"]
        assert len(await store.jobs(SHOP)) == 4

    tell(story)


def test_a_delivery_that_a_wrong_clock_put_off_for_a_year_is_due(tell):
    async def story(store):
        await created(store)
        waits = Delivery("d-1", SHOP, "w-1", "e-1", "api:app", "sync", {}, NOON_S, NOON_S + 3600.0)
        await store.record_notices([waits], 1)
        assert await store.due_notices(NOON_S, 10, ()) == {}
        assert await store.due_notices(NOON_S + 3600.0, 10, ()) == {"w-1": (waits,)}
        assert await store.due_notices(NOON_S - 365 * 86_400.0, 10, ()) == {"w-1": (waits,)}
        assert await store.due_notices(NOON_S - 365 * 86_400.0, 10, ("w-1",)) == {}

    tell(story)


def test_a_wish_to_stop_outlives_the_hand_over(tell):
    async def story(store):
        await created(store)
        asked_for = await store.add_job(job())
        assert (await store.stop_job(SHOP, asked_for.id)).stop_asked
        await store.begin_pass([], [asked_for])
        (row,) = await store.jobs(SHOP)
        assert (row.state, row.stop_asked) == ("handed", True)
        assert await store.stop_job(SHOP, JobId("f" * 32)) is None

    tell(story)


def test_live_jobs_are_told_whatever_the_limit_and_others_by_kind(tell):
    async def story(store):
        await created(store)
        await store.add_job(job(1))
        for number in (2, 3, 4):
            await store.add_job(job(number))
            await store.settle_job(SHOP, job(number).id, JobEnd("succeeded"))
        await store.begin_pass([], [job(5, kind="release", dyno="release.5")])
        rows = await store.jobs(SHOP, 1)
        assert [r.dyno for r in rows] == ["release.5", "run.4", "run.1"]

    tell(story)


def test_a_release_is_found_by_its_number_and_keeps_its_label(tell):
    async def story(store):
        unit = await created(store)
        unit, release = await deployed(store, unit)
        assert await store.release(SHOP, 1) == release
        assert await store.release(SHOP, 2) is None
        made = build(OTHER_DIGEST, id="b-9")
        unit = await write(store, unit, changed(unit, source=Source(OTHER_DIGEST, "abc123")))
        again = await store.cut_release(
            SHOP, made, {}, "Deploy abc123", unit.shape_change, NOON_S, "abc123"
        )
        assert (again.version, again.commit) == (2, "abc123")

    tell(story)


def conditions(*, progressing=False, stalled=False):
    return (
        Condition(ConditionType.PROGRESSING, progressing, "x"),
        Condition(ConditionType.STALLED, stalled, "x"),
    )


def test_how_long_a_change_took_is_told_by_the_first_status_that_says_so(tell):
    async def story(store):
        async def status(unit, at_s, **said):
            told = Status(unit.generation, conditions(**said), b"null", at_s)
            await store.end_pass([], SHOP, told, at_s)

        first = await created(store)
        await status(first, NOON_S + 1, progressing=True)
        await status(first, NOON_S + 4)
        await status(first, NOON_S + 50, progressing=True)
        await status(first, NOON_S + 60)
        overtaken = await write(store, first, changed(first, maintenance=True))
        stalled = await write(store, overtaken, changed(overtaken, maintenance=False))
        await status(stalled, NOON_S + 70, stalled=True)
        assert await store.took(SHOP) == (Took(1, "create", 4.0, NOON_S + 4),)
        last = await write(store, stalled, changed(stalled, formation=WEB))
        await status(last, NOON_S + 72)
        assert await store.took(SHOP, 1) == (Took(4, "change", 72.0, NOON_S + 72),)
        assert await store.took(AppId("other")) == ()
        await store.forget(SHOP)
        assert await store.took(SHOP) == ()

    tell(story)


# --- why ---------------------------------------------------------------------------------------


def test_a_path_tells_who_set_it_everyone_who_touched_it_and_what_it_was_at_any_time(tell):
    async def story(store):
        first = await created(store)
        second = await write(store, first, changed(first, formation=WEB))
        third = await write(store, second, changed(second, maintenance=True))
        await write(store, third, changed(third, formation={}))
        assert await store.field(SHOP, "maintenance") == Field("maintenance", 3)
        assert await store.field(SHOP, "formation.web.min") is None
        assert await store.field(SHOP, "formation.web") is None
        touched = await store.touching(SHOP, "formation.web.min", 9)
        assert [c.change.seq for c in touched] == [4, 2]
        assert len(await store.touching(SHOP, "formation.web.min", 1)) == 1
        assert await store.touching(SHOP, "formation.web", 9) == ()
        assert await store.as_of(SHOP, NOON_S, 3) == third.intent
        assert await store.as_of(SHOP, NOON_S, 99) == changed(third, formation={})
        assert await store.as_of(SHOP, NOON_S - 1, 99) is None
        assert await store.as_of(AppId("other"), NOON_S, 99) is None

    tell(story)


def test_decisions_are_numbered_and_what_is_said_of_them_is_added_in_order(tell):
    scope = Scope(SHOP, "shop", "formation.*")

    async def story(store):
        bet = Bet("above 200 rps", revisit_at_s=NOON_S + DAY_S)
        await store.decide(asked("two regions"), Decided())
        await store.decide(asked("three, for the fair", key="k"), Decided((scope,), bet))
        again = await store.decide(asked("three, for the fair", key="k"), Decided((scope,), bet))
        assert again.decision == 2
        await store.say(2, "extended", asked("not yet"), NOON_S + 2 * DAY_S)
        with pytest.raises(NotFound):
            await store.say(9, "verified", asked())
        assert [r.decision for r in await store.decisions()] == [1, 2, 2]
        (first, later) = await store.decisions(unit=SHOP)
        assert (first.decided, later.kind) == (Decided((scope,), bet), "extended")
        assert later.revisit_at_s == NOON_S + 2 * DAY_S
        assert await store.decisions(numbers=[2, 7]) == (first, later)
        assert await store.decisions(numbers=[]) == ()
        assert await store.decisions(unit=AppId("another")) == ()
        assert await store.decisions(bets=True) == (first, later)
        await store.decide(asked("one is enough"), Decided(supersedes=2))
        assert await store.decisions(bets=True) == ()
        assert (await store.decisions(numbers=[2]))[-1].by == 3
        await store.decide(asked("for every app"), Decided((Scope("", "*", "config.*"),), bet))
        assert [r.decision for r in await store.decisions(unit=SHOP)] == [2, 2, 2, 4]
        await store.say(4, "held", asked())
        assert await store.decisions(bets=True) == ()

    tell(story)


def test_samples_are_kept_by_app_and_process_until_they_are_too_old(tell):
    early, late = (Sample(SHOP, "web", NOON_S + n, 60.0, answers=n) for n in (1, 61))
    other = Sample(SHOP, "", NOON_S + 61, 60.0)

    async def story(store):
        await store.add_samples([early], [], 0.0)
        await store.add_samples([late, other], [], 0.0)
        await store.add_samples([late], [], 0.0)
        assert await store.samples(SHOP, "web", NOON_S) == (early, late)
        assert await store.samples(SHOP, "web", NOON_S + 1) == (late,)
        assert await store.samples(SHOP, "", 0.0) == (other,)
        await store.add_samples([], [], NOON_S + 60)
        assert await store.samples(SHOP, "web", 0.0) == (late,)

    tell(story)


def test_samples_are_replaced_by_fewer_of_the_same_time(tell):
    first, second, newer = (Sample(SHOP, "web", NOON_S + n, 60.0, answers=n) for n in (1, 2, 9))
    other = Sample(SHOP, "", NOON_S + 1, 60.0)
    both = Sample(SHOP, "web", NOON_S + 2, 120.0, answers=3)

    async def story(store):
        await store.add_samples([first, second, newer, other], [], 0.0)
        await store.replace_samples(SHOP, "web", [both])
        assert await store.samples(SHOP, "web", 0.0) == (both, newer)
        assert await store.samples(SHOP, "", 0.0) == (other,)

    tell(story)


def test_where_sums_stand_is_what_was_said_last(tell):
    one = Sums(SHOP, "web", NOON_S, NOON_S - 5, 7, 1, (6, 1))
    other = Sums(SHOP, "", NOON_S, NOON_S - 5)

    async def story(store):
        assert await store.counted() == ()
        await store.add_samples([], [one], 0.0)
        assert await store.counted() == (one,)
        await store.add_samples([], [other], 0.0)
        assert await store.counted() == (other,)

    tell(story)


def test_who_has_read_how_far_never_goes_back(tell):
    async def story(store):
        assert await store.read_up_to("ana") is None
        assert await store.have_read("ana", 5, NOON_S) == ReadUpTo(5, NOON_S)
        assert await store.have_read("ana", 3, NOON_S + 1) == ReadUpTo(5, NOON_S + 1)
        assert await store.read_up_to("ana") == ReadUpTo(5, NOON_S + 1)
        assert await store.read_up_to("bob") is None

    tell(story)


def test_a_decision_is_made_with_its_change_or_not_at_all(tell):
    async def story(store):
        unit = await created(store)
        web = shop(formation=WEB)
        writes = [UnitWrite(web, unit.rev)]
        done = await store.commit(asked("why"), "scale", "Scale", writes, {}, Decided(owner="ana"))
        (made,) = await store.change(done.change)
        assert made.change.asked.decision == 1
        whole = [UnitWrite(shop(maintenance=True), unit.rev, whole=True)]
        with pytest.raises(Conflict):
            await store.commit(asked("why"), "scale", "Scale", whole, {}, Decided(owner="ana"))
        assert [r.decision for r in await store.decisions()] == [1]

    tell(story)


def test_notes_are_added_to_a_change_and_never_to_one_that_is_not_there(tell):
    async def story(store):
        await created(store)
        await store.note(1, asked("it was for the fair"))
        await store.note(1, asked("and for the sale"))
        with pytest.raises(NotFound, match="there is no such Change"):
            await store.note(2, asked("never was"))
        notes = await store.notes([1, 2])
        assert [n.asked.why for n in notes[1]] == ["it was for the fair", "and for the sale"]
        assert set(notes) == {1}
        assert await store.notes([]) == {}
        assert [e.type for e in await store.events(0)][1:] == ["change.noted"] * 2

    tell(story)


# --- retention -----------------------------------------------------------------------------------

MUCH_LATER_S = NOON_S + 400 * DAY_S


def entry(change: int | None, at_s: float = NOON_S, **fields) -> Entry:
    plain = Entry(
        id=0, app=SHOP, generation=1, kind="step", verb="start", subject="web", rule="r",
        because="b", change=change, state="succeeded", planned_at_s=at_s, ended_at_s=at_s,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **fields)


async def _three_releases(store):
    unit = await created(store)
    for digest in (DIGEST, OTHER_DIGEST, DIGEST):
        unit, release = await deployed(store, unit, digest)
        await store.settle_release(SHOP, release.version, True, "")
    return unit


def test_a_release_that_was_let_go_says_so_for_ever_and_stands_in_the_journal(tell):
    async def story(store):
        await _three_releases(store)
        assert [r.version for r in await store.kept_releases()] == [3, 2, 1]
        assert await store.let_go(SHOP, [1, 7], entry(None, verb="let-go")) == (1,)
        assert await store.let_go(SHOP, [1], entry(None, verb="let-go")) == ()
        assert [(r.version, r.slug_kept) for r in await store.releases(SHOP)] == [
            (3, True), (2, True), (1, False),
        ]  # fmt: skip
        assert [r.version for r in await store.kept_releases()] == [3, 2]
        assert not (await store.release(SHOP, 1)).slug_kept
        assert [e.verb for e in await store.journal(SHOP)] == ["let-go"]

    tell(story)


def test_the_newest_release_and_one_that_is_gone_back_to_are_not_let_go(tell):
    async def story(store):
        unit = await _three_releases(store)
        await write(store, unit, changed(unit, rollback_to=2))
        assert await store.let_go(SHOP, [1, 2, 3], entry(None)) == (1,)

    tell(story)


def test_a_forgotten_app_may_let_go_of_everything(tell):
    async def story(store):
        await _three_releases(store)
        await store.forget(SHOP)
        assert await store.let_go(SHOP, [1, 2, 3], entry(None)) == (1, 2, 3)
        assert await store.kept_releases() == ()

    tell(story)


def test_the_journal_of_a_live_field_is_kept_and_the_rest_goes_with_its_age(tell):
    async def story(store):
        unit = await created(store)
        before = await write(store, unit, changed(unit, restarted_at_s=1.0))
        after = await write(store, before, changed(before, restarted_at_s=2.0))
        old, live = before.last_change, after.last_change
        await store.begin_pass([entry(old), entry(live), entry(None)])
        await store.begin_pass([entry(None, state="planned", ended_at_s=None)])
        would = await store.prune(KEPT, MUCH_LATER_S, dry_run=True)
        assert would.journal == 2
        assert len(await store.journal(SHOP)) == 4
        assert (await store.prune(KEPT, MUCH_LATER_S)).journal == 2
        left = await store.journal(SHOP)
        assert [(e.change, e.state) for e in left] == [(None, "planned"), (live, "succeeded")]
        assert (await store.prune(KEPT, MUCH_LATER_S)).journal == 0

    tell(story)


def test_events_are_kept_for_their_days_and_the_floor_tells_how_far_they_are_gone(tell):
    async def story(store):
        unit = await created(store)
        assert (await store.event_bounds())[0] == 0
        await store.prune(KEPT, NOON_S)
        newest = (await store.event_bounds())[1]
        await write(store, unit, changed(unit, formation=WEB))
        assert (await store.prune(KEPT, NOON_S + 6 * DAY_S)).events == 0
        assert (await store.prune(KEPT, NOON_S + 8 * DAY_S)).events == newest
        floor, last = await store.event_bounds()
        assert floor == newest < last
        assert [e.cursor for e in await store.events(floor)] == [*range(floor + 1, last + 1)]

    tell(story)


def test_cursors_go_on_after_everything_was_pruned(tell):
    async def story(store):
        unit = await created(store)
        await store.prune(KEPT, NOON_S)
        await store.prune(KEPT, MUCH_LATER_S)
        floor, newest = await store.event_bounds()
        assert floor == newest
        await write(store, unit, changed(unit, formation=WEB))
        assert (await store.events(floor))[0].cursor == floor + 1

    tell(story)


def test_secrets_that_nothing_can_need_any_more_go_and_no_others(tell):
    async def story(store):
        unit = await created(store)
        first, second, third = ref(1), ref(2), ref(3)
        for version in (first, second):
            unit = await write(
                store, unit, changed(unit, config={"KEY": version}), {version.key: "value"}
            )
        unit, _ = await deployed(store, unit)
        unit = await write(store, unit, changed(unit, config={"KEY": third}), {third.key: "now"})
        assert (await store.prune(KEPT, NOON_S)).secrets == 1
        kept = await store.reveal({"release": second, "now": third})
        assert kept == {"release": "value", "now": "now"}
        with pytest.raises((StoreError, KeyError)):
            await store.reveal({"gone": first})

    tell(story)


def test_a_source_is_forgotten_only_if_it_is_old_and_nobody_is_meant_to_be_made_of_it(tell):
    async def story(store):
        await store.record_source(DIGEST, 10, NOON_S)
        await store.record_source(OTHER_DIGEST, 10, NOON_S)
        await deployed(store, await created(store), DIGEST)
        assert await store.drop_sources([DIGEST, OTHER_DIGEST], NOON_S) == ()
        assert await store.hold_source(OTHER_DIGEST, NOON_S + 5)
        assert await store.drop_sources([OTHER_DIGEST], NOON_S + 5) == ()
        assert await store.drop_sources([DIGEST, OTHER_DIGEST], NOON_S + 6) == (OTHER_DIGEST,)
        assert await store.source_known(DIGEST)
        assert not await store.hold_source(OTHER_DIGEST, NOON_S + 7)

    tell(story)


def test_an_uploaded_buildpack_is_kept_like_a_source(tell):
    async def story(store):
        await store.record_source(OTHER_DIGEST, 10, NOON_S)
        await created(store, shop(buildpacks=(f"mine@sha256:{OTHER_DIGEST}",)))
        assert await store.drop_sources([OTHER_DIGEST], MUCH_LATER_S) == ()
        assert await store.source_known(OTHER_DIGEST)

    tell(story)


def test_who_sends_something_is_known_by_name_and_what_came_of_it_is_kept(tell):
    async def story(store):
        unit = await created(store)
        other = await created(store, shop(id=AppId("another"), name="another"))
        assert await store.senders() == {}
        drain = Drain("https://logs.example.com", ref(id="d-1"), NOON_S)
        sending = changed(unit, drains={"d-1": drain})
        unit = await write(
            store, unit, sending, secrets={ref(id="d-1").key: "https://u:p@a.example"}
        )
        assert await store.senders() == {SHOP: unit.rev}
        assert unit.intent.drains == {"d-1": drain}
        unit = await write(store, unit, changed(unit, formation=WEB))
        assert await store.senders() == {SHOP: unit.rev}
        ours = Shipped("d-1", SHOP, Place("m", 2), 5, 1, 1, 3, NOON_S, None, "", None)
        theirs = Shipped("d-2", other.id)
        await store.record_shipped([ours, theirs])
        assert await store.shipped() == (ours, theirs)
        assert await store.shipped(SHOP) == (ours,)
        later = msgspec.structs.replace(ours, delivered=6)
        await store.record_shipped([later], ["d-2", "d-3"])
        assert await store.shipped() == (later,)
        unit = await write(store, unit, changed(unit, drains={}))
        assert await store.senders() == {}
        await write(store, unit, sending)
        await store.forget(SHOP)
        assert (await store.senders(), await store.shipped()) == ({}, ())

    tell(story)


# --- pipelines -----------------------------------------------------------------------------------

LINE = Pipeline("line-1", "shop-line", "dev@example.com", NOON_S, NOON_S)


def test_a_pipeline_is_written_and_taken_away_with_a_change_of_its_own(tell):
    async def story(store):
        await store.commit(asked("why not"), "create", "Create", [], pipeline=PipelineWrite(LINE))
        renamed = msgspec.structs.replace(LINE, name="other-line")
        await store.commit(asked(), "alter", "Rename", [], pipeline=PipelineWrite(renamed))
        assert await store.pipelines() == (renamed,)
        namesake = msgspec.structs.replace(renamed, id="line-2")
        with pytest.raises(Conflict):
            await store.commit(asked(), "create", "Again", [], pipeline=PipelineWrite(namesake))
        theirs = msgspec.structs.replace(namesake, owner="another@example.com")
        await store.commit(asked(), "create", "Theirs", [], pipeline=PipelineWrite(theirs))
        assert await store.pipelines() == (theirs, renamed)
        await store.commit(asked(), "end", "End", [], pipeline=PipelineWrite(renamed, gone=True))
        assert await store.pipelines() == (theirs,)
        told = await store.changes(None)
        assert [c.change.summary for c in told] == ["End", "Theirs", "Rename", "Create"]

    tell(story)


IN_LINE = Coupling(LINE.id, "staging")


def test_nobody_is_put_into_a_pipeline_that_was_destroyed_since_it_was_read(tell):
    async def story(store):
        unit = await created(store)
        await store.commit(asked(), "create", "Create", [], pipeline=PipelineWrite(LINE))
        await store.commit(asked(), "end", "End", [], pipeline=PipelineWrite(LINE, gone=True))
        write = UnitWrite(msgspec.structs.replace(unit.intent, pipeline=IN_LINE), unit.rev)
        with pytest.raises(Conflict, match="was destroyed meanwhile"):
            await store.commit(asked(), "add", "Add", [write])
        born = UnitWrite(shop(id=AppId("another"), name="another", pipeline=IN_LINE), None)
        with pytest.raises(Conflict, match="was destroyed meanwhile"):
            await store.commit(asked(), "create", "Create", [born])
        assert (await store.unit(unit.id)).intent.pipeline is None

    tell(story)


def test_a_pipeline_is_not_destroyed_under_an_app_that_came_into_it_meanwhile(tell):
    async def story(store):
        unit = await created(store)
        await store.commit(asked(), "create", "Create", [], pipeline=PipelineWrite(LINE))
        write = UnitWrite(msgspec.structs.replace(unit.intent, pipeline=IN_LINE), unit.rev)
        unit = (await store.commit(asked(), "add", "Add", [write])).units[0]
        gone = PipelineWrite(LINE, gone=True)
        with pytest.raises(Conflict, match=f"{unit.name} came into it meanwhile"):
            await store.commit(asked(), "end", "End", [], pipeline=gone)
        assert await store.pipelines() == (LINE,)
        leaves = UnitWrite(msgspec.structs.replace(unit.intent, pipeline=None), unit.rev)
        await store.commit(asked(), "end", "End", [leaves], pipeline=gone)
        assert await store.pipelines() == ()
        assert (await store.unit(unit.id)).intent.pipeline is None

    tell(story)


async def promoted(store, target, release, id="p-1"):
    """The target once it was given that release, in a promotion of its own."""
    await store.begin_promotion(
        Promotion(id, LINE.id, SHOP, release.version, NOON_S, (Target(target.id),))
    )
    intent = msgspec.structs.replace(target.intent, source=Source(release.source))
    write = UnitWrite(
        intent,
        target.rev,
        restated=("source.digest",),
        promoted=Promoted(id, SHOP, release.version),
    )
    committed = await store.commit(asked(), "promote to", "Promote shop v1", [write])
    return committed.units[0]


def test_a_promoted_slug_is_a_build_of_the_target_before_anybody_looks(tell):
    async def story(store):
        other = await created(store, shop(id=AppId("another"), name="another"))
        _, release = await deployed(store, await created(store))
        unit = await promoted(store, other, release)
        (taken,) = await store.builds(other.id)
        assert (taken.id, taken.slug) == (build_id(unit, release.slug.stack), release.slug)
        assert (taken.status, taken.taken_over, taken.source) == ("succeeded", True, DIGEST)
        told = await store.promotion("p-1")
        assert told is not None
        assert told.targets == (Target(other.id, unit.last_change),)
        await store.refuse_promotion("p-1", AppId("nobody"), "gone")
        await store.refuse_promotion("p-1", other.id, "the answer to its commit was lost")
        await store.begin_promotion(told)
        assert await store.promotion("p-1") == told
        assert await store.promotion("p-2") is None
        cut = await store.cut_release(other.id, taken, {}, "Promote", unit.shape_change, NOON_S)
        assert cut is not None
        assert cut.slug == release.slug

    tell(story)


def test_what_is_kept_no_longer_is_given_to_nobody(tell):
    async def story(store):
        other = await created(store, shop(id=AppId("another"), name="another"))
        unit, first = await deployed(store, await created(store))
        await store.settle_release(SHOP, 1, True, "")
        await deployed(store, unit, OTHER_DIGEST)
        entry = Entry(0, SHOP, 0, "act", "let-go", "v1", "retention", "old", None, "succeeded", 0.0)
        assert await store.let_go(SHOP, [1], entry) == (1,)
        with pytest.raises(Conflict):
            await promoted(store, other, first)
        assert await store.unit(other.id) == other
        assert await store.builds(other.id) == ()
        await store.refuse_promotion("p-1", other.id, "kept no longer")
        told = await store.promotion("p-1")
        assert told is not None
        assert told.targets == (Target(other.id, None, "kept no longer"),)

    tell(story)


ADA, BOB = "ada@example.com", "bob@example.com"
VERB = "alter the account"


def ssh_key(id, account=ADA, fingerprint="aa:bb", at_s=NOON_S):
    return SshKey(id, account, f"ssh-ed25519 {id}", "Größe", fingerprint, at_s)


def client(id, account=ADA, version=1, at_s=NOON_S):
    uri = "https://example.com/cb"
    return OAuthClient(id, account, "Amazing", uri, SecretRef(id, version), at_s, at_s)


def test_an_ssh_key_is_its_accounts_alone_and_there_once(tell):
    async def story(store):
        keys = ssh_key("k-1"), ssh_key("k-2", fingerprint="cc:dd", at_s=NOON_S + 1)
        await store.commit_people(asked(), VERB, "Add", keys[::-1])
        await store.commit_people(asked(), VERB, "Add", [ssh_key("k-3", BOB)])
        assert await store.ssh_keys(ADA) == keys
        assert await store.ssh_keys(BOB) == (ssh_key("k-3", BOB),)
        before = await store.changes(None)
        with pytest.raises(Conflict):
            await store.commit_people(asked(), VERB, "Add", [ssh_key("k-4")])
        assert await store.changes(None) == before
        await store.commit_people(asked(), VERB, "Remove", gone=[keys[0]])
        assert await store.ssh_keys(ADA) == keys[1:]
        await store.commit_people(asked(), VERB, "Add", [ssh_key("k-4")])
        assert await store.ssh_keys(ADA) == (ssh_key("k-4"), keys[1])

    tell(story)


def test_an_oauth_client_has_one_secret_which_only_another_replaces(tell):
    async def story(store):
        first, again = client("c-1"), client("c-1", version=2, at_s=NOON_S + 9)
        sealed = {"c-1@1": "old-secret"}
        await store.commit_people(asked(), VERB, "Create", [first], secrets=sealed)
        assert await store.oauth_clients(ADA) == (first,)
        assert await store.oauth_clients(BOB) == ()
        assert await store.reveal({"x": first.secret}) == {"x": "old-secret"}
        named = msgspec.structs.replace(first, name="Other", redirect_uri="http://localhost/")
        await store.commit_people(asked(), VERB, "Alter", [named])
        assert await store.oauth_clients(ADA) == (named,)
        sealed = {"c-1@2": "new-secret"}
        await store.commit_people(asked(), VERB, "Rotate", [again], secrets=sealed)
        (told,) = await store.oauth_clients(ADA)
        assert (told.name, told.secret, told.updated_at_s) == ("Other", again.secret, NOON_S + 9)
        assert told.created_at_s == NOON_S
        assert await store.reveal({"x": told.secret}) == {"x": "new-secret"}
        late = msgspec.structs.replace(first, name="Late")
        await store.commit_people(asked(), VERB, "Alter", [late])
        (told,) = await store.oauth_clients(ADA)
        assert (told.name, told.secret) == ("Late", again.secret)

    tell(story)


def test_a_client_that_is_gone_is_altered_and_given_a_secret_no_more(tell):
    async def story(store):
        first, again = client("c-1"), client("c-1", version=2)
        await store.commit_people(asked(), VERB, "Create", [first], secrets={"c-1@1": "s"})
        await store.commit_people(asked(), VERB, "Destroy", gone=[first])
        with pytest.raises(Conflict):
            await store.commit_people(asked(), VERB, "Alter", [first])
        with pytest.raises(Conflict):
            await store.commit_people(asked(), VERB, "Rotate", [again], secrets={"c-1@2": "s"})
        assert await store.oauth_clients(ADA) == ()

    tell(story)


def test_an_account_goes_with_its_keys_and_clients_and_nobody_elses(tell):
    async def story(store):
        ada, bob = Account("a-1", ADA, False, NOON_S), Account("a-2", BOB, False, NOON_S)
        hers = [ada, ssh_key("k-1"), client("c-1")]
        his = [bob, ssh_key("k-2", BOB), client("c-2", BOB)]
        await store.commit_people(asked(), VERB, "Add", hers, secrets={"c-1@1": "hers"})
        await store.commit_people(asked(), VERB, "Add", his, secrets={"c-2@1": "his"})
        await store.commit_people(asked(), VERB, "Remove", gone=[ada])
        assert (await store.ssh_keys(ADA), await store.oauth_clients(ADA)) == ((), ())
        assert await store.ssh_keys(BOB) == (his[1],)
        assert await store.oauth_clients(BOB) == (his[2],)
        assert await store.reveal({"x": his[2].secret}) == {"x": "his"}

    tell(story)
