"""What this command asked for, found again among all Changes of an app: does it still stand, and
which of what cannot be had comes of it?"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from setpoint.cli.client import Client

CHANGES_READ = 50
"""A command of which the Changes are further back than that is not known to have made any."""

Logged = Mapping[str, Any]
"""one Change of one app, as the log tells it"""


class Asked(NamedTuple):
    """`said`: values by path. `at_s`: unix seconds of the first of its Changes. `since`: newer
    Changes of others, newest first."""

    app: str
    said: Mapping[str, Any]
    at_s: float
    since: Sequence[Logged]

    def overtaken(self) -> tuple[str, ...]:
        """Sentences; none where all of it stands. What two change in different fields both does."""
        for logged in self.since:
            paths = sorted(self._otherwise() & values(logged).keys())
            if paths:
                return self._told(logged, paths[0])
        return ()

    def concerned(self, unmet: Mapping[str, Any]) -> bool:
        """Was it asked for, or is it new since?"""
        path = unmet["path"]
        named = any(_related(path, said) for said in self.said)
        return named or unmet["since_s"] >= self.at_s

    def _otherwise(self) -> set[str]:
        now: dict[str, Any] = {}
        for logged in self.since:
            now = values(logged) | now
        return {path for path in self.said.keys() & now if now[path] != self.said[path]}

    def _told(self, logged: Logged, path: str) -> tuple[str, ...]:
        change, asked = logged["change"], logged["change"]["asked"]
        who = asked["on_behalf_of"] or asked["actor"]["email"] or asked["actor"]["name"]
        summary = f"c{change['seq']} came after it: {change['summary']}, by {who}"
        return (
            f"{self.app} is not as you asked: {summary} via {asked['via']}",
            f"what it says now: setpoint why {self.app} {path}",
        )


def asked(client: Client, app: str) -> Asked | None:
    """None where it changed nothing: what was asked for was so already."""
    log = client.get(f"/v1/changes?limit={CHANGES_READ}&app={quote(app, safe='')}")
    return found(app, log, client.request_id)


def found(app: str, log: Sequence[Logged], request_id: str) -> Asked | None:
    """`log`: newest first."""
    own = [n for n, c in enumerate(log) if c["change"]["asked"]["request_id"] == request_id]
    if not own:
        return None
    said: dict[str, Any] = {}
    for n in own:
        said = values(log[n]) | said
    return Asked(app, said, log[own[-1]]["change"]["asked"]["at_s"], log[: own[0]])


def values(logged: Logged) -> dict[str, Any]:
    """By path. Of a secret what can be compared is its print."""
    return {t["path"]: t.get("new_print", t["new"]) for t in logged["touches"]}


def _related(path: str, said: str) -> bool:
    """Who says a size says it of the same process as its number."""
    beside = "." in path and path.rpartition(".")[0] == said.rpartition(".")[0]
    return beside or _within(path, said) or _within(said, path)


def _within(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}.")
