"""`setpoint rollback` and `setpoint releases`."""

from collections.abc import Callable

import msgspec
import pytest

from setpoint.testing.programs import BY_DIGEST
from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, parsed

Deployed = Callable[[str], None]


@pytest.fixture
def twice(cli: Cli, deployed: Deployed) -> Callable[[str], None]:
    """v1, then v2 with a config var."""

    def make(app: str) -> None:
        deployed(app)
        assert cli("config", app, "GREETING=hi", "-m", "be kind\nto all").code == 0

    return make


def test_a_rollback_says_what_serves_again(
    plane: Plane, cli: Cli, twice: Callable[[str], None]
) -> None:
    twice("back")
    ran = cli("rollback", "back", "-m", "too kind")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0] == "back: Rollback to v1, as v3"
    assert ran.out.splitlines()[-1] == "v3 serves (v1 again)"
    assert plane.config("back") == {}
    why = cli("why", "back", "-n", "1").out
    assert "Rollback to v1" in why
    assert "too kind" in why
    assert "start-build" not in why


def test_a_version_may_be_named_alone_where_the_app_is_known(
    cli: Cli, twice: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    twice("known")
    told = parsed(cli("rollback", "v1", "-a", "known", "--json"))
    assert told["outcome"] == "settled"
    assert (told["release"]["version"], told["release"]["description"]) == (3, "Rollback to v1")
    monkeypatch.setenv("SETPOINT_APP", "known")
    assert cli("rollback", "2").out.endswith("v4 serves (v2 again)\n")


def test_what_cannot_be_gone_back_to_ends_2_and_changes_nothing(
    plane: Plane, cli: Cli, twice: Callable[[str], None]
) -> None:
    twice("firm")
    before = plane.unit("firm")
    for said, fact in (("v9", "it has no release 'v9'"), ("v2", "v2 is what runs")):
        ran = cli("rollback", "firm", said)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"cannot roll back 'firm': {fact}")
    assert cli("rollback", "firm", "v1", "v2").code == 2
    assert plane.unit("firm") == before


def test_a_rollback_that_does_not_start_says_what_still_serves(
    plane: Plane, cli: Cli, twice: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    twice("wobbly")
    unit = plane.unit("wobbly")
    assert unit is not None
    code = plane.call(plane.store.releases(unit.id))[0].slug.code
    broken = msgspec.structs.replace(BY_DIGEST[code], fate="exits")
    monkeypatch.setitem(BY_DIGEST, code, broken)
    ran = cli("rollback", "wobbly", "v1")
    assert ran.code == 3
    assert ran.err.startswith("cannot roll back wobbly: v3 does not run")
    assert "v2 still serves" in ran.err


def test_releases_tell_who_wanted_what_and_why(cli: Cli, twice: Callable[[str], None]) -> None:
    twice("told")
    newest, oldest = cli("releases", "told").out.splitlines()
    assert newest.startswith("*  v2  succeeded  Set GREETING config vars  dev@example.com  ")
    assert newest.endswith("  be kind")
    assert oldest.startswith("   v1  succeeded  Deploy ")
    assert len(cli("releases", "told", "-n", "1").out.splitlines()) == 1
    assert [r["version"] for r in parsed(cli("releases", "told", "--json"))] == [2, 1]


def test_one_release_tells_what_differs_and_no_value(
    cli: Cli, twice: Callable[[str], None]
) -> None:
    twice("diff")
    assert cli("config", "diff", "GREETING=ho", "NEW=1").code == 0
    told = cli("releases", "diff", "v3").out
    assert told.splitlines()[0] == "v3  Set GREETING, NEW config vars"
    assert "changed GREETING" in told
    assert "set NEW" in told
    assert "web: serve" in told
    assert "ho\n" not in told
    assert cli("releases", "diff", "v9").err.startswith("cannot see release 'v9' of 'diff'")
