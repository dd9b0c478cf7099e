"""Abuse a whole Setpoint for MINUTES: `python -m tests.soak --minutes 10 --seed 1`.

Daemon, supervisor, edge agent, Envoy, builders, forker and instances are killed (SIGKILL) at random
while visitors ask and people make changes. Exit code 1 if a change that was acknowledged is lost,
a request to a warm app failed that was in flight in nothing that was killed, something is left
behind, or Envoy is not back in time. The last line is one JSON object.
"""

import argparse
import json
import sys
import time

from bench.run import Began

from tests.soak.soak import Options, soak

SAID_EVERY_S = 30.0
"""where there is no terminal"""
SHOWN_MAX = 200


class Teller:
    """To stderr: one line that is written over on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self._said_s = -SAID_EVERY_S

    def __call__(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._said_s >= SAID_EVERY_S or "to go" not in text:
            self._said_s = time.monotonic()
            print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="who does what to whom; not when")
    parser.add_argument("--apps", type=int, default=50)
    parser.add_argument("--keep", action="store_true", help="its figures, for docs/benchmarks.md")
    options = parser.parse_args()
    began = Began.now() if options.keep else None
    outcome = soak(Options(options.minutes * 60, options.seed, options.apps), Teller())
    if began is not None:
        began.keep("soak", outcome.figures)
    print(file=sys.stderr)
    for sentence in outcome.violations[:SHOWN_MAX]:
        print(sentence, file=sys.stderr)
    print(json.dumps(outcome.figures))
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
