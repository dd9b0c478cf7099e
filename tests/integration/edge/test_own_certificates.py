"""An app's own domain over TLS, with the certificate that somebody brought for it."""

import asyncio
import ssl
import time

import msgspec
import pytest

from setpoint.model.app import SecretRef
from setpoint.model.ids import AppId, Fence
from setpoint.model.route import Served
from tests.integration.edge.caller import read_head
from tests.integration.edge.conftest import Run
from tests.integration.edge.upstream import Upstream
from tests.integration.edge.world import World, facts_of, key_of, route_of, until, web
from tests.support.certificates import Issued, Issuer

OURS = Issuer(time.time())


class Visitor:
    """One connection that stays open; knows nobody but `OURS`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, world: World, host: str) -> "Visitor":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=OURS.root)
        return cls(
            *await asyncio.open_connection(
                "127.0.0.1", world.port, ssl=context, server_hostname=host
            )
        )

    @property
    def shown(self) -> bytes:
        """The certificate it was greeted with, as DER."""
        return self._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)

    async def get(self, host: str) -> int:
        self._writer.write(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        status, headers = await read_head(self._reader)
        await self._reader.readexactly(int(headers["content-length"]))
        return status

    def leave(self) -> None:
        self._writer.close()


class Shop:
    """One app with a domain of its own."""

    def __init__(self, world: World, app: str) -> None:
        self.world, self.app, self.host = world, app, f"www.{app}.example"
        self.generation = 1

    async def open(self) -> None:
        key = key_of(self.app)
        self.world.supervisor.put(facts_of(key, await self.world.tcp(Upstream(self.app))))

    async def serve(self, issued: Issued | None, version: int = 1) -> None:
        self.generation += 1
        backend = web(self.app, key_of(self.app), host=self.host)
        route = route_of(self.app, backend, generation=self.generation)
        pems = {}
        if issued is not None:
            ref = SecretRef(f"pem-{self.app}", version)
            route = msgspec.structs.replace(route, certificates=(Served((self.host,), ref),))
            pems = {ref.key: issued.chain + issued.key}
        await self.world.edge.ensure_route(route, None, "", pems)
        await until(lambda: self.world.acked(AppId(self.app)), "Envoy to confirm")

    async def visit(self) -> Visitor:
        return await Visitor.to(self.world, self.host)

    async def shown(self) -> bytes:
        visitor = await self.visit()
        assert await visitor.get(self.host) == 200
        visitor.leave()
        return visitor.shown


def der(issued: Issued) -> bytes:
    return ssl.PEM_cert_to_DER_cert(issued.chain.split("-----END")[0] + "-----END CERTIFICATE-----")


async def turned_away(shop: Shop) -> None:
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        await shop.visit()


def test_it_is_shown_to_who_greets_with_its_host(world: World, run: Run) -> None:
    async def story() -> None:
        shop = Shop(world, "own")
        await shop.open()
        await shop.serve(None)
        await turned_away(shop)
        issued = OURS.issue(shop.host)
        await shop.serve(issued)
        assert await shop.shown() == der(issued)

    run(story())


def test_it_is_renewed_and_who_is_connected_stays_so(world: World, run: Run) -> None:
    async def story() -> None:
        shop = Shop(world, "renewed")
        await shop.open()
        old, new = OURS.issue(shop.host), OURS.issue(shop.host)
        await shop.serve(old)
        visitor = await shop.visit()
        assert await visitor.get(shop.host) == 200
        await shop.serve(new, version=2)

        async def changed() -> bool:
            return await shop.shown() == der(new)

        await until(changed, "the new one to be shown")
        assert visitor.shown == der(old)
        assert await visitor.get(shop.host) == 200
        visitor.leave()

    run(story())


def test_it_goes_with_the_certificate_and_with_the_route(world: World, run: Run) -> None:
    async def story() -> None:
        shop = Shop(world, "leaving")
        await shop.open()
        await shop.serve(OURS.issue(shop.host))
        await shop.shown()
        await shop.serve(None)
        await until(lambda: _is_turned_away(shop), "no more certificate")
        await shop.serve(OURS.issue(shop.host), version=2)
        await shop.shown()
        await world.edge.remove_route(AppId(shop.app), Fence(1, 99))
        await until(lambda: _is_turned_away(shop), "no more route")

    async def _is_turned_away(shop: Shop) -> bool:
        try:
            (await shop.visit()).leave()
        except ssl.SSLError:
            return True
        return False

    run(story())


def test_it_is_there_without_the_agent_and_with_a_new_one_and_a_new_envoy(
    world: World, run: Run
) -> None:
    """Nobody sends the route again: what the agent keeps has to do."""

    async def story() -> None:
        shop = Shop(world, "lasting")
        await shop.open()
        issued = OURS.issue(shop.host)
        await shop.serve(issued)
        await shop.shown()
        world.kill_agent()
        assert await shop.shown() == der(issued)
        world.start_agent()
        await until(lambda: world.acked_again(shop.app), "Envoy to confirm what it has")
        world.envoys[-1].kill()
        world.envoys[-1].wait()
        world.start_envoy()
        await world.answers(lambda a: a.status == 200, shop.host)
        assert await shop.shown() == der(issued)

    run(story())
