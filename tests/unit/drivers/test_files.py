"""Files in a folder that somebody else may write: plain ones are read, the rest is an error."""

import os
from pathlib import Path

import pytest

from setpoint.drivers.local.files import open_plain, read_plain


def test_plain_file_is_read_as_far_as_allowed(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"0123456789")
    assert read_plain(tmp_path / "plain", 4) == b"0123"


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_APPEND])
def test_pipes_links_and_second_names_are_no_plain_files(tmp_path: Path, flags: int) -> None:
    (tmp_path / "plain").touch()
    (tmp_path / "link").symlink_to("plain")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    for name in ("link", "pipe", "folder", "nowhere"):
        with pytest.raises(OSError):
            open_plain(tmp_path / name, flags)
    os.close(reader)
    os.link(tmp_path / "plain", tmp_path / "second")
    with pytest.raises(OSError, match="second is no plain file"):
        open_plain(tmp_path / "second", flags)
