"""What `setpoint env` tells git, beside whatever the shell tells it already."""

import shutil
import subprocess
from pathlib import Path

import pytest

from setpoint.cli.env import HELPER, git_settings

CA = Path("/data/tls/ca.pem")
HELPS = ("credential.https://localhost:5100.helper", HELPER)
OURS = ("http.https://localhost:5100/.sslCAInfo", "/data/tls/ca.pem")


def settings(said: dict[str, str]) -> list[tuple[str, str]]:
    count = int(said["GIT_CONFIG_COUNT"])
    return [(said[f"GIT_CONFIG_KEY_{n}"], said[f"GIT_CONFIG_VALUE_{n}"]) for n in range(count)]


def test_git_settingss_our_authority_and_finds_the_token_at_our_address_alone() -> None:
    assert settings(git_settings(5100, CA, {})) == [OURS, HELPS]


def test_what_git_was_told_to_trust_it_trusts_elsewhere_also_when_told_twice() -> None:
    once = git_settings(5100, CA, {"GIT_SSL_CAINFO": "/corp.pem"})
    assert settings(once) == [OURS, HELPS, ("http.sslCAInfo", "/corp.pem")]
    assert git_settings(5100, CA, once) == once


def test_settings_of_somebody_elses_are_left_alone() -> None:
    assert git_settings(5100, CA, {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name"}) == {}


@pytest.mark.parametrize(
    ("key", "code", "told"),
    [({"HEROKU_API_KEY": "k-1"}, 0, "password=k-1\n"), ({}, 128, "terminal prompts disabled")],
)
def test_git_without_herokus_program_takes_the_key_of_the_environment_or_asks(
    tmp_path: Path, key: dict[str, str], code: int, told: str
) -> None:
    """And says nothing of a program that is not there."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("git", "sh"):
        found = shutil.which(name)
        assert found, name
        (tools / name).symlink_to(found)
    done = subprocess.run(
        ["git", "-c", f"credential.helper={HELPER}", "credential", "fill"],
        env={"PATH": str(tools), "HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0", **key},
        input="protocol=https\nhost=localhost:5100\n\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert told in done.stdout + done.stderr
    assert "heroku" not in done.stderr
