"""buildpacks: what is set, shown and handed to the next build."""

from collections.abc import Callable
from pathlib import Path

from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, Project, parsed

Deployed = Callable[[str], None]
URL = "https://example.com/packs/ruby.tar.gz"


def pack(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/compile").write_text("#!/bin/sh\n")
    return folder


def intended(plane: Plane, app: str) -> tuple[str, ...]:
    unit = plane.unit(app)
    assert unit is not None
    return unit.intent.buildpacks


def test_folders_and_addresses_are_set_in_order_and_shown(
    plane: Plane, cli: Cli, tmp_path: Path
) -> None:
    cli("create", "packed")
    assert "sees for itself" in cli("buildpacks", "packed").out
    ran = cli("buildpacks", "packed", "--set", str(pack(tmp_path / "ours")), URL, "-m", "ruby")
    assert (ran.code, ran.err) == (0, "")
    assert "packed: the next deploy runs ours, https://example.com/packs/ruby.tar.gz" in ran.out
    ours, ruby = intended(plane, "packed")
    assert ours.startswith("ours@sha256:")
    assert ruby == URL
    told = parsed(cli("buildpacks", "packed", "--json"))
    assert [(p["ordinal"], p["buildpack"]["name"]) for p in told] == [(0, "ours"), (1, URL)]
    assert cli("buildpacks", "packed", "--clear").code == 0
    assert intended(plane, "packed") == ()


def test_what_cannot_be_a_buildpack_is_refused_and_changes_nothing(
    plane: Plane, cli: Cli, tmp_path: Path
) -> None:
    cli("create", "strict-packs")
    for said, words in (
        (str(tmp_path), "it has no bin/compile"),
        ("/nowhere/at/all", "there is no such folder"),
        ("https://example.com/x.git", "names no tar.gz"),
        ("http://example.com/x.tar.gz", "no https address"),
    ):
        ran = cli("buildpacks", "strict-packs", "--set", said)
        assert ran.code == 2
        assert ran.err.startswith("cannot use buildpack ")
        assert words in ran.err
    assert cli("buildpacks", "strict-packs", "--set", URL, "--clear").code == 2
    assert cli("buildpacks", "strict-packs", "--set", *[URL] * 11).code == 2
    assert cli("buildpacks", "nobody-here", "--set", URL).code == 2
    assert intended(plane, "strict-packs") == ()


def test_why_tells_who_set_them(cli: Cli) -> None:
    cli("create", "told-packs")
    cli("buildpacks", "told-packs", "--set", URL, "-m", "we need ruby")
    told = cli("why", "told-packs", "buildpacks").out
    assert "we need ruby" in told


def test_folder_that_only_buildpacks_understand_is_deployed_with_them(
    plane: Plane, cli: Cli, project: Project
) -> None:
    folder = str(project("odd", shop__txt="x"))
    assert cli("deploy", folder, "-a", "odd").code == 2
    cli("create", "odd")
    cli("buildpacks", "odd", "--set", URL)
    assert cli("plan", folder, "-a", "odd").code == 0
    ran = cli("deploy", folder, "-a", "odd")
    assert ran.code == 0, ran.err


def test_cache_is_purged_by_a_change_of_its_own(plane: Plane, cli: Cli, deployed: Deployed) -> None:
    deployed("cached")
    assert cli("buildpacks", "cached", "--purge-cache").code == 0
    unit = plane.unit("cached")
    assert unit is not None
    assert unit.intent.cache_since_s is not None
    assert parsed(cli("info", "cached", "--json"))["release"]["label"] == "v1"
