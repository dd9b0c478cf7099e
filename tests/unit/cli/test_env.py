"""What `setpoint env` tells git, beside whatever the shell tells it already."""

from pathlib import Path

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
