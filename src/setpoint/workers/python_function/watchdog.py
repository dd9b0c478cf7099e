"""A function that blocks the loop or swallows its cancellation can only be ended from outside it.

Everything else that runs in this instance ends with it; the supervisor starts another one.
"""

import _thread
import faulthandler
import os
import sys
import time

EXIT_STUCK = 70
GRACE_S = 5.0
LOOK_S = 1.0


def start(invocations) -> None:
    """Not by `threading`, which waits until the new thread has run: milliseconds on a busy machine,
    in front of a cold request."""
    _thread.start_new_thread(_watch, (invocations,))


def _rest(invocations) -> None:
    """Cleared first and looked at again, so that one which begins meanwhile is not overlooked."""
    invocations.busy.clear()
    if invocations.late_at:
        invocations.busy.set()


def _watch(invocations) -> None:
    while True:
        invocations.busy.wait()  # an idle instance does not wake up at all
        time.sleep(LOOK_S)
        if not invocations.late_at:
            _rest(invocations)
        last_s = time.monotonic() - GRACE_S
        if any(late_at < last_s for late_at in list(invocations.late_at.values())):
            print(
                "setpoint: an invocation outlived its deadline and would not stop; "
                "ending this instance",
                file=sys.stderr,
                flush=True,
            )
            faulthandler.dump_traceback(all_threads=True)
            os._exit(EXIT_STUCK)
