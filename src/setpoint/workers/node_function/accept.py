"""Runs one JavaScript function inside its instance: accepts connections, and hands each to the one
Node.js process that answers it.

    python -I -S -u accept.py --fd N --record-fd M --node NODE --runtime DIR --project DIR
    python -I -S -u accept.py --control-fd N --node NODE --runtime DIR

The second makes everything ready that has nothing to do with one function, tells so over the packet
socket N, and waits there for an order: what the first would have been started with. It then is that
function's for good, and never anybody else's; it ends if the socket is closed before. It speaks to
the supervisor as the zygote does (docs/decisions/0057).

Node.js takes every connection that waits, at once. A function's instance takes as many as it may
run and leaves the rest to others, so the accepting is done here: the listening socket is readable
exactly when one more instance is wanted. Connections cross on the channel that Node.js has for its
own child processes (one JSON message a line, a descriptor beside it, each acknowledged), so data
flows past this process. A function that blocks its loop acknowledges nothing and gets nothing.

A copy of each connection stays here until it is closed there. Where Node.js ends for want of memory
its callers are told so over these, but for those whose answer has begun (docs/decisions/0079).

Standard library only, and little of it. Beside this file: `main.mjs` answers, `invocation.mjs` is
one request, `contexts.mjs` and `extra_info.mjs` mend what goes in and comes out.
"""

import argparse
import contextlib
import json
import os
import selectors
import signal
import socket
import stat
import sys
import time

EXIT_STUCK = 70
GRACE_S = 5.0
"""after its deadline, before an invocation counts as one that will not stop"""
SLACK_S = 1.0
"""the Node.js process notices by itself, unless its loop is blocked"""
BREATHE_S = 0.2
"""after a failed accept (no descriptors left): try again, don't spin"""
CHUNK_BYTES = 64 * 1024
FDS_MAX = 8
BEGUN = 0o600
"""Mode of a connection whose answer has begun: the one mark that JavaScript can put on a socket
before it writes there, and who has a copy can read."""
SHARE = 0.45
"""Of the memory it may have: who has had that much when the kernel kills it, or when it gives up by
itself, ends for want of it. V8 takes half for its heap; at rest Node.js has 100 MiB."""
MIB = 1024 * 1024


def main() -> int:
    told = _arguments(sys.argv[1:])
    ours, theirs = socket.socketpair()
    for fd in filter(None, (told.fd, told.record_fd, told.control_fd)):
        os.set_inheritable(fd, False)
    if told.control_fd is None:
        os.environ["FUNCTION_PROJECT_PATH"] = told.project
        pid = _start(told, theirs, told.project, told.name, str(told.deadline))
        theirs.close()
        return Accepting(told, ours, pid).run()
    pid = _start(told, theirs)
    theirs.close()
    order = _wait(socket.socket(fileno=told.control_fd), ours)
    return 0 if order is None else Accepting(_become(order, ours), ours, pid).run()


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="node_function", allow_abbrev=False)
    parser.add_argument("--fd", type=int, help="the listening socket")
    parser.add_argument("--record-fd", type=int, help="gets `ready`, `draining`")
    parser.add_argument("--control-fd", type=int, help="where to wait for an order, without these")
    parser.add_argument("--node", required=True, help="the program")
    parser.add_argument("--runtime", required=True, help="folder of the official runtime")
    parser.add_argument("--project", help="folder of package.json and project.toml")
    parser.add_argument("--name", default=_own_name(), help="the function, for its records")
    parser.add_argument("--limit", type=int, default=10, help="invocations at once")
    parser.add_argument("--deadline", type=float, default=120.0, help="seconds per invocation")
    parser.add_argument("--memory", type=int, default=0, help="bytes it may have; 0: nobody says")
    return parser.parse_args(argv)


def _own_name() -> str:
    """`hello` from a dyno name like hello.1."""
    return os.environ.get("DYNO", "").rpartition(".")[0] or "function"


def _start(told: argparse.Namespace, channel: socket.socket, *own: str) -> int:
    """The pid of the process that answers. `own`: of its function, if it has one yet."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "main.mjs")
    argv = [told.node, script, told.runtime, *own]
    fd = channel.fileno()
    os.set_inheritable(fd, True)
    env = {**os.environ, "NODE_CHANNEL_FD": str(fd), "NODE_CHANNEL_SERIALIZATION_MODE": "json"}
    return os.posix_spawn(told.node, argv, env)


def _tell(channel: socket.socket, message: dict[str, object], *fds: int) -> None:
    data = json.dumps(message).encode() + b"\n"
    try:
        sent = socket.send_fds(channel, [data], list(fds))
        channel.sendall(data[sent:])
    except OSError:
        pass  # it has ended, which the channel's other side tells


# --- before it is anybody's ---


class Order:
    """What the supervisor wrote, and the descriptors it sent, in this order."""

    def __init__(self, text: bytes, fds: list[int]) -> None:
        told = json.loads(text)
        self.argv: list[str] = told["argv"]
        self.env: dict[str, str] = told["env"]
        self.cwd: str = told["cwd"]
        self.listener, self.record, self.report = fds


def _wait(control: socket.socket, channel: socket.socket) -> Order | None:
    """None: nobody wants it any more, or it has ended."""
    heard, warm = b"", False
    with control, selectors.DefaultSelector() as selector:
        for end in (control, channel):
            selector.register(end, selectors.EVENT_READ)
        while True:
            readable = [key.fileobj for key, _ in selector.select()]
            if control in readable:
                return _take(control) if warm else None
            chunk = channel.recv(CHUNK_BYTES)
            if not chunk or warm:
                return None
            heard += chunk
            if heard.endswith(b"\n"):
                warm = True
                control.send(json.dumps({"touched": json.loads(heard)["warm"]}).encode())


def _take(control: socket.socket) -> Order | None:
    text, fds, _, _ = socket.recv_fds(control, 1, FDS_MAX, socket.MSG_CMSG_CLOEXEC)
    if not text:
        return None
    written, *others = fds
    order = Order(os.pread(written, os.fstat(written).st_size, 0), others)
    os.close(written)
    return order


def _become(order: Order, channel: socket.socket) -> argparse.Namespace:
    """What it would have been told, had it been started for this function."""
    os.environ.clear()
    os.environ.update(order.env)
    told = _arguments(order.argv)
    told.fd, told.record_fd, told.report = order.listener, order.record, order.report
    own = [told.project, told.name, str(told.deadline)]
    _tell(channel, {"become": {"argv": own, "env": order.env, "cwd": order.cwd}})
    return told


class Accepting:
    """`open`: connections handed over and not closed yet, by number, with when that was."""

    def __init__(self, told: argparse.Namespace, channel: socket.socket, pid: int) -> None:
        self._told = told
        self._listener = socket.socket(fileno=told.fd)
        self._listener.setblocking(False)
        self._channel = channel
        self._pid = pid
        self._heard = b""
        self._ready = self._draining = self._unacknowledged = False
        self._open: dict[int, float] = {}
        self._copies: dict[int, socket.socket] = {}
        self._last = 0
        self._not_before_s = 0.0
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Until the other has ended: its exit code."""
        wakeup, woken = socket.socketpair()
        for end in (wakeup, woken):
            end.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._drain())
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._selector.register(wakeup, selectors.EVENT_READ)
        while True:
            accepting = self._watch_listener()
            for key, _ in self._selector.select(self._patience_s(accepting)):
                if key.fileobj is self._channel:
                    if not self._listen():
                        return self._code()
                elif key.fileobj is wakeup:
                    wakeup.recv(CHUNK_BYTES)
                elif accepting:
                    self._accept()
            self._end_if_stuck()

    # --- accepting ---

    def _watch_listener(self) -> bool:
        """Look at it only while one more may be taken."""
        wanted = (
            self._ready
            and not self._draining
            and not self._unacknowledged
            and len(self._open) < self._told.limit
            and time.monotonic() >= self._not_before_s
        )
        watched = self._listener in self._selector.get_map() if not self._draining else False
        if wanted and not watched:
            self._selector.register(self._listener, selectors.EVENT_READ)
        elif watched and not wanted:
            self._selector.unregister(self._listener)
        return wanted

    def _patience_s(self, accepting: bool) -> float | None:
        """An idle instance does not wake up at all."""
        if not accepting and time.monotonic() < self._not_before_s:
            return BREATHE_S
        return SLACK_S if self._open else None

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another instance was faster
        except OSError as error:
            print(f"setpoint: cannot accept a connection: {error}", file=sys.stderr)
            self._not_before_s = time.monotonic() + BREATHE_S
            return
        connection.setblocking(False)  # or a caller that reads slowly stops all of Node.js
        self._last += 1
        message = {"cmd": "NODE_HANDLE", "type": "net.Socket", "msg": {"take": self._last}}
        _tell(self._channel, message, connection.fileno())
        self._copies[self._last] = connection
        self._unacknowledged = True
        self._open[self._last] = time.monotonic()

    # --- the other process ---

    def _listen(self) -> bool:
        """False: it has ended."""
        try:
            chunk = self._channel.recv(CHUNK_BYTES)
        except OSError:
            chunk = b""
        *lines, self._heard = (self._heard + chunk).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        return bool(chunk)

    def _take(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        if message.get("cmd") == "NODE_HANDLE_ACK":
            self._unacknowledged = False
        elif message.get("became"):
            os.write(self._told.report, b'{"born": true}')
            os.close(self._told.report)
        elif "closed" in message:
            self._open.pop(message["closed"], None)
            if copy := self._copies.pop(message["closed"], None):
                copy.close()
        elif message.get("ready"):
            self._ready = True
            self._record("ready")
        elif "served" in message:
            self._try_to_record(f"served {json.dumps(message['served'], separators=(',', ':'))}")
        elif message.get("spent"):
            self._drain()

    def _drain(self) -> None:
        """Nothing new; what runs is answered. Our copy of the socket goes, the queue stays."""
        if self._draining:
            return
        if self._listener in self._selector.get_map():
            self._selector.unregister(self._listener)
        self._draining = True
        self._listener.close()
        self._record("draining")
        _tell(self._channel, {"drain": True})

    def _end_if_stuck(self) -> None:
        last_s = time.monotonic() - self._told.deadline - GRACE_S - SLACK_S
        if any(since_s < last_s for since_s in self._open.values()):
            print(
                "setpoint: an invocation outlived its deadline and would not stop; "
                "ending this instance",
                file=sys.stderr,
                flush=True,
            )
            os.kill(self._pid, signal.SIGKILL)
            os._exit(EXIT_STUCK)

    def _code(self) -> int:
        _, status, used = os.wait4(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        share = used.ru_maxrss * 1024 / self._told.memory if self._told.memory else 0.0
        if code in (-signal.SIGKILL, -signal.SIGABRT) and share >= SHARE:
            self._answer_for_want_of_memory()
        return code if code >= 0 else 128 - code

    def _answer_for_want_of_memory(self) -> None:
        """To all whose answer has not begun. Nobody else can any more."""
        waiting = [c for c in self._copies.values() if _mode(c) != BEGUN]
        reply = _out_of_memory(self._told.memory)
        for connection in waiting:
            with contextlib.suppress(OSError):
                connection.send(reply, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                connection.shutdown(socket.SHUT_WR)
        whom = "1 invocation is" if len(waiting) == 1 else f"{len(waiting)} invocations are"
        print(f"setpoint: Out of memory: {whom} answered with that", file=sys.stderr)

    def _try_to_record(self, word: str) -> None:
        """What is worth no complaint."""
        try:
            os.set_blocking(self._told.record_fd, False)
            os.write(self._told.record_fd, f"{word}\n".encode())
        except OSError:
            pass

    def _record(self, word: str) -> None:
        """Nobody may be reading: it never blocks and never fails."""
        try:
            os.set_blocking(self._told.record_fd, False)
            os.write(self._told.record_fd, f"{word}\n".encode())
        except OSError as error:
            print(f"setpoint: {word}, but nobody hears it: {error}", file=sys.stderr)


def _mode(connection: socket.socket) -> int:
    return stat.S_IMODE(os.fstat(connection.fileno()).st_mode)


def _out_of_memory(memory_bytes: int) -> bytes:
    """The whole answer, in the form of the runtime for JavaScript: the text as it is, and what
    `encodeURI` makes of JSON. What was asked is not known any more."""
    from urllib.parse import quote

    text = f"Out of memory: the function needed more than the {memory_bytes // MIB} MiB it has"
    info = {
        "requestId": "n/a",
        "source": "n/a",
        "execTimeMs": 0,
        "isFunctionError": True,
        "stack": text,
        "statusCode": 500,
    }
    head = (
        "HTTP/1.1 500 Internal Server Error",
        "content-type: application/json",
        f"content-length: {len(text)}",
        f"x-extra-info: {quote(json.dumps(info), safe=UNTOUCHED)}",
        "connection: close",
    )
    return "\r\n".join((*head, "", text)).encode()


UNTOUCHED = ";,/?:@&=+$-_.!~*'()#"
"""by `encodeURI`"""


if __name__ == "__main__":
    sys.exit(main())
