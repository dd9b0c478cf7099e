"""A lock file is read as if whoever wrote it were hostile: npm sees what got through, no more."""

import json
from pathlib import Path
from typing import Any

import pytest

from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.node import lock, npm, project, script
from setpoint.drivers.builders.node.build import NodeParts, Part
from setpoint.drivers.builders.node.engine import Node
from setpoint.model.ids import Digest

HASH = "sha512-" + "A" * 86 + "=="
LEFT = {"version": "1.0.0", "resolved": "https://r.example/left.tgz", "integrity": HASH}


def screened(root: dict[str, Any] | None = None, **packages: Any) -> lock.Lock:
    """`packages`: below node_modules, or `at` for whole paths."""
    at = packages.pop("at", {})
    modules = {f"node_modules/{name}": entry for name, entry in packages.items()}
    document = {"lockfileVersion": 3, "packages": {"": root or {}, **modules, **at}}
    return lock.screen(json.dumps(document).encode())


def test_addresses_are_left_out_and_hashes_are_kept() -> None:
    text = screened(left=LEFT).text
    assert json.loads(text)["packages"]["node_modules/left"] == {
        "version": "1.0.0",
        "integrity": HASH,
    }


@pytest.mark.parametrize(
    "spec",
    ["^1.0.0", "1.x || >=2 <3", "1.0.0 - 2.0.0", "latest", "", "*", "npm:other@^1", "npm:@a/b"],
)
def test_what_the_registry_can_answer_gets_through(spec: str) -> None:
    screened({"dependencies": {"left": spec}}, left=LEFT)


@pytest.mark.parametrize(
    "spec",
    [
        "git+ssh://git@host/x.git",
        "github:someone/left",
        "someone/left",
        "https://host/left.tgz",
        "file:../left",
        "file:/etc",
        "file:left.tgz",
        "../left",
        "/etc",
        "~/left",
        "npm:../left",
        "npm:left@git+ssh://x",
        "workspace:*",
        7,
    ],
)
def test_everything_else_is_refused_by_name(spec: object) -> None:
    for key in ("dependencies", "devDependencies", "optionalDependencies"):
        with pytest.raises(CannotBuild, match="left"):
            screened({key: {"left": spec}}, left=LEFT)
    with pytest.raises(CannotBuild, match="left"):
        screened(other={**LEFT, "dependencies": {"left": spec}}, left=LEFT)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"version": "1.0.0"}, "has no integrity"),
        ({**LEFT, "integrity": "md5-abc"}, "has no integrity"),
        ({**LEFT, "integrity": 7}, "has no integrity"),
        ({**LEFT, "version": None}, "has no version"),
        ({**LEFT, "version": "1.0.0/../../x"}, "has no version"),
        ({**LEFT, "resolved": "git+ssh://git@host/left.git#abc"}, "not from the registry"),
        ({**LEFT, "resolved": "file:left.tgz"}, "not from the registry"),
        ({"resolved": "../left", "link": True}, "a link that leaves the source"),
        ({"resolved": "/etc", "link": True}, "a link that leaves the source"),
        ({"link": True}, "a link that leaves the source"),
        ("text", "is not a package"),
    ],
)
def test_package_that_is_not_the_registrys_is_refused(entry: object, told: str) -> None:
    with pytest.raises(CannotBuild, match=told):
        screened(left=entry)


@pytest.mark.parametrize(
    "path",
    [
        "../evil",
        "/etc/evil",
        "node_modules/../../evil",
        "node_modules/a/../../../b",
        "node_modules/./a",
        "packages//a",
        "node_modules/a\nb",
        "node_modules/a\\..\\b",
        "node_modules/@a/b/c",
        "node_modules/",
        "package.json",
        "packages/package.json/x",
        ".npmrc",
        "packages/" + "x" * 201,
    ],
)
def test_path_that_leaves_its_place_is_refused(path: str) -> None:
    with pytest.raises(CannotBuild):
        screened(at={path: LEFT})


def test_folder_of_the_source_may_be_linked() -> None:
    found = screened(
        {"dependencies": {"own": "file:packages/own"}},
        at={
            "packages/own": {"version": "1.0.0"},
            "node_modules/own": {"resolved": "packages/own", "link": True},
        },
    )
    assert found.folders == ("packages/own",)


def test_bundled_package_is_covered_by_its_bearer() -> None:
    inner = {"version": "1.0.0", "inBundle": True}
    screened(
        left={**LEFT, "bundleDependencies": ["in"]}, at={"node_modules/left/node_modules/in": inner}
    )


def test_install_scripts_are_told_apart_by_when_they_are_needed() -> None:
    found = screened(
        left={**LEFT, "hasInstallScript": True},
        right={**LEFT, "hasInstallScript": True, "dev": True},
        calm=LEFT,
    )
    assert (found.scripted, found.scripted_dev, found.packages) == (("left",), ("right",), 3)


@pytest.mark.parametrize("version", [None, 1, 4, "3"])
def test_lock_of_another_version_is_refused_with_the_next_step(version: object) -> None:
    document = {"lockfileVersion": version, "packages": {"": {}}}
    with pytest.raises(CannotBuild, match="lockfileVersion") as refused:
        lock.screen(json.dumps(document).encode())
    assert refused.value.hint.startswith("run `npm install` with npm 7")


@pytest.mark.parametrize(
    ("scripts", "run"),
    [
        ({}, ()),
        ({"start": "x", "test": "x"}, ()),
        ({"build": "x", "heroku-postbuild": "x"}, ("heroku-postbuild",)),
        ({"preinstall": "x", "install": "x", "postinstall": "x"}, ("install",)),
        ({"preinstall": "x", "postinstall": "x"}, ("preinstall", "postinstall")),
    ],
)
def test_scripts_run_once_each(scripts: dict[str, str], run: tuple[str, ...]) -> None:
    assert script.of_build(scripts) == run


def test_scripts_of_a_folder_run_in_it() -> None:
    assert (
        script.commands({"build": "x"}, "functions/a b")[0] == "cd 'functions/a b' && npm run build"
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("EUSAGE", npm.Reason.OUT_OF_STEP),
        ("E404", npm.Reason.UNKNOWN_PACKAGE),
        ("EINTEGRITY", npm.Reason.HASH_MISMATCH),
        ("ENOTCACHED", npm.Reason.NOT_CACHED),
        ("ECONNREFUSED", npm.Reason.REGISTRY_UNREACHABLE),
        ("EAI_AGAIN", npm.Reason.REGISTRY_UNREACHABLE),
        ("E503", npm.Reason.REGISTRY_UNREACHABLE),
        ("E401", npm.Reason.REGISTRY_UNREACHABLE),
        ("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", npm.Reason.REGISTRY_UNREACHABLE),
        ("ENOSPC", npm.Reason.MACHINE),
        ("EBADPLATFORM", npm.Reason.UNKNOWN),
    ],
)
def test_npms_codes_are_understood(code: str, reason: npm.Reason) -> None:
    assert npm.reason(f"npm warn x\nnpm error code {code}\nnpm error more") is reason


def test_npms_words_lose_their_marks_and_its_manual() -> None:
    errors = (
        "npm warn old\nnpm error code EUSAGE\nnpm error\nnpm error Missing: a@1 from lock file\n"
        "npm error Clean install a project\nnpm error Usage:\n"
    )
    assert npm.told(errors) == "Missing: a@1 from lock file"


# --- package.json need not agree with the lock file ----------------------------------------------


def sources(manifest: dict[str, Any], packages: dict[str, Any]) -> dict[str, bytes]:
    locked = {"lockfileVersion": 3, "packages": {"": {}, **packages}}
    return {
        "package.json": json.dumps({"name": "a", **manifest}).encode(),
        "package-lock.json": json.dumps(locked).encode(),
    }


@pytest.mark.parametrize(
    "manifest",
    [
        {"dependencies": {"left": "http://127.0.0.1/left.tgz"}},
        {"dependencies": ["left@http://127.0.0.1/left.tgz"]},
        {"devDependencies": {"left": "git+http://127.0.0.1/left.git"}},
        {"peerDependencies": {"left": "someone/left"}},
        {"optionalDependencies": {"left": "file:../../left"}},
        {"overrides": {"right": {"left": "http://127.0.0.1/left.tgz"}}},
        {"workspaces": ["../*"]},
        {"workspaces": {"packages": ["/srv/*"]}},
        {"workspaces": ["a/{.,}./x"]},
    ],
)
def test_a_package_json_names_no_other_place_than_its_lock_file_may(manifest: Any) -> None:
    with pytest.raises(CannotBuild, match=r"package\.json"):
        project.of(sources(manifest, {}).get, "")


def test_what_projects_write_gets_through() -> None:
    manifest = {
        "dependencies": {"left": "^1", "inner": "file:packages/inner"},
        "overrides": {"left": "$left", "right": {".": "1.0.0"}},
        "workspaces": ["packages/*", "./tools"],
    }
    files = sources(manifest, {"packages/inner": {"version": "1.0.0"}})
    files["packages/inner/package.json"] = b'{"name": "inner", "dependencies": {"left": "*"}}'
    assert project.of(files.get, "").folders == ("", "packages/inner")


@pytest.mark.parametrize("name", ["left@http://127.0.0.1/x?", "../left", "/srv/left", 7])
def test_the_name_of_a_package_is_no_address(name: Any) -> None:
    with pytest.raises(CannotBuild, match="no name of a package"):
        screened(left={**LEFT, "name": name})


def test_peers_from_elsewhere_and_lock_files_inside_packages_are_not_shown() -> None:
    entry = {"peerDependencies": {"a": "http://127.0.0.1/a.tgz", "b": "1"}, "hasShrinkwrap": True}
    shown = json.loads(screened(left={**LEFT, **entry}).text)["packages"]["node_modules/left"]
    assert shown["peerDependencies"] == {"b": "1"}
    assert "hasShrinkwrap" not in shown


def test_only_what_lies_in_another_package_goes_without_a_hash() -> None:
    inner = {"version": "1.0.0", "inBundle": True}
    with pytest.raises(CannotBuild, match="has no integrity"):
        screened(inner=inner)
    outer = {**LEFT, "bundleDependencies": ["inner"]}
    screened(at={"node_modules/outer": outer, "node_modules/outer/node_modules/inner": inner})


# --- and its links may change their meaning ------------------------------------------------------


def part(folder: str, layer: str) -> Part:
    read = project.of(sources({}, {}).get, "")
    shown = project.Project(folder, read.manifest, read.lock, read.shown)
    return Part(shown, Node("/usr/bin/node", "", "22", ""), Digest(layer), None)


def test_packages_are_not_put_where_a_link_of_the_source_leads(tmp_path: Path) -> None:
    """`node_modules` was a link deep into the source, so `inner` led to a place inside it."""
    (tmp_path / "one/node_modules").mkdir(parents=True)
    (tmp_path / "two/inner/node_modules").mkdir(parents=True)
    (tmp_path / "two/inner/node_modules/evil").touch()
    root = tmp_path / "layers/source"
    (root / "function").mkdir(parents=True)
    (root / "function/inner").symlink_to("../node_modules/../..")
    parts = NodeParts((part("", "one"), part("function", "two")), (), tmp_path)
    with pytest.raises(CannotBuild, match="is a link"):
        parts.merge(root)
    assert [path.name for path in (tmp_path / "layers").iterdir()] == ["source"]


def test_no_link_of_the_source_leads_out_of_it_once_packages_are_there(tmp_path: Path) -> None:
    (tmp_path / "one/node_modules").mkdir(parents=True)
    (tmp_path / "secret").touch()
    root = tmp_path / "source"
    root.mkdir()
    (root / "read.py").symlink_to("node_modules/../../secret")
    with pytest.raises(CannotBuild, match="leaves the source"):
        NodeParts((part("", "one"),), (), tmp_path).merge(root)
