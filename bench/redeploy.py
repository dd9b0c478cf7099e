"""A change of code alone, until the new version answers: `python -m bench.redeploy`.

Setpoint beside a uwsgi emperor that is deployed to by `git push`, in turn: a hook checks the code
out and touches the vassal's file, and the emperor notices at its next scan (every 3 s by default).
Both are asked at a random moment of that scan, as people would: in turn without a pause each push
came at nearly the same one, and the emperor's time was 2.3 s in one run and 5.3 s in another.
Same app, same server, same polls. The last line is one JSON object.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.plane import Plane

from bench.deploys import SERVER, Poller, ask_port, write_app
from bench.plane import measured_plane
from bench.ports import free_port

GOALS = {"ratio": 0.1, "setpoint_failed_polls": 0}
NAME = "bench"
SCAN_S = 3.0
"""of the emperor, by default"""
SEED = 7
HOOK = """#!/bin/sh
GIT_WORK_TREE={work} git checkout -q -f main
touch {vassal}
"""
VASSAL = """[uwsgi]
chdir = {work}
http-socket = 127.0.0.1:{port}
module = main
master = true
processes = 1
threads = 4
need-app = true
disable-logging = true
"""
GIT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
}


@dataclass(frozen=True)
class Deployed:
    """Seconds since it was asked for; `returned_s`: until the command came back."""

    answers_s: float
    returned_s: float
    polls: int
    failed: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    print(json.dumps(measure(parser.parse_args().rounds)))


def measure(rounds: int) -> dict[str, object]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as scratch,
        measured_plane() as plane,
        emperor(Path(scratch)) as push,
    ):
        deploy = setpoint(plane, Path(scratch, "setpoint"))
        deploy("first")
        ours: list[Deployed] = []
        theirs: list[Deployed] = []
        moments = random.Random(SEED)
        for n in range(rounds):
            ours.append(deploy(f"v{n}"))
            time.sleep(moments.uniform(0, SCAN_S))
            theirs.append(push(f"v{n}"))
    result: dict[str, object] = {
        "bench": "redeploy",
        "rounds": rounds,
        **told("setpoint", ours),
        **told("emperor", theirs),
        "ratio": round(median(ours) / median(theirs), 3),
        "goals": GOALS,
    }
    return result | {"met": {name: result[name] <= goal for name, goal in GOALS.items()}}  # pyright: ignore[reportOperatorIssue]


def median(deploys: list[Deployed]) -> float:
    return statistics.median(d.answers_s for d in deploys)


def told(name: str, deploys: list[Deployed]) -> dict[str, object]:
    return {
        f"{name}_answers_s": [round(d.answers_s, 3) for d in deploys],
        f"{name}_returned_s": [round(d.returned_s, 3) for d in deploys],
        f"{name}_polls": sum(d.polls for d in deploys),
        f"{name}_failed_polls": sum(d.failed for d in deploys),
    }


def timed(ask: Callable[[], str], version: str, deploy: Callable[[], None]) -> Deployed:
    """Polled until the new version answers and the command is back."""
    with Poller(ask) as poller:
        began_s = time.monotonic()
        deploy()
        returned_s = time.monotonic() - began_s
        answers_s = poller.until(version) - began_s
    return Deployed(answers_s, returned_s, poller.polls, poller.failed)


def setpoint(plane: Plane, folder: Path) -> Callable[[str], Deployed]:
    def deploy(version: str) -> Deployed:
        write_app(folder, version)
        ask = lambda: ask_port(plane.ports["edge"], f"{NAME}.localhost")  # noqa: E731
        return timed(ask, version, lambda: plane.ok("deploy", str(folder), "-a", NAME) and None)

    return deploy


# --- the other way ------------------------------------------------------------------------------


@contextmanager
def emperor(scratch: Path) -> Generator[Callable[[str], Deployed]]:
    """An emperor with one vassal, and a repository whose hook deploys to it."""
    work, vassals, port = scratch / "work", scratch / "vassals", free_port()
    vassals.mkdir()
    vassal = vassals / f"{NAME}.ini"
    server = installed(scratch / "venv")
    push = pushing(scratch, work, vassal, port)
    with subprocess.Popen(
        # Without the wrapper, the wheel's emperor starts its vassals with a bare interpreter.
        [server, "--emperor", str(vassals), "--emperor-wrapper", server, "--disable-logging"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        try:
            push("first")
            yield push
        finally:
            running.terminate()
            running.send_signal(2)
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, 9)


def installed(venv: Path) -> str:
    """The same server from the same index; how long that takes is not measured here."""
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "-q", SERVER]
    subprocess.run([*pip, "--disable-pip-version-check"], check=True)
    return str(venv / "bin" / "uwsgi")


def pushing(scratch: Path, work: Path, vassal: Path, port: int) -> Callable[[str], Deployed]:
    bare, clone = scratch / "bare.git", scratch / "clone"
    work.mkdir()
    git(scratch, "init", "-q", "--bare", "-b", "main", str(bare))
    git(scratch, "init", "-q", "-b", "main", str(clone))
    hook = bare / "hooks" / "post-receive"
    hook.write_text(HOOK.format(work=work, vassal=vassal))
    hook.chmod(0o755)
    vassal.with_suffix(".off").write_text(VASSAL.format(work=work, port=port))

    def push(version: str) -> Deployed:
        write_app(clone, version)
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "-m", version)
        if not vassal.exists():
            write_app(work, version)
            vassal.with_suffix(".off").rename(vassal)
        deploy = lambda: git(clone, "push", "-q", str(bare), "main")  # noqa: E731
        return timed(lambda: ask_port(port, "localhost"), version, deploy)

    return push


def git(folder: Path, *words: str) -> None:
    env = {**os.environ, **GIT}
    subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True)


if __name__ == "__main__":
    main()
