"""Dispatch, and how every way to end looks to the shell."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from setpoint import __version__
from setpoint.cli import main as cli_main
from setpoint.cli import up
from setpoint.cli.client import Client, encoded_word
from setpoint.cli.main import COMMANDS, main
from setpoint.model.errors import Refused
from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli

HEAVY = ("starlette", "uvicorn", "grpc", "cryptography", "msgspec", "ssl", "email", "asyncio")


def imported_by(*words: str) -> list[str]:
    """Which heavy modules a command brings in, in an interpreter of its own."""
    code = (
        "import sys\nfrom setpoint.cli.main import main\n"
        f"main({list(words)!r})\nprint(sorted(set(sys.modules) & {set(HEAVY)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return eval(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("why", "shop", "--data", "/nowhere"),
        ("status", "--data", "/nowhere"),
        ("config", "shop", "A=1", "--data", "/nowhere"),
    ],
)
def test_quick_commands_import_nothing_heavy(words: tuple[str, ...]) -> None:
    assert imported_by(*words) == []


THIN = (*HEAVY, "argparse", "typing", "re", "json", "socket", "pathlib", "collections", "datetime")


def test_asking_why_imports_next_to_nothing(plane: Plane, cli: Cli) -> None:
    """The interpreter's own start is half of what it takes; nothing here may cost as much."""
    cli("create", "thin")
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom setpoint.cli.main import main\n"
        f"main(['why', 'thin', 'name', '--data', {str(plane.data)!r}])\n"
        f"print(sorted((set(sys.modules) - before) & {set(THIN)!r}))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert "thin name = thin" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_version_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"setpoint {__version__}\n"
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name}" in told for name in COMMANDS)
    assert main([]) == 2


def test_an_unknown_command_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deplyo"]) == 2
    assert capsys.readouterr().err == (
        "cannot run 'deplyo': no such command\ndid you mean: setpoint deploy\n"
    )


@pytest.mark.parametrize(
    "words", [["why", "shop", "--nosuch"], ["destroy", "shop"], ["logs", "shop", "-n", "many"]]
)
def test_bad_usage_is_refused_in_one_clear_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"cannot run 'setpoint {words[0]}': ")


def test_where_nothing_listens_the_next_step_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apps", "--data", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("cannot reach Setpoint: nothing listens on ")
    assert told.endswith("start it with: setpoint up --detach\n")
    assert main(["down", "--data", str(tmp_path)]) == 1
    assert "it is not running" in capsys.readouterr().err


def test_errors_are_json_where_json_was_asked_for(cli: Cli) -> None:
    import json

    ran = cli("info", "nosuch", "--json")
    assert (ran.code, ran.out) == (2, "")
    told = json.loads(ran.err)
    assert (told["id"], told["hint"]) == ("not_found", "`setpoint apps` lists those there are")


def test_no_app_at_all_is_refused(cli: Cli) -> None:
    assert cli("info").err.startswith("cannot tell which app: none was named")
    assert cli("info", "../status").code == 2


def test_ctrl_c_ends_130_without_a_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_main, "_run", interrupted)
    assert main(["apps"]) == 130
    assert capsys.readouterr().err == "\n"


def test_watching_shows_every_change_and_ends_with_ctrl_c(plane: Plane, cli: Cli) -> None:
    cli("create", "watched")
    words = [sys.executable, "-m", "setpoint.cli.main", "status", "watched", "--watch", "--json"]
    watching = subprocess.Popen(
        [*words, "--data", str(plane.data)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert watching.stdout is not None
    assert b'"generation": 1' in watching.stdout.readline()
    cli("config", "watched", "A=1")
    while b'"generation": 2' not in watching.stdout.readline():
        pass
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=20)
    assert (watching.returncode, err) == (130, b"\n")


def test_a_wrong_token_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETPOINT_API_KEY", "wrong")
    ran = cli("apps")
    assert ran.code == 2
    assert ran.err.startswith("cannot answer: the token is unknown")


def test_up_hands_its_arguments_on() -> None:
    args = argparse.Namespace(
        detach=True,
        json=True,
        edge_port=0,
        api_port=None,
        tls_port=0,
        tls_address="10.0.0.7",
        rendezvous_port=None,
        floor="L0",
    )
    assert up.words_for(args, "/d") == [
        "--data", "/d", "--edge-port", "0", "--tls-port", "0",
        "--tls-address", "10.0.0.7", "--floor", "L0",
        "--detach", "--json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sent"),
    [("plain", "plain"), ("grüße", "=?utf-8?b?Z3LDvMOfZQ==?="), ("a\nb", "=?utf-8?b?YQpi?=")],
)
def test_a_why_is_encoded_where_a_header_could_not_carry_it(text: str, sent: str) -> None:
    assert encoded_word(text) == sent


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"SETPOINT_URL": "ftp://x", "SETPOINT_API_KEY": "k"}, "no http or https URL"),
        ({"SETPOINT_URL": "http://x"}, "SETPOINT_API_KEY is not"),
    ],
)
def test_a_bad_environment_is_refused(env: dict[str, str], told: str) -> None:
    with pytest.raises(Refused) as refused:
        Client.at(Path("/nowhere"), env)
    assert told in refused.value.message


ASKED = """
import sys, atexit
from setpoint.cli import main as program
atexit.register(print, "took itself apart")
program.answered = lambda words: print("told") or 3
sys.argv = ["setpoint", sys.argv[1]]
sys.exit(program.main())
"""


@pytest.mark.parametrize(
    ("command", "said"), [("why", "told\n"), ("up", "told\ntook itself apart\n")]
)
def test_who_only_asks_leaves_at_once_with_all_that_was_said(command: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", ASKED, command], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == (said, 3)


def test_whoever_reads_only_the_first_line_of_an_answer_gets_no_complaint() -> None:
    piped = '"$0" -c "$1" why | true; echo "${PIPESTATUS[0]}"'
    words = ["bash", "-c", piped, sys.executable, ASKED]
    env = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(words, env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("3\n", "")
