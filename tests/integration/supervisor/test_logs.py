"""What apps print: whole, in order, bounded, and harmless to whoever reads it."""

import asyncio
import contextlib
import os
import time
from pathlib import Path

from setpoint.drivers.local.logs import SEGMENT_BYTES_MAX
from setpoint.drivers.local.pipes import LAST_LINES
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


POURS = """
import os, time
piece = b"y" * 1023 + b"\\n"
for _ in range(16 * 1024):
    os.write(1, piece * 64)
time.sleep(6)
print("poured it all", flush=True)
time.sleep(600)
"""
"""1 GiB, and then a word once the budget has filled again."""
PIECE_BYTES_MAX = 1024 * 1024
"""what one read may add before a segment counts as full"""
CPU_S_MAX = 30.0
"""far above what it takes"""


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


def test_a_gibibyte_of_output_stays_within_the_bound_and_a_neighbour_is_heard(plane: Plane) -> None:
    """Looked at all the while, not only in the end."""
    quiet = plane.order("blog", programs.TICKS, process="clock", kind="worker")
    plane.apply(quiet)
    plane.says("blog", "tick 1")
    before_s = cpu_s(plane.supervisor_pid)
    flood = plane.order("shop", POURS, process="pour", kind="worker")
    plane.apply(flood)
    most, ticks = 0, set[str]()
    while not any("poured it all" in line.text for line in plane.log("shop")):
        most = max(most, log_bytes(plane, "shop"))
        ticks |= {line.text for line in plane.log("blog") if line.source == "app"}
    plane.says("blog", f"tick {len(ticks) + 1}")
    assert most <= 2 * SEGMENT_BYTES_MAX + PIECE_BYTES_MAX
    assert cpu_s(plane.supervisor_pid) - before_s < CPU_S_MAX
    heard = [int(t.split()[1]) for t in sorted(ticks, key=lambda t: int(t.split()[1]))]
    assert heard == [*range(heard[0], heard[0] + len(heard))], "none of the neighbour's is missing"


def log_bytes(plane: Plane, name: str) -> int:
    sizes = [0]
    for path in (plane.paths.logs / plane.app(name)).glob("*"):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return sum(sizes)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_bound_of_an_app_is_two_mebibytes() -> None:
    assert SEGMENT_BYTES_MAX == 1024 * 1024


def test_a_crash_loop_is_one_act_and_a_count_and_its_lines_stay_bounded(plane: Plane) -> None:
    """In the acts that become the journal, in the facts, and in the log."""
    order = plane.order("shop", programs.CRASHES, process="bad", kind="worker", attempts_max=0)
    plane.apply(order)
    plane.when(order, lambda facts: facts.crashes >= 6, timeout_s=60.0)
    acts = plane.run(lambda driver: driver.acts(0))
    starts = [act for act in acts if act.verb == "start"]
    assert sum(act.count for act in starts) >= 6
    assert len(starts) <= 1 + len({act.because for act in starts})
    facts = plane.facts(order)
    assert facts.last_lines[-2:] == ("about to fail", "because of this")
    assert len(facts.last_lines) <= LAST_LINES + 1
    told = [line.text for line in plane.log("shop") if line.text == "about to fail"]
    assert len(told) >= 6, "the log tells each of them"


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
