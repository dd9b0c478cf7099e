"""Where an app's history lies, and what is asked of git about it."""

import asyncio
import os
import resource
import shutil
import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from setpoint.model.errors import Conflict, OverLimit, Terminal, Transient
from setpoint.model.ids import AppId
from setpoint.model.push import PACK_BYTES_MAX, REPOSITORY_BYTES_MAX

GIT_S_MAX = 60.0
"""for one question; a push has more"""
MEMORY_BYTES_MAX = 4 * 1024 * 1024 * 1024
"""of addresses: git maps packs into memory"""
CPU_S_MAX = 900
ANSWER_BYTES_MAX = 32 * 1024 * 1024
BIG_FILE = "16m"
"""larger ones git streams instead of holding them"""
EMPTY = "empty"
"""advertised for an app that its first push creates"""
HOOK = """\
#!/bin/sh
# git runs this before any ref moves. Setpoint decides: without its word the answer is no.
at=/proc/self/fd
{ env -0; echo; cat; echo .; } >"$at/$SETPOINT_ASK" || exit 1
cat "$at/$SETPOINT_TELL" >&2
read -r verdict <"$at/$SETPOINT_VERDICT" && [ "$verdict" = yes ]
"""
"""Ends with no also where whoever is to decide has died: then the pipes end."""

OURS = {
    "core.bigFileThreshold": BIG_FILE,
    "gc.autoDetach": "false",
    "pack.threads": "1",
    "receive.advertisePushOptions": "true",
    "receive.denyCurrentBranch": "ignore",
    "receive.denyDeleteCurrent": "ignore",
    "receive.fsckObjects": "true",
    "receive.maxInputSize": str(PACK_BYTES_MAX),
    # Old tools wrote these; they harm nobody, and histories with them are pushed everywhere.
    "receive.fsck.badTimezone": "ignore",
    "receive.fsck.missingSpaceBeforeDate": "ignore",
    "receive.fsck.zeroPaddedFilemode": "ignore",
}


@dataclass
class Repositories:
    """`folder`: closed to everybody else. `path`: where git is looked for."""

    folder: Path
    path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    _busy: dict[AppId, object] = field(default_factory=dict[AppId, object])
    _hooked: bool = False

    def of(self, app: AppId) -> Path:
        return self.folder / f"{app}.git"

    @property
    def empty(self) -> Path:
        return self.folder / f"{EMPTY}.git"

    async def ensure(self, repository: Path) -> None:
        """Made whole or not at all. Raises Terminal, Transient."""
        self._hook()
        if not repository.exists():
            made = repository.with_suffix(".new")
            shutil.rmtree(made, ignore_errors=True)
            await self.ask(("init", "--bare", "--quiet", "--template=", "-b", "main", str(made)))
            try:
                made.rename(repository)
            except OSError:
                shutil.rmtree(made, ignore_errors=True)  # somebody else was faster

    async def check_room(self, repository: Path) -> None:
        """Raises OverLimit."""
        if await asyncio.to_thread(_weight, repository) > REPOSITORY_BYTES_MAX:
            raise OverLimit(
                "cannot take the push: the history of this app is too large, at most "
                f"{REPOSITORY_BYTES_MAX // 1024**3} GiB are kept",
                "deploy the folder instead: setpoint deploy",
            )

    def begin(self, app: AppId, push: object) -> None:
        """From here until `end` it is this push's. Raises Conflict."""
        if app in self._busy:
            raise Conflict(
                "cannot take the push: another one is under way", "push again when it is through"
            )
        self._busy[app] = push

    def end(self, app: AppId, push: object) -> None:
        """Of one that never began, nothing."""
        if self._busy.get(app) is push:
            del self._busy[app]

    def forget(self, known: Collection[AppId]) -> None:
        """Remove repositories of apps that are no more, and what killed pushes left. Blocks."""
        for path in self.folder.glob("*.git"):
            app = AppId(path.name.removesuffix(".git"))
            if app != EMPTY and app not in known:
                shutil.rmtree(path, ignore_errors=True)
            elif app not in self._busy:
                for left in path.glob("objects/*incoming-*"):
                    shutil.rmtree(left, ignore_errors=True)

    async def ask(
        self, words: tuple[str, ...], at: Path | None = None, more: Mapping[str, str] = {}
    ) -> bytes:
        """What git answers. Raises Terminal, Transient and OverLimit."""
        process = await self.start(words, at, more, stderr=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(GIT_S_MAX):
                answer, errors = await _heard(process)
        except TimeoutError:
            raise Transient(f"cannot read the repository: git took over {GIT_S_MAX:g} s") from None
        finally:
            end(process)
        if process.returncode:
            said = errors.decode(errors="replace").strip()
            raise Terminal(f"cannot read the repository: {said or 'git failed'}")
        return answer

    async def start(
        self,
        words: tuple[str, ...],
        at: Path | None = None,
        more: Mapping[str, str] = {},
        fds: tuple[int, ...] = (),
        stdin: int = asyncio.subprocess.DEVNULL,
        stderr: int = asyncio.subprocess.DEVNULL,
    ) -> asyncio.subprocess.Process:
        """git on this repository, in a session of its own. Raises Terminal where there is none."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.argv(words, at),
                env=self.environment(more),
                cwd=self.folder,
                stdin=stdin,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                pass_fds=fds,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Terminal(
                "cannot use git: it is not installed on the machine Setpoint runs on",
                "install git there, or deploy the folder: setpoint deploy",
            ) from None
        bound(process.pid)
        return process

    def argv(self, words: tuple[str, ...], at: Path | None = None) -> list[str]:
        """With our settings before all else; what git starts inherits them."""
        settings = {"core.hooksPath": str(self._hooks), **OURS}
        said = [word for pair in settings.items() for word in ("-c", "=".join(pair))]
        directory = [f"--git-dir={at}"] if at is not None else []
        return ["git", *said, *directory, *words]

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """No configuration but ours, nobody to be asked, words that can be read."""
        return {
            "PATH": self.path,
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            **more,
        }

    @property
    def _hooks(self) -> Path:
        return self.folder / "hooks"

    def _hook(self) -> None:
        """Written anew by each process: it may be of another version."""
        if self._hooked:
            return
        self._hooks.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = self._hooks / "pre-receive.new"
        made.write_text(HOOK, encoding="utf-8")
        made.chmod(0o700)
        made.rename(self._hooks / "pre-receive")
        self._hooked = True


def end(process: asyncio.subprocess.Process) -> None:
    """With all that it started. What has ended stays so."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def bound(pid: int) -> None:
    """It has been given nothing to work on yet; what it starts inherits this."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
        (resource.RLIMIT_CPU, CPU_S_MAX),
        (resource.RLIMIT_FSIZE, REPOSITORY_BYTES_MAX),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.prlimit(pid, kind, (most, most))
        except ProcessLookupError:
            return
        except (PermissionError, ValueError):
            continue  # bounds that are narrower already stay


async def _heard(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """Both outputs to their ends. Raises OverLimit."""
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.ensure_future(process.stderr.read(ANSWER_BYTES_MAX))
    answer = bytearray()
    while chunk := await process.stdout.read(1024 * 1024):
        answer += chunk
        if len(answer) > ANSWER_BYTES_MAX:
            errors.cancel()
            raise OverLimit("cannot read the repository: git has too much to say")
    said = await errors
    await process.wait()
    return bytes(answer), said


def _weight(folder: Path) -> int:
    """bytes, of what lies in files; what goes meanwhile counts nothing"""
    total = 0
    for here, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(here, name)).st_size
            except FileNotFoundError:
                continue
    return total
