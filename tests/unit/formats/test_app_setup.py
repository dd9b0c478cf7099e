"""app.json of an app that begins, and one file out of an archive."""

import gzip
import io
import json
import tarfile

import pytest

from setpoint.formats import tar_member
from setpoint.formats.app_setup import AppSetup, Quantity, Var, missing, parse
from setpoint.model.errors import Invalid


def said(document: object) -> bytes:
    return json.dumps(document).encode()


def test_each_form_that_heroku_reads_is_read() -> None:
    setup = parse(
        said(
            {
                "name": "Shop",
                "env": {
                    "PLAIN": "text",
                    "OPEN": {"value": "yes", "description": "door\nopen"},
                    "KEY": {"generator": "secret"},
                    "TOLD": {"description": "say it"},
                    "MAYBE": {"required": False},
                },
                "formation": {"web": {"quantity": 2, "size": "Standard-1X"}, "worker": {}},
                "buildpacks": [{"url": "https://example.com/a.tgz"}],
                "addons": ["heroku-postgresql", {"plan": "heroku-redis:mini"}],
                "scripts": {"postdeploy": "python seed.py", "pr-predestroy": {"command": "bye"}},
            }
        )
    )
    assert setup.env["PLAIN"] == Var("text")
    assert setup.env["OPEN"].value == "yes"
    assert setup.env["KEY"] == Var(None, True, True)
    assert "\n" not in setup.env["OPEN"].description
    assert missing(setup, {}) == ("TOLD",)
    assert missing(setup, {"TOLD": "x"}) == ()
    assert setup.formation == {"web": Quantity(2, "standard-1x"), "worker": Quantity(1)}
    assert setup.buildpacks == ("https://example.com/a.tgz",)
    assert setup.addons == ("heroku-postgresql", "heroku-redis:mini")
    assert (setup.postdeploy, setup.predestroy) == ("python seed.py", "bye")


def test_an_environment_stands_for_what_is_beside_it() -> None:
    data = said(
        {
            "env": {"A": "1"},
            "scripts": {"postdeploy": "all"},
            "environments": {"review": {"env": {"B": "2"}}},
        }
    )
    assert set(parse(data, "review").env) == {"B"}
    assert parse(data, "review").postdeploy == "all"
    assert set(parse(data).env) == {"A"}


def test_older_files_have_a_list_and_older_sizes() -> None:
    data = said({"formation": [{"process": "web", "quantity": 1, "size": "hobby"}]})
    assert parse(data).formation == {"web": Quantity(1, "basic")}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"env": []},
        {"env": {"not a name": "x"}},
        {"env": {"A": 7}},
        {"env": {"A": {"value": 7}}},
        {"env": {"A": {"generator": "magic"}}},
        {"env": {"A": {"required": "yes"}}},
        {"env": {"A": "zero\0byte"}},
        {"env": {"A": "\ud800"}},
        {"formation": {"web": {"quantity": -1}}},
        {"formation": {"web": {"quantity": True}}},
        {"formation": {"web": 3}},
        {"buildpacks": "one"},
        {"addons": [7]},
        {"scripts": {"postdeploy": ["a"]}},
        {"scripts": {"postdeploy": "x" * 20_000}},
        {"environments": []},
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(document: object) -> None:
    with pytest.raises(Invalid, match=r"cannot read app\.json: "):
        parse(said(document))


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b" " * 300_000])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match=r"cannot read app\.json: "):
        parse(data)


def test_a_value_is_never_told() -> None:
    with pytest.raises(Invalid) as refused:
        parse(said({"env": {"A": {"value": "hunter2-secret", "generator": "x"}}}))
    assert "hunter2" not in str(refused.value)


# --- one file of an archive ----------------------------------------------------------------------


def packed(files: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:gz", format=format) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return into.getvalue()


def found(data: bytes, most: int = 1 << 20, whole: int = 1 << 24) -> bytes | None:
    pieces = [data[at : at + 777] for at in range(0, len(data), 777)]
    return tar_member.find(pieces, "app.json", most, whole)


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("name", ["app.json", "./app.json", "repo-1a2b/app.json"])
def test_the_file_is_found_behind_others(format: int, name: str) -> None:
    files = {"big": bytes(100_000), "l" * 90 + "/ü": b"x", name: b"{}", "z": b"z"}
    if format == tarfile.USTAR_FORMAT:
        del files["l" * 90 + "/ü"]
    assert found(packed(files, format)) == b"{}"


def test_deeper_longer_and_absent_ones_are_none() -> None:
    assert found(packed({"a/b/app.json": b"{}", "my-app.json": b"{}"})) is None
    assert found(packed({"app.json": bytes(5000)}), most=4999) is None
    assert found(packed({})) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"plain", gzip.compress(b"x" * 4096), packed({"app.json": b"{}"})[:60]],
    ids=["nothing", "plain", "no archive", "cut off"],
)
def test_what_is_no_archive_is_told_or_has_nothing(data: bytes) -> None:
    try:
        assert found(data) is None
    except tar_member.Unreadable:
        pass


def test_a_bomb_is_left() -> None:
    with pytest.raises(tar_member.Unreadable, match="too large"):
        found(packed({"zeros": bytes(1 << 22), "app.json": b"{}"}), whole=1 << 20)


def test_nothing_said_is_nothing() -> None:
    assert parse(b"{}") == AppSetup()
