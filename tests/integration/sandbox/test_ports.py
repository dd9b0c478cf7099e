"""What the kernel tells of an instance's port, whichever way leads in."""

import contextlib

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import ports
from tests.integration.sandbox.box import Ground
from tests.integration.sandbox.test_network import ECHO, dial, serving
from tests.support.waiting import until

TAKES_NOTHING = """
import os, socket, time
listener = socket.create_server(('{host}', int(os.environ['PORT'])), {how})
time.sleep(600)
"""


def test_open_connections_are_counted_until_the_edge_gives_them_up(ground: Ground) -> None:
    box, endpoint = serving(ground, ECHO)
    port, identity = endpoint.port, box.identity
    until(lambda: ports.established(identity, port) == 0, what="the look whether it serves is over")
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(dial(endpoint)) for _ in range(3)]
        until(lambda: ports.established(identity, port) == 3, what="three are seen")
        peers[0].close()
        until(lambda: ports.established(identity, port) == 2, what="one has given up")
    until(lambda: ports.established(identity, port) == 0, what="none is left")


def test_another_instances_port_is_not_ones_own(ground: Ground) -> None:
    one, here = serving(ground, ECHO)
    two, there = serving(ground, ECHO, name="two")
    with dial(there):
        until(lambda: ports.established(two.identity, there.port) == 1, what="it is seen")
        assert ports.established(one.identity, here.port) == 0


def test_who_is_not_accepted_waits_in_the_queue(ground: Ground) -> None:
    dual = "family=socket.AF_INET6, dualstack_ipv6=True"
    for n, (host, how) in enumerate((("0.0.0.0", "backlog=100"), ("::", dual))):
        code = TAKES_NOTHING.format(host=host, how=how)
        box, endpoint = serving(ground, code, name=f"queue-{n}")
        before = ports.queued(box.identity, endpoint.port)  # it was looked at whether it serves
        with dial(endpoint), dial(endpoint):
            until(lambda: ports.queued(box.identity, endpoint.port) >= before + 2, what="two wait")  # noqa: B023


def test_of_what_has_ended_nothing_is_told(ground: Ground) -> None:
    box, endpoint = serving(ground, ECHO)
    sandbox.kill(ground.confinement, box.identity)
    until(lambda: not sandbox.alive(box.identity), what="it has ended")
    assert ports.established(box.identity, endpoint.port) == 0
    assert ports.queued(box.identity, endpoint.port) == 0
