"""The README's first command, as others than root would run it: from a copy of their own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import ROOT

BARE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEMO_S_MAX = 900
"""Downloads everything anew: the copy starts with an empty HOME."""


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    """What git knows of this checkout, owned by nobody, in a home that is theirs."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    if shutil.which("runuser") is None:
        pytest.skip("needs runuser")
    home = Path(tempfile.mkdtemp(prefix="setpoint-nobody-"))
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (home / "setpoint" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, home / "setpoint" / name)
    subprocess.run(["chown", "-R", "nobody", str(home)], check=True)
    yield home
    shutil.rmtree(home)


def as_nobody(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    kept = [f"{k}={os.environ[k]}" for k in ("SSL_CERT_FILE", "SSL_CERT_DIR") if k in os.environ]
    clean = ["env", "-i", f"HOME={home}", f"PATH={BARE}", *kept]
    return subprocess.run(
        ["runuser", "-u", "nobody", "--", *clean, *command],
        cwd=home / "setpoint",
        capture_output=True,
        text=True,
        timeout=DEMO_S_MAX,
        stdin=subprocess.DEVNULL,
    )


def assert_went_well(done: subprocess.CompletedProcess[str], level: str) -> None:
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert f"isolation {level}" in done.stdout
    assert "Hello, world!" in done.stdout
    assert "Welcome back to shop.localhost" in done.stdout
    assert "demo done" in done.stdout


def test_an_ordinary_user_s_demo_ends_well(copy: Path) -> None:
    spaces = ["unshare", "--user", "--map-root-user", "true"]
    if as_nobody(copy, *spaces).returncode:
        pytest.skip("this machine gives ordinary users no user namespaces")
    assert_went_well(as_nobody(copy, "make", "demo"), "L2")


def test_the_demo_ends_well_where_namespaces_are_forbidden(copy: Path) -> None:
    set_up = as_nobody(copy, "make", ".venv/.runtime")
    assert set_up.returncode == 0, set_up.stderr
    done = as_nobody(
        copy, ".venv/bin/python", "-m", "tests.integration.sandbox.forbid", "examples.demo"
    )
    assert_went_well(done, "L0")
    told = done.stdout.splitlines()
    assert any("missing" in line for line in told if "isolation L0" in line)
