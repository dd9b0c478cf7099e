"""Several functions in one project: each has its own name, host and instance."""

import json
from pathlib import Path

import pytest

from tests.acceptance.plane import Plane
from tests.support.building import function

NAMES = ("alpha", "beta")
TELLS = "async def function(event, context):\n    return ['{name}', event.data]\n"


@pytest.fixture(scope="module")
def twins(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("twins")
    for name in NAMES:
        files = function(name, f"functions/{name}", main=TELLS.replace("{name}", name))
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    plane.ok("deploy", str(folder), "-a", "twins")
    return "twins"


@pytest.mark.parametrize("name", NAMES)
def test_each_is_called_by_its_name(plane: Plane, twins: str, name: str) -> None:
    answered = plane.ok("invoke", f"{twins}/{name}", "-p", '{"n": 1}')
    assert json.loads(answered.out) == [name, {"n": 1}]


def test_each_has_a_host_and_an_instance_of_its_own(plane: Plane, twins: str) -> None:
    assert sorted(d["name"] for d in plane.info(twins)["dynos"]) == ["alpha.1", "beta.1"]
    for name in NAMES:
        assert plane.send("POST", f"{name}--{twins}", body=b"{}").status == 401


def test_one_of_them_has_to_be_named(plane: Plane, twins: str) -> None:
    refused = plane.cli("invoke", twins, "-p", "{}")
    assert refused.code == 2
    assert "alpha, beta" in refused.err
