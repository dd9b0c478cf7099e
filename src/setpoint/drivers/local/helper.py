"""A program that the supervisor runs for one answer: no thread, and all else goes on meanwhile."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence

from setpoint.model.errors import Transient

WORDS_MAX = 300


async def run(
    title: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    given: bytes,
    run_s_max: float,
    fine: tuple[int, ...] = (0,),
) -> bytes:
    """What it wrote to its standard output. Both ways go through files without a name, so that no
    pipe has to be kept moving. `fine`: exit codes that count as success. Raises Transient."""
    with _nameless() as stdin, _nameless() as stdout, _nameless() as stderr:
        os.write(stdin, given)
        os.lseek(stdin, 0, os.SEEK_SET)
        try:
            process = subprocess.Popen(
                list(argv),
                env=env,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise Transient(f"cannot {title}: {error.strerror}") from None
        await _ended(process, run_s_max)
        if process.returncode not in fine:
            words = _content(stderr).decode(errors="replace").strip()[-WORDS_MAX:]
            raise Transient(f"cannot {title}: it ended with {process.returncode}: {words}")
        return _content(stdout)


@contextlib.contextmanager
def _nameless():
    fd = os.memfd_create("helper", os.MFD_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


async def _ended(process: "subprocess.Popen[bytes]", run_s_max: float) -> None:
    """Killed when it takes too long, or when nobody wants the answer any more."""
    loop, ended, fd = asyncio.get_running_loop(), asyncio.Event(), os.pidfd_open(process.pid)
    loop.add_reader(fd, ended.set)
    try:
        async with asyncio.timeout(run_s_max):
            await ended.wait()
    except BaseException as error:
        process.kill()
        if not isinstance(error, TimeoutError):
            raise
    finally:
        loop.remove_reader(fd)
        os.close(fd)
        process.wait()


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)
