"""`git push` of a change of code, until the new version answers: `python -m bench.push`.

The real git to a real Setpoint over TLS, as Heroku's users push; in turn with a plain push of the
same commit to a bare repository beside it, which runs nothing. The last line is one JSON object.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.plane import Plane

from bench.deploys import ask_port, write_app
from bench.plane import measured_plane
from bench.redeploy import GIT, Deployed, git, timed, told

NAME = "pushed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    print(json.dumps(measure(parser.parse_args().rounds)))


def measure(rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, measured_plane() as plane:
        clone, bare = Path(scratch, "clone"), Path(scratch, "bare.git")
        git(Path(scratch), "init", "-q", "-b", "main", str(clone))
        git(Path(scratch), "init", "-q", "--bare", "-b", "main", str(bare))
        push = pusher(plane, clone)
        commit(clone, "first")
        push("first")
        git(clone, "push", "-q", str(bare), "main")
        ours: list[Deployed] = []
        plain: list[float] = []
        for n in range(rounds):
            commit(clone, f"v{n}")
            ours.append(push(f"v{n}"))
            began_s = time.monotonic()
            git(clone, "push", "-q", str(bare), "main")
            plain.append(round(time.monotonic() - began_s, 4))
    answers_s = statistics.median(d.answers_s for d in ours)
    return {
        "bench": "push",
        "rounds": rounds,
        **told("push", ours),
        "plain_s": plain,
        "answers_s": round(answers_s, 3),
        "ratio": round(answers_s / statistics.median(plain), 1),
    }


def commit(clone: Path, version: str) -> None:
    write_app(clone, version)
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", version)


def pusher(plane: Plane, clone: Path) -> Callable[[str], Deployed]:
    token = (plane.data / "private" / "token").read_text().strip()
    url = f"https://x:{token}@localhost:{plane.ports['tls']}/{NAME}.git"
    env = {**os.environ, **GIT, "GIT_SSL_CAINFO": str(plane.data / "tls" / "ca.pem")}
    words = ["git", "-C", str(clone), "push", "-q", url, "main"]

    def once() -> None:
        done = subprocess.run(words, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr.replace(token, "TOKEN")

    def push(version: str) -> Deployed:
        ask = lambda: ask_port(plane.ports["edge"], f"{NAME}.localhost")  # noqa: E731
        return timed(ask, version, once)

    return push


if __name__ == "__main__":
    main()
