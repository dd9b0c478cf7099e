"""The builder: one build per process, as a user of its own that may write layers and little else.

The request comes as JSON on standard input, output for people goes to standard output, and the
result is a file written whole. Where somebody's code must run it ends without a result, says what
in the folder for that, and is started again when that was done. Started as root it
first imports everything and opens the tool, then drops: the program may lie in a folder that its
own user cannot pass.
"""

import contextlib
import errno
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from setpoint.drivers.builders import build as story
from setpoint.drivers.builders import leftovers, stack, uv
from setpoint.drivers.builders.errors import CannotBuild, NeedsRunStage
from setpoint.drivers.builders.output import Output
from setpoint.drivers.builders.workshop import Workshop
from setpoint.drivers.local import privileges
from setpoint.drivers.local.files import open_plain
from setpoint.formats import handover
from setpoint.model.errors import Terminal
from setpoint.model.ids import Digest
from setpoint.model.release import Build, BuildRequest, Slug

REQUEST_BYTES_MAX = 64 * 1024
UMASK = 0o022
"""layers are read by the users that apps run as"""
FULL = (errno.ENOSPC, errno.EDQUOT)


class BuildOrder(msgspec.Struct, frozen=True):
    """What the supervisor asks. `tools`: path of uv, or None for the one installed with us.

    `output`: a file for what is said; None for standard output and error.
    `result`: where the Build goes. Its folder must be writable for the builder's user.
    `handover`: the build's own folder, made here, for what runs elsewhere. `resumed`: something
    did. `configured`: names of the app's config vars; their values are not for us. `packs`:
    paths of uploaded buildpacks, by digest.
    """

    request: BuildRequest
    archive: str
    layers: str
    cache: str
    result: str
    handover: str
    python: str
    resumed: bool = False
    configured: tuple[str, ...] = ()
    output: str | None = None
    packs: dict[Digest, str] = {}
    tools: str | None = None


@dataclass(frozen=True)
class Bench:
    """What was opened before the drop. `operator`: the environment we were started with."""

    archive: BinaryIO
    packs: Mapping[Digest, BinaryIO]
    uv_fd: int
    operator: Mapping[str, str]


def main() -> int:
    """0 also for a failed build: that is a result. Anything else means there is none."""
    asked = sys.stdin.buffer.read(REQUEST_BYTES_MAX)
    if not asked:
        return 0  # it waited, and whoever started it is gone or wants no more
    order = msgspec.json.decode(asked, type=BuildOrder)
    if order.output is not None:
        _speak_into(order.output)
    if order.request.buildpacks:
        importlib.import_module("setpoint.drivers.builders.buildpacks")  # while it can be read
    encoder = msgspec.json.Encoder()
    encoder.encode(_ended(order.request, 0.0, None, "", False))  # imports what it needs by now
    with contextlib.ExitStack() as opened:
        archive = opened.enter_context(open(order.archive, "rb"))
        packs = {d: opened.enter_context(open(path, "rb")) for d, path in order.packs.items()}
        bench = Bench(archive, packs, uv.open_uv(order.tools or _uv_program()), dict(os.environ))
        privileges.drop_as_told(bench.operator)
        os.umask(UMASK)
        signal.signal(signal.SIGTERM, _stopped)
        Path(order.handover).mkdir(mode=0o700, exist_ok=True)
        try:
            build = carry_out(order, bench)
        except NeedsRunStage as needs:
            publish(Path(order.handover) / handover.NEEDS, handover.encode(needs.needs))
        else:
            publish(Path(order.result), encoder.encode(build))
    return 0


def _speak_into(output: str) -> None:
    """For what we start as well. Raises OSError."""
    fd = open_plain(Path(output), os.O_WRONLY | os.O_APPEND)
    os.dup2(fd, sys.stdout.fileno())
    os.dup2(fd, sys.stderr.fileno())
    os.close(fd)


def _uv_program() -> str:
    from uv import find_uv_bin

    return find_uv_bin()


def _stopped(_number: int, _frame: object) -> None:
    """Unwinds, so that scratch folders go. No result means that it was cut off."""
    raise SystemExit(128 + signal.SIGTERM)


def carry_out(order: BuildOrder, bench: Bench) -> Build:
    """The build's result, whatever happens. Raises nothing but NeedsRunStage and SystemExit."""
    started_s = time.time()
    app, say = order.request.app_name, Output(sys.stdout)
    try:
        with leftovers.cleared(Path(order.layers), Path(order.cache)):
            slug = story.build(_workshop(order, bench, say))
        return _ended(order.request, started_s, slug, "", True)
    except NeedsRunStage:
        raise
    except CannotBuild as error:
        message, user_error = error.told(app), error.user_error
    except Terminal as error:
        message, user_error = CannotBuild(error.message, error.hint).told(app), False
    except Exception as error:
        message, user_error = CannotBuild(_fact(error)).told(app), False
    say.fail(message)
    return _ended(order.request, started_s, None, message, user_error)


def _fact(error: Exception) -> str:
    if _is_full(error):
        return "the disk is full"
    traceback.print_exc()  # a bug: its trace is for whoever mends it
    return f"the builder failed ({error!r})"


def _is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in FULL


def _workshop(order: BuildOrder, bench: Bench, say: Output) -> Workshop:
    story.check_stack(order.request, order.python)
    return Workshop(
        request=order.request,
        archive=bench.archive,
        layers=Path(order.layers),
        uv=uv.Uv(bench.uv_fd, uv.environment(bench.operator, Path(order.cache) / "uv")),
        npm_cache=Path(order.cache) / "npm",
        bytecode_store=Path(order.cache) / "bytecode",
        python=stack.interpreter(os.path.realpath(order.python)),
        operator=bench.operator,
        say=say,
        handover=Path(order.handover),
        resumed=order.resumed,
        configured=frozenset(order.configured),
        packs=bench.packs,
    )


def _ended(
    request: BuildRequest, started_s: float, slug: Slug | None, message: str, user_error: bool
) -> Build:
    return Build(
        id=request.id,
        app=request.app,
        source=request.source,
        status="failed" if slug is None else "succeeded",
        stack=request.stack,
        slug=slug,
        message=message,
        user_error=user_error,
        started_at_s=started_s,
        ended_at_s=time.time(),
    )


def publish(result: Path, content: bytes) -> None:
    """Whole and on the disk, or not at all."""
    new = result.with_name(f".{result.name}.{os.getpid()}")
    try:
        with new.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(result)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()


if __name__ == "__main__":
    sys.exit(main())
