"""Which hosts an app may be given."""

import pytest

from setpoint.model.errors import Conflict, Invalid, NotFound, OverLimit
from setpoint.policy import domains


def test_hosts_are_kept_sorted_and_in_one_form() -> None:
    once = domains.added("shop", (), " WWW.Example.com. ")
    assert once == ("www.example.com",)
    twice = domains.added("shop", once, "example.com")
    assert twice == ("example.com", "www.example.com")
    assert domains.removed("shop", twice, "EXAMPLE.com") == once


@pytest.mark.parametrize(
    ("host", "fact"),
    [
        ("*.example.com", "a wildcard"),
        ("käse.example.com", "other letters than ASCII"),
        ("shop.localhost", "apps' own"),
        ("localhost", "not the name of a host"),
        ("127.0.0.1", "not the name of a host"),
        ("-a.example.com", "not the name of a host"),
        ("a..example.com", "not the name of a host"),
        ("a b.example.com", "not the name of a host"),
        ("", "not the name of a host"),
        ("a" * 64 + ".example.com", "not the name of a host"),
        ("a." * 126 + "example.com", "not the name of a host"),
        ("www.example.com:80", "not the name of a host"),
    ],
)
def test_what_is_no_host_is_refused(host: str, fact: str) -> None:
    with pytest.raises(Invalid, match=fact):
        domains.added("shop", (), host)


def test_one_twice_too_many_or_one_that_is_not_there_are_refused() -> None:
    with pytest.raises(Conflict, match="has that one already"):
        domains.added("shop", ("a.example",), "a.example")
    with pytest.raises(OverLimit, match="at most 100"):
        domains.added("shop", tuple(f"h{n}.example" for n in range(100)), "a.example")
    with pytest.raises(NotFound, match="no such domain"):
        domains.removed("shop", (), "a.example")
