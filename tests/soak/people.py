"""Who changes the apps meanwhile. Each Change says a word of its own as its why: what was answered
with success must stand in the log once, and the newest of each kind must be so in the end."""

import http.client
import random
import threading
import urllib.parse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.acceptance.plane import Plane
from tests.soak.apps import CODES, WARM

ANSWER_S_MAX = 60.0
CHANGES_READ = 500


class Ask(NamedTuple):
    """One Change somebody wants. `word`: its why. `path`, `value`: what must be so afterwards."""

    word: str
    app: str
    method: str
    url: str
    body: object
    path: str
    value: object


@dataclass
class People:
    """`count` of them, for as long as the context lasts. `sources`: where each code lies."""

    plane: Plane
    apps: Sequence[str]
    sources: dict[str, str]
    count: int
    seed: int
    pause_s: tuple[float, float] = (0.1, 0.8)
    asked: list[Ask] = field(default_factory=list[Ask])
    acknowledged: set[str] = field(default_factory=set[str])
    """words"""
    unsure: Counter[str] = field(default_factory=Counter[str])
    """how many were not acknowledged, by what came instead"""
    refused: list[str] = field(default_factory=list[str])
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def __enter__(self) -> "People":
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self, person: int) -> None:
        luck = random.Random(f"{self.seed}/person/{person}")
        number = 0
        while not self._over.wait(luck.uniform(*self.pause_s)):
            number += 1
            self._ask(self._wanted(luck, person, number))

    def _wanted(self, luck: random.Random, person: int, number: int) -> Ask:
        word, app = f"p{person}-{number}", luck.choice(self.apps)
        kind = luck.choice(("scale", "config", "config", "deploy", "restart"))
        if kind == "scale":
            body = {"quantity": luck.randint(WARM, WARM + 1), "idle_s": 1000 * person + number}
            url = f"/apps/{app}/formation/web"
            return Ask(word, app, "PATCH", url, body, "idle_s", body["idle_s"])
        if kind == "config":
            name = f"SAID_{person}"
            value = f"said {word}"  # a value may not stand in its own why
            return Ask(word, app, "PATCH", f"/apps/{app}/config-vars", {name: value}, name, value)
        if kind == "deploy":
            code = luck.choice(CODES)
            body = {"source_blob": {"url": self.sources[code]}}
            return Ask(word, app, "POST", f"/apps/{app}/builds", body, "code", code)
        return Ask(word, app, "DELETE", f"/apps/{app}/dynos", None, "", None)

    def _ask(self, ask: Ask) -> None:
        """What breaks off in the middle may or may not have been taken in: not acknowledged."""
        self.asked.append(ask)
        headers = {"Commit-Message": ask.word}
        try:
            answer = self.plane.api(ask.method, ask.url, ask.body, headers, ANSWER_S_MAX)
        except (OSError, http.client.HTTPException) as error:
            self.unsure[type(error).__name__] += 1
            return
        if answer.status < 300:
            self.acknowledged.add(ask.word)
        elif answer.status in (409, 503):
            self.unsure[str(answer.status)] += 1
        else:
            self.refused.append(f"{ask.method} {ask.url}: {answer.status} {answer.text[:200]}")

    # --- afterwards -------------------------------------------------------------------------

    def lost(self) -> list[str]:
        """What was acknowledged and is not there, or twice, or has been undone by nobody."""
        found: list[str] = []
        for app in self.apps:
            mine = {ask.word: ask for ask in self.asked if ask.app == app}
            log = [w for w in _words(self.plane, app) if w in mine]
            missing = [w for w in mine if w in self.acknowledged and w not in log]
            found += [f"{app}: {mine[w].method} {mine[w].url} ({w}) is lost" for w in missing]
            found += [f"{app}: {w} was done twice" for w in set(log) if log.count(w) > 1]
            found += _undone(self.plane, app, [mine[w] for w in log])
        return found


def _words(plane: Plane, app: str) -> list[str]:
    """The why of every Change, newest first."""
    query = urllib.parse.urlencode({"app": app, "limit": CHANGES_READ})
    changes = plane.api("GET", f"/v1/changes?{query}").json
    assert len(changes) < CHANGES_READ, "too many Changes to read them all: fewer minutes or people"
    return [change["change"]["asked"].get("why", "") for change in changes]


def _undone(plane: Plane, app: str, newest_first: Sequence[Ask]) -> list[str]:
    """Of each thing, what was asked for last must be what runs, and what the API says."""
    wanted: dict[str, object] = {}
    for ask in newest_first:
        wanted.setdefault(ask.path, ask.value)
    wanted.pop("", None)
    runs: dict[str, Any] = plane.get(app).json
    runs["idle_s"] = plane.api("GET", f"/apps/{app}/formation/web").json["idle_s"]
    return [
        f"{app}: {path} is {runs.get(path)}, and {value} was asked for last"
        for path, value in wanted.items()
        if runs.get(path) != value
    ]
