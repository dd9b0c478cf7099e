"""uv's words, as it says them, and what they mean for a build."""

import pytest

from setpoint.drivers.builders.errors import last_lines, printable
from setpoint.drivers.builders.uv import Reason, environment, indexes, reason, told

SAID = {
    Reason.HASH_MISMATCH: "error: Failed to download `six`\n  cause: Hash mismatch for `six",
    Reason.NOT_CACHED: "  cause: Network connectivity is disabled, but the requested data",
    Reason.INDEX_UNREACHABLE: "  cause: error sending request for url (https://x/simple/)\n",
    Reason.UNKNOWN_PACKAGE: "  cause: Because x was not found in the package\n  registry and you",
    Reason.SYNTAX: "error: Couldn't parse requirement in `requirements.txt` at position 0",
    Reason.SOURCE_ONLY: "hint: Wheels are required for `docopt` because building from source",
    Reason.UNSATISFIABLE: "error: No solution found when resolving dependencies\n  cause: Because",
    Reason.MACHINE: "error: failed to write\n  cause: No space left on device (os error 28)",
    Reason.UNKNOWN: "error: something nobody has seen",
}


@pytest.mark.parametrize("meaning", Reason)
def test_each_reason_is_read_from_its_words(meaning: Reason) -> None:
    assert reason(SAID[meaning]) is meaning


def test_heads_marks_and_advice_on_flags_are_left_out() -> None:
    said = (
        "error: No solution found when resolving dependencies\n"
        "  cause: Because a needs b, no.\n\nhint: try `--no-build`\nwarning: x\n"
    )
    assert told(said).strip() == "Because a needs b, no."


def test_only_the_end_of_long_output_is_shown() -> None:
    assert last_lines("\n".join(f"line {n}" for n in range(100))).splitlines()[0] == "line 80"
    assert len(last_lines("\n".join("x" * 1000 for _ in range(20)))) < 4096


def test_control_characters_and_credentials_of_foreign_text_do_not_get_out() -> None:
    assert printable("a\x1b[31mb\tc") == "a\\x1b[31mb c"
    assert printable("at https://me:hunter2@host/simple") == "at https://***@host/simple"


def test_environment_of_the_tool_is_made_from_scratch(tmp_path) -> None:
    operator = {"SSL_CERT_FILE": "/ca", "UV_INDEX": "https://x", "UV_OFFLINE": "1", "SECRET": "s"}
    made = environment(operator, tmp_path)
    assert made["SSL_CERT_FILE"] == "/ca"
    assert made["UV_INDEX"] == "https://x"
    assert made["UV_SYSTEM_CERTS"] == "1"
    assert {"UV_OFFLINE", "SECRET"}.isdisjoint(made)


def test_named_indexes_are_known_by_their_address() -> None:
    operator = {
        "UV_INDEX": "own=https://a/simple https://b/simple?x=1",
        "UV_INDEX_URL": "https://c",
    }
    assert indexes(operator) == {"https://a/simple", "https://b/simple?x=1", "https://c"}
