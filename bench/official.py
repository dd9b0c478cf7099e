"""The official runtimes, started fresh as their own commands do it, and asked until they answer."""

import contextlib
import http.client
import os
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from bench.memory import memory_kib, tree
from bench.ports import free_port
from setpoint.drivers.local.recipe import NODE_RUNTIME
from setpoint.formats import cloudevents

LOOK_S = 0.003
ANSWER_S_MAX = 60.0
END_S_MAX = 20.0


class Official:
    """One function of a project. `layer`: where the runtime is installed, as Setpoint laid it."""

    def __init__(self, layer: Path, files: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="setpoint-official-")
        for name, text in files.items():
            Path(self._folder.name, name).write_text(text)
        self._argv = _argv(layer, self._folder.name)
        self._headers = cloudevents.headers(cloudevents.Invocation("id-1", "hello", time.time()))

    def close(self) -> None:
        self._folder.cleanup()

    def cold(self) -> float:
        """Milliseconds from the start of the process to the whole answer of a first invocation."""
        with self._running() as (_, took_ms):
            return took_ms

    def idle_pss_mib(self, count: int) -> float:
        """Of so many at once that have answered once, each with all of its processes."""
        with contextlib.ExitStack() as stack:
            running = [stack.enter_context(self._running()) for _ in range(count)]
            pids = [pid for main, _ in running for pid in tree(main)]
            return memory_kib(pids)["pss"] / 1024 / count

    @contextlib.contextmanager
    def _running(self) -> Generator[tuple[int, float]]:
        """Its pid, and after how many milliseconds it had answered."""
        port = free_port()
        began_s = time.perf_counter()
        process = subprocess.Popen(
            [*self._argv, str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": self._folder.name},
            start_new_session=True,
        )
        try:
            while not self._answers(port):
                assert process.poll() is None, f"{self._argv} has ended"
                assert time.perf_counter() < began_s + ANSWER_S_MAX, f"{self._argv} is silent"
                time.sleep(LOOK_S)
            yield process.pid, 1000 * (time.perf_counter() - began_s)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait(END_S_MAX)

    def _answers(self, port: int) -> bool:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S_MAX)
        try:
            link.request("POST", "/", b"{}", self._headers)
            answer = link.getresponse()
            answer.read()
        except OSError:
            return False
        finally:
            link.close()
        assert answer.status == 200, answer.status
        return True


def _argv(layer: Path, folder: str) -> Sequence[str]:
    """The port is still to follow."""
    if (layer / NODE_RUNTIME).exists():
        node, cli = str(layer / "bin/node"), str(layer / NODE_RUNTIME / "bin/cli.js")
        return [node, cli, "serve", folder, "-h", "127.0.0.1", "-p"]
    python = str(layer / "bin/python")
    call = "import sys; from salesforce_functions._internal.cli import main; sys.exit(main())"
    return [
        *(python, "-I", "-c", call, "serve", folder),
        *("--host", "127.0.0.1", "--port"),
    ]
