"""A port on loopback that nobody listens at."""

import socket


def free_port() -> int:
    """Another one each time, as a rule: whoever binds it does so at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
