"""What keeps `setpoint up` from starting is told as a person can mend it."""

from pathlib import Path

import pytest

from setpoint.drivers.local.paths import Paths
from setpoint.model.errors import Refused
from setpoint.processes import preflight
from setpoint.processes.accounts import Accounts

ONE = Accounts(None, None, None, None, None, None)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "data", tmp_path / "run")
    paths.data.mkdir()
    paths.layers.write_text("in the way")
    with pytest.raises(Refused, match=f"cannot use folder {paths.layers}: File exists"):
        preflight.make_folders(paths, ONE)
