"""A web instance counts as ready once it answers what it is asked; what it does instead is told."""

import signal

import pytest
from msgspec.structs import replace

from setpoint.model.app import DEFAULT_PROBE, Probe
from setpoint.model.ids import Fence
from setpoint.model.process import Bounds, Instance, ProbeSeen, SetFacts, SetOrder
from tests.integration.supervisor.plane import Plane, get

SERVER = """
import os, socket, threading, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", int(os.environ["PORT"])))
listener.listen(128)
began_s, asked = time.monotonic(), []
def answer(peer, status, body, *headers):
    head = "".join(f"{line}\\r\\n" for line in (f"HTTP/1.1 {status} Some Reason", *headers))
    length = f"content-length: {len(body)}\\r\\n" if not headers else ""
    peer.sendall(f"{head}{length}\\r\\n".encode() + body)
def attend(peer):
    with peer:
        request = b""
        while b"\\r\\n\\r\\n" not in request:
            more = peer.recv(4096)
            if not more:
                return
            request += more
        asked.append(request)
        serve(peer, request)
def serve(peer, request):
    PLACE
while True:
    threading.Thread(target=attend, args=(listener.accept()[0],), daemon=True).start()
"""

IMPATIENT = Probe("/", timeout_s=0.5, status_below=500, once=True)
SHORT = Bounds(1, 1, boot_s_max=2.0)


def program(*lines: str) -> str:
    """A server that does this with each request."""
    return SERVER.replace("PLACE", "\n    ".join(lines))


GOOD = program("answer(peer, 200, request)")
ERROR = program("answer(peer, 500, b'no such table: \\x1b[31mcart\\n\\nsee the migrations')")


def given_up(plane: Plane, text: str, probe: Probe = IMPATIENT) -> SetFacts:
    """What is known of a release that runs this, once it is given up."""
    order = plane.order("shop", text, bounds=SHORT, attempts_max=3, probe=probe)
    plane.apply(order)
    return plane.when(order, lambda facts: facts.gave_up)


def probe_of(facts: SetFacts) -> ProbeSeen:
    assert facts.last_probe is not None
    return facts.last_probe


def test_the_question_is_what_the_edge_would_ask(plane: Plane) -> None:
    order = plane.order(
        "shop", program("answer(peer, 200, b' '.join(asked))"), probe=Probe("/health?deep=1")
    )
    plane.apply(order)
    (web,) = plane.ready(order)
    asked = get(web)[1].decode().partition("\r\n\r\n")[0].splitlines()
    assert asked[0] == "GET /health?deep=1 HTTP/1.1"
    for line in ("Host: shop.localhost", "User-Agent: setpoint-probe", "X-Forwarded-Proto: https"):
        assert line in asked


def test_an_error_page_keeps_it_from_being_ready_and_is_told(plane: Plane) -> None:
    facts = given_up(plane, ERROR)
    assert facts.last_exit is not None
    assert facts.last_exit.timed_out
    assert not facts.ever_ready
    seen = probe_of(facts)
    assert (seen.fact, seen.status) == ("answered 500 to GET /", 500)
    assert seen.body == "no such table: [31mcart\nsee the migrations"
    plane.says("shop", "the web process answered 500 to GET /; it is asked again")
    plane.says("shop", "Error R10 (Boot timeout) -> Web process answered 500 to GET /")


@pytest.mark.parametrize(
    ("does", "told"),
    [
        (["time.sleep(60)"], "did not answer GET / within 0.5 s"),
        (["pass"], "closed the connection on GET /"),
        (["peer.sendall(b'HTTP/1.1 200 OK\\r\\nx: ')"], "closed the connection in the middle of"),
        (["peer.sendall(b'SSH-2.0-dropbear\\r\\n')", "time.sleep(60)"], "in HTTP/1.1"),
        (["peer.sendall(b'HTTP/1.1 200 OK\\r\\n' + b'a: b\\r\\n' * 9000)"], "more than 16 KiB"),
        (
            ["peer.sendall(b'HTTP/1.1 100 Continue\\r\\n\\r\\n')", "time.sleep(60)"],
            "did not answer",
        ),
        (["answer(peer, 302, b'', 'location: /', 'content-length: 0')"], "answered 302 to GET /"),
    ],
)
def test_whatever_it_does_instead_is_told(plane: Plane, does: list[str], told: str) -> None:
    facts = given_up(plane, program(*does), replace(IMPATIENT, status_below=300))
    assert told in probe_of(facts).fact


def test_one_that_listens_and_never_accepts_is_told(plane: Plane) -> None:
    text = GOOD.replace("while True:", "time.sleep(600)\nwhile True:")
    assert probe_of(given_up(plane, text)).fact == "did not answer GET / within 0.5 s"


def test_a_page_sent_in_chunks_is_put_together(plane: Plane) -> None:
    chunks = "b'4\\r\\nno s\\r\\n8;x=y\\r\\nuch page\\r\\n0\\r\\n\\r\\n'"
    facts = given_up(plane, program(f"answer(peer, 500, {chunks}, 'Transfer-Encoding: chunked')"))
    assert probe_of(facts).body == "no such page"


def test_an_endless_page_is_read_no_further_than_needed(plane: Plane) -> None:
    forever = ["answer(peer, STATUS, b'', 'x: y')", "while True: peer.sendall(b'more ' * 1000)"]
    bad = program(*(line.replace("STATUS", "503") for line in forever))
    facts = given_up(plane, bad)
    assert len(probe_of(facts).body) <= 500
    good = plane.order("blog", program(*(line.replace("STATUS", "200") for line in forever)))
    good = replace(good, probe=DEFAULT_PROBE)
    plane.apply(good)
    plane.ready(good)


def test_an_app_that_warms_up_is_asked_until_it_answers(plane: Plane) -> None:
    slow = program(
        "warm = time.monotonic() - began_s > 1.5", "answer(peer, 200 if warm else 503, b'warming')"
    )
    order = plane.order("shop", slow, probe=DEFAULT_PROBE)
    plane.apply(order)
    plane.when(order, lambda f: f.last_probe is not None and f.last_probe.body == "warming")
    plane.ready(order)
    assert plane.facts(order).last_probe is None


def test_a_page_behind_a_login_is_good_enough_by_default(plane: Plane) -> None:
    order = plane.order("shop", program("answer(peer, 401, b'who?')"), probe=DEFAULT_PROBE)
    plane.apply(order)
    plane.ready(order)


def test_listening_can_be_enough(plane: Plane) -> None:
    order = plane.order("shop", ERROR, probe=Probe(""))
    plane.apply(order)
    plane.ready(order)


def waiting(plane: Plane, probe: Probe) -> SetOrder:
    """An order whose instance is asked and does not answer well."""
    order = plane.order("shop", ERROR, probe=probe)
    plane.apply(order)
    plane.when(order, lambda facts: facts.last_probe is not None)
    return order


def test_a_newer_question_counts_for_what_is_still_starting(plane: Plane) -> None:
    order = waiting(plane, IMPATIENT)
    (before,) = plane.facts(order).instances
    plane.apply(replace(order, probe=Probe("/", status_below=600), fence=Fence(1, 2)))
    (web,) = plane.ready(order)
    assert web.id == before.id


def test_a_newer_question_does_not_wait_for_the_answer_to_the_old_one(plane: Plane) -> None:
    hangs = program("if b' /slow ' in request: time.sleep(600)", "answer(peer, 200, b'here I am')")
    order = plane.order("shop", hangs, probe=Probe("/slow", timeout_s=60.0))
    plane.apply(order)
    plane.says("shop", "Starting process")
    plane.apply(replace(order, probe=Probe("/quick"), fence=Fence(1, 2)))
    plane.ready(order)


def crashed_with(plane: Plane, probe: Probe) -> tuple[SetOrder, Instance]:
    """A set that has served, and lost its instance under a probe that nothing satisfies."""
    crashes = program("if b' /crash ' in request: os._exit(3)", "answer(peer, 200, b'x')")
    order = plane.order("shop", crashes, probe=DEFAULT_PROBE)
    plane.apply(order)
    (web,) = plane.ready(order)
    order = replace(order, probe=probe, fence=Fence(1, 2))
    plane.apply(order)
    with pytest.raises(OSError):
        get(web, "/crash")
    return order, web


def test_what_once_served_is_not_asked_again_by_default(plane: Plane) -> None:
    """A database that is away later must not keep a restarted app from answering at all."""
    order, before = crashed_with(plane, Probe("/", status_below=101, once=True))
    plane.when(order, lambda f: f.ready and f.ready[0].id != before.id)


def test_what_once_served_is_asked_again_where_that_is_wanted(plane: Plane) -> None:
    order, _ = crashed_with(plane, Probe("/", status_below=101))
    facts = plane.when(order, lambda f: f.last_probe is not None)
    assert not facts.ready


def test_a_start_under_way_is_still_asked_by_the_next_supervisor(plane: Plane) -> None:
    order = waiting(plane, IMPATIENT)
    plane.signal_supervisor(signal.SIGKILL)
    facts = plane.when(order, lambda f: f.instances and f.last_probe is not None)
    assert not facts.ready
    plane.apply(replace(order, probe=Probe(""), fence=Fence(1, 2)))
    plane.ready(order)
