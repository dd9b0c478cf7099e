"""The filter of system calls, run by a small interpreter for both machines' tables."""

import errno
import struct

import pytest

from setpoint.drivers.local.sandbox.seccomp import MACHINES, program

ALLOW, KILL = 0x7FFF0000, 0x80000000
CLONE_NEWUSER, CLONE_THREAD = 0x10000000, 0x00010000


def refused(number: int) -> int:
    return 0x00050000 | number


def judge(code: bytes, audit: int, number: int, *arguments: int) -> int:
    """What the kernel would answer: classic BPF over struct seccomp_data."""
    data = struct.pack("<IIQ6Q", number, audit, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    instructions = list(struct.iter_unpack("=HBBI", code))
    accumulator, at = 0, 0
    while True:
        operation, yes, no, value = instructions[at]
        at += 1
        match operation:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, value)[0]
            case 0x06:
                return value
            case 0x15:
                at += yes if accumulator == value else no
            case 0x35:
                at += yes if accumulator >= value else no
            case 0x45:
                at += yes if accumulator & value else no
            case _:
                raise AssertionError(f"unknown operation {operation:#x}")


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_call_on_the_list_is_refused(machine: str) -> None:
    code, table = program(machine), MACHINES[machine]
    for name, number in table.denied.items():
        assert judge(code, table.audit, number) == refused(errno.EPERM), name


def test_every_other_call_is_allowed(machine: str) -> None:
    code, table = program(machine), MACHINES[machine]
    special = {*table.denied.values(), 435, table.socket}
    for number in set(range(470)) - special:
        assert judge(code, table.audit, number) == ALLOW, number


def test_another_architecture_is_killed(machine: str) -> None:
    audit = next(other.audit for name, other in MACHINES.items() if name != machine)
    assert judge(program(machine), audit, 0) == KILL


def test_the_x32_numbers_do_not_exist() -> None:
    table = MACHINES["x86_64"]
    number = 0x40000000 | table.denied["keyctl"]
    assert judge(program("x86_64"), table.audit, number) == refused(errno.ENOSYS)


def test_clone_makes_threads_but_no_namespaces(machine: str) -> None:
    code, table = program(machine), MACHINES[machine]
    assert judge(code, table.audit, table.clone, CLONE_THREAD) == ALLOW
    assert judge(code, table.audit, table.clone, CLONE_NEWUSER | 17) == refused(errno.EPERM)
    assert judge(code, table.audit, 435, 0, 0) == refused(errno.ENOSYS)


def test_only_ordinary_sockets(machine: str) -> None:
    code, table = program(machine), MACHINES[machine]
    allowed = [f for f in range(50) if judge(code, table.audit, table.socket, f) == ALLOW]
    assert allowed == [1, 2, 10, 16]
    assert judge(code, table.audit, table.socket, 40) == refused(errno.EAFNOSUPPORT)


@pytest.mark.parametrize("request_", [0x5412, 0x541C, 0x1_0000_5412])
def test_nobody_types_into_a_terminal(machine: str, request_: int) -> None:
    code, table = program(machine), MACHINES[machine]
    assert judge(code, table.audit, table.ioctl, 0, request_) == refused(errno.EPERM)
    assert judge(code, table.audit, table.ioctl, 0, 0x5413) == ALLOW


def test_an_unknown_machine_has_no_program() -> None:
    with pytest.raises(KeyError):
        program("vax")
