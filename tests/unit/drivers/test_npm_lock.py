"""A lock file is read as if whoever wrote it were hostile: npm sees what got through, no more."""

import json
from typing import Any

import pytest

from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.node import lock, npm, script

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
