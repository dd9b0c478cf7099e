"""Commands run once, through the real CLI, daemon, supervisor and sandboxes."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.acceptance.plane import EXAMPLES, SETPOINT, Plane, fresh_plane, until

INTERRUPTED = """
trap "echo caught-$((40 + 2)); exit 130" INT; echo waiting-$((40 + 2)); while :; do sleep 1; done
""".strip()


def project(folder: Path, release: str = "", **files: str) -> str:
    """The example app, with a release phase."""
    made = folder / "shop"
    if not made.exists():
        shutil.copytree(EXAMPLES / "hello-web", made)
    web = (EXAMPLES / "hello-web" / "Procfile").read_text()
    (made / "Procfile").write_text(web + (f"release: {release}\n" if release else ""))
    for name, text in files.items():
        (made / name.replace("__", ".")).write_text(text)
    return str(made)


class Terminal:
    """`setpoint run` at a terminal of its own."""

    def __init__(self, plane: Plane, *words: str) -> None:
        self.said = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(SETPOINT[0], [*SETPOINT, *words], {**plane.env(), "TERM": "dumb"})

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def says(self, text: str) -> None:
        end_s = time.monotonic() + 20
        while text.encode() not in self.said:
            assert time.monotonic() < end_s, f"{text!r} is not in {self.said!r}"
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self.fd, 4096)
                except OSError:  # it has ended
                    assert text.encode() in self.said, self.said

    def prompts(self, after: str) -> None:
        """The shell waits for words again: what comes earlier may meet it half way."""
        until(
            lambda: self._drained() and self.said.partition(after.encode())[2].endswith(b"$ "),
            20,
            f"a prompt after {after!r}: {self.said!r}",
        )

    def ends(self) -> int:
        until(lambda: self._drained() and self._ended(), 20, f"it ends: {self.said!r}")
        return self.code

    def _drained(self) -> bool:
        while select.select([self.fd], [], [], 0)[0]:
            try:
                self.said += os.read(self.fd, 4096)
            except OSError:
                break
        return True

    def _ended(self) -> bool:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.code = os.waitstatus_to_exitcode(status)
            os.close(self.fd)
        return bool(pid)


def jobs(plane: Plane, app: str) -> list[dict[str, object]]:
    return json.loads(plane.ok("ps", app, "--json").out)["jobs"]


def test_a_command_s_output_and_exit_code_are_ours(plane: Plane, shop: str) -> None:
    ran = plane.cli("run", shop, "-e", "EXTRA=more", "--", "echo $DYNO $EXTRA; exit 7")
    assert ran.code == 7
    assert ran.out.startswith("run.")
    assert ran.out.endswith(" more\n")
    assert ran.out.split()[0] in ran.err


def test_what_is_piped_in_comes_out(plane: Plane, shop: str) -> None:
    text = "".join(f"line {n} of many\n" for n in range(100_000))
    ran = plane.cli("run", shop, "cat", stdin=text)
    assert ran.code == 0
    assert ran.out == text


def test_an_unknown_command_says_so(plane: Plane, shop: str) -> None:
    ran = plane.cli("run", shop, "nosuch", "-v")
    assert ran.code == 127
    assert f"cannot run 'nosuch' in {shop}: no such command there" in ran.err


def test_a_shell_has_a_terminal(plane: Plane, shop: str) -> None:
    terminal = Terminal(plane, "run", shop, "bash", "--norc")
    terminal.type("test -t 0 && echo it-is-a-$((40 + 2))\n")
    terminal.prompts(after="it-is-a-42")
    terminal.type(f"sh -c '{INTERRUPTED}'\n")
    terminal.says("waiting-42")  # what is typed while nobody waits for it is flushed by a Ctrl-C
    terminal.type("\x03")
    terminal.prompts(after="caught-42")
    terminal.type("echo after-$?\n")
    terminal.prompts(after="after-130")
    terminal.type("\x04")
    assert terminal.ends() == 0


def test_a_detached_one_is_seen_logged_and_stopped(plane: Plane, shop: str) -> None:
    dyno = plane.ok("run", "-d", "--json", shop, "echo begun; sleep 300").json["dyno"]
    until(lambda: "begun" in plane.ok("logs", shop, "--dyno", dyno).out, 20, "it says so")
    assert f"{dyno}" in plane.ok("ps", shop).out
    plane.ok("stop", shop, dyno)
    until(lambda: _state(plane, shop, dyno) == "stopped", 20, "it is stopped")


def test_a_failing_release_phase_keeps_the_old_release(tmp_path: Path) -> None:
    with fresh_plane() as plane:
        first = plane.ok("deploy", project(tmp_path, "echo migrated $DYNO"), "-a", "shop")
        assert "Running release command..." in first.out
        assert first.out.count("migrated release.") == 1
        (release,) = plane.api("GET", "/apps/shop/releases").json
        said = plane.api("GET", urlsplit(release["output_stream_url"]).path).text
        assert said.startswith("migrated release.")
        assert len(said.splitlines()) == 1
        ran = plane.cli("deploy", project(tmp_path, "echo oh no; exit 3"), "-a", "shop")
        assert ran.code == 3
        assert "cannot deploy shop: the release command failed" in ran.err
        assert "oh no" in ran.err
        assert "v1 still serves" in ran.err
        assert plane.get("shop").status == 200


def test_a_hanging_release_phase_ends_at_its_limit(tmp_path: Path) -> None:
    with fresh_plane() as plane:
        plane.ok("create", "shop")
        plane.ok("scale", "shop", "--release-timeout", "2")
        ran = plane.cli("deploy", project(tmp_path, "echo thinking; sleep 600"), "-a", "shop")
        assert ran.code == 3
        assert "was not done within 2 s and was killed" in ran.err
        assert "thinking" in ran.out


@pytest.mark.parametrize("victim", ["daemon", "supervisor"])
def test_a_terminal_goes_on_when_the_plane_dies(victim: str) -> None:
    with fresh_plane() as plane:
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
        terminal = Terminal(plane, "run", "shop", "bash", "--norc")
        terminal.type("echo before-$((40 + 2))\n")
        terminal.says("before-42")
        plane.kill(victim)
        terminal.type("echo behind-$((40 + 2))\n")
        terminal.says("behind-42")
        terminal.type("exit 5\n")
        assert terminal.ends() == 5


def test_a_terminal_that_is_closed_ends_its_command(plane: Plane, shop: str) -> None:
    typist = subprocess.Popen(
        [*SETPOINT, "run", shop, "cat"],
        env=plane.env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: any(j["state"] == "up" for j in jobs(plane, shop)), 20, "it runs")
    typist.send_signal(signal.SIGINT)
    assert typist.wait(20) == 130
    assert typist.stdin is not None
    typist.stdin.close()
    until(
        lambda: all(j["state"] != "up" for j in jobs(plane, shop)), 60, "it has ended"
    )  # 20 s if never attached
    (job, *_) = jobs(plane, shop)
    assert job["code"] == 128 + signal.SIGHUP


def test_what_runs_when_everything_dies_is_lost_and_not_run_again(tmp_path: Path) -> None:
    with fresh_plane() as plane:
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
        dyno = plane.ok("run", "-d", "--json", "shop", "sleep 300").json["dyno"]
        until(lambda: _state(plane, "shop", dyno) == "up", 20, "it runs")
        (record,) = (plane.runtime / "jobs").glob("*.json")
        inner = json.loads(record.read_text())["identity"]["inner_pid"]
        for name in ("keeper", "daemon", "supervisor", "edge_agent", "envoy"):
            plane.kill(name)
        os.kill(inner, signal.SIGKILL)
        shutil.rmtree(plane.runtime, ignore_errors=True)
        plane.up()
        until(lambda: _state(plane, "shop", dyno) == "lost", 30, "it is lost")
        assert "was lost" in plane.ok("ps", "shop").out
        assert plane.ok("logs", "shop", "--dyno", dyno).out.count("Starting process") == 1


def test_a_scheduled_command_runs_when_it_is_due_and_once(tmp_path: Path) -> None:
    cron = '{"cron": [{"schedule": "* * * * *", "command": "echo tidied up"}]}'
    with fresh_plane() as plane:
        plane.ok("deploy", project(tmp_path, app__json=cron), "-a", "shop")
        until(lambda: "tidied up" in plane.ok("logs", "shop").out, 90, "it ran within a minute")
        until(lambda: jobs(plane, "shop")[0]["state"] == "complete", 20, "it is done")
        (job, *earlier) = jobs(plane, "shop")
        assert str(job["dyno"]).startswith("scheduler.")
        assert (job["kind"], job["by"], job["command"]) == ("scheduled", "", "echo tidied up")
        assert all(other["due_s"] != job["due_s"] for other in earlier)


def _state(plane: Plane, app: str, dyno: str) -> object:
    return next((j["state"] for j in jobs(plane, app) if j["dyno"] == dyno), None)
