"""docs/reference/api.md names every route with what it needs, and every error id."""

from pathlib import Path

from setpoint.api.errors import TABLE
from setpoint.api.routes import ROUTES

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "api.md"


def test_the_page_tells_every_route_and_error() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for row in ROUTES:
        assert f"| `{row.method} {row.path}` | {row.need} | {row.summary} |" in text
    for answer in TABLE.values():
        assert f"| {answer.status} | `{answer.id}` |" in text
