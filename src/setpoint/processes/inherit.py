"""What the keeper hands to its children: open descriptors by name, and a way to say "ready"."""

import os


def inherited() -> dict[str, int]:
    """Descriptors by name, from SETPOINT_FDS="control=5,api=6". Instances never inherit them."""
    pairs = filter(None, os.environ.get("SETPOINT_FDS", "").split(","))
    fds = {name: int(fd) for name, _, fd in (pair.partition("=") for pair in pairs)}
    for fd in fds.values():
        os.set_inheritable(fd, False)
    return fds


def say_ready() -> None:
    """Tell the keeper that this process serves. Nothing where nobody asked to know."""
    fd = os.environ.pop("SETPOINT_READY_FD", "")
    if fd:
        os.write(int(fd), b"1")
        os.close(int(fd))


def say_fatal(message: str) -> None:
    """Tell the keeper that this process can never start as things are, and why."""
    fd = os.environ.pop("SETPOINT_READY_FD", "")
    if fd:
        os.write(int(fd), b"!" + message.encode()[:4000])
        os.close(int(fd))
