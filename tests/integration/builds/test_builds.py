"""Builds with the real uv: what they leave behind, and what they say when they can't."""

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from setpoint.drivers.builders import bytecode
from setpoint.drivers.builders.errors import CannotBuild
from tests.support.building import Entry, Yard, function, packed_entries
from tests.support.wheels import make_wheel

WEB = {"Procfile": "web: python app.py\n", "app.py": "import six\n", "requirements.txt": "six\n"}
NOWHERE = "http://127.0.0.1:9"
"""a proxy that answers nothing"""


def test_web_app_gets_a_layer_its_command_runs_on(yard: Yard) -> None:
    slug = yard.build(WEB)
    (web,) = slug.processes
    assert (web.name, web.kind, web.command) == ("web", "web", "python app.py")
    done = subprocess.run([yard.deps(slug) / "bin/python", "app.py"], cwd=yard.code(slug))
    assert done.returncode == 0
    assert "-----> Python app detected\n" in yard.said
    assert "       1 package, resolved\n" in yard.said


def test_every_app_can_read_layers_and_none_can_write_them(yard: Yard) -> None:
    yard.build(WEB)
    for path in yard.layers.rglob("*"):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        assert mode & 0o022 == 0, path
        assert mode & (0o005 if path.is_dir() else 0o004), path


def test_app_without_requirements_still_finds_python_in_its_layer(yard: Yard) -> None:
    slug = yard.build({"Procfile": "web: python app.py\n", "app.py": ""})
    done = subprocess.run(
        ["python", "-c", "import sys; print(sys.prefix)"],
        env={"PATH": f"{yard.deps(slug)}/bin"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(yard.deps(slug))


def test_code_change_does_not_touch_dependencies(yard: Yard) -> None:
    first = yard.build(WEB)
    before = {p: p.lstat().st_ctime_ns for p in yard.deps(first).rglob("*")}
    second = yard.build({**WEB, "app.py": "import six  # anew\n"}, HTTPS_PROXY=NOWHERE)
    assert second.code != first.code
    assert second.layers == first.layers
    assert {p: p.lstat().st_ctime_ns for p in yard.deps(first).rglob("*")} == before
    assert "as locked before" in yard.said
    assert "is already there" in yard.said


def test_known_lock_installs_without_the_network(yard: Yard) -> None:
    first = yard.build(WEB)
    shutil.rmtree(yard.deps(first))
    second = yard.build(WEB, HTTPS_PROXY=NOWHERE, HTTP_PROXY=NOWHERE)
    assert second.layers == first.layers
    assert (yard.deps(second) / "bin/python").exists()


def test_same_source_is_the_same_slug(yard: Yard) -> None:
    assert yard.build(WEB) == yard.build(dict(reversed(WEB.items())))


def test_unreachable_index_is_nobodys_fault_and_tells_no_password(
    yard: Yard, tmp_path: Path
) -> None:
    yard.cache = tmp_path / "empty-cache"
    with pytest.raises(CannotBuild, match="index cannot be reached") as failed:
        yard.build(
            WEB, UV_DEFAULT_INDEX="http://me:hunter2@127.0.0.1:9/simple", UV_HTTP_RETRIES="0"
        )
    assert not failed.value.user_error
    assert "127.0.0.1:9" in failed.value.told("shop")
    assert "hunter2" not in failed.value.told("shop")


@pytest.mark.parametrize(
    ("requirements", "fact", "tool"),
    [
        ("six==1.15.0\nsix==1.16.0\n", "cannot be satisfied", "six==1.15.0 and six==1.16.0"),
        ("six==99\n", "cannot be satisfied", "no version of six==99"),
        ("setpoint-no-such-thing\n", "the index does not have", "setpoint-no-such-thing"),
        ("flask 2\n", "requirements.txt cannot be read", "flask 2"),
    ],
)
def test_what_cannot_be_resolved_is_told_in_the_tools_own_words(
    yard: Yard, requirements: str, fact: str, tool: str
) -> None:
    with pytest.raises(CannotBuild) as failed:
        yard.build({**WEB, "requirements.txt": requirements})
    told = failed.value.told("shop")
    assert told.startswith("cannot build shop: ")
    assert fact in told.splitlines()[0]
    assert tool in told
    assert str(yard.folder) not in told
    assert failed.value.user_error
    assert not any((yard.layers / "code").iterdir())


def test_hash_of_the_project_itself_is_held_to(yard: Yard) -> None:
    wrong = "six==1.16.0 --hash=sha256:" + "0" * 64
    with pytest.raises(CannotBuild, match="not the one whose hash"):
        yard.build({**WEB, "requirements.txt": wrong})
    right = (
        "six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
    )
    assert yard.build({**WEB, "requirements.txt": right}).layers


def test_no_code_of_a_dependency_runs_while_it_is_installed(yard: Yard, tmp_path: Path) -> None:
    """A .pth line runs in every interpreter of a layer: none of those may run in a build."""
    trace = tmp_path / "it-ran"
    make_wheel(
        tmp_path / "wheels",
        "setpoint_test_eager",
        {"eager.pth": f"import os; open({str(trace)!r}, 'w')\n", "eager.py": ""},
    )
    files = {**WEB, "requirements.txt": "setpoint-test-eager\n"}
    slug = yard.build(files, UV_FIND_LINKS=str(tmp_path / "wheels"))
    assert not trace.exists()
    subprocess.run([yard.deps(slug) / "bin/python", "-c", ""], check=True)
    assert trace.exists()


def test_bytecode_is_there_and_valid_whatever_the_times_of_files(yard: Yard) -> None:
    slug = yard.build(WEB)
    for folder in (yard.code(slug), next(yard.deps(slug).glob("lib/*/site-packages"))):
        compiled = list((folder / "__pycache__").glob("*.pyc"))
        assert compiled
        assert all(int.from_bytes(c.read_bytes()[4:8], "little") == 1 for c in compiled)


def test_code_that_does_not_compile_is_found_out_when_it_is_imported(yard: Yard) -> None:
    slug = yard.build({**WEB, "app.py": "def broken(:\n"})
    assert (yard.code(slug) / "app.py").read_text() == "def broken(:\n"


def test_source_made_to_eat_memory_is_left_uncompiled(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bytecode, "MEMORY_BYTES_MAX", 200 * 1024 * 1024)
    greedy = f"x = [{'1,' * 3_000_000}]\n"
    slug = yard.build({"Procfile": "web: python app.py\n", "app.py": "", "greedy.py": greedy})
    assert list(yard.code(slug).rglob("app.*.pyc"))
    assert not list(yard.code(slug).rglob("greedy.*.pyc"))


def test_what_slugignore_names_is_in_no_layer_and_decides_nothing(yard: Yard) -> None:
    files = {
        **WEB,
        ".slugignore": "# not for the slug\n/docs/\n*.psd\nPipfile\nnothing-like-it\n",
        "docs/deep/a.txt": "a",
        ".hidden/b.psd": "b",
        "Pipfile": "would be refused",
    }
    slug = yard.build(files)
    left = {p.name for p in yard.code(slug).rglob("*") if "__pycache__" not in p.parts}
    assert left == {"Procfile", "app.py", "requirements.txt", ".slugignore", ".hidden"}
    assert "-----> Left out what .slugignore names: 3 files and folders\n" in yard.said


def test_slugignore_follows_no_link(yard: Yard, tmp_path: Path) -> None:
    entries: list[Entry] = [
        *((name, tarfile.REGTYPE, text) for name, text in WEB.items()),
        (".slugignore", tarfile.REGTYPE, "shortcut\n"),
        ("data/kept.txt", tarfile.REGTYPE, "kept"),
        ("shortcut", tarfile.SYMTYPE, "data"),
    ]
    code = yard.code(yard.build_archive(packed_entries(entries)))
    assert (code / "data/kept.txt").read_text() == "kept"
    assert not (code / "shortcut").is_symlink()


# --- functions ---------------------------------------------------------------------------------


def test_function_gets_the_official_runtime_beside_its_own_requirements(yard: Yard) -> None:
    slug = yard.build(function(requirements="six\nstarlette<9999\n"))
    (hello,) = slug.processes
    assert (hello.name, hello.kind, hello.runtime, hello.folder) == (
        *("hello", "function", "python", ""),
    )
    ask = (
        "from importlib.metadata import version as v; import six; print(v('salesforce-functions'))"
    )
    done = subprocess.run(
        [yard.deps(slug, "hello") / "bin/python", "-c", ask], capture_output=True, text=True
    )
    assert done.stdout == "0.6.0\n", done.stderr


def test_pin_that_the_runtime_replaces_is_a_warning_on_the_release(yard: Yard) -> None:
    slug = yard.build(function(requirements="salesforce-functions==0.5.0\n"))
    assert slug.warnings[-1] == (
        "requirements.txt asks for salesforce-functions==0.5.0; "
        "the Python functions runtime gets salesforce-functions==0.6.0"
    )
    assert f" !     Warning: {slug.warnings[-1]}\n" in yard.said


def test_functions_and_a_procfile_share_what_is_equal_and_nothing_else(yard: Yard) -> None:
    slug = yard.build(
        {**WEB, **function("one", "functions/one"), **function("two", "functions/two")}
    )
    layers = {p.name: p.layer for p in slug.processes}
    assert list(layers) == ["web", "one", "two"]
    assert layers["one"] == layers["two"] != layers["web"]
    one = slug.process("one")
    assert one is not None
    assert one.folder == "functions/one"


# --- projects that are none --------------------------------------------------------------------


def cron(*schedules: str) -> dict[str, str]:
    """A project that asks for one command at these times."""
    entries = [{"schedule": schedule, "command": "python nightly.py"} for schedule in schedules]
    return {"Procfile": "web: x\n", "app.json": json.dumps({"cron": entries})}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"README": "hi"}, "no Procfile, project.toml or functions/ in it"),
        ({"Procfile": "web gunicorn\n"}, "line 1: 'web gunicorn' has no colon"),
        ({"Procfile": "web: a\nweb: b\n"}, "process 'web' is there twice"),
        ({"Procfile": "w\0eb: a\n"}, "Procfile holds zero bytes"),
        ({"project.toml": "[com.salesforce"}, "project.toml: it is not TOML"),
        ({**function("web"), "Procfile": "web: x\n"}, "'web' is named by Procfile and by project"),
        ({"Procfile": "web: npm start\n", "package.json": "{}"}, "there is no package-lock.json"),
        ({"Procfile": "web: x\n", "Gemfile": ""}, "only Python and Node.js apps can be built"),
        (
            {"Procfile": "web: x\n", "Pipfile": ""},
            "but only requirements.txt, uv.lock and pyproject.toml are read",
        ),
        ({"Procfile": "web: x\n", "requirements.txt": "-e .\n"}, "editable installs"),
        (cron("at noon"), "app.json: cron[0].schedule: 'at noon' is no schedule"),
        (cron("61 * * * *"), "app.json: cron[0].schedule: '61 * * * *' is no schedule"),
        (cron("0 0 30 2 *"), "app.json: cron[0].schedule: '0 0 30 2 *' is no schedule"),
        (cron("0 3 * * *", "@daily", "0  3 * * *"), "app.json: cron[2]: it repeats [0]"),
        (cron("@daily", "0 0 * * *"), "app.json: cron[1]: it repeats [0]"),
        ({"Procfile": "web: x\n", "app.json": "{"}, "app.json: it is not JSON"),
    ],
)
def test_project_that_cannot_be_built_is_refused_before_anything_is_installed(
    yard: Yard, files: dict[str, str], words: str
) -> None:
    with pytest.raises(CannotBuild) as failed:
        yard.build(files)
    assert words in failed.value.told("shop")
    assert failed.value.user_error
    assert not (yard.layers / "deps").exists()


def test_wish_for_another_python_is_a_warning(yard: Yard) -> None:
    slug = yard.build({**WEB, ".python-version": "3.6\n"})
    assert slug.warnings[0].startswith(
        ".python-version asks for Python 3.6; this machine offers 3."
    )


def test_only_what_the_operator_set_reaches_the_tool(yard: Yard) -> None:
    """Were this passed on, uv would look nowhere and find nothing."""
    shutil.rmtree(yard.cache, ignore_errors=True)
    slug = yard.build(WEB, UV_NO_INDEX="1", PIP_INDEX_URL=NOWHERE, UV_OFFLINE="1")
    assert os.listdir(yard.deps(slug) / "bin")
