"""Somebody else opens the data directory of a running Setpoint: there is one daemon in the end."""

import asyncio

import pytest

from setpoint.drivers.local.paths import Paths
from setpoint.model.errors import Superseded
from setpoint.store.sqlite import open_store
from tests.acceptance.plane import EXAMPLES, fresh_plane, until


def test_a_daemon_that_was_superseded_ends_and_the_keepers_next_one_takes_over() -> None:
    with fresh_plane() as plane:
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
        paths, before = Paths.of(plane.data), plane.pid("daemon")

        async def intrude() -> None:
            """As a second daemon would: it opens the store, and goes on believing it is its own."""
            store = open_store(paths.database, paths.key)
            try:
                unit = await store.unit_named("shop")
                assert unit is not None
                until(lambda: plane.pid("daemon") != before, 60, f"it ends: {plane.tails()}")
                until(lambda: plane.api("GET", "/v1/apps/shop").status == 200, 60, "the next one")
                with pytest.raises(Superseded, match="another daemon has taken over"):
                    await store.forget(unit.id)
            finally:
                await store.close()

        asyncio.run(intrude())
        assert "daemon.superseded" in (plane.data / "log/daemon.log").read_text()
        assert plane.get("shop").status == 200
        plane.ok("scale", "shop", "web=2")
