"""What the edge agent keeps on disk, where the disk refuses it for a while."""

from pathlib import Path

import pytest

from setpoint.drivers.envoy.memory import Memory
from setpoint.formats.control import DropRoute, SetRoute
from setpoint.model.ids import AppId, Digest, Fence, SetKey
from setpoint.model.process import Bounds, SetFacts
from setpoint.model.route import Route

APP = AppId("a1")
SET = SetRoute(Route(APP, "shop", (), Fence(1, 2)))
DROP = DropRoute(APP, Fence(1, 3))
FACTS = (SetFacts(SetKey(APP, "web", Digest("1" * 64)), Fence(1, 2), Bounds(1, 1), 1),)


def test_what_the_disk_refused_is_kept_in_mind_and_saved_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "edge"  # which is not there: every write fails, also root's
    memory = Memory(folder)
    memory.keep(SET)
    memory.keep_facts(FACTS)
    memory.save()
    assert [record.getMessage() for record in caplog.records] == [
        "cannot save a1.route: No such file or directory; tried again until it can be"
    ]
    folder.mkdir()
    memory.save()
    assert Memory(folder).routes() == ([SET], [])
    assert Memory(folder).facts() == FACTS


def test_a_dropped_route_does_not_come_back_where_its_fence_could_not_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(tmp_path)
    memory.keep(SET)

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("setpoint.drivers.envoy.memory.write_whole", full)
    memory.keep(DROP)
    assert Memory(tmp_path).routes() == ([], [])
    monkeypatch.undo()
    memory.save()
    assert Memory(tmp_path).routes() == ([], [DROP])
