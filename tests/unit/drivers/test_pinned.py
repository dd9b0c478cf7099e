"""Who is known by a fingerprint alone."""

from pathlib import Path

import pytest

from setpoint.cli.connect import place, remembered
from setpoint.drivers import pinned
from setpoint.drivers.local.certificate import ApiCertificate
from setpoint.model.errors import Refused, Terminal

HEX = "ab" * 32


@pytest.mark.parametrize(
    "said",
    [HEX, f"SHA256:{HEX}", f"sha256:{HEX.upper()}", ":".join(["AB"] * 32), f"  {HEX}\n"],
)
def test_a_fingerprint_is_the_same_however_it_is_written(said: str) -> None:
    assert pinned.same(said, f"SHA256:{HEX}")


@pytest.mark.parametrize("said", ["", HEX[:-2], HEX[:-2] + "cd", f"MD5:{HEX}"])
def test_another_one_is_another_one(said: str) -> None:
    assert not pinned.same(said, f"SHA256:{HEX}")


def test_an_authority_keeps_its_fingerprint_and_no_two_have_the_same(tmp_path: Path) -> None:
    found: list[str] = []
    for name in ("one", "one", "two"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        ApiCertificate(folder, tmp_path / f"{name}.pem", lambda: 1_790_000_000.0)
        found.append(pinned.fingerprint((folder / "ca.pem").read_text()))
    assert found[0] == found[1] != found[2]


def test_what_is_no_certificate_has_none() -> None:
    with pytest.raises(Terminal, match="cannot read a certificate"):
        pinned.fingerprint("hello")


@pytest.mark.parametrize(
    "url", ["", "x", "http://a", "https://", "https://a:99999", "ftp://a", "https://[::1"]
)
def test_what_is_no_https_url_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="it is no https URL"):
        place(url)


def test_a_host_is_remembered_under_a_name_that_stays_in_its_folder(tmp_path: Path) -> None:
    assert place("https://Build.example.com") == ("build.example.com", 5100)
    for host in ("../../etc", "a/b", "..", "::1"):
        assert remembered(tmp_path, host, 1).parent == tmp_path / "connect"
