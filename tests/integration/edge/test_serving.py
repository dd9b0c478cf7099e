"""What an app behind the edge sees of a request, and what its caller gets back."""

import asyncio

from setpoint.model.process import Endpoint
from tests.integration.edge.caller import call_h2, raw, read_head
from tests.integration.edge.conftest import Run
from tests.integration.edge.upstream import FRAMES, Upstream
from tests.integration.edge.world import World, facts_of, key_of, route_of, until, web


def test_each_host_reaches_its_own_app(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("one")
        await world.app("two")
        for host in ("one.localhost", f"one.localhost:{world.port}", "one.localhost:443"):
            assert (await world.get(host)).json["name"] == "one"
        assert (await world.get("two.localhost")).json["name"] == "two"

    run(story())


def test_a_host_in_capitals_is_sent_to_the_same_place_in_lower_case(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("quiet")
        host = f"Quiet.LOCALHOST:{world.port}"
        answer = await world.get(host, "/A?b=C", method="POST", body=b"x")
        assert answer.status == 308
        place = answer.headers["location"]
        assert place == f"http://quiet.localhost:{world.port}/A?b=C"
        there = place.removeprefix("http://").partition("/")[0]
        assert (await world.get(there, method="POST", body=b"x")).json["body_bytes"] == 1
        assert (await call_h2(world.port, "Quiet.localhost"))[0] is False

    run(story())


def test_the_app_is_told_the_port_its_caller_used(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("ported")
        host = f"ported.localhost:{world.port}"
        assert (await world.get(host)).json["headers"]["host"] == host
        assert "status=200" in await world.line("host=ported.localhost ")

    run(story())


def test_a_connection_that_nobody_uses_is_closed_by_the_edge_before_the_app_would(
    world: World, run: Run
) -> None:
    """The app would have it open for ever; who keeps one busy for longer keeps it."""

    async def story() -> None:
        app = await world.app("kept")
        for _ in range(2):
            await world.get("kept.localhost")
        await until(lambda: closed(app), "it to be closed")
        assert (await world.get("kept.localhost", "/slow=0.5")).status == 200

    async def closed(app: Upstream) -> bool:
        return app.open == 0

    run(story())


def test_a_host_nobody_has_is_404_with_an_id(world: World, run: Run) -> None:
    async def story() -> None:
        answer = await world.get("nobody.localhost")
        assert (answer.status, answer.json["id"]) == (404, "no_such_app")
        assert answer.json["request_id"] == answer.headers["x-request-id"]

    run(story())


def test_the_app_is_told_who_asked_and_when(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("told")
        sent = {"x-forwarded-for": "203.0.113.9", "x-request-id": "my-own-id-1"}
        answer = await world.get("told.localhost", headers=sent)
        seen = answer.json["headers"]
        assert seen["x-forwarded-for"].startswith("203.0.113.9,")
        assert seen["x-forwarded-proto"] == "http"
        assert seen["x-forwarded-port"] == str(world.port)
        assert seen["x-request-id"] == "my-own-id-1" == answer.headers["x-request-id"]
        assert seen["x-request-start"].isdigit()
        assert len(seen["x-request-start"]) == 13

    run(story())


def test_nobody_can_claim_an_org_or_steer_the_edge(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("plain")
        forged = {
            "x-setpoint-org": "acme",
            "x-setpoint-client": "root",
            "x-envoy-upstream-rq-timeout-ms": "1",
            "x-envoy-retry-on": "5xx",
            "x-envoy-max-retries": "9",
        }
        answer = await world.get("plain.localhost", "/slow=0.2", headers=forged)
        assert answer.status == 200
        seen = answer.json["headers"]
        assert not [name for name in seen if name.startswith(("x-setpoint", "x-envoy"))]
        assert not [name for name in answer.headers if name.startswith("x-envoy")]

    run(story())


def test_only_dot_segments_of_a_path_are_resolved(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("path")
        answer = await world.get("path.localhost", "/a/../b//c%2Fd?q=a%20b")
        assert answer.json["path"] == "/b//c%2Fd?q=a%20b"

    run(story())


def test_http2_is_spoken_on_the_same_port(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("modern")
        good, body = await call_h2(world.port, "modern.localhost")
        assert good
        assert b'"name": "modern"' in body
        assert "protocol=h2" in await world.line("host=modern.localhost")

    run(story())


def test_a_websocket_passes(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("socket")
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(
            b"GET /ws HTTP/1.1\r\nhost: socket.localhost\r\nconnection: Upgrade\r\n"
            b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        status, headers = await read_head(reader)
        assert (status, headers["sec-websocket-accept"]) == (101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        assert (await reader.read()).count(b"\x81\x02hi") == FRAMES
        writer.close()

    run(story())


def test_a_request_is_told_as_herokus_router_line(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("line")
        await world.get("line.localhost", '/x?a="b', headers={"x-request-id": "line-1"})
        line = await world.line("request_id=line-1")
        assert line.startswith('at=info method=GET path="/x?a=%22b" host=line.localhost ')
        assert " dyno=web.1 connect=" in line
        assert " status=200 bytes=" in line
        assert line.endswith(" protocol=http")

    run(story())


def test_many_instances_share_the_requests(world: World, run: Run) -> None:
    async def story() -> None:
        apps = [Upstream(f"many-{n}") for n in range(3)]
        key = key_of("many")
        world.supervisor.put(facts_of(key, *[await world.tcp(a) for a in apps]))
        await world.route(route_of("many", web("many", key)))
        await asyncio.gather(*(world.get("many.localhost") for _ in range(30)))
        assert all(app.requests for app in apps)

    run(story())


def test_a_relay_is_dialled_by_its_path(world: World, run: Run) -> None:
    async def story() -> None:
        key, upstream = key_of("relayed"), Upstream("relayed")
        pipe = await world.pipe(upstream, "relayed.sock")
        world.supervisor.put(facts_of(key, Endpoint("relay", pipe.address)))
        await world.route(route_of("relayed", web("relayed", key)))
        assert (await world.get("relayed.localhost")).json["name"] == "relayed"
        assert "dyno=web.1 " in await world.line("host=relayed.localhost")

    run(story())


def test_a_large_body_passes_without_being_held_in_memory(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("large")
        answer = await world.get("large.localhost", method="POST", body=b"x" * (20 * 2**20))
        assert answer.json["body_bytes"] == 20 * 2**20

    run(story())


def test_what_is_no_http_is_refused_with_a_body(world: World, run: Run) -> None:
    async def story() -> None:
        await world.app("strict")
        first = "GET / HTTP/1.1\r\nhost: strict.localhost\r\n"
        for data, status, id_ in (
            (f"{first}a_b: 1\r\n\r\n", "400", "bad_request"),
            (f"{first}a: {'x' * 40000}\r\n\r\n", "431", "headers_too_large"),
            ("GET / HTTP/1.1\r\nhost: s", "408", "client_idle"),
        ):
            answer = await raw(world.port, data.encode())
            assert answer.startswith(f"HTTP/1.1 {status} "), answer
            assert f'"id":"{id_}"' in answer

    run(story())
