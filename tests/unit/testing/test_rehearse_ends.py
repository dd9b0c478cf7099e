"""Ctrl-C ends a rehearsal in one line."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_ctrl_c_is_no_traceback(tmp_path: Path, options: tuple[str, ...]) -> None:
    script = tmp_path / "script"
    os.mkfifo(script)
    words = [sys.executable, "-m", "setpoint.testing.rehearse", *options, str(script)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with script.open("wb"):  # returns once it has opened it, maybe right before it reads
        child.send_signal(signal.SIGINT)
    out, err = child.communicate()
    assert (child.returncode, out, err) == (130, "", "\n")
