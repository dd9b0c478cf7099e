"""`setpoint deploy` from an empty folder to what serves."""


from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, Project


def test_first_deploy_creates_the_app_named_like_its_folder(
    plane: Plane, cli: Cli, project: Project
) -> None:
    ran = cli("deploy", str(project("My Shop_2")), "-m", "open — at last")
    assert ran.code == 0, ran.err
    assert "created my-shop-2" in ran.out
    assert "installing six" in ran.out
    assert "v1 serves" in ran.out
    assert f"http://my-shop-2.localhost:{plane.visits.server_port}" in ran.out
    assert ran.err == ""
    unit = plane.unit("my-shop-2")
    assert unit is not None
    changes = plane.call(plane.store.changes(unit.id))
    assert [c.change.verb for c in changes] == ["deploy", "create"]
    assert changes[0].change.asked.why == "open — at last"
    assert changes[0].change.asked.via == "cli"
