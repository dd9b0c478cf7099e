"""What the supervisor keeps on disk: lasting memory, orders, acts and logs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from setpoint.drivers.clock import Clock
from setpoint.drivers.local.actlog import ACTS_MAX, ActLog
from setpoint.drivers.local.files import DiskFolder
from setpoint.drivers.local.lasting import Lasting
from setpoint.drivers.local.logs import Logs
from setpoint.drivers.local.orders import Orders
from setpoint.formats.control import LogLine
from setpoint.model.errors import Stale, Terminal
from setpoint.model.ids import AppId, Fence
from setpoint.model.log import LogFilter
from setpoint.testing.clock import ManualClock
from tests.unit.drivers.test_facts import KEY, ORDER, new

APP = KEY.app


def test_a_fence_holds_for_the_process_and_over_a_restart(tmp_path: Path) -> None:
    Lasting(DiskFolder(tmp_path), 10).ordered(KEY, Fence(1, 5))
    again = Lasting(DiskFolder(tmp_path), 10)
    with pytest.raises(Stale, match=r"1\.4 is stale, 1\.5"):
        again.removed(KEY, Fence(1, 4))
    again.ordered(KEY, Fence(1, 5))
    again.ordered(replace(KEY, process="worker"), Fence(1, 2))
    again.ordered(KEY, Fence(2, 1))


def test_a_removal_of_what_is_not_there_keeps_it_from_coming_late(tmp_path: Path) -> None:
    Lasting(DiskFolder(tmp_path), 10).removed(KEY, Fence(1, 5))
    with pytest.raises(Stale):
        Lasting(DiskFolder(tmp_path), 10).ordered(KEY, Fence(1, 4))


class Later:
    """What is to be done later, when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def later(self, _: float, then: Callable[[], None]) -> None:
        self.due.append(then)

    def passes(self) -> None:
        due, self.due = self.due, []
        for then in due:
            then()


def test_many_rises_are_synced_together_and_none_is_lost_with_the_process(tmp_path: Path) -> None:
    kept, recent, clock = tmp_path / "kept", tmp_path / "recent", Later()
    lasting = Lasting(DiskFolder(kept), 10, DiskFolder(recent), clock.later)
    for n in range(50):
        lasting.ordered(replace(KEY, process=f"f{n}"), Fence(1, n + 1))
    assert list(kept.iterdir()) == []
    assert len(clock.due) == 1
    killed = Lasting(DiskFolder(kept), 10, DiskFolder(recent), clock.later)
    with pytest.raises(Stale):
        killed.removed(replace(KEY, process="f49"), Fence(1, 49))
    clock.passes()
    rebooted = Lasting(DiskFolder(kept), 10, DiskFolder(tmp_path / "wiped"), clock.later)
    with pytest.raises(Stale):
        rebooted.removed(replace(KEY, process="f49"), Fence(1, 49))
    rebooted.forget(APP)
    assert not Lasting(DiskFolder(kept), 10).resolve(APP, "f1", "0" * 10).spec_hash.startswith("ab")


def test_a_number_is_given_for_good_at_once(tmp_path: Path) -> None:
    clock = Later()
    Lasting(DiskFolder(tmp_path / "kept"), 10, DiskFolder(tmp_path / "recent"), clock.later).number(
        APP
    )
    after = Lasting(DiskFolder(tmp_path / "kept"), 10, DiskFolder(tmp_path / "wiped"), clock.later)
    assert [after.number(AppId("b")), after.number(APP)] == [1, 0]


class Unwell(DiskFolder):
    """Takes nothing and lets go of nothing while it is `unwell`."""

    unwell = False

    def write(self, name: str, content: bytes, *, durable: bool = False) -> None:
        self._check()
        super().write(name, content, durable=durable)

    def remove(self, name: str) -> None:
        self._check()
        super().remove(name)

    def _check(self) -> None:
        if self.unwell:
            raise OSError("No space left on device")


def test_a_number_that_could_not_be_synced_was_not_given(tmp_path: Path) -> None:
    kept, clock = Unwell(tmp_path / "kept"), Later()
    lasting = Lasting(kept, 10, DiskFolder(tmp_path / "recent"), clock.later)
    kept.unwell = True
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            lasting.number(APP)
    kept.unwell = False
    assert lasting.number(APP) == 0
    rebooted = Lasting(kept, 10, DiskFolder(tmp_path / "wiped"), clock.later)
    assert rebooted.number(AppId("b")) == 1


def test_a_number_outlives_a_copy_that_knows_of_none(tmp_path: Path) -> None:
    kept, recent, clock = DiskFolder(tmp_path / "kept"), DiskFolder(tmp_path / "recent"), Later()
    lasting = Lasting(kept, 10, recent, clock.later)
    lasting.ordered(KEY, Fence(1, 5))
    lasting.number(APP)
    killed = Lasting(kept, 10, recent, clock.later)
    assert [killed.number(AppId("b")), killed.number(APP)] == [1, 0]


def test_an_app_that_could_not_be_forgotten_keeps_its_number(tmp_path: Path) -> None:
    kept = Unwell(tmp_path)
    lasting = Lasting(kept, 10)
    lasting.number(APP)
    kept.unwell = True
    with pytest.raises(OSError, match="No space left"):
        lasting.forget(APP)
    kept.unwell = False
    assert lasting.number(AppId("b")) == 1
    lasting.forget(APP)
    assert lasting.number(AppId("c")) == 0


def test_what_is_synced_already_is_not_synced_anew_by_the_next(tmp_path: Path) -> None:
    kept, recent, clock = DiskFolder(tmp_path / "kept"), DiskFolder(tmp_path / "recent"), Later()
    lasting = Lasting(kept, 10, recent, clock.later)
    lasting.ordered(KEY, Fence(1, 5))
    clock.passes()
    Lasting(kept, 10, recent, clock.later)
    assert clock.due == []


def test_many_apps_are_synced_some_at_a_time(tmp_path: Path) -> None:
    kept, clock = tmp_path / "kept", Later()
    lasting = Lasting(DiskFolder(kept), 100, DiskFolder(tmp_path / "recent"), clock.later)
    for n in range(50):
        lasting.ordered(replace(KEY, app=AppId(f"app{n}")), Fence(1, 1))
    clock.passes()
    assert 0 < len(list(kept.iterdir())) < 50
    for _ in range(50):
        clock.passes()
    assert len(list(kept.iterdir())) == 50
    assert clock.due == []


def test_a_disk_that_takes_nothing_delays_the_sync(tmp_path: Path) -> None:
    kept, clock = tmp_path / "kept", Later()
    lasting = Lasting(DiskFolder(kept), 10, DiskFolder(tmp_path / "recent"), clock.later)
    lasting.ordered(KEY, Fence(1, 5))
    (kept / f".{APP}.json.new").mkdir()  # what is to be written there cannot be
    clock.passes()
    (kept / f".{APP}.json.new").rmdir()
    clock.passes()
    assert (kept / f"{APP}.json").exists()


def test_what_repeats_is_not_written_again(tmp_path: Path) -> None:
    lasting = Lasting(DiskFolder(tmp_path), 10)
    lasting.ordered(KEY, Fence(1, 5))
    before = (tmp_path / f"{APP}.json").stat().st_ino
    lasting.ordered(KEY, Fence(1, 5))
    assert (tmp_path / f"{APP}.json").stat().st_ino == before


def test_a_name_leads_back_to_the_whole_key_until_the_set_is_gone(tmp_path: Path) -> None:
    Lasting(DiskFolder(tmp_path), 10).ordered(KEY, Fence(1, 1))
    lasting = Lasting(DiskFolder(tmp_path), 10)
    assert lasting.resolve(APP, "web", KEY.spec_hash[:10]) == KEY
    lasting.gone(KEY)
    assert Lasting(DiskFolder(tmp_path), 10).resolve(APP, "web", KEY.spec_hash[:10]) != KEY


def test_an_app_keeps_its_number_and_a_forgotten_one_gives_it_back(tmp_path: Path) -> None:
    lasting = Lasting(DiskFolder(tmp_path), 2)
    assert [lasting.number(AppId(app)) for app in ("a", "b", "a")] == [0, 1, 0]
    with pytest.raises(Terminal, match="all 2 uids"):
        lasting.number(AppId("c"))
    lasting.forget(AppId("a"))
    assert Lasting(DiskFolder(tmp_path), 2).number(AppId("c")) == 0


def test_orders_come_back_with_what_cannot_be_seen(tmp_path: Path) -> None:
    orders = Orders(DiskFolder(tmp_path), Clock())
    orders.keep(ORDER, {"SECRET": "s3cret"})
    orders.mark(replace(new(), crashes=2, gave_up=True))
    ((stored, marks),) = Orders(DiskFolder(tmp_path), Clock()).load()
    assert (stored.order, stored.environment) == (ORDER, {"SECRET": "s3cret"})
    assert (marks.crashes, marks.gave_up) == (2, True)
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_an_order_that_cannot_be_read_is_as_good_as_lost(tmp_path: Path) -> None:
    Orders(DiskFolder(tmp_path), Clock()).keep(ORDER, {})
    (path,) = tmp_path.glob("*.order")
    path.write_bytes(path.read_bytes()[:20])
    assert list(Orders(DiskFolder(tmp_path), Clock()).load()) == []


def test_alike_acts_nobody_has_read_are_one_with_a_count(tmp_path: Path) -> None:
    clock = ManualClock(100.0)
    acts = ActLog(DiskFolder(tmp_path), clock)
    for _ in range(3):
        acts.record(KEY, "start", "web.1", "it crashed", 1)
        acts.record(KEY, "kill", "web.1", "it hung", 1)
    assert [(act.verb, act.count) for act in acts.after(0)] == [("start", 3), ("kill", 3)]
    acts.record(KEY, "start", "web.1", "it crashed", 1)
    assert [act.count for act in acts.after(0)] == [3, 3, 1]


def test_act_numbers_rise_and_reading_forgets(tmp_path: Path) -> None:
    clock = ManualClock(100.0)
    acts = ActLog(DiskFolder(tmp_path), clock)
    acts.record(KEY, "start", "web.1", "one", 1)
    acts.record(KEY, "start", "web.1", "two", 1)
    first, second = acts.after(0)
    assert first.seq < second.seq
    assert acts.after(first.seq) == (second,)
    assert ActLog(DiskFolder(tmp_path), clock).after(0) == (second,)
    wiped = ActLog(DiskFolder(tmp_path / "other"), lambda: 200.0)
    wiped.record(KEY, "start", "web.1", "after a reboot", 1)
    assert wiped.after(0)[0].seq > second.seq


def test_acts_are_told_though_the_clock_was_set_back(tmp_path: Path) -> None:
    clock = ManualClock(5000.0)
    acts = ActLog(DiskFolder(tmp_path), clock)
    acts.record(KEY, "start", "web.1", "one", 1)
    (first,) = acts.after(0)
    assert acts.after(first.seq) == ()
    later = ActLog(DiskFolder(tmp_path), lambda: 100.0)
    later.record(KEY, "start", "web.1", "two", 1)
    (second,) = later.after(first.seq)
    assert second.seq > first.seq


def test_acts_are_told_to_who_has_read_further_than_their_numbers_go(tmp_path: Path) -> None:
    acts = ActLog(DiskFolder(tmp_path), lambda: 100.0)
    acts.record(KEY, "start", "web.1", "one", 1)
    acts.record(KEY, "start", "web.1", "two", 1)
    seen = int(5000.0 * 1_000_000)
    told = acts.after(seen)
    assert [act.because for act in told] == ["one", "two"]
    assert seen < told[0].seq < told[1].seq
    assert acts.after(told[1].seq) == ()
    acts.record(KEY, "start", "web.1", "three", 1)
    assert [act.because for act in acts.after(told[1].seq)] == ["three"]


def test_the_act_log_is_bounded(tmp_path: Path) -> None:
    acts = ActLog(DiskFolder(tmp_path), lambda: 1.0)
    for n in range(ACTS_MAX + 5):
        acts.record(KEY, "start", f"web.{n}", "", 1)
    assert len(acts.after(0)) == ACTS_MAX


def line(text: str) -> LogLine:
    return LogLine(1.0, "app", "web.1", text)


def test_an_apps_log_has_a_bound_and_keeps_the_newest(tmp_path: Path) -> None:
    logs = Logs(tmp_path, segment_bytes_max=1000)
    for n in range(200):
        logs.append(APP, [line(f"number {n}")])
    kept = logs.tail(APP, 1000)
    assert kept[-1] == line("number 199")
    assert 10 < len(kept) < 60
    assert logs.tail(APP, 2) == kept[-2:]
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) < 2200


def test_lines_are_chosen_across_segments_and_then_counted(tmp_path: Path) -> None:
    logs = Logs(tmp_path, segment_bytes_max=800)
    for n in range(14):
        logs.append(APP, [LogLine(float(n), ("app", "heroku")[n % 2], f"web.{n % 3}", "x")])
    assert len(list(tmp_path.glob("*/*"))) == 2
    since = [x.at_s for x in logs.tail(APP, 100, LogFilter(since_s=2.0))]
    assert since == [float(n) for n in range(2, 14)]
    even = [x.at_s for x in logs.tail(APP, 2, LogFilter(source="app"))]
    assert even == [10.0, 12.0]
    assert {x.dyno for x in logs.tail(APP, 100, LogFilter(dyno="web.1"))} == {"web.1"}
    assert len(logs.tail(APP, 100, LogFilter(dyno="web"))) == 14
    assert logs.tail(APP, 100, LogFilter(dyno="we")) == ()


def test_a_half_written_line_costs_itself_only(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.append(APP, [line("whole")])
    (segment,) = tmp_path.glob("*/newer.jsonl")
    segment.write_bytes(segment.read_bytes() + b'{"at_s":1,"sou\n')
    assert logs.tail(APP, 10) == (line("whole"),)


def test_followers_hear_every_line_until_they_leave(tmp_path: Path) -> None:
    logs, heard = Logs(tmp_path), list[LogLine]()
    leave = logs.follow(APP, heard.append)
    logs.append(APP, [line("one"), line("two")])
    logs.append(AppId("other"), [line("not mine")])
    leave()
    logs.append(APP, [line("three")])
    assert heard == [line("one"), line("two")]


def test_a_log_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    logs = Logs(tmp_path / "missing")
    logs.append(APP, [line("lost")])
    assert logs.tail(APP, 10) == ()
