"""Carries bytes between a unix socket and 127.0.0.1:PORT of an instance's own network.

    python -I -S relay.py LISTENER_FD INSTANCE_PIDFD PORT

Standard library only. Started in the instance's network namespace, outside its sandbox. It listens
only once the port answers, so that a refused connection keeps meaning "not there". It ends with
the instance; if it fails itself, it ends the instance, since nobody could reach that any more.
"""

import select
import signal
import socket
import sys

BACKLOG = 4096
PAIRS_MAX = 1000
"""beyond this many connections the rest wait in the queue"""
CHUNK_BYTES = 65536
LOOK_AGAIN_S = 0.005
"""while the app boots; a look costs about 0.03 ms"""


class Side:
    """One socket of a pair. `pending`: what its peer sent and it has not taken yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.fd = sock.fileno()
        self.peer = self
        self.pending = b""
        self.ended = False
        """it will send no more"""
        self.mask = 0

    @property
    def wanted(self) -> int:
        """Read only what the peer can take: back-pressure instead of a buffer."""
        reading = not self.ended and not self.peer.pending
        return (select.EPOLLIN if reading else 0) | (select.EPOLLOUT if self.pending else 0)


class Relay:
    def __init__(self, listener: socket.socket, instance: int, port: int) -> None:
        self.listener = listener
        self.instance = instance
        self.port = port
        self.poll = select.epoll()
        self.sides: dict[int, Side] = {}
        self.done: list[socket.socket] = []
        self.accepting = False

    def run(self) -> None:
        """Until the instance ends."""
        self.poll.register(self.instance, select.EPOLLIN)
        if not self.await_port():
            return
        self.listener.listen(BACKLOG)
        self.listener.setblocking(False)
        self.poll.register(self.listener.fileno(), 0)
        while True:
            self.accept_while_there_is_room()
            for fd, event in self.poll.poll():
                if fd == self.instance:
                    return
                if fd == self.listener.fileno():
                    self.accept()
                elif fd in self.sides:
                    self.attend(self.sides[fd], event)
            self.let_go()

    def await_port(self) -> bool:
        """False if the instance ended first."""
        while not self.poll.poll(LOOK_AGAIN_S):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
        return False

    def accept_while_there_is_room(self) -> None:
        room = len(self.sides) < 2 * PAIRS_MAX
        if room is not self.accepting:
            self.poll.modify(self.listener.fileno(), select.EPOLLIN if room else 0)
            self.accepting = room

    def accept(self) -> None:
        try:
            client = self.listener.accept()[0]
        except BlockingIOError:
            return
        server = socket.socket()
        client.setblocking(False)
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # In progress or refused: epoll will tell.
        server.connect_ex(("127.0.0.1", self.port))
        self.join(Side(client), Side(server))

    def join(self, client: Side, server: Side) -> None:
        client.peer, server.peer = server, client
        for side in (client, server):
            self.sides[side.fd] = side
            side.mask = side.wanted
            self.poll.register(side.fd, side.mask)

    def attend(self, side: Side, event: int) -> None:
        try:
            if event & select.EPOLLERR:
                raise ConnectionResetError
            if event & select.EPOLLOUT:
                self.flush(side)
            if event & (select.EPOLLIN | select.EPOLLHUP) and side.wanted & select.EPOLLIN:
                self.read(side)
            if self.finished(side) or (event & select.EPOLLHUP and side.ended):
                raise ConnectionAbortedError
            self.watch(side)
            self.watch(side.peer)
        except OSError:
            self.close(side)

    def flush(self, side: Side) -> None:
        if side.pending:
            side.pending = side.pending[side.socket.send(side.pending) :]
        if not side.pending and side.peer.ended:
            side.socket.shutdown(socket.SHUT_WR)

    def read(self, side: Side) -> None:
        try:
            data = side.socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        if not data:
            side.ended = True
            side.peer.socket.shutdown(socket.SHUT_WR)
            return
        try:
            sent = side.peer.socket.send(data)
        except BlockingIOError:
            sent = 0
        side.peer.pending = data[sent:]

    def finished(self, side: Side) -> bool:
        return side.ended and side.peer.ended and not side.pending and not side.peer.pending

    def watch(self, side: Side) -> None:
        if side.mask != side.wanted:
            side.mask = side.wanted
            self.poll.modify(side.fd, side.mask)

    def close(self, side: Side) -> None:
        for each in (side, side.peer):
            del self.sides[each.fd]
            self.poll.unregister(each.fd)
            self.done.append(each.socket)

    def let_go(self) -> None:
        """After the round only: a number freed and taken again within it would get the old
        connection's events."""
        while self.done:
            self.done.pop().close()


def main() -> None:
    listener, instance, port = (int(argument) for argument in sys.argv[1:4])
    try:
        Relay(socket.socket(fileno=listener), instance, port).run()
    except BaseException:
        signal.pidfd_send_signal(instance, signal.SIGKILL)
        raise


if __name__ == "__main__":
    main()
