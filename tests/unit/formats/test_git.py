"""git's formats: what its hook says, what it lists, and what a commit's author wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.formats import git
from setpoint.model.push import RefMove, TreeEntry

OLD, NEW = "0" * 40, "1" * 40


def commit(message: bytes, *headers: bytes) -> bytes:
    lines = (b"tree " + b"2" * 40, b"author A <a@b> 0 +0000", *headers)
    return b"\n".join(lines) + b"\n\n" + message


def test_a_pkt_line_counts_itself() -> None:
    assert git.pkt_line(b"hi\n") == b"0007hi\n"
    assert (
        git.advertised("git-receive-pack", b"0000") == b"001f# service=git-receive-pack\n00000000"
    )


def test_what_the_hook_says_is_read_once_it_is_whole() -> None:
    options = "GIT_PUSH_OPTION_COUNT=2\0GIT_PUSH_OPTION_0=x\n.\n\0GIT_PUSH_OPTION_1=why=so\0"
    said = f"A=1\0{options}\n{OLD} {NEW} refs/heads/main\n.\n".encode()
    for end in range(len(said)):
        assert git.hook_said(said[:end]) is None
    told = git.hook_said(said)
    assert told is not None
    assert told.moves == (RefMove(OLD, NEW, "refs/heads/main"),)
    assert told.options == ("x\n.\n", "why=so")
    assert git.said_why(told.options) == "so"


@given(st.binary(max_size=300))
def test_no_bytes_break_what_reads_them(junk: bytes) -> None:
    git.hook_said(junk)
    git.hook_said(b"A=1\0\n" + junk + b"\n.\n")
    git.commit_message(junk)


def test_a_tree_is_listed_with_names_that_are_no_text() -> None:
    listing = b"100755 blob %s       5\tbin/run\0" % (b"a" * 40) + (
        b"160000 commit %s       -\tvend\xffor\0" % (b"b" * 40)
    )
    run, vendor = git.tree(listing)
    assert run == TreeEntry("100755", "a" * 40, 5, b"bin/run")
    assert vendor.is_submodule
    assert vendor.path == b"vend\xffor"


@pytest.mark.parametrize(
    ("headers", "said", "message"),
    [
        ((), "Grüße\n\nSee: 7\n".encode(), "Grüße\n\nSee: 7"),
        ((b"encoding ISO-8859-1",), "Grüße".encode("latin-1"), "Grüße"),
        ((b"encoding no-such",), "Grüße".encode(), "Grüße"),
        ((b"encoding base64",), b"aGk=", "aGk="),
        ((b"encoding undefined",), b"hi", "hi"),
        ((b"gpgsig x", b" encoding latin-1"), "ü".encode(), "ü"),
        ((), b"\xff broken", "\ufffd broken"),
    ],
)
def test_a_message_is_decoded_as_its_commit_says(
    headers: tuple[bytes, ...], said: bytes, message: str
) -> None:
    assert git.commit_message(commit(said, *headers)) == message


def test_too_long_a_message_is_cut_at_a_line() -> None:
    message = git.commit_message(commit(b"word word\n" * 1000))
    assert len(message) <= git.MESSAGE_BYTES_MAX
    assert message.endswith("word word")
