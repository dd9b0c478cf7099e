"""The load of the measurements: an answer that is no 200 and none at all are both a failure."""

from typing import Any, cast

from bench.plane import Visitors

from tests.acceptance.plane import Answer
from tests.support.waiting import until


class Edge:
    """Answers in turn what it was given."""

    def __init__(self, *answers: Answer | OSError) -> None:
        self._answers = answers
        self.asked = 0

    def get(self, host: str) -> Answer:
        self.asked += 1
        answer = self._answers[self.asked % len(self._answers)]
        if isinstance(answer, OSError):
            raise answer
        return answer


def visited(edge: Edge) -> Visitors:
    with Visitors(cast(Any, edge), "shop", rate=1000, threads=1) as visitors:
        until(lambda: edge.asked >= 20)
    return visitors


def test_every_request_is_an_answer_or_a_failure() -> None:
    edge = Edge(Answer(200, {}, b"hello"), OSError("refused"))
    seen = visited(edge)
    assert len(seen.took_ms) + len(seen.failures) == edge.asked
    assert len(seen.failures) == (edge.asked + 1) // 2


def test_another_status_is_a_failure_with_its_text() -> None:
    seen = visited(Edge(Answer(503, {}, b"no instance")))
    assert seen.failures[0] == "503 no instance"
    assert len(seen.failures) == len(seen.took_ms)
