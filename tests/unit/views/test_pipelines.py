"""What came of a promotion whose daemon was killed before it had reached every app."""

from setpoint.model.ids import AppId
from setpoint.model.pipeline import Promotion, Target
from setpoint.views import pipelines
from tests.support.doors import in_office
from tests.support.memory import DEV, NOON_S, created
from tests.unit.views.test_feed import GUEST


def test_a_target_that_was_never_reached_is_told_to_have_failed_and_what_to_do():
    async def story(office):
        unit = await created(office.store)
        row = Promotion("p-1", "line", AppId("source"), 1, NOON_S, (Target(unit.id),))
        await office.store.begin_promotion(row)
        cut_off = await office.store.promotion("p-1")
        assert cut_off is not None
        for after_s, status in ((59.0, "pending"), (60.0, "failed")):
            (target,) = await pipelines.came(office.store, DEV, cut_off, NOON_S + after_s)
            assert target.status == status
        assert "promote again" in target.message

    in_office(story)


def test_a_target_that_cannot_be_read_takes_the_others_from_nobody():
    async def story(office):
        unit = await created(office.store)
        row = Promotion("p-1", "line", AppId("source"), 1, NOON_S, (Target(unit.id, change=1),))
        spoil = "UPDATE unit SET intent = x'7b' WHERE id = ?"
        await office.store._writer.run(lambda db: db.execute(spoil, (unit.id,)))
        (target,) = await pipelines.came(office.store, DEV, row, NOON_S)
        assert (target.app, target.status) == (unit.id, "failed")
        assert "cannot read" in target.message
        assert await pipelines.came(office.store, GUEST, row, NOON_S) == ()

    in_office(story)
