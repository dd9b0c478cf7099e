"""The forker's end: quiet, whatever its supervisor was doing when it died."""

import os
import socket

import pytest

from setpoint.workers import forker


def given_and_left(supervisor: socket.socket) -> None:
    fd = os.memfd_create("order")
    socket.send_fds(supervisor, [b"."], [fd])
    os.close(fd)


def test_it_ends_when_the_supervisor_closes_its_end():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ours.close()
        forker.serve(theirs)


def test_it_ends_without_a_word_when_the_supervisor_dies_before_its_answer(
    monkeypatch: pytest.MonkeyPatch,
):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    born: list[int] = []

    def dies_meanwhile(order: object) -> int:
        ours.close()
        born.append(7)
        return 7

    monkeypatch.setattr(forker, "unpack", lambda text, fds: None)
    monkeypatch.setattr(forker, "born", dies_meanwhile)
    with theirs:
        given_and_left(ours)
        forker.serve(theirs)
    assert born == [7]
