"""Who froze an app, why and until when: wherever one looks, and not a moment longer."""

import pytest

from setpoint.model.text import when
from setpoint.views import upkeep
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make

WHY = "we look for a leak"
FOR_S = 7200.0


@pytest.mark.parametrize(
    ("mode", "reason", "scaled"), [("freeze", "Frozen", True), ("report", "", False)]
)
def test_status_and_its_conditions_tell_who_why_and_until_when(
    plane: Plane, deployed: Make, mode: str, reason: str, scaled: bool
) -> None:
    name = f"kept-{mode}"
    deployed(name)
    put = plane.send(
        "PUT",
        f"/v1/apps/{name}/upkeep",
        {"mode": mode, "until": "2h"},
        headers={"Commit-Message": WHY},
    )
    assert put.status == 200, put.body
    until(lambda: plane.send("GET", f"/v1/apps/{name}").json["state"] == "settled")
    told = plane.send("GET", f"/v1/apps/{name}").json["upkeep"]
    assert (told["mode"], told["by"], told["why"]) == (mode, "dev@example.com", WHY)
    assert told["until_s"] == pytest.approx(told["since_s"] + FOR_S, abs=1.0)
    plane.send("PATCH", f"/apps/{name}/formation/web", {"quantity": 2})
    wanted = "stalled" if scaled else "settled"
    until(lambda: plane.send("GET", f"/v1/apps/{name}").json["state"] == wanted)
    conditions = plane.send("GET", f"/v1/apps/{name}").json["conditions"]
    (stalled,) = [c for c in conditions if c["type"] == "Stalled"]
    assert stalled["status"] is scaled
    if scaled:
        assert stalled["reason"] == reason
        assert f"is frozen until {when(told['until_s'])}, so this" in stalled["message"]
        assert stalled["message"].endswith(f"; said by dev@example.com in c{told['change']}: {WHY}")


def test_it_is_told_until_its_time_is_over_and_no_longer(plane: Plane, app: Make) -> None:
    app("thawing")
    put = plane.send("PUT", "/v1/apps/thawing/upkeep", {"mode": "freeze", "until": "2h"})
    until_s = put.json["until_s"]
    unit = plane.call(plane.store.unit_named("thawing"))
    assert unit is not None
    told = plane.call(upkeep.upkeep(plane.store, unit, until_s - 0.1))
    assert told is not None
    assert told.until_s == until_s
    assert plane.call(upkeep.upkeep(plane.store, unit, until_s)) is None
