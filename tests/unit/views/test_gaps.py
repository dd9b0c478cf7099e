"""The demand list: most wanted first."""

from setpoint.model.capability import Unmet
from setpoint.model.ids import AppId
from setpoint.views.gaps import Gap, ranked


def gap(app: str, capability: str, path: str = "formation.web.max") -> Gap:
    unmet = Unmet(path, "9", "2", capability, "2", "because", "this machine", f"less {capability}")
    return Gap(app, AppId(f"0000-{app}"), 5.0, unmet)


def test_what_more_apps_want_stands_first_however_many_leaves_one_app_has():
    one = [gap("shop", "instances_max", f"formation.{p}.max") for p in ("web", "worker", "mail")]
    made = ranked([*one, gap("shop", "memory_bytes"), gap("api", "memory_bytes")])
    assert [(d.capability, d.apps, d.leaves) for d in made] == [
        ("memory_bytes", 2, 2),
        ("instances_max", 1, 3),
    ]
    assert [g.app for g in made[0].gaps] == ["api", "shop"]
    assert made[0].workaround == "less memory_bytes"


def test_nothing_wanted_is_nothing_told():
    assert ranked([]) == ()
