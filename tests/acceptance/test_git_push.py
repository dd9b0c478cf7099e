"""`git push` as a user of Heroku does it: the real git, the real `heroku` for its credentials."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.plane import Plane, until
from tests.support.heroku import Heroku, needs_heroku
from tests.support.repository import NOBODY, Repository, started

Make = Callable[[str], Repository]


@pytest.fixture(scope="module")
def heroku(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Heroku:
    needs_heroku()
    found = Heroku(plane, tmp_path_factory.mktemp("heroku"))
    found.ok("apps")  # it tells git of itself whenever it is run
    return found


@pytest.fixture
def repository(heroku: Heroku, tmp_path: Path) -> Make:
    """For an app of this name, that is its remote `heroku`."""

    def make(app: str) -> Repository:
        made = started(heroku, tmp_path / app)
        made.ok("remote", "add", "heroku", made.url(app))
        return made

    return make


def built(shop: Repository) -> "subprocess.Popen[bytes]":
    """A push whose build has succeeded, and that waits for it to serve."""
    client = subprocess.Popen(
        shop.heroku.argv("git", "-C", str(shop.folder), "push", "heroku", "main"),
        env=shop.heroku.env(NOBODY),
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert client.stderr is not None
    while b"Build succeeded" not in (line := client.stderr.readline()):
        assert line, "the push has ended"
    return client


def test_a_push_creates_the_app_builds_it_before_ones_eyes_and_serves(
    plane: Plane, repository: Make
) -> None:
    shop = repository("pushed")
    bet = "Bet: fairs sell\nWrong-If: nobody comes\nRevisit: 30d\n"
    message = f"Open the shop\n\nGrüße an alle.\n\nSee: https://example.com/7\n{bet}"
    commit = shop.commit(message=message)
    told = shop.ok("push", "heroku", "main")
    assert "remote: -----> Created pushed" in told
    assert "remote: -----> Build succeeded" in told
    assert "remote: -----> Released v1" in told
    assert "remote: -----> no history to predict it from" in told
    assert re.search(r"remote: +live after [0-9.]+ m?s", told)
    assert re.search(r"\* \[new branch\] +main -> main", told)
    assert plane.get("pushed").status == 200
    (release,) = plane.ok("releases", "pushed", "--json").json
    assert release["commit"] == commit
    assert release["description"] == f"Deploy {commit[:8]}"
    (newest,) = plane.api("GET", "/v1/changes?app=pushed&limit=1").json
    asked = newest["change"]["asked"]
    assert (asked["via"], asked["why_source"]) == ("git", "commit")
    assert asked["why"].startswith("Open the shop\n\nGrüße an alle.")
    assert asked["links"] == ["https://example.com/7"]
    bets = plane.api("GET", "/v1/decisions?app=pushed").text
    assert "fairs sell" in bets, "trailers count as they do anywhere"
    assert "Everything up-to-date" in shop.ok("push", "heroku", "main")


def test_a_second_push_deploys_the_change_with_the_reason_it_was_pushed_with(
    plane: Plane, repository: Make
) -> None:
    shop = repository("again")
    shop.commit()
    shop.ok("push", "heroku", "main")
    shop.commit({"notes.txt": "more"}, "Not this")
    shop.ok("push", "-o", "why=der Markt ist am Samstag", "heroku", "main")
    (newest,) = plane.api("GET", "/v1/changes?app=again&limit=1").json
    asked = newest["change"]["asked"]
    assert (asked["why"], asked["why_source"]) == ("der Markt ist am Samstag", "flag")
    assert plane.ok("releases", "again", "--json").json[0]["version"] == 2


def test_a_build_that_fails_rejects_the_push_and_what_served_serves_on(
    plane: Plane, repository: Make
) -> None:
    shop = repository("broken")
    shop.commit()
    shop.ok("push", "heroku", "main")
    shop.commit({"requirements.txt": "no such requirement ==\n"}, "Break it")
    pushed = shop.git("push", "heroku", "main")
    assert pushed.code == 1
    assert "cannot deploy 'broken': the build failed" in pushed.err
    assert "[remote rejected] main -> main (pre-receive hook declined)" in pushed.err
    assert plane.get("broken").status == 200
    again = shop.git("push", "heroku", "main")
    assert again.code == 1, "it is built anew, and fails anew"
    shop.ok("reset", "--hard", "--quiet", "HEAD~")
    shop.commit({"notes.txt": "mended"}, "Mend it")
    shop.ok("push", "heroku", "main")


def test_what_is_built_and_does_not_run_rejects_the_push_too(
    plane: Plane, repository: Make
) -> None:
    shop = repository("lame")
    shop.commit({"Procfile": "web: echo no, not today; exit 3\n"})
    pushed = shop.git("push", "heroku", "main")
    assert pushed.code == 1
    assert "it was built, but does not run" in pushed.err
    assert "nothing serves yet" in pushed.err


def test_other_branches_and_tags_are_kept_and_said_not_to_be_deployed(
    plane: Plane, repository: Make
) -> None:
    shop = repository("branches")
    shop.commit()
    told = shop.ok("push", "heroku", "main:feature")
    assert "feature is kept and not deployed: only main and master are" in told
    assert plane.ok("releases", "branches", "--json").json == []
    shop.ok("tag", "v9")
    assert "tags/v9 is kept and not deployed" in shop.ok("push", "heroku", "v9")
    assert "Released v1" in shop.ok("push", "heroku", "main:master", "main:other")
    assert "is removed" in shop.ok("push", "heroku", ":feature")
    refused = shop.git("push", "heroku", ":master")
    assert refused.code == 1
    assert "it is what is deployed" in refused.err


def test_an_unrelated_history_needs_force(repository: Make) -> None:
    shop = repository("related")
    shop.commit()
    shop.ok("push", "heroku", "main")
    shop.ok("checkout", "--quiet", "--orphan", "fresh")
    shop.commit({"notes.txt": "from scratch"}, "Begin again")
    refused = shop.git("push", "heroku", "fresh:main")
    assert refused.code == 1
    assert "[rejected]" in refused.err
    assert "Released v2" in shop.ok("push", "--force", "heroku", "fresh:main")


def test_of_two_pushes_at_once_one_is_told_of_the_other(repository: Make) -> None:
    shop = repository("twice")
    slow = 'web: sh -c "sleep 10; exec python3 -m http.server $PORT"\n'
    shop.commit({"Procfile": slow})
    first = subprocess.Popen(
        shop.heroku.argv("git", "-C", str(shop.folder), "push", "heroku", "main"),
        env=shop.heroku.env(NOBODY),
        stderr=subprocess.PIPE,
    )
    assert first.stderr is not None
    seen = b""
    while b"Build succeeded" not in seen:
        seen += first.stderr.readline()
    shop.commit({"notes.txt": "quicker"}, "Overtake")
    second = shop.git("push", "heroku", "main")
    assert second.code == 1
    # The latter where the first was through by the time the second had been asked for its token.
    assert re.search("another one is under way|somebody else has pushed meanwhile", second.err)
    _, rest = first.communicate(timeout=120)
    assert first.returncode == 0, rest.decode()
    shop.ok("push", "heroku", "main")


def test_a_push_without_a_known_token_is_asked_for_one(plane: Plane, repository: Make) -> None:
    shop = repository("strange")
    shop.commit()
    url = shop.url("strange").replace("https://", "https://me:wrong@")
    refused = shop.git("-c", "credential.helper=", "push", url, "main")
    assert refused.code == 128
    assert "Authentication failed" in refused.err
    assert plane.api("GET", "/apps/strange").status == 404


def test_a_name_that_no_app_can_have_is_refused_before_anything_is_sent(
    repository: Make,
) -> None:
    shop = repository("named")
    shop.commit()
    refused = shop.git("push", shop.url("Not_A_Name"), "main")
    assert refused.code == 128
    assert "remote: cannot create 'Not_A_Name': not a valid app name" in refused.err


def test_names_of_other_letters_arrive_as_they_are(plane: Plane, repository: Make) -> None:
    shop = repository("glyphs")
    shop.commit({"größe/日本.txt": "かな", "n\u0303.txt": "zwei"}, "Für die Größe: 大きさ")
    told = shop.ok("push", "heroku", "main", "main:übung")
    assert "übung is kept and not deployed" in told
    shown = plane.ok("run", "glyphs", "--", "sh", "-c", "cat größe/日本.txt n\u0303.txt").out
    assert "かなzwei" in shown
    (newest,) = plane.api("GET", "/v1/changes?app=glyphs&limit=1").json
    assert newest["change"]["asked"]["why"] == "Für die Größe: 大きさ"


def test_submodules_are_refused_by_name(plane: Plane, repository: Make) -> None:
    shop = repository("modules")
    commit = shop.commit()
    shop.ok("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/other")
    shop.ok("commit", "--quiet", "-m", "With another inside")
    refused = shop.git("push", "heroku", "main")
    assert refused.code == 1
    assert "'vendor/other' is a submodule, and those are not fetched" in refused.err


def test_hostile_trees_are_refused_by_git_itself(plane: Plane, repository: Make) -> None:
    shop = repository("hostile")
    shop.commit()
    blob = shop.ok("hash-object", "-w", "--stdin", stdin=b"#!/bin/sh\ntouch /tmp/owned\n").strip()
    inner = shop.ok("mktree", stdin=f"100755 blob {blob}\tpre-receive\n".encode()).strip()
    for name in (".git", "..", ".GIT"):
        tree = shop.ok("mktree", stdin=f"040000 tree {inner}\t{name}\n".encode()).strip()
        commit = shop.ok("commit-tree", tree, "-m", "Mean no harm").strip()
        refused = shop.git("push", "--force", "heroku", f"{commit}:refs/heads/main")
        assert refused.code == 1, refused.err
        assert "fsck error" in refused.err
    assert plane.ok("releases", "hostile", "--json").json == []


def test_a_link_out_of_the_tree_fails_the_build(repository: Make) -> None:
    shop = repository("links")
    (shop.folder / "passwords").symlink_to("/etc/passwd")
    shop.commit()
    refused = shop.git("push", "heroku", "main")
    assert refused.code == 1
    assert "passwords" in refused.err


def test_hooks_filters_and_attributes_of_a_repository_run_nothing(
    plane: Plane, repository: Make, tmp_path: Path
) -> None:
    shop, mark = repository("inert"), tmp_path / "ran"
    attributes = "*.txt filter=evil export-ignore\n"
    shop.commit({".gitattributes": attributes, "hooks/post-update": f"touch {mark}\n", "a.txt": ""})
    shop.ok("push", "heroku", "main")
    assert not mark.exists()
    repositories = plane.data / "private" / "repositories"
    made = plane.api("GET", "/apps/inert").json["id"]
    assert not (repositories / f"{made}.git" / "hooks").exists()


def test_a_push_that_breaks_off_leaves_no_app_changed_and_is_taken_up_again(
    plane: Plane, repository: Make
) -> None:
    shop = repository("breaks")
    shop.commit({"Procfile": 'web: sh -c "sleep 2; exec python3 -m http.server $PORT"\n'})
    client = built(shop)
    os.killpg(client.pid, signal.SIGKILL)
    client.communicate()
    until(lambda: "cannot take the push" not in shop.git("push", "heroku", "main").err, 60, "on", 1)
    assert len(plane.ok("releases", "breaks", "--json").json) == 1


def test_a_daemon_that_dies_in_a_push_moves_nothing_and_the_next_push_follows_its_deploy(
    plane: Plane, repository: Make
) -> None:
    shop = repository("dies")
    shop.commit({"Procfile": 'web: sh -c "sleep 2; exec python3 -m http.server $PORT"\n'})
    client = built(shop)
    plane.kill("daemon")
    _, rest = client.communicate(timeout=120)
    assert client.returncode != 0
    assert re.search(rb"hung up|RPC failed|early EOF", rest)
    assert "Released v1" in shop.ok("push", "heroku", "main")
    assert len(plane.ok("releases", "dies", "--json").json) == 1


def test_a_daemon_that_ends_in_order_says_so_to_who_pushes(plane: Plane, repository: Make) -> None:
    shop = repository("renewed")
    shop.commit({"Procfile": 'web: sh -c "sleep 4; exec python3 -m http.server $PORT"\n'})
    client = built(shop)
    os.kill(plane.pid("daemon"), signal.SIGTERM)
    _, rest = client.communicate(timeout=120)
    assert client.returncode == 1
    assert b"Setpoint itself is being renewed; the deploy goes on" in rest
    assert "Released v1" in shop.ok("push", "heroku", "main")


def test_what_was_pushed_can_be_cloned(repository: Make, heroku: Heroku, tmp_path: Path) -> None:
    shop = repository("cloned")
    commit = shop.commit()
    shop.ok("push", "heroku", "main:master")
    copy = Repository(heroku, tmp_path / "copy")
    shop.ok("clone", "--quiet", shop.url("cloned"), str(copy.folder))
    assert copy.ok("rev-parse", "HEAD").strip() == commit


def test_a_large_push_in_pieces_arrives_whole(plane: Plane, repository: Make) -> None:
    shop = repository("large")
    (shop.folder / "noise.bin").write_bytes(os.urandom(6 * 1024 * 1024))
    shop.commit()
    assert "Released v1" in shop.ok("push", "heroku", "main")


def test_the_repository_goes_with_its_app(plane: Plane, repository: Make) -> None:
    shop = repository("gone-soon")
    shop.commit()
    shop.ok("push", "heroku", "main")
    made = plane.api("GET", "/apps/gone-soon").json["id"]
    kept = plane.data / "private" / "repositories" / f"{made}.git"
    assert kept.is_dir()
    plane.ok("destroy", "gone-soon", "--confirm", "gone-soon")
    os.kill(plane.pid("daemon"), signal.SIGTERM)  # it looks when it starts, and now and then
    until(lambda: not kept.exists(), 60, "the repository is removed")
