"""Lets Envoy outlive whoever starts it: to be called in its process, before it is Envoy.

With hot restart on, Envoy asks the kernel to end it together with its parent
(prctl(PR_SET_PDEATHSIG) in its source/server/hot_restart_impl.cc). A dead keeper would then be a
dead edge. A seccomp filter answers that one call with success and does nothing; it also means that
Envoy can never gain privileges.
"""

import ctypes
import platform
import struct

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2

PRCTL = {"x86_64": (0xC000003E, 157), "aarch64": (0xC00000B7, 167)}
"""per machine: how the kernel names it to a filter, and the number of prctl there"""

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _ANSWER_ZERO = 0x7FFF0000, 0x00050000


def program(machine: int, prctl: int) -> bytes:
    """Classic BPF: is it this machine's prctl(PR_SET_PDEATHSIG)? Then zero, else go ahead."""
    steps = (
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 0, 5, machine),
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, 0, 3, prctl),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 0, 1, PR_SET_PDEATHSIG),
        (_RETURN, 0, 0, _ANSWER_ZERO),
        (_RETURN, 0, 0, _ALLOW),
    )
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def outlive() -> None:
    """From here on, and in whatever is executed. Nothing on a machine whose numbers are unknown."""
    known = PRCTL.get(platform.machine())
    if known is not None:
        _filter(program(*known))


def _filter(code: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    steps = ctypes.create_string_buffer(code)
    given = _Program(len(code) // 8, ctypes.cast(steps, ctypes.c_void_p))
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(given), 0, 0),
    ):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), f"cannot keep Envoy alive: prctl{call[0]}")
