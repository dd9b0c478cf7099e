"""A load generator as a process of its own: `python -m bench.load PORT HOST KIND RATE SECONDS N`.

KIND `paced` sends RATE requests a second over N kept connections and prints latencies in µs,
counted from when each was due; `flat` sends on N connections without a pause and prints how many.
"""

import json
import selectors
import socket
import sys
import time


class Connection:
    """One kept connection; knows when its present answer is complete."""

    def __init__(self, port: int, host: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
        self._got = b""
        self.due_s = 0.0

    def send(self, due_s: float) -> None:
        self.due_s = due_s
        self.socket.sendall(self._request)

    def answered(self) -> bool:
        """Reads what is there. Raises ValueError on anything but a 200."""
        self._got += self.socket.recv(65536)
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ValueError(head.decode(errors="replace"))
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        done = bool(found) and len(body) >= int(length)
        if done:
            self._got = b""
        return done


def paced(connections: list[Connection], rate: float, seconds: float) -> list[float]:
    """Open loop: a late answer does not hold the next request back, if a connection is free."""
    idle, latencies = list(connections), list[float]()
    with selectors.DefaultSelector() as selector:
        for each in connections:
            selector.register(each.socket, selectors.EVENT_READ, each)
        began_s = time.perf_counter()
        count, total = 0, int(rate * seconds)
        while len(latencies) < total:
            due_s = began_s + count / rate
            if count < total and idle and time.perf_counter() >= due_s:
                idle.pop().send(due_s)
                count += 1
                continue
            free = count < total and bool(idle)
            for key, _ in selector.select(max(0.0, due_s - time.perf_counter()) if free else None):
                if key.data.answered():
                    latencies.append((time.perf_counter() - key.data.due_s) * 1e6)
                    idle.append(key.data)
    return latencies


def flat(connections: list[Connection], seconds: float) -> int:
    count, end_s = 0, time.perf_counter() + seconds
    with selectors.DefaultSelector() as selector:
        for each in connections:
            selector.register(each.socket, selectors.EVENT_READ, each)
            each.send(0.0)
        while time.perf_counter() < end_s:
            for key, _ in selector.select(1.0):
                if key.data.answered():
                    count += 1
                    key.data.send(0.0)
    return count


def main() -> None:
    port, host, kind, rate, seconds, number = sys.argv[1:]
    connections = [Connection(int(port), host) for _ in range(int(number))]
    if kind == "paced":
        print(json.dumps(paced(connections, float(rate), float(seconds))))
    else:
        print(json.dumps(flat(connections, float(seconds))))


if __name__ == "__main__":
    main()
