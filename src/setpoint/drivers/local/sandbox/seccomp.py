"""The system calls nobody inside a sandbox needs, as a classic BPF program. Pure: bytes out.

A deny list: what is not named works, so that ordinary programs run. Denied are kernel interfaces
that widen the attack surface (bpf, io_uring, keyrings, perf), reach other processes (ptrace,
pidfd_getfd), make new namespaces or mounts, or belong to an administrator. `clone3` answers ENOSYS,
since its flags lie behind a pointer no filter can follow; the C library falls back to `clone`.
"""

import errno
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_COMMON = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "open_tree_attr": 467,
}

_X86_64 = {
    "ptrace": 101,
    "syslog": 103,
    "vhangup": 153,
    "modify_ldt": 154,
    "pivot_root": 155,
    "adjtimex": 159,
    "chroot": 161,
    "acct": 163,
    "settimeofday": 164,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "iopl": 172,
    "ioperm": 173,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "nfsservctl": 180,
    "lookup_dcookie": 212,
    "clock_settime": 227,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "unshare": 272,
    "perf_event_open": 298,
    "fanotify_init": 300,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "clock_adjtime": 305,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
}

_AARCH64 = {
    "lookup_dcookie": 18,
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "nfsservctl": 42,
    "chroot": 51,
    "vhangup": 58,
    "quotactl": 60,
    "acct": 89,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "clock_settime": 112,
    "syslog": 116,
    "ptrace": 117,
    "reboot": 142,
    "settimeofday": 170,
    "adjtimex": 171,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "perf_event_open": 241,
    "fanotify_init": 262,
    "name_to_handle_at": 264,
    "open_by_handle_at": 265,
    "clock_adjtime": 266,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "finit_module": 273,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
}


@dataclass(frozen=True)
class Machine:
    """System call numbers of one architecture. `audit`: how the kernel names it to a filter."""

    audit: int
    denied: Mapping[str, int]
    clone: int
    ioctl: int
    socket: int
    x32: bool = False
    """a second set of numbers (x32) would slip past the list"""


MACHINES = {
    "x86_64": Machine(0xC000003E, _X86_64 | _COMMON, clone=56, ioctl=16, socket=41, x32=True),
    "aarch64": Machine(0xC00000B7, _AARCH64 | _COMMON, clone=220, ioctl=29, socket=198),
}

_CLONE3 = 435
_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME exists in clone3 only"""
_TIOCSTI = 0x5412
"""types into the terminal"""
_TIOCLINUX = 0x541C
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK"""

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_LOAD, _RETURN, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET = 0x20, 0x06, 0x15, 0x35, 0x45
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
"""offsets into seccomp_data; of an argument the low word, which is all the kernel looks at here"""

_Instruction = tuple[int, int, int, int]


def _load(offset: int) -> _Instruction:
    return (_LOAD, 0, 0, offset)


def _answer(value: int) -> _Instruction:
    return (_RETURN, 0, 0, value)


def _refuse(number: int) -> _Instruction:
    return _answer(_ERRNO | number)


def _equal(value: int, yes: int, no: int) -> _Instruction:
    return (_JUMP_EQUAL, yes, no, value)


def _when(number: int, body: list[_Instruction]) -> list[_Instruction]:
    """`body` for this call number only; falling out of it goes on with the number loaded."""
    return [_equal(number, 0, len(body) + 1), *body, _load(_NUMBER)]


def _head(machine: Machine) -> list[_Instruction]:
    code = [_load(_ARCHITECTURE), _equal(machine.audit, 1, 0), _answer(_KILL_PROCESS)]
    code.append(_load(_NUMBER))
    if machine.x32:
        code += [(_JUMP_GREATER_EQUAL, 0, 1, 0x40000000), _refuse(errno.ENOSYS)]
    return code


def _special(machine: Machine) -> list[_Instruction]:
    """Calls whose arguments decide."""
    families = [_equal(family, len(_FAMILIES) - at, 0) for at, family in enumerate(_FAMILIES)]
    return [
        _equal(_CLONE3, 0, 1),
        _refuse(errno.ENOSYS),
        *_when(
            machine.clone,
            [_load(_FIRST_ARGUMENT), (_JUMP_SET, 0, 1, _NEW_NAMESPACES), _refuse(errno.EPERM)],
        ),
        *_when(
            machine.ioctl,
            [
                _load(_SECOND_ARGUMENT),
                _equal(_TIOCSTI, 1, 0),
                _equal(_TIOCLINUX, 0, 1),
                _refuse(errno.EPERM),
            ],
        ),
        *_when(machine.socket, [_load(_FIRST_ARGUMENT), *families, _refuse(errno.EAFNOSUPPORT)]),
    ]


def _deny_list(machine: Machine) -> list[_Instruction]:
    """A search tree: the kernel runs the filter for each call number there is when it is installed,
    and keeps those it allows whatever their arguments."""
    numbers = set(machine.denied.values())
    edges = {number for number in numbers if number - 1 not in numbers}
    edges |= {number + 1 for number in numbers if number + 1 not in numbers}
    return _search(sorted(edges), denied=False)


def _search(edges: list[int], *, denied: bool) -> list[_Instruction]:
    """`edges`: where what is `denied` below the first turns into its opposite, and back again."""
    if not edges:
        return [_refuse(errno.EPERM) if denied else _answer(_ALLOW)]
    middle = len(edges) // 2
    below = _search(edges[:middle], denied=denied)
    above = _search(edges[middle + 1 :], denied=denied is (middle % 2 == 1))
    return [(_JUMP_GREATER_EQUAL, len(below), 0, edges[middle]), *below, *above]


def program(architecture: str | None = None) -> bytes:
    """Raises KeyError for an architecture without a table."""
    machine = MACHINES[architecture or platform.machine()]
    code = [*_head(machine), *_special(machine), *_deny_list(machine)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
