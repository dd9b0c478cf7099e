from pathlib import Path

import pytest

from setpoint.drivers.builders.stack import candidates, find_python
from tests.support.building import Yard


@pytest.fixture
def yard(tmp_path: Path, uv_cache: Path) -> Yard:
    return Yard(tmp_path, uv_cache, find_python(candidates({}), shared=False))
