"""What a release phase says while a deploy waits for it, each line once."""

import json
from typing import Any

from setpoint.cli.client import Unreachable, path
from setpoint.cli.command import Here

LINES_MAX = 10_000


class ReleaseOutput:
    """`since_s`: unix seconds of the server, before this deploy's release phase can begin."""

    def __init__(self, here: Here, app: str, since_s: float) -> None:
        self._here = here
        self._where = (
            path("v1", "apps", app, "logs") + f"?lines={LINES_MAX}&dyno=release&since={since_s:.6f}"
        )
        self._shown = 0

    def look(self, detail: dict[str, Any]) -> None:
        """At one answer about the app: while its release phase runs, show what is new."""
        if any(wait["on"] == "release" for wait in detail["waiting"]):
            self.show()

    def show(self) -> None:
        """A line that breaks off ends nothing: the release phase does not need us."""
        try:
            said = [json.loads(raw) for raw in self._here.client.lines(self._where)]
        except Unreachable:
            return
        words = [line["text"] for line in said if _is_release(line)]
        if words and not self._shown:
            self._here.out.line("Running release command...")
        for text in words[self._shown :]:
            self._here.out.line(f"  {text}", "dim")
        self._shown = max(self._shown, len(words))


def _is_release(line: dict[str, Any]) -> bool:
    return line.get("source") == "app" and str(line["dyno"]).startswith("release.")
