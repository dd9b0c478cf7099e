"""Putting the disk in order, and what a full one still allows."""

from collections.abc import Callable

from setpoint.testing.supervisor import SimSupervisor
from tests.support.plane import FULL, Plane
from tests.support.waiting import until
from tests.unit.cli.conftest import Cli, Project, parsed

DAY_S = 24 * 3600.0


def _age(supervisor: SimSupervisor) -> None:
    """Everything on the simulated disk is a day older."""
    import msgspec

    for key, thing in supervisor.disk.things.items():
        supervisor.disk.things[key] = msgspec.structs.replace(thing, at_s=thing.at_s - DAY_S)


def deploy_often(cli: Cli, project: Project, app: str, times: int) -> None:
    for n in range(1, times + 1):
        folder = project(app, Procfile="web: serve", page=f"{app} {n}")
        assert cli("deploy", str(folder), "-a", app).code == 0


def layers(plane: Plane, app: str) -> set[str]:
    unit = plane.unit(app)
    assert unit is not None
    rows = plane.call(plane.store.releases(unit.id))
    return {r.slug.code for r in rows if plane.supervisor.disk.has(r.slug.code)}


def test_ten_releases_and_their_layers_are_kept_and_a_dry_run_changes_nothing(
    plane: Plane, cli: Cli, project: Project
) -> None:
    deploy_often(cli, project, "busy", 12)
    _age(plane.supervisor)
    would = cli("gc", "--dry-run")
    assert would.code == 0, would.err
    told = "busy v1 to v2: its app keeps the newest 10, and nothing runs on it"
    assert told in would.out
    assert "code layers" in would.out
    assert "; nothing was removed\n" in would.out
    assert len(layers(plane, "busy")) == 12
    unit = plane.unit("busy")
    assert unit is not None
    assert all(r.slug_kept for r in plane.call(plane.store.releases(unit.id)))
    did = parsed(cli("gc", "--json"))
    assert [g["version"] for g in did["let_go"] if g["app"] == unit.id] == [1, 2]
    kept = {r.slug.code for r in plane.call(plane.store.releases(unit.id)) if r.slug_kept}
    assert layers(plane, "busy") == kept
    assert len(kept) == 10
    assert "nothing to remove" in cli("gc").out


def test_what_was_let_go_cannot_be_gone_back_to_and_the_story_says_why(
    plane: Plane, cli: Cli, project: Project
) -> None:
    deploy_often(cli, project, "gone", 11)
    _age(plane.supervisor)
    assert cli("gc").code == 0
    back = cli("rollback", "gone", "v1")
    assert back.code == 2
    assert "cannot roll back 'gone': the slug of v1 is gone" in back.err
    assert cli("rollback", "gone", "v2").code == 0
    assert "its app keeps the newest 10" in cli("why", "gone").out


def test_collecting_needs_an_admin(plane: Plane) -> None:
    assert plane.send("POST", "/v1/gc", {}, token="write-token").status == 403
    assert plane.send("GET", "/v1/disk", token="look-token").status == 200
    assert plane.send("POST", "/v1/gc", {"dryrun": True}).status == 422


def test_an_app_that_memory_does_not_know_withholds_everything(
    plane: Plane, cli: Cli, project: Project
) -> None:
    from setpoint.model.ids import AppId
    from setpoint.testing import builders

    deploy_often(cli, project, "held", 11)
    _age(plane.supervisor)
    order = builders.order(app=AppId("unknown"), code=next(iter(layers(plane, "held"))))

    async def plant() -> None:
        plane.supervisor.plant(order)

    plane.call(plant())
    try:
        ran = cli("gc")
        assert ran.code == 3
        assert "left for another time: something of 1 app runs that memory does not know" in ran.out
        assert len(layers(plane, "held")) == 11
    finally:

        async def uproot() -> None:
            await plane.supervisor.remove(order.key, order.fence)

        plane.call(uproot())
        until(lambda: order.key not in plane.supervisor.slots)
    assert cli("gc").code == 0


# --- a full disk ---------------------------------------------------------------------------------


def test_on_a_full_disk_nothing_is_deployed_and_everything_else_still_works(
    plane: Plane, cli: Cli, project: Project, deployed: Callable[[str], None]
) -> None:
    deployed("tight")
    deployed("tight")
    plane.disk = FULL
    before = plane.unit("tight")
    ran = cli("deploy", str(project("tight")), "-a", "tight")
    assert ran.code == 2
    assert ran.err == (
        "cannot take a source: the disk is 93 % full\n`setpoint gc` frees about 2,861 MiB\n"
    )
    digest = before.intent.source.digest if before is not None and before.intent.source else ""
    body = {"source_blob": {"digest": digest}}
    refused = plane.send("POST", "/apps/tight/builds", body)
    assert (refused.status, refused.json["id"]) == (422, "no_room")
    assert refused.json["message"].startswith("cannot deploy 'tight': the disk is 93 % full")
    assert plane.unit("tight") == before
    assert cli("scale", "tight", "web=2").code == 0
    assert cli("config", "tight", "A=1").code == 0
    assert cli("rollback", "tight", "v1").code == 0
    assert cli("gc").code == 0


def test_status_and_doctor_say_that_the_disk_is_full(plane: Plane, cli: Cli) -> None:
    assert "disk is" not in cli("status").out
    plane.disk = FULL
    line = "the disk is 93 % full, 7.0 GB are free; see: setpoint gc --dry-run\n"
    assert line in cli("status").out
    told = cli("doctor").out
    assert "the disk is 93 % full, 7.0 GB are free; nothing is deployed until there is more" in told
    assert "layers 9.0 GB\n" in told
    assert parsed(cli("doctor", "--json"))["disk"]["low"] is True
