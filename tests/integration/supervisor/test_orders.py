"""A standing order is carried out by the real supervisor, with real sandboxes."""

from tests.integration.supervisor import programs
from tests.integration.supervisor.plane import Plane, get


def test_a_web_process_answers_where_the_facts_say(plane: Plane) -> None:
    order = plane.order("shop", programs.WEB)
    plane.apply(order, GREETING="hello")
    (web,) = plane.ready(order)
    status, body = get(web)
    assert status == 200
    assert body.startswith(b"web.1 hello")
