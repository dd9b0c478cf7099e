"""TLS on the very port that speaks plain HTTP, with a certificate for each host of an app."""

import asyncio
import ssl

import pytest

from setpoint.model.ids import AppId, Fence
from tests.integration.edge.caller import Answer, read_head
from tests.integration.edge.conftest import Run
from tests.integration.edge.world import World, until


def trust(world: World, *protocols: str) -> ssl.SSLContext:
    """What a caller knows who was given the edge's authority, and nothing of the machine's own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=(world.paths.edge / "ca.pem").read_text())
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


async def get(world: World, host: str, name: str = "") -> Answer:
    """`name`: the one greeted with, if it is not the host's."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", world.port, ssl=trust(world), server_hostname=name or host
    )
    asked = f"GET / HTTP/1.1\r\nhost: {host}:{world.port}\r\nx-forwarded-proto: http\r\n\r\n"
    writer.write(asked.encode())
    status, headers = await read_head(reader)
    body = await reader.readexactly(int(headers["content-length"]))
    writer.close()
    return Answer(status, headers, body)


async def turned_away(world: World, name: str) -> None:
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        await get(world, name)


def test_one_port_speaks_both_and_the_app_is_told_the_truth(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("safe")
        answer = await get(world, "safe.localhost")
        assert answer.json["name"] == "safe"
        seen = answer.json["headers"]
        assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("https", str(world.port))
        assert seen["host"] == f"safe.localhost:{world.port}"
        plain = await world.get("safe.localhost")
        assert plain.json["headers"]["x-forwarded-proto"] == "http"

    run(story())


def test_http2_is_agreed_on(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("agreed")
        _, writer = await asyncio.open_connection(
            "127.0.0.1",
            world.port,
            ssl=trust(world, "h2", "http/1.1"),
            server_hostname="agreed.localhost",
        )
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        writer.close()

    run(story())


def test_a_name_nobody_has_is_turned_away_until_somebody_has_it(world: World, run: Run) -> None:
    async def story() -> None:
        await turned_away(world, "later.localhost")
        await turned_away(world, "later.localhost")
        await world.app("later")
        assert (await get(world, "later.localhost")).json["name"] == "later"
        await world.edge.remove_route(AppId("later"), Fence(1, 9))

        async def gone() -> bool:
            try:
                return (await get(world, "later.localhost")).status == 0
            except ssl.SSLError:
                return True

        await until(gone, "the certificate to go")
        assert (await world.get("later.localhost")).status == 404

    run(story())


def hello(name: bytes) -> bytes:
    """The first message of a TLS 1.2 caller that greets with these very bytes."""

    def sized(width: int, content: bytes) -> bytes:
        return len(content).to_bytes(width, "big") + content

    extensions = {0: sized(2, b"\0" + sized(2, name)), 10: sized(2, b"\0\x17")}
    extensions |= {13: sized(2, b"\x04\x03")}
    told = b"".join(number.to_bytes(2, "big") + sized(2, e) for number, e in extensions.items())
    body = b"\x03\x03" + bytes(32) + b"\0" + sized(2, b"\xc0\x2b") + b"\x01\0" + sized(2, told)
    return b"\x16\x03\x01" + sized(2, b"\x01" + sized(3, body))


ALERT, HANDSHAKE = b"\x15", b"\x16"


async def greeted(world: World, name: bytes) -> bytes:
    """The first byte of the answer; none where it is hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(hello(name))
    try:
        async with asyncio.timeout(5):
            return await reader.read(1)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def test_no_name_that_is_none_stops_the_others(world: World, run: Run) -> None:
    """Asked for by `*`, or by bytes that are no text, secrets would never come again."""

    async def story() -> None:
        await world.app("unmoved")
        assert await greeted(world, b"unmoved.localhost") == HANDSHAKE
        assert await greeted(world, b"nobody.localhost") == ALERT
        for name in (
            b"*",
            b"*.localhost",
            b"\xff\xfe.localhost",
            b"xdstp://a/b",
            b" ",
            b"10.0.0.1",
        ):
            assert await greeted(world, name) == b"", name
        await world.app("moved")
        assert (await get(world, "moved.localhost")).json["name"] == "moved"

    run(story())


def test_a_host_outside_the_authoritys_domain_gets_no_certificate(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("outside", host="shop.example")
        assert (await world.get("shop.example")).json["name"] == "outside"
        await turned_away(world, "shop.example")

    run(story())


def test_it_goes_on_without_the_agent_and_with_the_next_one(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("steady")
        await get(world, "steady.localhost")
        world.kill_agent()
        assert (await get(world, "steady.localhost")).json["name"] == "steady"
        before = (world.paths.edge / "ca.pem").read_bytes()
        world.start_agent()
        await until(lambda: world.acked_again("steady"), "Envoy to confirm what it has")
        await world.app("newer")
        assert (await get(world, "newer.localhost")).json["name"] == "newer"
        assert (await get(world, "steady.localhost")).json["name"] == "steady"
        assert (world.paths.edge / "ca.pem").read_bytes() == before

    run(story())


def test_a_new_envoy_that_takes_over_asks_for_them_itself(world: World, run: Run) -> None:
    if world.start.base_id is None:
        pytest.skip("needs /dev/shm: without it Envoy is stopped and started")

    async def story() -> None:
        await world.app("taken")
        await get(world, "taken.localhost")
        old = world.envoys[-1]
        world.start_envoy(epoch=1)
        await until(lambda: old.poll() is not None, "the old one to end")
        assert (await get(world, "taken.localhost")).json["name"] == "taken"

    run(story())


def test_envoy_started_anew_has_them_too(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("anew")
        await get(world, "anew.localhost")
        world.envoys[-1].kill()
        world.envoys[-1].wait()
        world.start_envoy()
        await world.answers(lambda a: a.status == 200, "anew.localhost")
        assert (await get(world, "anew.localhost")).json["name"] == "anew"

    run(story())
