"""One plane for all tests of the doors; each test uses app names of its own."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.plane import Plane

Make = Callable[[str], str]


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with Plane(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture
def app(plane: Plane) -> Make:
    """Creates an app and gives its id."""

    def make(name: str) -> str:
        made = plane.send("POST", "/apps", {"name": name})
        assert made.status == 201, made.body
        return made.json["id"]

    return make


@pytest.fixture
def deployed(plane: Plane, app: Make) -> Make:
    """Creates an app, deploys to it, waits until it serves, and gives the build's id."""

    def make(name: str) -> str:
        app(name)
        return deploy(plane, name)

    return make


def upload(plane: Plane, content: bytes) -> str:
    """The get_url of what was uploaded."""
    urls = plane.send("POST", "/sources").json["source_blob"]
    put = plane.send(
        "PUT", urls["put_url"].removeprefix("http://localhost"), raw=content, token=None
    )
    assert put.status == 200, put.body
    return urls["get_url"]


def deploy(plane: Plane, name: str, content: bytes = b"") -> str:
    from tests.support.waiting import until

    url = upload(plane, content or name.encode())
    build = plane.send("POST", f"/apps/{name}/builds", {"source_blob": {"url": url}})
    assert build.status == 201, build.body
    until(lambda: plane.send("GET", f"/v1/apps/{name}").json["state"] == "settled")
    return build.json["id"]
