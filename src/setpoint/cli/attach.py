"""A job's terminal here: our keys to it, its bytes to us, its exit code as ours.

The line may break (the daemon is replaced): what was not taken yet is kept at both ends, and the
next line goes on from there.
"""

import contextlib
import json
import os
import select
import signal
import threading
import time
from collections.abc import Generator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from setpoint.cli import codes
from setpoint.cli.client import Answered, path
from setpoint.cli.command import Here
from setpoint.model.errors import SetpointError

CHUNK_BYTES = 16 * 1024
TAKEN_BYTES = 32 * 1024
"""How much output we take before we say so."""
INPUT_WINDOW_BYTES = 64 * 1024
AWAY_S_MAX = 20.0
LOOK_AGAIN_S = 0.2
OPEN_S_MAX = 10.0
NOT_FOUND = 127


def attach(here: Here, app: str, job: dict[str, Any]) -> int:
    """Returns the command's exit code."""
    here.out.note(f"running {job['dyno']} of {app}")
    with Desk(raw=job["tty"]) as desk:
        ended = _until_it_ends(here, path("v1", "apps", app, "jobs", job["id"], "attach"), desk)
    return _told(here, app, job, ended)


def _told(here: Here, app: str, job: dict[str, Any], ended: dict[str, Any]) -> int:
    code = ended["code"]
    if code is None:
        here.out.complain(f"{job['dyno']} of {app}: {ended['message']}")
        return codes.FAILED
    if code == NOT_FOUND:
        word = (job["command"].split() or [""])[0]
        here.out.complain(f"cannot run {word!r} in {app}: no such command there")
    elif code and not ended["message"].startswith("exited"):
        here.out.complain(f"{job['dyno']} {ended['message']}")
    return int(code)


class Broke(Exception):
    """The line broke; the job does not mind for a while."""


def _until_it_ends(here: Here, where: str, desk: "Desk") -> dict[str, Any]:
    """Raises SetpointError where it cannot be gone on."""
    give_up_s = time.monotonic() + AWAY_S_MAX
    while True:
        try:
            with _dialled(here, where + desk.place) as line:
                give_up_s = float("inf")
                return desk.sit(line)
        except (Broke, OSError, ConnectionClosed, InvalidHandshake) as error:
            if isinstance(error, InvalidStatus):
                raise _refusal(error) from None
            give_up_s = min(give_up_s, time.monotonic() + AWAY_S_MAX)
            if time.monotonic() >= give_up_s:
                raise SetpointError(
                    "cannot go on: Setpoint does not answer; the command is told that its terminal "
                    "was closed"
                ) from None
            time.sleep(LOOK_AGAIN_S)


@contextlib.contextmanager
def _dialled(here: Here, where: str) -> Generator[ClientConnection]:
    client = here.client
    link = client.dial(OPEN_S_MAX)
    link.settimeout(None)
    headers = {"Authorization": f"Bearer {client.token}", "X-Setpoint-Via": "cli"}
    line = connect(
        f"ws://localhost{where}",
        sock=link,
        additional_headers=headers,
        compression=None,
        open_timeout=OPEN_S_MAX,
        max_size=None,
        close_timeout=1.0,
    )
    try:
        yield line
    finally:
        line.close()


def _refusal(error: InvalidStatus) -> Answered:
    answer = error.response
    try:
        body = json.loads(answer.body or b"")
        return Answered(answer.status_code, body["id"], body["message"], "")
    except (ValueError, KeyError, TypeError):
        return Answered(answer.status_code, "unknown", f"cannot attach: {answer.status_code}", "")


class Desk:
    """Our end. `taken`: bytes of output we have had. Input is read as far as the job takes it.

    Use as a context manager: it gives the terminal back as it was.
    """

    def __init__(self, *, raw: bool) -> None:
        self.taken = 0
        self._raw = raw
        self._said_taken = 0
        self._kept = bytearray()
        self._kept_from = 0
        self._ended = False
        self._line: ClientConnection | None = None
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._before: list[Any] | None = None
        self._resized = raw
        self._over = False
        self._typist = threading.Thread(target=self._type, daemon=True)

    def __enter__(self) -> "Desk":
        if self._raw:
            import termios
            import tty

            self._before = termios.tcgetattr(0)
            tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead is kept
            signal.signal(signal.SIGWINCH, self._size_changed)
        self._typist.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._wake()
        if self._before is not None:
            import termios

            signal.signal(signal.SIGWINCH, signal.SIG_DFL)
            termios.tcsetattr(0, termios.TCSADRAIN, self._before)

    @property
    def place(self) -> str:
        """How far we are."""
        with self._lock:
            return f"?taken={self.taken}&typed={self._kept_from}"

    # --- one line ---

    def sit(self, line: ClientConnection) -> dict[str, Any]:
        """Until the job ends. Raises Broke, ConnectionClosed."""
        try:
            for message in line:
                if isinstance(message, bytes):
                    self._show(line, message)
                    continue
                told = json.loads(message)
                if "code" in told:
                    return told
                if "at" in told:
                    self._begin(line, told["input"])
                else:
                    self._input_taken(told["input"])
        except KeyboardInterrupt:
            with contextlib.suppress(ConnectionClosed):
                line.send('{"hangup": true}')
            raise
        finally:
            with self._lock:
                self._line = None
        raise Broke

    def _show(self, line: ClientConnection, chunk: bytes) -> None:
        left = memoryview(chunk)
        while left:
            left = left[os.write(1, left) :]
        self.taken += len(chunk)
        if self.taken - self._said_taken >= TAKEN_BYTES:
            self._said_taken = self.taken
            line.send(json.dumps({"taken": self.taken}))

    def _begin(self, line: ClientConnection, input_taken: int) -> None:
        """Say again what may have got lost on the line before."""
        with self._lock:
            self._drop_kept(input_taken)
            if self._kept:
                line.send(bytes(self._kept))
            if self._ended:
                line.send('{"eof": true}')
            self._line = line
            self._resized = self._raw
        self._wake()

    def _input_taken(self, count: int) -> None:
        with self._lock:
            self._drop_kept(count)
        self._wake()

    def _drop_kept(self, count: int) -> None:
        if count > self._kept_from:
            del self._kept[: count - self._kept_from]
            self._kept_from = count

    # --- our keys ---

    def _type(self) -> None:
        """In a thread of its own: from our standard input to the line, if there is one."""
        with contextlib.suppress(OSError, ValueError):
            while not self._over:
                with self._lock:
                    room = len(self._kept) < INPUT_WINDOW_BYTES and not self._ended
                    there = self._line is not None
                wanted = [self._wake_read, *([0] if room and there else [])]
                ready, _, _ = select.select(wanted, [], [])
                if self._wake_read in ready:
                    os.read(self._wake_read, CHUNK_BYTES)
                    self._tell_size()
                if 0 in ready:
                    self._send(os.read(0, CHUNK_BYTES))

    def _send(self, chunk: bytes) -> None:
        with self._lock:
            self._kept += chunk
            self._ended = not chunk
            if self._line is not None:
                with contextlib.suppress(ConnectionClosed, OSError):
                    self._line.send(chunk if chunk else '{"eof": true}')

    def _size_changed(self, _number: int, _frame: object) -> None:
        self._resized = True
        self._wake()

    def _tell_size(self) -> None:
        if not self._resized or self._over:
            return
        with self._lock:
            if self._line is None:
                return
            self._resized = False
            columns, rows = os.get_terminal_size(1)
            if not (rows and columns):
                return  # a terminal that does not know its own size
            with contextlib.suppress(ConnectionClosed, OSError):
                self._line.send(json.dumps({"resize": [rows, columns]}))

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"!")
