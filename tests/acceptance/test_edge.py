"""The real edge in front of a real instance: what a browser may do, an app on Setpoint sees."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.acceptance.plane import Answer, Plane
from tests.integration.edge import upstream
from tests.integration.edge.caller import call_h2, read_head

MAIN = """
import asyncio, os
from upstream import Upstream

async def main():
    server = await asyncio.start_server(Upstream("mirror").serve, "", int(os.environ["PORT"]))
    await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def mirror(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An app that answers with what it was asked."""
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "Procfile").write_text("web: python main.py\n")
    (folder / "main.py").write_text(MAIN)
    (folder / "upstream.py").write_bytes(Path(upstream.__file__).read_bytes())
    plane.ok("deploy", str(folder), "-a", "mirror")
    return "mirror"


def seen_headers(answer: Answer) -> dict[str, str]:
    return json.loads(answer.body)["headers"]


def test_an_app_is_told_who_asked_how_and_when(plane: Plane, mirror: str) -> None:
    sent = {"X-Forwarded-For": "203.0.113.9", "X-Request-Id": "asked-for-by-a-test"}
    answer = plane.get(mirror, headers=sent)
    seen = seen_headers(answer)
    assert seen["x-forwarded-for"].startswith("203.0.113.9,")
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-port"] == str(plane.ports["edge"])
    assert seen["x-request-id"] == "asked-for-by-a-test" == answer.headers["x-request-id"]
    assert len(seen["x-request-start"]) == 13


def test_http2_reaches_it(plane: Plane, mirror: str) -> None:
    good, body = asyncio.run(call_h2(plane.ports["edge"], f"{mirror}.localhost"))
    assert good
    assert b'"name": "mirror"' in body


def test_a_websocket_reaches_it(plane: Plane, mirror: str) -> None:
    async def story() -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.ports["edge"])
        writer.write(
            f"GET /ws HTTP/1.1\r\nhost: {mirror}.localhost\r\nconnection: Upgrade\r\n"
            "upgrade: websocket\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        async with asyncio.timeout(20):
            status, _ = await read_head(reader)
            frames = await reader.read()
        writer.close()
        return status, frames

    status, frames = asyncio.run(story())
    assert (status, frames.count(b"\x81\x02hi")) == (101, upstream.FRAMES)


def test_an_app_that_closes_without_an_answer_is_told_as_h13(plane: Plane, mirror: str) -> None:
    answer = plane.get(mirror, "/die")
    assert (answer.status, answer.headers["x-setpoint-error"]) == (503, "H13")
