"""Texts that are permissions by themselves."""

import pytest

from setpoint.drivers.local.tickets import Tickets

TICKETS = Tickets(b"key")


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256))])
def test_what_was_issued_is_read_again_and_fits_into_an_url(content: bytes) -> None:
    ticket = TICKETS.issue("log", content)
    assert TICKETS.read("log", ticket) == content
    assert all(c.isalnum() or c in "-_." for c in ticket)


def test_another_key_reads_nothing() -> None:
    assert Tickets(b"other").read("log", TICKETS.issue("log", b"content")) is None


def test_one_for_another_purpose_reads_nothing() -> None:
    assert TICKETS.read("run", TICKETS.issue("log", b"content")) is None


@pytest.mark.parametrize("ticket", ["", ".", "a", "a.b", "%.%", "ü.ü", "YQ.YQ", "YQ." + "A" * 999])
def test_what_was_made_up_is_none(ticket: str) -> None:
    assert TICKETS.read("log", ticket) is None


def test_a_letter_that_differs_spoils_it() -> None:
    ticket = TICKETS.issue("log", b'{"app":"one"}')
    for at, letter in enumerate(ticket):
        forged = f"{ticket[:at]}{'A' if letter != 'A' else 'B'}{ticket[at + 1 :]}"
        assert TICKETS.read("log", forged) in (None, b'{"app":"one"}')
        assert TICKETS.read("log", forged) is None or forged[:at] == ticket[:at]
