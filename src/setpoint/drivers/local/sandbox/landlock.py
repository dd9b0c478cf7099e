"""Landlock: file and network walls a process can put around itself without any privilege.

For level L0 only, where no namespace can be had. It hides nothing and limits nothing, but keeps
files, loopback ports and the signals of others out of reach. UDP isn't covered.
"""

import contextlib
import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from setpoint.drivers.local.sandbox import syscalls

_CREATE, _ADD = 444, 445
_BY_PATH, _BY_PORT = 1, 2

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _DEVICE_IOCTL = 1 << 13, 1 << 14, 1 << 15
_BASE = (1 << 13) - 1
"""everything the first version knows"""
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_IOCTL
_BIND, _CONNECT = 1, 2
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2


@dataclass(frozen=True)
class Rules:
    """What stays allowed: trees to read, trees to write, TCP ports to listen on. Nothing else."""

    read: tuple[str, ...]
    write: tuple[str, ...]
    listen: tuple[int, ...]


def version() -> int:
    """0 where the kernel has no Landlock or it is switched off."""
    try:
        return syscalls.syscall(_CREATE, None, 0, 1)
    except OSError:
        return 0


def open_ruleset(rules: Rules, abi: int) -> int:
    """A descriptor, put into force between fork and exec."""
    files = _files(abi)
    network = _BIND | _CONNECT if abi >= 4 else 0
    scope = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if abi >= 6 else 0
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attributes = struct.pack("QQQ", files, network, scope)[:size]
    ruleset = syscalls.syscall(_CREATE, attributes, size, 0)
    _allow_paths(ruleset, rules.read, _READ & files)
    _allow_paths(ruleset, rules.write, files)
    if network:
        for port in rules.listen:
            syscalls.syscall(_ADD, ruleset, _BY_PORT, struct.pack("=QQ", _BIND, port), 0)
    return ruleset


def _files(abi: int) -> int:
    known = _BASE
    known |= _REFER if abi >= 2 else 0
    known |= _TRUNCATE if abi >= 3 else 0
    return known | (_DEVICE_IOCTL if abi >= 5 else 0)


def _allow_paths(ruleset: int, paths: Iterable[str], rights: int) -> None:
    """Paths that don't exist allow nothing."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                folder = stat.S_ISDIR(os.fstat(fd).st_mode)
                allowed = rights if folder else rights & _FOR_FILES
                syscalls.syscall(_ADD, ruleset, _BY_PATH, struct.pack("=Qi", allowed, fd), 0)
            finally:
                os.close(fd)
