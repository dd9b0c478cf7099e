"""A build's output for people, in the form Heroku's users know. One line at a time, printable."""

from dataclasses import dataclass
from typing import TextIO

from setpoint.drivers.builders.errors import printable


@dataclass(frozen=True)
class Output:
    to: TextIO

    def topic(self, text: str) -> None:
        self._line(f"-----> {text}")

    def detail(self, text: str) -> None:
        self._line(f"       {text}")

    def warn(self, text: str) -> None:
        self._lines(" !     Warning: ", text)

    def fail(self, text: str) -> None:
        self._lines(" !     ", text)

    def _lines(self, mark: str, text: str) -> None:
        for line in text.splitlines():
            self._line(mark + line)

    def _line(self, line: str) -> None:
        print(printable(line), file=self.to, flush=True)
