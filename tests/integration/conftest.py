"""What integration tests share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Downloads happen once per session."""
    return tmp_path_factory.mktemp("uv-cache")
