"""Heroku's own command line, unmodified, against a real Setpoint: what a user of Heroku does in
a day. What it prints is Heroku's; that it happened is looked at from the other side."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, SETPOINT, Plane, until
from tests.support import ssh
from tests.support.heroku import COMMAND_S_MAX, OLDER, Heroku, needs_heroku

APP = "heroic"


@pytest.fixture(scope="module")
def heroku(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Heroku:
    needs_heroku()
    return Heroku(plane, tmp_path_factory.mktemp("heroku"))


@pytest.fixture(scope="module")
def app(plane: Plane, heroku: Heroku) -> str:
    """Created by `heroku create`, with the example web app in it."""
    told = heroku.ok("create", APP)
    assert f"Creating {APP}... done" in told
    assert f"http://{APP}.localhost:{plane.ports['edge']}/" in told
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", APP)
    return APP


def _flat(told: str) -> str:
    """Without the lines it is broken into."""
    return re.sub(r"\s+(›\s+)?", " ", told)


def columns(told: str, first: str) -> list[str]:
    """The words of the row that begins so."""
    return next(line.split() for line in told.splitlines() if line.split()[:1] == [first])


def test_one_signs_in_by_name_and_password_and_out_again(plane: Plane, tmp_path: Path) -> None:
    needs_heroku()
    visitor = Heroku(plane, tmp_path, signed_in=False)
    token = (plane.data / "private" / "token").read_text().strip()
    code, shown = visitor.typed(
        ["login", "-i"], [("Email", "admin@setpoint.localhost"), ("Password", token)]
    )
    assert code == 0, shown
    assert token not in shown
    assert visitor.ok("whoami").strip() == "admin@setpoint.localhost"
    own = visitor.ok("auth:token").strip()
    assert own != token
    visitor.ok("logout")
    if visitor.forgets:
        assert "not logged in" in visitor.cli("whoami").err
    refused = plane.cli("apps", env={"SETPOINT_API_KEY": own})
    assert (refused.code, "good no more" in refused.err) == (2, True)


def test_a_wrong_password_signs_nobody_in(plane: Plane, tmp_path: Path) -> None:
    needs_heroku()
    visitor = Heroku(plane, tmp_path, signed_in=False)
    code, shown = visitor.typed(
        ["login", "-i"], [("Email", "admin@setpoint.localhost"), ("Password", "guessed")]
    )
    assert code != 0
    assert "the email or the password is wrong" in shown
    assert "not logged in" in visitor.cli("whoami").err


def test_what_the_shell_was_given_can_be_taken_back(plane: Plane) -> None:
    told = plane.ok("env", "--token").out
    names = re.findall(r"^export (\w+)=", told, re.MULTILINE)
    assert {"HEROKU_HOST", "HEROKU_API_KEY", "NODE_EXTRA_CA_CERTS"} <= set(names)
    script = f"{told}\n{plane.ok('env', '--unset').out}\nenv"
    left = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert not [name for name in names if f"\n{name}=" in left]


def test_an_app_is_created_looked_at_renamed_and_destroyed(plane: Plane, heroku: Heroku) -> None:
    heroku.ok("apps:create", "briefly")
    assert "briefly" in heroku.ok("apps")
    told = json.loads(heroku.ok("apps:info", "-a", "briefly", "--json"))
    assert told["app"]["web_url"] == f"http://briefly.localhost:{plane.ports['edge']}/"
    assert (told["addons"], told["dynos"]) == ([], [])
    assert "Renaming briefly to shortly... done" in heroku.ok("rename", "shortly", "-a", "briefly")
    assert "shortly" in plane.ok("apps").out
    assert "Destroying shortly" in heroku.ok("destroy", "-a", "shortly", "-c", "shortly")
    gone = heroku.cli("apps:info", "-a", "shortly")
    assert gone.code == 2
    assert "no such app" in gone.err


def test_config_vars_are_set_read_edited_and_unset(plane: Plane, heroku: Heroku, app: str) -> None:
    why = {"HEROKU_HEADERS": json.dumps({"Commit-Message": "grüße den Rest der Welt"})}
    told = heroku.ok("config:set", "GREETING=Grüß Gott", "B=2", "-a", app, env=why)
    assert re.search(r"Setting GREETING, B and restarting heroic... done, v\d+", told)
    assert plane.ok("config", app, "--json").json["GREETING"] == "Grüß Gott"
    assert "grüße den Rest der Welt" in plane.ok("why", app).out
    assert "B=2" in heroku.ok("config", "-s", "-a", app)
    assert heroku.ok("config:get", "B", "-a", app).strip() == "2"
    edits_config(heroku, app)
    assert plane.ok("config", app, "--json").json["C"] == "3"
    heroku.ok("config:unset", "B", "C", "-a", app)
    until(lambda: plane.get(app).text.startswith("Grüß Gott"), 60, "the new config serves")


def edits_config(heroku: Heroku, app: str) -> None:
    if heroku.major in OLDER:  # their `config:edit` ends in a TypeError, with any editor
        heroku.ok("config:set", "C=3", "-a", app)
        return
    editor = heroku.home / "editor"
    editor.write_text('#!/bin/sh\nprintf "\\nC=3\\n" >> "$1"\n')
    editor.chmod(0o755)
    # At a terminal: what comes by a pipe within 10 ms, the client takes for the key to be edited.
    words, yes = ["config:edit", "-a", app], [("Update config", "y")]
    code, shown = heroku.typed(words, yes, env={"EDITOR": str(editor)})
    assert code == 0, shown


def test_a_reason_that_no_header_can_carry_goes_with_setpoint_heroku(
    plane: Plane, heroku: Heroku, app: str
) -> None:
    words = ("heroku", "-m", "Grüße:\nder Markt ist am Samstag", "--", "config:set", "FAIR=yes")
    done = subprocess.run(
        heroku.argv(*SETPOINT, *words, "-a", app),
        env=heroku.env(),
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
    )
    assert done.returncode == 0, done.stderr
    (newest,) = plane.api("GET", f"/v1/changes?app={app}&limit=1").json
    asked = newest["change"]["asked"]
    assert (asked["why"], asked["via"]) == ("Grüße:\nder Markt ist am Samstag", "heroku")
    assert plane.ok("why", app, "FAIR").out.count("der Markt ist am Samstag") == 1
    heroku.ok("config:unset", "FAIR", "-a", app)


def test_dynos_are_scaled_awaited_restarted_and_stopped(
    plane: Plane, heroku: Heroku, app: str
) -> None:
    assert "now running web at 2:Basic" in heroku.ok("ps:scale", "web=2", "-a", app)
    heroku.ok("ps:wait", "-a", app)
    told = heroku.ok("ps", "-a", app)
    assert "=== web (Basic)" in told
    assert {"web.1: up", "web.2: up"} <= {line[:9] for line in told.splitlines()}
    before = {dyno["id"] for dyno in plane.info(app)["dynos"]}
    assert re.search(
        rf"Restarting (all )?dynos on {app}... done", heroku.ok("ps:restart", "-a", app)
    )
    until(lambda: not before & {d["id"] for d in plane.info(app)["dynos"]}, 60, "all are others")
    heroku.ok("ps:restart", "web", "-a", app)
    heroku.ok("ps:stop", "web.1", "-a", app)
    heroku.ok("ps:type", "web=standard-1x", "-a", app)
    assert columns(heroku.ok("ps:type", "-a", app), "web")[:3] == ["web", "Standard-1X", "2"]
    assert "now running web at 1" in heroku.ok("ps:scale", "web=1", "-a", app)


def test_releases_are_told_and_gone_back_to(plane: Plane, heroku: Heroku, app: str) -> None:
    first = plane.ok("releases", app, "--json").json[-1]
    heroku.ok("config:set", "AFTER=1", "-a", app)
    told = heroku.ok("releases", "-a", app)
    newest = re.search(r"Current: v(\d+)", told)
    assert newest is not None
    assert "Set AFTER config vars" in told
    assert columns(told, "v1")
    info = heroku.ok("releases:info", f"v{newest[1]}", "-a", app)
    assert "AFTER:" in info
    assert "no release output" in heroku.ok("releases:output", "-a", app)
    back = heroku.ok("rollback", "v1", "-a", app)
    assert f"Rolling back {app} to v1... done, v{int(newest[1]) + 1}" in back
    assert "AFTER" not in heroku.ok("config", "-s", "-a", app)
    assert first["version"] == 1


def test_maintenance_is_switched_on_and_off(plane: Plane, heroku: Heroku, app: str) -> None:
    heroku.ok("maintenance:on", "-a", app)
    assert heroku.ok("maintenance", "-a", app).strip() == "on"
    until(lambda: plane.get(app).status == 503, 30, "it is closed")
    heroku.ok("maintenance:off", "-a", app)
    until(lambda: plane.get(app).status == 200, 30, "it is open again")


def test_a_detached_command_runs_and_its_output_is_in_the_log(heroku: Heroku, app: str) -> None:
    told = heroku.ok("run:detached", "-a", app, "echo one-off $((6 * 7))")
    dyno = re.search(r"run\.\d+", told)
    assert dyno is not None
    until(lambda: "one-off 42" in heroku.ok("logs", "-d", dyno[0], "-a", app), 60, "its output", 1)


def test_a_command_runs_with_our_input_and_ends_with_its_exit_code(
    heroku: Heroku, app: str
) -> None:
    assert "grüße\n" in heroku.cli("run", "-a", app, "echo grüße").out
    assert heroku.cli("run", "--no-tty", "-a", app, "cat", stdin="x\ny\n").out == "x\ny\n"
    told = heroku.cli("run", "--exit-code", "-a", app, "--", "sh", "-c", "echo three; exit 3")
    assert (told.code, told.out) == (3, "three\n")
    assert heroku.cli("run", "--exit-code", "-a", app, "true").code == 0


def test_much_goes_both_ways_through_a_command_and_nothing_is_lost(
    heroku: Heroku, app: str
) -> None:
    much = "0123456789abcdef" * 40_000
    told = heroku.cli("run", "--no-tty", "-a", app, "cat", stdin=much).out
    assert len(told) == len(much)
    assert told == much


def test_a_command_at_a_terminal_knows_its_size_and_is_typed_to(heroku: Heroku, app: str) -> None:
    code, shown = heroku.typed(
        ["run", "-a", app, "stty size; read line; echo you said $line"], [("24 80", "servus")]
    )
    assert code == 0, shown
    assert "you said servus" in shown


def test_a_command_of_which_the_line_breaks_is_hung_up_on(
    plane: Plane, heroku: Heroku, app: str
) -> None:
    client = subprocess.Popen(
        heroku.argv("heroku", "run", "--no-tty", "-a", app, "sleep 600"),
        env=heroku.env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def running() -> list[str]:
        dynos = plane.api("GET", f"/apps/{app}/dynos").json
        return [d["state"] for d in dynos if d["command"] == "sleep 600"]

    until(lambda: running() == ["up"], 60, "it runs", 0.2)
    client.kill()
    client.communicate()
    until(lambda: not running(), 60, "it was hung up on", 0.2)


@pytest.mark.parametrize("said", [b"x" * 164, b"\xff" * 164, b"short"])
def test_whoever_has_no_secret_meets_nobody(plane: Plane, said: bytes) -> None:
    trusted = ssl.create_default_context(cafile=plane.data / "tls" / "ca.pem")
    with (
        socket.create_connection(("127.0.0.1", plane.ports["rendezvous"]), 60) as link,
        trusted.wrap_socket(link, server_hostname="127.0.0.1") as line,
    ):
        line.sendall(said)
        assert line.recv(100) == b""


def test_logs_end_by_themselves_and_hold_what_was_asked_for(
    plane: Plane, heroku: Heroku, app: str
) -> None:
    for number in range(3):
        assert plane.get(app, f"/?mark={number}").status == 200
    until(lambda: "mark=2" in plane.ok("logs", app, "-s", "app").out, 30, "the lines are there")
    told = heroku.ok("logs", "-n", "2", "-s", "app", "-a", app).strip().splitlines()
    assert len(told) == 2
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{15}\+00:00 app\[web\.\d\]: .*mark=2.*", told[1])


@pytest.fixture
def tail(heroku: Heroku, app: str) -> Iterator[list[str]]:
    """Lines of `heroku logs --tail` as they come."""
    child = subprocess.Popen(
        heroku.argv("heroku", "logs", "--tail", "-n", "1", "-s", "app", "-a", app),
        env=heroku.env(),
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = list[str]()
    assert child.stdout is not None
    reader = threading.Thread(target=lines.extend, args=(child.stdout,))
    reader.start()
    yield lines
    child.kill()
    child.wait()
    reader.join()
    child.stdout.close()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["renewed", "killed"])
def test_a_log_that_is_followed_goes_on_after_the_daemon_was(
    plane: Plane, app: str, tail: list[str], end: signal.Signals
) -> None:
    """And repeats nothing."""
    until(lambda: tail, 60, "it reads")

    def ask(number: int) -> None:
        assert plane.get(app, f"/?{end.name}={number}").status == 200

    def seen(number: int) -> int:
        return sum(f"?{end.name}={number} " in line for line in tail)

    ask(0)
    until(lambda: seen(0), 60, "the first line")
    os.kill(plane.pid("daemon"), end)
    ask(1)
    until(lambda: seen(1), 60, "the line that was written meanwhile")
    ask(2)
    until(lambda: seen(2), 60, "a line after that")
    assert [seen(number) for number in range(3)] == [1, 1, 1]


def test_what_there_is_one_or_none_of_is_told_as_such(
    plane: Plane, heroku: Heroku, app: str
) -> None:
    stack = plane.ok("doctor", "--json").json["capabilities"]["stack"]
    told = {
        words: heroku.ok(*words.split(), *(["-a", app] if app_wide else []))
        for words, app_wide in (
            ("domains", True),
            ("stack", True),
            ("buildpacks", True),
            ("features", True),
            ("access", True),
            ("addons", True),
            ("regions", False),
            ("labs", True),
            ("status", False),
        )
    }
    assert f"{app}.localhost" in told["domains"]
    assert f"* {stack}" in told["stack"]
    assert "has no Buildpack" in told["buildpacks"]
    assert columns(told["access"], "admin@setpoint.localhost")[1] == "admin"
    assert f"No add-ons for app {app}" in told["addons"]
    assert columns(told["regions"], "local")
    assert "No known issues" in told["status"]
    heroku.ok("stack:set", stack, "-a", app)
    heroku.ok("buildpacks:set", "https://example.com/pack.tgz", "-a", app)
    assert "https://example.com/pack.tgz" in heroku.ok("buildpacks", "-a", app)
    heroku.ok("buildpacks:clear", "-a", app)


def test_ssh_keys_are_added_listed_and_removed(heroku: Heroku, tmp_path: Path) -> None:
    assert "You have no SSH keys" in heroku.ok("keys")
    laptop, work = ssh.line("ada@laptop"), ssh.line("Größe@work", "ssh-rsa")
    for name, line in (("laptop", laptop), ("work", work)):
        file = tmp_path / f"{name}.pub"
        file.write_text(f"{line}\n")
        assert "done" in heroku.ok("keys:add", str(file))
    assert "ada@laptop" in (told := heroku.ok("keys"))
    assert "admin@setpoint.localhost keys" in told
    assert laptop in (told := heroku.ok("keys", "--long"))
    assert work in told
    twice = heroku.cli("keys:add", str(tmp_path / "work.pub"))
    assert (twice.code, "fingerprint already exists" in _flat(twice.err)) == (2, True)
    private = ssh.private(ssh.MAKERS["ssh-ed25519"]())
    (tmp_path / "private").write_text(private)
    pasted = heroku.cli("keys:add", str(tmp_path / "private"))
    assert (pasted.code, "that is a private key" in _flat(pasted.err)) == (2, True)
    assert private.splitlines()[1] not in pasted.out + pasted.err
    heroku.ok("keys:remove", "Größe@work")
    (left,) = json.loads(heroku.cli("keys", "--json").out)
    assert (left["public_key"], left["comment"]) == (laptop, "ada@laptop")
    heroku.ok("keys:clear")
    assert "You have no SSH keys" in heroku.ok("keys")


def test_oauth_clients_are_created_altered_rotated_and_destroyed(
    plane: Plane, heroku: Heroku
) -> None:
    assert "No OAuth clients" in heroku.ok("clients")
    uri = "https://amazing.example.com/auth/heroku/callback"
    told = heroku.cli("clients:create", "Amazing", uri).out
    id, secret = re.findall(r"^HEROKU_OAUTH_(?:ID|SECRET)=(\S+)$", told, re.MULTILINE)
    assert secret in heroku.ok("clients:info", id)
    assert f"HEROKU_OAUTH_SECRET={secret}" in heroku.ok("clients:info", id, "--shell")
    heroku.ok("clients:update", id, "--name", "Größe", "--url", "http://localhost:3000/cb")
    (listed,) = json.loads(heroku.cli("clients", "--json").out)
    assert (listed["id"], listed["name"]) == (id, "Größe")
    assert listed["redirect_uri"] == "http://localhost:3000/cb"
    refused = heroku.cli("clients:update", id, "--url", "http://10.0.0.1/cb")
    assert (refused.code, "for this machine alone" in _flat(refused.err)) == (2, True)
    shown = json.loads(heroku.cli("clients:rotate", id, "--json").out)
    assert shown["secret"] not in ("", secret)
    assert json.loads(heroku.cli("clients:info", id, "--json").out) == shown
    heroku.ok("clients:destroy", id)
    assert "No OAuth clients" in heroku.ok("clients")
    told = json.dumps(plane.api("GET", "/v1/changes?limit=20").json, ensure_ascii=False)
    assert "Destroy OAuth client Größe" in told
    assert secret not in told
    assert shown["secret"] not in told


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ("addons:create heroku-postgresql", "add-ons are not there yet"),
        ("domains:add nowhere", "not the name of a host"),
        ("stack:set heroku-24", "this machine builds on"),
        ("drains:add http://example.com/", "that is no address for it"),
    ],
)
def test_a_no_says_why_and_where_to_read_on(
    heroku: Heroku, app: str, words: str, fact: str
) -> None:
    ran = heroku.cli(*words.split(), "-a", app)
    assert ran.code == 2
    assert fact in _flat(ran.err)
    if words.startswith("addons"):
        assert "/v1/unsupported" in ran.err


def test_a_bet_that_is_lost_is_one_line_after_a_change_and_none_after_a_look(
    plane: Plane, heroku: Heroku, app: str
) -> None:
    words = ("decide", "-m", "one is enough", "--on", app, "--bet", "it stays quiet", "--json")
    bet = f"d-{plane.ok(*words).json['seq']}"
    plane.ok("bet", "lost", bet)
    line = f"Warning: bets: 1 lost; see: setpoint bets {app}"
    assert heroku.cli("ps:scale", "web=1", "-a", app).err.count(line) == 1
    for look in (("ps", "-a", app), ("releases", "-a", app)):
        assert "bets:" not in heroku.ok(*look)
    plane.ok("decide", "-m", "one is enough, all the same", "--supersedes", bet)
    assert "bets:" not in heroku.ok("ps:scale", "web=1", "-a", app)


# --- heroku why: a plugin of two files -----------------------------------------------------------


@pytest.fixture(scope="module")
def plugged(heroku: Heroku) -> dict[str, str]:
    """With the plugin linked; what its commands need to find Setpoint."""
    no_install = ["--no-install"] if heroku.major not in OLDER else []
    heroku.ok("plugins:link", *no_install, str(PLUGIN))
    return {"SETPOINT": " ".join(SETPOINT)}


PLUGIN = EXAMPLES.parent / "clients" / "setpoint-heroku"


def test_heroku_why_tells_what_setpoint_why_does(
    plane: Plane, heroku: Heroku, app: str, plugged: dict[str, str]
) -> None:
    plane.ok("scale", app, "web=1", "--idle", "900", "-m", "people come back after lunch")
    asked = plane.ok("why", app, "web.idle_s").out.splitlines()[:3]
    for words in (("-a", app, "web.idle_s"), (f"--app={app}", "web.idle_s"), (app, "web.idle_s")):
        told = heroku.ok("why", *words, env=plugged)
        assert "why      people come back after lunch [-m]" in told
        assert told.splitlines()[0] == asked[0]
    assert "its last" in heroku.ok("why", env={**plugged, "HEROKU_APP": app})
    assert heroku.cli("why", "-a", app, "web.idle_s", "--json", env=plugged).json["path"]


def test_heroku_why_ends_as_it_does(heroku: Heroku, app: str, plugged: dict[str, str]) -> None:
    unknown = heroku.cli("why", "-a", "nosuch-app", env=plugged)
    assert (unknown.code, "no such app" in unknown.err) == (2, True)
    absent = heroku.cli("why", "-a", app, env={"SETPOINT": "/nowhere/setpoint"})
    assert absent.code == 2
    assert "cannot run /nowhere/setpoint: it is not on the PATH" in absent.err
