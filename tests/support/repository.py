"""A git repository as a user has it, and pushes from it."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.plane import EXAMPLES, Ran
from tests.support.heroku import COMMAND_S_MAX, Heroku

NOBODY = {
    "GIT_AUTHOR_NAME": "Someone",
    "GIT_AUTHOR_EMAIL": "someone@example.com",
    "GIT_COMMITTER_NAME": "Someone",
    "GIT_COMMITTER_EMAIL": "someone@example.com",
}


@dataclass(frozen=True)
class Repository:
    """`heroku`: whose shell and login it is pushed with."""

    heroku: Heroku
    folder: Path

    def git(self, *words: str, stdin: bytes | None = None) -> Ran:
        done = subprocess.run(
            self.heroku.argv("git", "-C", str(self.folder), *words),
            env=self.heroku.env(NOBODY),
            input=stdin or b"",
            capture_output=True,
            timeout=COMMAND_S_MAX,
        )
        return Ran(
            done.returncode, *(o.decode(errors="replace") for o in (done.stdout, done.stderr))
        )

    def ok(self, *words: str, stdin: bytes | None = None) -> str:
        ran = self.git(*words, stdin=stdin)
        told = f"{ran.out}\n{ran.err}"
        assert ran.code == 0, f"git {words}: {ran.code}\n{told}\n{self.heroku.plane.tails()}"
        return told

    def commit(self, files: Mapping[str, str] = {}, message: str = "A start") -> str:
        """All that is in the folder, and these. -> the commit's id"""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.ok("add", "--all")
        self.ok("commit", "--quiet", "--allow-empty", "--file=-", stdin=message.encode())
        return self.ok("rev-parse", "HEAD").strip()

    def url(self, app: str) -> str:
        return f"https://localhost:{self.heroku.plane.ports['tls']}/{app}.git"


def started(heroku: Heroku, folder: Path) -> Repository:
    """With the example web app in it, on branch main, and nothing committed yet."""
    shutil.copytree(EXAMPLES / "hello-web", folder)
    repository = Repository(heroku, folder)
    repository.ok("init", "--quiet", "-b", "main")
    return repository
