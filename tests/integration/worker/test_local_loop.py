"""`setpoint functions start` and `invoke`: a developer's day, with the official runtimes."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from setpoint.cli.main import main
from tests.integration.worker.test_node import node_layer
from tests.support.functions import call
from tests.support.waiting import PATIENCE_S, until

__all__ = ["node_layer"]

SAYS_S_MAX = 90.0
"""It may have to install a runtime first."""
GREETING = 'return {"greeting": f"Hello, {name}!"}'
Start = Callable[..., "Terminal"]
Capsys = pytest.CaptureFixture[str]


class Terminal:
    """`setpoint functions start` at one. What it says arrives line by line."""

    def __init__(self, folder: Path, cache: Path, *more: str, **env: str) -> None:
        words = ["functions", "start", str(folder), "--port", "0", *more]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "setpoint.cli.main", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1", **env},
            text=True,
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def says(self, words: str) -> str:
        """The next line with these words in it."""
        while True:
            try:
                line = self._lines.get(timeout=SAYS_S_MAX)
            except queue.Empty:
                raise AssertionError(f"it never said {words!r}: {self.said}") from None
            self.said.append(line)
            assert line, f"it ended without {words!r}: {''.join(self.said)}"
            if words in line:
                return line

    def ready(self) -> str:
        """Where it answers."""
        return self.says(" answers at ").split(" answers at ")[1].split(",")[0]

    def ctrl_c(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="session")
def cache(uv_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A developer's cache, that what the session has downloaded is in already."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "setpoint").mkdir()
    (folder / "setpoint/uv").symlink_to(uv_cache)
    (uv_cache / "npm").mkdir(exist_ok=True)
    (folder / "setpoint/npm").symlink_to(uv_cache / "npm")
    return folder


@pytest.fixture
def start(cache: Path) -> Iterator[Start]:
    """Serves a folder; what else is said goes to the command, by name into its variables."""
    terminals: list[Terminal] = []

    def go(folder: Path, *more: str, **env: str) -> Terminal:
        terminals.append(Terminal(folder, cache, *more, **env))
        return terminals[-1]

    yield go
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return created(tmp_path, "python")


def created(folder: Path, language: str) -> Path:
    project = folder / "greeter"
    assert main(["functions", "new", str(project), "-l", language]) == 0
    return project


def rewrite(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def invoked(url: str, capsys: Capsys, *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["functions", "invoke", url, *words])
    told = capsys.readouterr()
    return code, told.out.strip(), told.err.strip()


def greeting(url: str, capsys: Capsys) -> str:
    code, out, err = invoked(url, capsys, "-p", '{"name": "Ada"}')
    assert code == 0, err
    return json.loads(out)["greeting"]


def test_python_is_served_from_its_folder_and_anew_with_each_change(
    project: Path, start: Start, tmp_path: Path, capsys: Capsys
) -> None:
    terminal = start(project)
    url = terminal.ready()
    (tmp_path / "event.json").write_text('{"name": "Grace"}')
    asked = invoked(url, capsys, "-p", f"@{tmp_path / 'event.json'}")
    assert asked == (0, '{"greeting":"Hello, Grace!"}', "")
    rewrite(project / "main.py", "Hello,", "Good day,")
    terminal.says("main.py changed")
    assert greeting(url, capsys) == "Good day, Ada!"
    terminal.ready()
    assert terminal.ctrl_c() == 0
    terminal.says("stopped")
    code, _, err = invoked(url, capsys)
    assert code == 1
    assert err == (
        f"cannot reach {url}: Connection refused\n"
        "serve a function there with: setpoint functions start DIR"
    )


def test_two_changes_within_a_moment_and_of_one_size_are_both_seen(
    project: Path, start: Start, capsys: Capsys
) -> None:
    terminal = start(project)
    url = terminal.ready()
    for word in ("Hallo,", "Hullo,", "Hillo,"):
        before = next(w for w in ("Hello,", "Hallo,", "Hullo,") if w in _main(project))
        rewrite(project / "main.py", before, word)
        terminal.says("main.py changed")
        assert greeting(url, capsys) == f"{word} Ada!"


def _main(project: Path) -> str:
    return (project / "main.py").read_text()


def test_what_cannot_be_loaded_is_told_here_and_to_callers_until_it_can(
    project: Path, start: Start, capsys: Capsys
) -> None:
    terminal = start(project)
    url = terminal.ready()
    rewrite(project / "main.py", "from typing", "import nowhere_to_be_found\nfrom typing")
    terminal.says("No module named 'nowhere_to_be_found'")
    terminal.says("it cannot be loaded")
    code, out, err = invoked(url, capsys)
    assert (code, out) == (1, "")
    assert err.startswith(f"{url} answered 503: greeter cannot be started; the terminal ")
    rewrite(project / "main.py", "import nowhere_to_be_found\n", "")
    terminal.ready()
    assert greeting(url, capsys) == "Hello, Ada!"


def test_a_package_that_requirements_name_is_there_after_they_are_saved(
    project: Path, start: Start, capsys: Capsys
) -> None:
    terminal = start(project)
    url = terminal.ready()
    with (project / "requirements.txt").open("a") as file:
        file.write("no-such-package-anywhere==1.0\n")
    terminal.says("cannot start greeter: ")
    assert invoked(url, capsys)[0] == 1
    (project / "requirements.txt").write_text("salesforce-functions==0.6.0\nidna\n")
    rewrite(project / "main.py", "from typing", "import idna\nfrom typing")
    rewrite(project / "main.py", GREETING, 'return {"greeting": idna.__name__}')
    terminal.ready()
    assert greeting(url, capsys) == "idna"


def test_an_error_of_the_function_is_told_as_its_callers_would_hear_it(
    project: Path, start: Start, capsys: Capsys
) -> None:
    rewrite(project / "main.py", GREETING, 'raise ValueError("日本")')
    terminal = start(project)
    url = terminal.ready()
    code, out, err = invoked(url, capsys)
    assert (code, out) == (1, "")
    assert err.endswith(" answered 500: Exception occurred while executing function: "
                        "ValueError: 日本")  # fmt: skip
    terminal.says('main.py", line')
    code, out, _ = invoked(url, capsys, "--json")
    told = json.loads(out)
    assert (code, told["status"], told["info"]["isFunctionError"]) == (1, 500, True)


def test_one_that_ends_itself_is_started_again_and_its_children_go_with_it(
    project: Path, start: Start, tmp_path: Path, capsys: Capsys
) -> None:
    rewrite(
        project / "main.py",
        GREETING,
        f"""import os, subprocess
    if name == "die":
        child = subprocess.Popen(["sleep", "600"])
        open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
        os._exit(9)
    return {{"greeting": str(os.getpid())}}""",
    )
    terminal = start(project)
    url = terminal.ready()
    first = greeting(url, capsys)
    assert invoked(url, capsys, "-p", '{"name": "die"}')[0] == 1
    terminal.says("it ended with code 9, and is started again")
    terminal.ready()
    second = greeting(url, capsys)
    assert second != first
    child = int((tmp_path / "child").read_text())
    until(lambda: not _runs(child), what="its child is gone")
    assert terminal.ctrl_c() == 0
    assert not _runs(int(second))


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_killed_one_takes_its_function_along(project: Path, start: Start, capsys: Capsys) -> None:
    rewrite(project / "main.py", GREETING, 'import os; return {"greeting": str(os.getpid())}')
    terminal = start(project)
    url = terminal.ready()
    pid = int(greeting(url, capsys))
    terminal.process.kill()
    until(lambda: not _runs(pid), what="it is gone")


def test_variables_come_from_a_file_that_is_watched_too(
    project: Path, start: Start, capsys: Capsys
) -> None:
    (project / ".env").write_text("TITLE='Dr. '\n")
    rewrite(
        project / "main.py", GREETING, 'import os; return {"greeting": os.environ["TITLE"] + name}'
    )
    terminal = start(project, TITLE="overruled")
    url = terminal.ready()
    assert greeting(url, capsys) == "Dr. Ada"
    (project / ".env").write_text("TITLE=Countess \n")
    terminal.says(".env changed")
    assert greeting(url, capsys) == "CountessAda"
    (project / ".env").write_text("this is none\n")
    terminal.says("line 1 is not KEY=VALUE")
    assert invoked(url, capsys)[0] == 1


def test_what_is_in_hand_is_answered_while_another_takes_over(
    project: Path, start: Start, tmp_path: Path, capsys: Capsys
) -> None:
    gate = tmp_path / "gate"
    rewrite(
        project / "main.py",
        GREETING,
        f"""import asyncio, os
    open({str(tmp_path / "began")!r}, "a").close()
    while not os.path.exists({str(gate)!r}):
        await asyncio.sleep(0.01)
    return {{"greeting": "old"}}""",
    )
    terminal = start(project)
    url = terminal.ready()
    port = int(url.rpartition(":")[2])
    answers: list[str] = []
    slow = threading.Thread(target=lambda: answers.append(call(port, {}).body))
    slow.start()
    until((tmp_path / "began").exists, what="it is in hand")
    rewrite(project / "main.py", "open(", "return {'greeting': 'new'}\n    open(")
    terminal.says("main.py changed")
    assert greeting(url, capsys) == "new"
    gate.touch()
    slow.join()
    assert answers == ['{"greeting":"old"}']


# --- Node.js -------------------------------------------------------------------------------------


def test_javascript_is_served_and_anew_with_each_change(
    node_layer: Path, tmp_path: Path, start: Start, capsys: Capsys
) -> None:
    project = created(tmp_path, "javascript")
    terminal = start(project)
    url = terminal.ready()
    assert greeting(url, capsys) == "Hello, Ada!"
    rewrite(project / "index.js", "Hello", "Good day")
    terminal.says("index.js changed")
    assert greeting(url, capsys) == "Good day, Ada!"
    rewrite(project / "index.js", "export default", "export defalt")
    terminal.says("Unexpected token")
    terminal.says("it cannot be loaded")
    assert invoked(url, capsys)[0] == 1
    assert terminal.ctrl_c() == 0


def test_typescript_is_compiled_at_the_start_and_with_each_change(
    node_layer: Path, tmp_path: Path, start: Start, capsys: Capsys
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not on the PATH")
    project = created(tmp_path, "typescript")
    early = start(project)
    assert early.process.wait(SAYS_S_MAX) == 2
    early.says("its packages are not installed")
    early.says("npm ci")
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=project, timeout=240)
    assert done.returncode == 0
    rewrite(project / "package.json", '"tsc"', '"tsc && echo 1 > written.txt"')
    terminal = start(project)
    url = terminal.ready()
    assert greeting(url, capsys) == "Hello, Ada!"
    rewrite(project / "src/index.ts", "Hello", "Good day")
    terminal.says("index.ts changed")
    assert greeting(url, capsys) == "Good day, Ada!"
    rewrite(project / "src/index.ts", "name ??", "nam ??")
    terminal.says("its build script failed")
    assert invoked(url, capsys)[0] == 1
    assert any("error TS" in line for line in terminal.said)
    assert "".join(terminal.said).count("written.txt changed") == 1


# --- what it refuses -----------------------------------------------------------------------------


def refused(capsys: Capsys, *words: str) -> str:
    capsys.readouterr()
    assert main(["functions", "start", *words]) == 2
    return capsys.readouterr().err


def test_what_is_no_function_is_refused_with_the_next_step(
    tmp_path: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = refused(capsys, str(tmp_path / "nowhere"))
    assert told.endswith("there is no such folder\n")
    told = refused(capsys, str(tmp_path), "--port", "0")
    assert told.endswith("begin one with: setpoint functions new NAME -l python\n")
    (tmp_path / "functions").mkdir()
    created(tmp_path / "functions", "python")
    told = refused(capsys, str(tmp_path), "--port", "0")
    assert told.endswith("it is several functions\nstart one of: functions/greeter\n")
    assert not (tmp_path / "cache").exists()


def test_an_interpreter_without_the_runtime_is_refused_with_how_to_get_it(
    project: Path, capsys: Capsys
) -> None:
    told = refused(capsys, str(project), "--port", "0", "--python", sys.executable)
    assert told == (
        f"cannot start greeter: {sys.executable} has no salesforce-functions\n"
        f"{sys.executable} -m pip install salesforce-functions==0.6.0\n"
    )
    told = refused(capsys, str(project), "--port", "0", "--python", "/nowhere/python")
    assert told == "cannot start greeter: /nowhere/python does not run\n"


def test_an_interpreter_of_ones_own_serves(
    layer: Path, project: Path, start: Start, capsys: Capsys
) -> None:
    own = layer / "bin/python"
    terminal = start(project, "--python", str(own))
    assert greeting(terminal.ready(), capsys) == "Hello, Ada!"


def test_a_port_that_is_taken_is_refused(start: Start, project: Path, capsys: Capsys) -> None:
    port = start(project).ready().rpartition(":")[2]
    told = refused(capsys, str(project), "--port", port)
    assert told.startswith(f"cannot start greeter: port {port}: Address already in use\n")
    assert "cannot start greeter: port 99999: " in refused(capsys, str(project), "--port", "99999")
