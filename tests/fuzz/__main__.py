"""Ask every route of the API what nobody would: `python -m tests.fuzz --cases 200 --seed 1`.

Requests are made of the description that the API gives of itself, against its real doors, store and
loop, over a simulated machine. Exit code 1 if one was answered with 500 or above, was not answered,
or made anything log an error; the smallest such request of each route is told. The last line is one
JSON object.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.fuzz.fuzz import Fuzz
from tests.support.plane import Plane


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200, help="of each route")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="TEXT", help="routes with this in their name")
    options = parser.parse_args()
    failed = dict[str, str]()
    with tempfile.TemporaryDirectory() as folder, Plane(Path(folder)) as plane:
        fuzz = Fuzz(plane, options.cases, options.seed)
        routes = [route for route in fuzz.routes if options.only in route]
        for route in routes:
            try:
                fuzz.check(route)
            except AssertionError as error:
                failed[route] = "\n".join((str(error), *getattr(error, "__notes__", ())))
                print(f"{route}\n{failed[route]}", file=sys.stderr)
    answers = dict(sorted(fuzz.answers.items()))
    print(json.dumps({"routes": len(routes), "answers": answers, "failed": sorted(failed)}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
