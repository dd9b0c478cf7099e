"""pyproject.toml, with and without a uv.lock: what is installed, and what is refused and how."""

import contextlib
import subprocess
from pathlib import Path

import pytest
import uv as uv_package
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.drivers.builders import pyproject, uv_lock
from setpoint.drivers.builders.errors import CannotBuild
from tests.support.building import Yard

WEB = {"Procfile": "web: python app.py\n", "app.py": "import six\n"}
SIX = "six==1.16.0"


def project(*depends: str, more: str = "", python: str = ">=3.11") -> str:
    listed = ", ".join(f'"{line}"' for line in depends)
    return (
        f'[project]\nname = "My_Shop"\nversion = "1"\nrequires-python = "{python}"\n'
        f"dependencies = [{listed}]\n{more}"
    )


@pytest.fixture
def locked(tmp_path: Path, uv_cache: Path):
    """A project's files with the lock that uv writes for it."""

    def lock(pyproject: str) -> dict[str, str]:
        folder = tmp_path / "locking"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(pyproject)
        subprocess.run(
            [uv_package.find_uv_bin(), "lock", "-q", "--cache-dir", str(uv_cache)],
            cwd=folder,
            check=True,
        )
        return {**WEB, "pyproject.toml": pyproject, "uv.lock": (folder / "uv.lock").read_text()}

    return lock


def refusal(yard: Yard, files: dict[str, str]) -> str:
    with pytest.raises(CannotBuild) as failed:
        yard.build(files)
    assert failed.value.user_error
    return failed.value.told("shop")


def version_of_six(yard: Yard, slug) -> str:
    ask = "import six; print(six.__version__)"
    done = subprocess.run(
        [yard.deps(slug) / "bin/python", "-c", ask], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


# --- uv.lock -------------------------------------------------------------------------------------


def test_lock_is_installed_without_groups_and_without_the_project(yard: Yard, locked) -> None:
    slug = yard.build(locked(project(SIX, more='[dependency-groups]\ndev = ["idna"]\n')))
    assert version_of_six(yard, slug) == "1.16.0"
    assert "-----> Installing uv.lock with uv\n       1 package, resolved\n" in yard.said
    assert slug.warnings == ()


def test_hashes_of_the_lock_are_held_to(yard: Yard, locked) -> None:
    files = locked(project(SIX))
    lock = files["uv.lock"]
    digests = [part.split('"')[0] for part in lock.split("sha256:")[1:]]
    for digest in digests:
        lock = lock.replace(digest, "0" * 64)
    assert "not the one whose hash" in refusal(yard, {**files, "uv.lock": lock})


def test_lock_that_is_out_of_date_names_what_changed(yard: Yard, locked) -> None:
    files = locked(project(SIX))
    told = refusal(yard, {**files, "pyproject.toml": project("six>=1.16", "flask")})
    assert told.splitlines() == [
        "cannot build shop: uv.lock is out of date: pyproject.toml changed for flask, six",
        "run `uv lock`, and deploy the uv.lock it writes",
    ]


def test_lock_of_equal_needs_in_other_words_is_in_date(yard: Yard, locked) -> None:
    files = locked(
        project("Six >=1.10, <2", more='[project.optional-dependencies]\nx = ["idna"]\n')
    )
    assert yard.build({**files, "pyproject.toml": project("six<2,>=1.10")}).layers


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ("", "uv.lock does not belong to the pyproject.toml beside it"),
        ("version = 1\n[[package", "uv.lock is not TOML"),
        ("<<<<<<< HEAD\n", "uv.lock is not TOML"),
        ('version = 1\n[[package]]\nname = "other"\nsource = { virtual = "." }\n', "not belong"),
        (
            'version = 1\n[[package]]\nname = "my-shop"\nversion = "1"\n'
            'source = { virtual = "." }\n'
            '[[package]]\nversion = "1"\n',
            "uv.lock cannot be read by uv",
        ),
    ],
)
def test_broken_lock_is_one_line_and_the_next_step(yard: Yard, lock: str, words: str) -> None:
    told = refusal(yard, {**WEB, "pyproject.toml": project(), "uv.lock": lock}).splitlines()
    assert words in told[0]
    assert told[1] in (
        "run `uv lock`, and deploy the uv.lock it writes",
        "mend it, or make it anew",
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('git = "https://example.com/thing?rev=1#abc"', "from git (https://example.com/thing"),
        ('url = "https://example.com/thing.whl"', "from a direct address (https://example.com"),
        ('path = "../thing.whl"', "from a file (../thing.whl)"),
        ('editable = "packages/thing"', "from a folder (packages/thing)"),
    ],
)
def test_what_the_lock_takes_from_elsewhere_is_refused_by_name(
    yard: Yard, source: str, words: str
) -> None:
    lock = (
        'version = 1\nrequires-python = ">=3.11"\n'
        '[[package]]\nname = "my-shop"\nversion = "1"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "thing" }]\n'
        '[package.metadata]\nrequires-dist = [{ name = "thing" }]\n'
        f'[[package]]\nname = "thing"\nversion = "1"\nsource = {{ {source} }}\n'
    )
    told = refusal(yard, {**WEB, "pyproject.toml": project("thing"), "uv.lock": lock})
    assert f"uv.lock takes thing {words}" in told
    assert "use a release of thing from the index" in told


def test_lock_alone_is_refused(yard: Yard) -> None:
    told = refusal(yard, {**WEB, "uv.lock": "version = 1\n"})
    assert "there is a uv.lock, but no pyproject.toml beside it" in told


# --- pyproject.toml ------------------------------------------------------------------------------


def test_dependencies_of_a_project_without_a_lock_are_resolved(yard: Yard) -> None:
    slug = yard.build({**WEB, "pyproject.toml": project("six>=1.15,<1.17")})
    assert version_of_six(yard, slug) == "1.16.0"
    assert "-----> Installing pyproject.toml with uv\n" in yard.said


def test_project_that_is_a_package_is_told_that_it_is_not_installed(yard: Yard) -> None:
    built = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    slug = yard.build({**WEB, "pyproject.toml": project("six", more=built)})
    assert slug.warnings[0].startswith("pyproject.toml makes a package of the project")


def test_settings_of_tools_alone_ask_for_nothing(yard: Yard) -> None:
    slug = yard.build({**WEB, "pyproject.toml": "[tool.ruff]\nline-length = 100\n"})
    assert slug.warnings == ()


def test_requirements_txt_wins_over_the_lists_of_a_pyproject(yard: Yard) -> None:
    files = {**WEB, "requirements.txt": f"{SIX}\n", "pyproject.toml": project("six>=1.17")}
    assert version_of_six(yard, yard.build(files)) == "1.16.0"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"pyproject.toml": "[project"}, "pyproject.toml is not TOML"),
        ({"pyproject.toml": "a = " + "[" * 50_000}, "pyproject.toml is not TOML"),
        ({"pyproject.toml": "[project]\nname = 'a\"\\n[tool]'\n"}, "is no name of a project"),
        ({"pyproject.toml": project("flask 2")}, "'flask 2' is no dependency"),
        (
            {"pyproject.toml": project("a @ git+https://example.com/a")},
            "packages from version control are not supported",
        ),
        (
            {"pyproject.toml": project("a", more='[tool.uv.sources]\na = { path = "../a" }\n')},
            "pyproject.toml takes a from [tool.uv.sources]",
        ),
        ({"pyproject.toml": project("six", python=">=3.99")}, "requires Python >=3.99; this"),
        ({"pyproject.toml": project("six", python="new")}, "'new' is no bound of versions"),
        (
            {"pyproject.toml": '[project]\nname = "a"\ndynamic = ["dependencies"]\n'},
            "leaves its dependencies to be computed",
        ),
        (
            {"pyproject.toml": '[tool.poetry.dependencies]\nsix = "*"\n'},
            "its dependencies are in [tool.poetry] of pyproject.toml",
        ),
        (
            {"poetry.lock": "", "pyproject.toml": "[tool.poetry]\n"},
            "dependencies are in poetry.lock",
        ),
        ({"Pipfile": "", "Pipfile.lock": "{}"}, "its dependencies are in Pipfile.lock"),
        (
            {"requirements.txt": "six\n", "uv.lock": "", "pyproject.toml": project("six")},
            "named in requirements.txt and in uv.lock, and only one of them counts",
        ),
        ({"requirements.txt": "six\n", "poetry.lock": ""}, "requirements.txt and in poetry.lock"),
    ],
)
def test_project_that_cannot_be_read_is_refused(
    yard: Yard, files: dict[str, str], words: str
) -> None:
    assert words in refusal(yard, {**WEB, **files})


# --- which Python --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "warned"),
    [
        (".python-version", "# ours\n3.6\n", "3.6"),
        (".python-version", "3.6.1", "3.6.1"),
        (".python-version", "\ufeff3.6\r\n", "3.6"),
        ("runtime.txt", "python-3.6.4\n", "3.6.4"),
        ("runtime.txt", "python-3.6", "3.6"),
        (".python-version", "3\n", ""),
    ],
)
def test_wish_for_a_python_in_any_form_heroku_knows(
    yard: Yard, name: str, text: str, warned: str
) -> None:
    warnings = yard.build({**WEB, name: text}).warnings
    assert bool(warnings) is bool(warned)
    if warned:
        assert warnings[0].startswith(f"{name} asks for Python {warned}; this machine offers 3.")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (".python-version", "banana\n", "'banana' is no version of Python"),
        (".python-version", "pypy3.10\n", "'pypy3.10' is no version"),
        (".python-version", "3.13\n3.12\n", "it names 2 versions"),
        (".python-version", "\n", "it names no version"),
        (".python-version", "3.13\x1b[2J\n", "is no version"),
        ("runtime.txt", "ruby-3.3\n", "'ruby-3.3' is no version"),
    ],
)
def test_wish_for_a_python_that_nobody_can_read_ends_the_build(
    yard: Yard, name: str, text: str, words: str
) -> None:
    told = refusal(yard, {**WEB, name: text})
    assert f"{name} cannot be read: " in told
    assert words in told
    assert "\x1b" not in told


# --- whatever else may be in there ---------------------------------------------------------------

odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("."),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
keys = ("name", "dynamic", "dependencies", "requires-python", "source", "metadata", "extras")
keys += ("requires-dist", "optional-dependencies", "virtual", "specifier", "marker", "sources")
tables = st.dictionaries(st.sampled_from(keys), odd | st.dictionaries(st.sampled_from(keys), odd))


@given(tables, tables, st.lists(tables, max_size=3) | odd)
@settings(max_examples=200, deadline=None)
def test_no_odd_value_is_anything_but_a_refusal(project, uv, packages) -> None:
    document = {"project": project, "tool": {"uv": uv, "poetry": uv}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyproject.tomllib, "loads", lambda _: document)
        try:
            read = pyproject.read("pyproject.toml", b"")
            pyproject.check_python("pyproject.toml", read.python, "3.11.2")
            pyproject.wanted("pyproject.toml", read)
        except CannotBuild:
            read = pyproject.Project("shop", (), "", frozenset(), False, "")
        root = {"name": read.name, "source": {"virtual": "."}, **uv}
        patch.setattr(pyproject.tomllib, "loads", lambda _: {"package": packages})
        for found in (packages, [root, *packages] if isinstance(packages, list) else [root]):
            patch.setattr(pyproject.tomllib, "loads", lambda _, f=found: {"package": f})
            with contextlib.suppress(CannotBuild):
                uv_lock.check("uv.lock", b"", read)


def test_java_functions_are_left_out_warned_of_and_told_as_a_gap(yard: Yard) -> None:
    toml = '[com.salesforce]\ntype = "function"\nid = "legacy"\nsalesforce-api-version = "53.0"\n'
    folder = "functions/legacy"
    files = {
        "Procfile": "web: python app.py\n",
        "app.py": "",
        f"{folder}/project.toml": toml,
        f"{folder}/pom.xml": "<project/>",
        f"{folder}/system.properties": "# ours\njava.runtime.version=17\n",
    }
    slug = yard.build(files)
    assert [p.name for p in slug.processes] == ["web"]
    (wish,) = slug.unmet
    assert (wish.path, wish.capability) == ("source.java", "java_versions")
    assert (wish.wanted, wish.got) == ("Java 17", "none")
    assert wish.because.startswith(f"{folder}: Java functions have no builder here")
    assert wish.because in slug.warnings
