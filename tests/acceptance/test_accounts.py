"""Who runs as whom, as the machine sees it: nothing that meets strangers is root."""

import stat
from pathlib import Path

import pytest

from tests.acceptance.plane import Plane

OWN = ("daemon", "edge_agent", "envoy")
ROOTS = ("supervisor",)


@pytest.fixture
def separate(plane: Plane) -> Plane:
    if plane.ok("doctor", "--json").json["level"] != "L3":
        pytest.skip("needs root: below it everything runs as one user")
    return plane


def uid(pid: int) -> int:
    """The real one, after checking that effective, saved and file-system uid are the same."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    uids = next(line.split()[1:] for line in status if line.startswith("Uid:"))
    assert len(set(uids)) == 1, uids
    return int(uids[0])


def app_uids(plane: Plane, app: str) -> set[int]:
    id = plane.info(app)["id"]
    lines = ((p, p.joinpath("cmdline")) for p in Path("/proc").glob("[0-9]*"))
    return {uid(int(p.name)) for p, line in lines if readable(line).find(f":{id}@") >= 0}


def readable(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_each_process_of_the_plane_has_the_user_it_needs(separate: Plane) -> None:
    uids = {name: uid(separate.pid(name)) for name in (*OWN, *ROOTS)}
    assert all(uids[name] != 0 for name in OWN)
    assert len({uids[name] for name in OWN}) == len(OWN)
    assert all(uids[name] == 0 for name in ROOTS)
    told = separate.ok("doctor", "--json").json["plane"]["processes"]
    assert {row["name"]: row["uid"] for row in told} == uids


def test_each_app_has_a_user_of_its_own_that_is_nobody_of_the_plane(
    separate: Plane, shop: str, greeter: str
) -> None:
    (shops,), (greeters,) = app_uids(separate, shop), app_uids(separate, greeter)
    plane_s = {uid(separate.pid(name)) for name in (*OWN, *ROOTS)}
    assert shops != greeters
    assert {shops, greeters} & (plane_s | {0}) == set()


def test_store_key_and_token_are_the_daemons_alone(separate: Plane) -> None:
    private = separate.data / "private"
    owner = uid(separate.pid("daemon"))
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    for name in ("key", "token", "setpoint.sqlite3"):
        found = (private / name).stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (owner, 0o600), name
