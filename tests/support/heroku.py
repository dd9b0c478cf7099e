"""Heroku's own command line, unmodified, in a home of its own: see tests/clients."""

import os
import pty
import re
import select
import shlex
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.plane import SETPOINT, Plane, Ran

CLIENTS = Path(__file__).parents[1] / "clients"
FOLDERS = {"11": CLIENTS, "10": CLIENTS / "heroku-10", "9": CLIENTS / "heroku-9"}
"""Where each major is installed."""
MAJOR = os.environ.get("HEROKU_MAJOR", "11")
"""Of the one that tests run which do not run all of them: `make matrix`."""
PREPARED = 'eval "$({setpoint} env {options})" && exec {said}'
"""A shell as a user's: what `setpoint env` prints is evaluated, then the command is run."""
OLDER = ("10", "9")
COMMAND_S_MAX = 240
ECHO_S, HIDDEN_S = 1.0, 0.5


def programs(major: str) -> Path:
    return FOLDERS[major] / "node_modules" / ".bin"


def needs_heroku(major: str = MAJOR) -> None:
    if not (programs(major) / "heroku").exists():
        pytest.skip(
            f"needs Heroku's command line {major}: `make test` installs it where there is npm"
        )


@dataclass(frozen=True)
class Heroku:
    """`home`: where it keeps its logins. `signed_in`: by the environment, without a login. `major`:
    of its version."""

    plane: Plane
    home: Path
    signed_in: bool = True
    major: str = MAJOR

    @property
    def forgets(self) -> bool:
        """Does its `logout` forget hosts besides Heroku's own? See docs/known-flaws.md."""
        return self.major not in OLDER

    def env(self, more: Mapping[str, str] = {}) -> dict[str, str]:
        home = {name: str(self.home) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        return {
            **self.plane.env(),
            **home,
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "PATH": f"{programs(self.major)}:{os.environ['PATH']}",
            "HEROKU_SKIP_NEW_VERSION_CHECK": "true",
            "HEROKU_DISABLE_AUTOUPDATE": "true",
            **more,
        }

    def argv(self, *words: str) -> list[str]:
        options = "--token" if self.signed_in else ""
        setpoint, said = shlex.join(SETPOINT), shlex.join(words)
        return ["sh", "-c", PREPARED.format(setpoint=setpoint, options=options, said=said)]

    def cli(
        self, *words: str, stdin: str = "", env: Mapping[str, str] = {}, cwd: Path | None = None
    ) -> Ran:
        """In `home`, unless said otherwise: in a git repository `create` adds a remote."""
        done = subprocess.run(
            self.argv("heroku", *words),
            env=self.env(env),
            cwd=cwd or self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(
        self, *words: str, stdin: str = "", env: Mapping[str, str] = {}, cwd: Path | None = None
    ) -> str:
        """Both outputs, since it says half of everything on stderr."""
        ran = self.cli(*words, stdin=stdin, env=env, cwd=cwd)
        told = f"{ran.out}\n{ran.err}"
        assert ran.code == 0, f"heroku {words}: {ran.code}\n{told}\n{self.plane.tails()}"
        return told

    def typed(
        self,
        words: Sequence[str],
        answers: Sequence[tuple[str, str]],
        *,
        env: Mapping[str, str] = {},
        seen: tuple[re.Pattern[str], Callable[[str], None]] | None = None,
    ) -> tuple[int, str]:
        """At a terminal: each answer is typed once its question is seen, and what is `seen` first
        is passed on once. (code, all it showed)"""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        child = subprocess.Popen(
            self.argv("heroku", *words),
            env=self.env(env),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=self.home,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            shown = _conversation(ours, list(answers), seen)
            return child.wait(COMMAND_S_MAX), shown
        finally:
            os.close(ours)
            child.kill()
            child.wait()


def _conversation(
    terminal: int,
    answers: list[tuple[str, str]],
    seen: tuple[re.Pattern[str], Callable[[str], None]] | None = None,
) -> str:
    shown, deadline_s = "", time.monotonic() + COMMAND_S_MAX

    def read() -> None:
        nonlocal shown, seen
        shown += os.read(terminal, 4096).decode(errors="replace")
        if seen is not None and (match := seen[0].search(shown)) and shown[match.end() :]:
            heard, seen = seen[1], None
            heard(match[0])

    while time.monotonic() < deadline_s:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            read()
            if answers and answers[0][0] in shown:
                # Older ones ask first and then see to it that nothing typed is shown.
                while select.select([terminal], [], [], HIDDEN_S)[0]:
                    read()
                os.write(terminal, answers.pop(0)[1].encode())
                # Older ones take an Enter for one only where it comes alone: once they show no
                # more.
                while select.select([terminal], [], [], ECHO_S)[0]:
                    read()
                os.write(terminal, b"\r")
        except OSError:  # the other end is closed
            return shown
    raise AssertionError(f"still asks after {COMMAND_S_MAX} s: {shown}")
