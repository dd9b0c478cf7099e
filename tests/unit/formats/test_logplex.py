"""Lines as Heroku's drains have them, so that what parses those parses these."""

import pytest

from setpoint.formats import logplex
from setpoint.formats.control import LogLine
from setpoint.model.drain import Frame, Place

AT_S = 1_700_000_000.25


def line(source: str, dyno: str, text: str) -> LogLine:
    return LogLine(AT_S, source, dyno, text)


@pytest.mark.parametrize(
    ("said", "header"),
    [
        (line("app", "web.1", "hello"), "<190>1 %s host app web.1 - hello"),
        (line("heroku", "router", "at=info"), "<158>1 %s host heroku router - at=info"),
        (line("heroku", "web.1", "State changed"), "<45>1 %s host heroku web.1 - State changed"),
        (line("app", "web.1", ""), "<190>1 %s host app web.1 - "),
    ],
)
def test_a_line_has_its_facility_and_its_length_before_it(said: LogLine, header: str) -> None:
    framed = logplex.message(said, "host")
    length, _, content = framed.partition(b" ")
    assert int(length) == len(content)
    assert content.decode() == header % "2023-11-14T22:13:20.250000+00:00" + "\n"


def test_a_length_is_in_bytes_and_a_line_is_one_line() -> None:
    framed = logplex.message(line("app", "web.1", "Grüße\r\n<0>1 forged"), "d.1")
    length, _, content = framed.partition(b" ")
    assert int(length) == len(content) > len(content.decode())
    assert content.count(b"\n") == 1
    assert b"d.1 app web.1 - Gr\xc3\xbc\xc3\x9fe <0>1 forged\n" in content


def test_lines_that_were_lost_are_told_in_herokus_words() -> None:
    told = logplex.lost(491, AT_S, AT_S + 60, "host").decode().partition(" ")[2]
    assert told == (
        "<172>1 2023-11-14T22:14:20+00:00 host heroku logplex - Error L10 (output buffer overflow):"
        " 491 messages dropped since 2023-11-14T22:13:20+00:00.\n"
    )
    assert b"an unknown number of messages" in logplex.lost(0, AT_S, AT_S, "host")


def test_what_an_apps_own_log_says_of_a_drain_is_known_again() -> None:
    said = line("heroku", "logplex", logplex.lost_text(3, AT_S, "7f"))
    assert said.text.endswith("; drain d.7f")
    assert logplex.is_about_drains(said)
    others = (line("heroku", "logplex", "Error L11"), line("app", "web.1", said.text))
    assert not any(map(logplex.is_about_drains, others))


def test_a_frame_says_how_many_messages_are_in_it_and_whose_they_are() -> None:
    frame = Frame("f-1", (b"a", b"b"), Place("m"), 1, 1)
    assert logplex.headers(frame, "7f") == {
        "Content-Type": "application/logplex-1",
        "Logplex-Msg-Count": "2",
        "Logplex-Frame-Id": "f-1",
        "Logplex-Drain-Token": "d.7f",
        "User-Agent": "Logplex/v1 (setpoint)",
    }
