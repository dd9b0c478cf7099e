"""The operator's log: one line an event, `noun.past_verb key=value ...`, on stderr.

It is disposable: whatever `why` needs is in the journal. Control characters are escaped.
"""

import logging
import sys

from setpoint.model.text import printable

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class KeyValues(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname).1s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        pairs = "".join(f" {k}={_shown(v)}" for k, v in extra.items())
        head, newline, trace = super().format(record).partition("\n")
        return f"{printable(head)}{pairs}{newline}{trace}"


def _shown(value: object) -> str:
    text = printable(str(value))
    return f'"{text}"' if " " in text else text


def start(level: int = logging.INFO) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValues())
    logging.basicConfig(level=level, handlers=[handler])
