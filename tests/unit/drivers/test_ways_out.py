"""What keeps apps in, looked at beside each other."""

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import Confinement
from setpoint.drivers.local.ways_out import WaysOut
from setpoint.model.ids import AppId


def test_an_app_that_cannot_be_mended_keeps_no_other_cut_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unwalled(confinement: Confinement, runtime: Path, apps: Iterable[str]) -> list[str]:
        return sorted(apps)

    def nothing(*_: Any) -> None:
        pass

    mended: list[AppId] = []

    def mend(app: AppId) -> None:
        if app == "a":
            raise OSError("cannot be")
        mended.append(app)

    for name in ("prepare_app", "refresh", "hold_in"):
        monkeypatch.setattr(sandbox, name, nothing)
    monkeypatch.setattr(sandbox, "unwalled", unwalled)
    ways = WaysOut(cast("Confinement", SimpleNamespace(ingress="veth")), tmp_path)
    for app in ("c", "a", "b"):
        ways.prepare(AppId(app))
    ways.mend = mend
    ways.look()
    assert mended == ["b", "c"]
