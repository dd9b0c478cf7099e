"""Waiting for real processes: poll a condition, with a deadline, never a fixed sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.005
PATIENCE_S = 30.0
"""Far above what is normal, on a busy machine too: it ends a hang."""


def until(condition: Callable[[], T], timeout_s: float = PATIENCE_S, what: str = "") -> T:
    """The first truthy answer of `condition`. Fails the test after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {timeout_s} s: {what or condition}")
        time.sleep(POLL_S)
