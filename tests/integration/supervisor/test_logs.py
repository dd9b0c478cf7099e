"""What apps print: whole, in order, bounded, and harmless to whoever reads it."""

import asyncio
import time

from setpoint.drivers.local.logs import SEGMENT_BYTES_MAX
from setpoint.drivers.local.tails import LocalTails
from setpoint.formats.control import LogLine
from tests.integration.supervisor import programs
from tests.integration.supervisor.plane import Plane, get

CONFUSES = """
import sys, time
sys.stdout.buffer.write(b"bad \\xff utf-8\\n\\x1b[2Jcleared\\x07\\n" + b"y" * 70000 + b"\\nno end")
sys.stdout.flush()
time.sleep(600)
"""


def test_lines_name_their_dyno_and_tell_its_story(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    (web,) = plane.ready(order)
    get(web)
    plane.says("shop", "asked /")
    told = [(line.source, line.dyno, line.text) for line in plane.log("shop")]
    assert told[0] == ("heroku", "web.1", f"Starting process with command `{order.spec.command}`")
    assert ("app", "web.1", f"listening on {web.endpoint.port if web.endpoint else 0}") in told
    assert ("heroku", "web.1", "State changed from starting to up") in told
    assert ("app", "web.1", "asked /") in told


def test_a_flood_is_cut_counted_and_harms_nobody(plane: Plane) -> None:
    quiet = plane.order("blog", programs.WEB)
    plane.apply(quiet)
    (web,) = plane.ready(quiet)
    flood = plane.order("shop", programs.FLOODS, process="flood", kind="worker")
    plane.apply(flood)
    slowest_s = 0.0
    while not any("messages dropped" in line.text for line in plane.log("shop")):
        before_s = time.monotonic()
        assert get(web)[0] == 200
        slowest_s = max(slowest_s, time.monotonic() - before_s)
    plane.says("blog", "asked /")
    assert slowest_s < 5.0
    kept = sum(path.stat().st_size for path in plane.paths.logs.glob("*/*.jsonl"))
    assert kept < 3 * SEGMENT_BYTES_MAX
    with open(f"/proc/{plane.supervisor_pid}/statm") as statm:
        assert int(statm.read().split()[1]) * 4096 < 150 * 1024 * 1024


def test_what_could_move_a_cursor_or_forge_a_line_is_disarmed(plane: Plane) -> None:
    order = plane.order("shop", CONFUSES, process="odd", kind="worker")
    plane.apply(order)
    plane.says("shop", "yyyy")
    texts = [line.text for line in plane.log("shop") if line.source == "app"]
    assert texts[:2] == ["bad \ufffd utf-8", "cleared\ufffd"]
    assert [len(text) for text in texts[2:4]] == [65536, 70000 - 65536]
    plane.remove(order)
    plane.gone(order)
    assert "no end" in [line.text for line in plane.log("shop")]


def test_a_follower_gets_what_is_printed_from_now_on(plane: Plane) -> None:
    order = plane.order("shop", programs.TICKS, process="clock", kind="worker")
    plane.apply(order)
    plane.says("shop", "tick 3")
    tails = LocalTails(plane.paths.supervisor_socket, plane.paths.builds)

    async def follow() -> list[LogLine]:
        lines: list[LogLine] = []
        async with asyncio.timeout(10.0):
            async for line in tails.logs(order.key.app, 1, follow=True):
                lines.append(line)
                if len(lines) == 12:
                    break
        return lines

    numbers = [int(line.text.split()[1]) for line in asyncio.run(follow()) if line.source == "app"]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
