"""Listening instead of asking: what cannot be heard is told as if it had been."""

from setpoint.cli.client import Client
from setpoint.cli.feed import Feed
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.cli.conftest import Cli


def test_what_happens_after_the_look_is_heard_however_late_one_listens(
    plane: Plane, cli: Cli
) -> None:
    cli("create", "heard")
    client = Client.at(plane.data, {})
    with Feed(client) as feed:
        looked = client.get("/v1/apps/heard")
        cli("create", "another")
        cli("config", "heard", "A=1")
        feed.since(looked["cursor"], looked["id"])
        assert feed.wait(20)


def test_a_cursor_that_is_not_taken_any_more_ends_nothing(plane: Plane, cli: Cli) -> None:
    with Feed(Client.at(plane.data, {})) as feed:
        feed.since("a cursor of long ago")
        assert feed.wait(20)
        until(lambda: not feed.wait(0.5))
        cli("create", "after-all")
        assert feed.wait(20)
