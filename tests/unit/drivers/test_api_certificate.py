"""The API has a certificate on a full disk too, if there was one before."""

from pathlib import Path

import pytest

from setpoint.drivers.local import certificate
from setpoint.drivers.local.certificate import ApiCertificate

NOON_S = 1_790_000_000.0


def full(path: Path, data: bytes) -> None:
    raise OSError(28, "No space left on device")


def test_where_none_can_be_written_the_last_lifes_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, tls = tmp_path / "api.pem", tmp_path / "tls"
    tls.mkdir()
    ApiCertificate(tls, file, lambda: NOON_S)
    before = file.read_bytes()
    monkeypatch.setattr(certificate, "write_whole", full)
    again = ApiCertificate(tls, file, lambda: NOON_S)
    assert file.read_bytes() == before
    monkeypatch.undo()
    again.renew()
    assert file.read_bytes() != before


def test_where_there_was_none_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "write_whole", full)
    (tmp_path / "tls").mkdir()
    with pytest.raises(OSError, match="No such file"):
        ApiCertificate(tmp_path / "tls", tmp_path / "api.pem", lambda: NOON_S)
