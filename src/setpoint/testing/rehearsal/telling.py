"""A rehearsal as text for people, or as one JSON object per event for programs."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

from setpoint.model.text import printable
from setpoint.testing.rehearsal.events import DYNO, Event

GAP = " " * 10
"""As wide as a time and the space after it, so that lines of one event stand under each other."""
DYNOS_TOLD_MAX = 6


class Transcript:
    """Lines for people. Foreign text is escaped. `end` prints what was held back last."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self._put = put
        self._held: Event | None = None
        self._dynos: list[str] = []

    def __call__(self, event: Event) -> None:
        """What befalls several instances alike at the same moment is one line."""
        alike = replace(event, dyno="")
        if self._held != alike:
            self.end()
            self._held = alike
        self._dynos.append(event.dyno)

    def end(self) -> None:
        if self._held is None:
            return
        if any(self._dynos):
            self._print(self._held, _listed(self._dynos))
        else:
            for _ in self._dynos:
                self._print(self._held, "")
        self._held, self._dynos = None, []

    def _print(self, event: Event, dynos: str) -> None:
        text = event.text
        if dynos:
            text = (text[0].replace(DYNO, dynos, 1), *text[1:])
        for line in _lines(replace(event, text=text)):
            self._put(line)


def as_json(event: Event) -> str:
    """One line."""
    text = [line.replace(DYNO, event.dyno, 1) if event.dyno else line for line in event.text]
    known: dict[str, object] = {"at_s": round(event.at_s, 3), "event": event.kind}
    known |= {name: told for name, told in (("app", event.app), ("dyno", event.dyno)) if told}
    return json.dumps(known | {"text": text} | dict(event.facts))


def stamp(at_s: float) -> str:
    """' 1:05.200': minutes, seconds, thousandths since the rehearsal began."""
    thousandths = round(at_s * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes:>2}:{rest // 1000:02}.{rest % 1000:03}"


def _lines(event: Event) -> Iterator[str]:
    first, *rest = (printable(line) for line in event.text)
    match event.kind:
        case "asked":
            yield ""
            yield first if first.startswith("#") else f"> {first}"
        case "answer":
            yield from (f"{GAP}{line}".rstrip() for line in (first, *rest))
        case _:
            who = f"{event.app}  " if event.app else ""
            yield f"{stamp(event.at_s)} {who}{first}"
            yield from (f"{GAP}  {line}" for line in rest)


def _listed(dynos: list[str]) -> str:
    """'web.1, web.2'; of many the first and how many."""
    if len(dynos) <= DYNOS_TOLD_MAX:
        return ", ".join(dynos)
    return f"{dynos[0]} and {len(dynos) - 1} more"
