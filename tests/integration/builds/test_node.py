"""Node.js projects: what is installed, on which Node.js, and what is refused before npm sees it."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.drivers.builders.errors import CannotBuild, NeedsRunStage
from setpoint.drivers.builders.node import engine
from setpoint.formats.handover import Work
from tests.support.building import Yard, function
from tests.support.registry import Registry, served

START = {"start": "node server.js"}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    with served() as registry:
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", registry.url)
        yield registry


@pytest.fixture(autouse=True)
def node() -> engine.Node:
    found = engine.machines_own(os.environ)
    if found is None:
        pytest.skip("this machine has no Node.js of its own")
    return found


def test_an_app_gets_its_packages_and_starts_as_on_heroku(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    registry.publish("@scope/right", "2.0.0")
    registry.publish("unused")
    files = registry.project(("left", "@scope/right"), ("unused",), scripts=START)
    slug = yard.build({**files, "server.js": "console.log(require('left'))\n"})
    (web,) = slug.processes
    assert (web.name, web.command, web.runtime, web.layer) == ("web", "npm start", "nodejs", None)
    assert slug.node == engine.machines_own(os.environ).version
    code = yard.code(slug)
    assert (code / "node_modules/@scope/right/package.json").exists()
    assert not (code / "node_modules/unused").exists()
    done = subprocess.run(["npm", "start", "--silent"], cwd=code, capture_output=True, text=True)
    assert done.stdout.strip() == "left"
    assert "-----> Node.js app detected\n" in yard.said
    assert "-----> Installing package-lock.json with npm\n" in yard.said


def test_a_second_build_asks_nobody_and_shares_the_files(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    files = registry.project(("left",), scripts=START)
    first = yard.build({**files, "server.js": "1\n"})
    registry.asked.clear()
    second = yard.build({**files, "server.js": "2\n"})
    assert registry.asked == []
    assert first.code != second.code
    one, two = (yard.code(s) / "node_modules/left/index.js" for s in (first, second))
    assert one.stat().st_ino == two.stat().st_ino


def test_version_newer_than_the_cache_is_fetched(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    yard.build(registry.project(("left",), scripts=START))
    registry.packages["left"].clear()
    registry.publish("left", "2.0.0")
    slug = yard.build(registry.project(("left",), scripts=START))
    manifest = yard.code(slug) / "node_modules/left/package.json"
    assert json.loads(manifest.read_text())["version"] == "2.0.0"


def test_no_script_of_a_package_runs_while_it_is_fetched(yard: Yard, registry: Registry) -> None:
    mark = yard.folder / "ran"
    registry.publish("eager", scripts={"postinstall": f"touch {mark}"})
    with pytest.raises(NeedsRunStage) as needed:
        yard.build(registry.project(("eager",), scripts={**START, "preinstall": f"touch {mark}"}))
    (work,) = needed.value.needs
    assert isinstance(work, Work)
    assert work.label == "Running install scripts of eager"
    assert work.commands == ("npm rebuild --foreground-scripts",)
    assert not mark.exists()


def test_build_scripts_run_with_what_they_need_and_in_herokus_order(
    yard: Yard, registry: Registry
) -> None:
    registry.publish("left")
    registry.publish("compiler")
    scripts = {
        **START,
        **dict.fromkeys(("build", "prepare", "heroku-cleanup", "heroku-prebuild"), "true"),
        "postinstall": "true",
        "test": "true",
    }
    with pytest.raises(NeedsRunStage) as needed:
        yard.build(registry.project(("left",), ("compiler",), scripts=scripts))
    (work,) = needed.value.needs
    assert isinstance(work, Work)
    assert work.commands == (
        "npm run heroku-prebuild",
        "npm run postinstall",
        "npm run prepare",
        "npm run build",
        "npm prune --omit=dev --ignore-scripts",
        "npm run heroku-cleanup",
    )
    listed = subprocess.run(
        ["tar", "tf", yard.handover / work.input], capture_output=True, text=True
    ).stdout
    assert "node_modules/compiler/index.js" in listed


def test_settings_of_the_project_do_not_reach_npm(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    files = registry.project(("left",), scripts=START)
    yard.build({**files, ".npmrc": "registry=http://127.0.0.1:1/\nignore-scripts=false\n"})
    assert "/left" in registry.asked


def test_lock_made_with_legacy_peers_needs_its_setting(yard: Yard, registry: Registry) -> None:
    registry.publish("host", "2.0.0")
    registry.publish("plugin", peerDependencies={"host": "^1.0.0"})
    files = registry.project(("host", "plugin"), scripts=START)
    lock = json.loads(files["package-lock.json"])
    lock["packages"]["node_modules/plugin"]["peerDependencies"] = {"host": "^1.0.0"}
    files["package-lock.json"] = json.dumps(lock)
    with pytest.raises(CannotBuild):
        yard.build(files)
    slug = yard.build({**files, ".npmrc": "legacy-peer-deps=true\n"})
    assert (yard.code(slug) / "node_modules/plugin/index.js").exists()


def test_workspaces_of_the_source_are_linked(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    files = registry.project(("left",), scripts=START, workspaces=["packages/*"])
    lock = json.loads(files["package-lock.json"])
    lock["packages"]["node_modules/own"] = {"resolved": "packages/own", "link": True}
    lock["packages"]["packages/own"] = {"name": "own", "version": "1.0.0"}
    own = json.dumps({"name": "own", "version": "1.0.0", "main": "own.js"})
    slug = yard.build(
        {
            **files,
            "package-lock.json": json.dumps(lock),
            "packages/own/package.json": own,
            "packages/own/own.js": "module.exports = 'mine'\n",
            "server.js": "console.log(require('own'))\n",
        }
    )
    done = subprocess.run(
        ["node", "server.js"], cwd=yard.code(slug), capture_output=True, text=True
    )
    assert done.stdout == "mine\n", done.stderr


def test_node_modules_of_the_source_give_way(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    files = registry.project(("left",), scripts=START)
    slug = yard.build({**files, "node_modules/left/index.js": "evil", "node_modules/x/y": "z"})
    assert not (yard.code(slug) / "node_modules/x").exists()
    assert slug.warnings == (
        "node_modules of the source is left out: package-lock.json says what is installed",
    )


@pytest.mark.parametrize(
    ("wish", "warned"),
    [
        ("", False),
        (">=20", False),
        ("4.x", True),
        (">=9000", True),
    ],
)
def test_what_cannot_be_offered_is_warned_of(
    yard: Yard, registry: Registry, node: engine.Node, wish: str, warned: bool, monkeypatch
) -> None:
    monkeypatch.setattr(engine, "WHEELS", ())
    slug = yard.build(registry.project(scripts=START, engines={"node": wish}))
    assert slug.node == node.version
    told = f"package.json asks for Node.js {wish}; it gets {node.version}, the nearest of what is"
    assert bool(slug.warnings) is warned
    assert not warned or slug.warnings[0].startswith(told)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ("lts and greatest", "is not a range of versions"),
        ("$(reboot)", "is not a range of versions"),
        ("--eval=process.exit(0)", "is not a range of versions"),
        (">22 <20", "which no version can satisfy"),
    ],
)
def test_what_means_nothing_is_refused(
    yard: Yard, registry: Registry, wish: str, told: str
) -> None:
    with pytest.raises(CannotBuild, match=told):
        yard.build(registry.project(scripts=START, engines={"node": wish}))


def test_another_node_is_laid_down_from_its_wheel(yard: Yard, registry: Registry) -> None:
    slug = yard.build(registry.project(scripts=START, engines={"node": "22.x"}))
    assert slug.node.startswith("22.")
    (web,) = slug.processes
    assert web.layer is not None
    folder = yard.layers / "deps" / web.layer
    done = subprocess.run([folder / "bin/node", "-v"], capture_output=True, text=True)
    assert done.stdout == f"v{slug.node}\n"
    assert (folder / "bin/npm").exists()
    assert (folder / "include/node/node.h").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"package-lock.json": None}, "there is no package-lock.json"),
        ({"package-lock.json": None, "yarn.lock": ""}, "locked by Yarn in yarn.lock"),
        ({"package-lock.json": None, "pnpm-lock.yaml": ""}, "locked by pnpm in pnpm-lock.yaml"),
        ({"package-lock.json": "{"}, "package-lock.json is not JSON"),
        ({"package-lock.json": "[]"}, "is not a lock file of npm"),
        ({"package-lock.json": "[" * 100_000}, "is nested too deeply"),
        ({"package.json": "{"}, "package.json: it is not JSON"),
    ],
)
def test_missing_and_broken_files_are_named_with_the_next_step(
    yard: Yard, registry: Registry, change: dict[str, str | None], told: str
) -> None:
    files = {**registry.project(scripts=START), "Procfile": "web: npm start\n", **change}
    with pytest.raises(CannotBuild, match=told) as refused:
        yard.build({name: text for name, text in files.items() if text is not None})
    assert refused.value.user_error


def test_lock_out_of_step_is_told_in_npms_words(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    files = registry.project(("left",), scripts=START)
    manifest = json.loads(files["package.json"])
    manifest["dependencies"]["right"] = "^1.0.0"
    registry.publish("right")
    with pytest.raises(CannotBuild, match="is not in step with") as refused:
        yard.build({**files, "package.json": json.dumps(manifest)})
    assert "Missing: right@1.0.0 from lock file" in refused.value.told("shop")


def test_package_of_another_hash_ends_the_build(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    files = registry.project(("left",), scripts=START)
    registry.publish("left", files={"index.js": "changed"})
    with pytest.raises(CannotBuild, match="not the one whose hash is recorded"):
        yard.build(files)


def test_package_nobody_published_ends_the_build(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    files = registry.project(("left",), scripts=START)
    registry.packages.clear()
    with pytest.raises(CannotBuild, match="that the registry does not have") as refused:
        yard.build(files)
    assert refused.value.user_error


def test_registry_that_is_away_is_nobodys_fault(yard: Yard, registry: Registry) -> None:
    registry.publish("left")
    files = registry.project(("left",), scripts=START)
    with pytest.raises(CannotBuild, match="the package registry cannot be reached") as refused:
        yard.build(files, NPM_CONFIG_REGISTRY="http://127.0.0.1:1/")
    assert not refused.value.user_error


def test_python_apps_keep_their_package_json_for_their_front_end(
    yard: Yard, registry: Registry
) -> None:
    files = {"package.json": "{}", "requirements.txt": "", "Procfile": "web: python app.py\n"}
    slug = yard.build(files)
    assert slug.processes[0].runtime == ""
    assert slug.node == ""


def test_function_in_javascript_gets_the_official_runtime(yard: Yard, registry: Registry) -> None:
    files = function("hello", main="")
    del files["main.py"]
    files |= registry.project(main="index.js")
    slug = yard.build(
        {**files, "index.js": "module.exports = async () => 1\n"}, NPM_CONFIG_REGISTRY=""
    )
    (hello,) = slug.processes
    assert (hello.kind, hello.runtime) == ("function", "nodejs")
    layer = yard.deps(slug, "hello")
    runtime = layer / "node_modules/@heroku/sf-fx-runtime-nodejs/package.json"
    assert json.loads(runtime.read_text())["version"] == "0.14.4"
    assert Path(layer / "bin/node").exists()


def test_functions_of_both_languages_live_in_one_project(yard: Yard, registry: Registry) -> None:
    js = registry.project(main="index.js")
    files = {
        "package.json": json.dumps({"scripts": {"start": "jest"}}),
        **function("one", "functions/one"),
        **{f"functions/two/{name}": text for name, text in js.items()},
        "functions/two/project.toml": function("two")["project.toml"].replace("{id}", "two"),
        "functions/two/index.js": "module.exports = async () => 1\n",
    }
    slug = yard.build(files, NPM_CONFIG_REGISTRY="")
    assert {p.name: p.runtime for p in slug.processes} == {"one": "python", "two": "nodejs"}
    assert (yard.deps(slug, "one") / "bin/python").exists()
    assert (yard.deps(slug, "two") / "bin/node").exists()


def test_runtime_that_the_registry_lacks_is_nobodys_fault(yard: Yard, registry: Registry) -> None:
    files = {**function(), **registry.project(main="index.js"), "index.js": ""}
    del files["main.py"]
    with pytest.raises(CannotBuild, match="functions runtime for Node") as refused:
        yard.build(files)
    assert "@heroku/sf-fx-runtime-nodejs" in refused.value.hint
    assert not refused.value.user_error
