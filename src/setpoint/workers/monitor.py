"""Watches one plain process where bubblewrap can't: level L0. Standard library only.

    python -I -S monitor.py INFO_FD STATUS_FD MARKER COMMAND...

Speaks as bubblewrap does: `{"child-pid": N}` on INFO_FD at once, `{"exit-code": N}` on STATUS_FD
when the command ends. What the command leaves behind is killed; nothing outlives this process.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CANNOT_EXECUTE = 127
HEEDED_BY_THE_COMMAND = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    info, status, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[4:]
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    pid = os.fork()
    if pid == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.close(info)
        os.close(status)
        run(command)
    for number in HEEDED_BY_THE_COMMAND:
        signal.signal(number, signal.SIG_IGN)
    let_go((info, status))
    tell(info, "child-pid", pid)
    os.close(info)
    code = wait_for(pid)
    tell(status, "exit-code", code)
    kill_the_rest()
    os._exit(code)


def run(command: list[str]) -> None:
    """Becomes the command, in a session of its own."""
    os.setsid()
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"cannot run {command[0]}: {error.strerror}\n".encode())
    os._exit(CANNOT_EXECUTE)


def let_go(kept: tuple[int, ...]) -> None:
    """The command's descriptors (its socket, its output) are not the monitor's to hold open."""
    silent = os.open("/dev/null", os.O_RDWR)
    for number in range(200):
        if number not in kept and number != silent:
            try:
                os.close(number)
            except OSError:
                pass
    for number in (0, 1, 2):
        os.dup2(silent, number)


def wait_for(pid: int) -> int:
    """Reaps whatever ends meanwhile. 128 + signal for a signal."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def kill_the_rest() -> None:
    """As subreaper we inherit every orphan, so this ends when nobody is left.

    Stopped before they are killed: under a limit, every killed process makes room for one more.
    """
    while True:
        stopped: set[int] = set()
        while fresh := descendants() - stopped:
            send(fresh, signal.SIGSTOP)
            stopped |= fresh
        send(stopped, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass  # looking around once per dead process takes minutes after a fork bomb
        except ChildProcessError:
            return


def send(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def descendants() -> set[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(parent(name), []).append(int(name))
    found: set[int] = set()
    ahead = children.get(os.getpid(), [])
    while ahead:
        pid = ahead.pop()
        found.add(pid)
        ahead += children.get(pid, [])
    return found


def parent(name: str) -> int:
    """0 if it is gone."""
    try:
        with open(f"/proc/{name}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def tell(fd: int, name: str, value: int) -> None:
    os.write(fd, f'{{ "{name}": {value} }}\n'.encode())


if __name__ == "__main__":
    main()
