"""Two people on one real Setpoint, each with Heroku's own command line in a home of their own."""

import re
import ssl
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPSHandler, build_opener

import pytest

from tests.acceptance.plane import Plane
from tests.support.heroku import OLDER, Heroku, needs_heroku

EMAIL = "ana@example.com"


@pytest.fixture(scope="module")
def password(plane: Plane) -> str:
    return plane.ok("users", "--add", EMAIL, "--json").json["password"]


@pytest.fixture
def ana(plane: Plane, tmp_path: Path, password: str) -> Heroku:
    """Signed in as somebody who would."""
    needs_heroku()
    ana = Heroku(plane, tmp_path, signed_in=False)
    code, shown = ana.typed(["login", "-i"], [("Email", EMAIL), ("Password", password)])
    assert code == 0, shown
    assert password not in shown
    return ana


def test_one_sees_what_one_was_let_and_does_what_the_role_says(
    plane: Plane, ana: Heroku, tmp_path: Path
) -> None:
    boss = Heroku(plane, tmp_path / "boss")
    boss.home.mkdir()
    plane.ok("create", "shared")
    assert ana.ok("whoami").strip() == EMAIL
    assert "shared" not in ana.ok("apps")
    assert "no such app" in ana.cli("info", "-a", "shared").err

    told = boss.ok("access:add", EMAIL, "-a", "shared", "-p", "view")
    if boss.major in OLDER:  # which send no permissions, whatever is said
        assert "may operate 'shared' now" in re.sub(r"\s+(›\s+)?", " ", told)
        plane.ok("access", "shared", "--add", EMAIL, "--role", "view")
    assert "shared" in ana.ok("apps")
    ana.ok("logs", "-a", "shared")
    refused = ana.cli("config:set", "A=1", "-a", "shared")
    assert refused.code == 2
    assert "this needs 'deploy'" in re.sub(r"\s+(›\s+)?", " ", refused.err)

    if boss.major in OLDER:  # which would do so to a team's app only
        plane.ok("access", "shared", "--add", EMAIL, "--role", "deploy")
    else:
        boss.ok("access:update", EMAIL, "-a", "shared", "-p", "deploy")
    ana.ok("config:set", "A=1", "-a", "shared")
    told = boss.ok("access", "-a", "shared")
    shown = "" if boss.major in OLDER else "deploy, view"  # which show those of a team's app only
    assert re.search(rf"{EMAIL}\s+collaborator\s+{shown}", told)
    assert re.search(rf"{EMAIL}\s+deploy", plane.ok("access", "shared").out)
    assert "ana@example.com" in plane.ok("log", "shared").out

    boss.ok("access:remove", EMAIL, "-a", "shared")
    assert "no such app" in ana.cli("info", "-a", "shared").err
    plane.ok("destroy", "shared", "--confirm", "shared")


def test_who_pushes_to_what_is_hidden_learns_that_the_name_is_taken(
    plane: Plane, ana: Heroku
) -> None:
    plane.ok("create", "hidden-shop")
    taken = ana.cli("create", "hidden-shop")
    assert (taken.code, "the name is taken" in taken.err) == (2, True)
    plane.ok("destroy", "hidden-shop", "--confirm", "hidden-shop")


def test_tokens_are_made_listed_rotated_and_revoked(plane: Plane, ana: Heroku) -> None:
    words = ("authorizations:create", "-d", "figures", "-s", "read", "-e", "3600", "--short")
    token = ana.cli(*words).out.strip()
    reading = {"SETPOINT_API_KEY": token}
    assert plane.cli("apps", env=reading).code == 0
    refused = plane.cli("create", "not-with-that", env=reading)
    assert (refused.code, "this needs 'write'" in refused.err) == (2, True)
    listed = ana.ok("authorizations")
    assert token not in listed
    (id,) = re.findall(r"figures\s+(\S+)\s+read", listed)
    rotated = ana.ok("authorizations:rotate", id)
    assert plane.cli("apps", env=reading).code == 2
    assert (new := re.search(r"Token:\s+(\S+)", rotated)) is not None
    ana.ok("authorizations:revoke", id)
    assert plane.cli("apps", env={"SETPOINT_API_KEY": new[1]}).code == 2


def test_a_session_is_ended_from_elsewhere_and_logout_ends_ones_own(
    plane: Plane, ana: Heroku, tmp_path: Path, password: str
) -> None:
    laptop = Heroku(plane, tmp_path / "laptop", signed_in=False)
    laptop.home.mkdir()
    code, shown = laptop.typed(["login", "-i"], [("Email", EMAIL), ("Password", password)])
    assert code == 0, shown
    key = laptop.ok("auth:token").strip()
    laptop.ok("logout")
    assert plane.cli("apps", env={"SETPOINT_API_KEY": key}).code == 2
    own = ana.ok("auth:token").strip()
    for id in re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", ana.ok("sessions")):
        ana.cli("sessions:destroy", id)
    assert plane.cli("apps", env={"SETPOINT_API_KEY": own}).code == 2


def test_members_of_the_team_are_the_accounts(plane: Plane, tmp_path: Path) -> None:
    needs_heroku()
    boss = Heroku(plane, tmp_path)
    told = boss.ok("members:add", "bo@example.com", "-r", "member", "-t", "setpoint")
    assert "setpoint users --password bo@example.com" in re.sub(r"\s+(›\s+)?", " ", told)
    assert re.search(r"bo@example.com\s+member", boss.ok("members", "-t", "setpoint"))
    boss.ok("members:set", "bo@example.com", "-r", "admin", "-t", "setpoint")
    assert re.search(r"bo@example.com\s+administrator", plane.ok("users").out)
    boss.ok("members:remove", "bo@example.com", "-t", "setpoint")
    assert "bo@example.com" not in plane.ok("users").out


def test_apps_are_the_team_s_and_what_it_cannot_do_is_told_in_words(
    plane: Plane, tmp_path: Path
) -> None:
    needs_heroku()
    boss = Heroku(plane, tmp_path)

    def refused(*words: str) -> str:
        ran = boss.cli(*words)
        assert ran.code != 0, (words, ran.out, ran.err)
        return re.sub(r"\s+(›\s+)?", " ", ran.err)

    assert re.search(r"setpoint\s+admin", boss.ok("teams"))
    boss.ok("create", "of-the-team", "--no-remote", "--team", "setpoint")
    assert "of-the-team" in boss.ok("apps", "--team", "setpoint")
    assert "of-the-team" in boss.ok("apps", "--all")
    assert "there is one team here" in refused("create", "no-app", "--team", "acme")
    assert "there is only setpoint" in refused("apps", "--team", "acme")
    assert "there is only setpoint" in refused("members", "-t", "acme")
    assert "there is only setpoint" in refused("members:add", EMAIL, "-r", "admin", "-t", "acme")
    assert "no such role" in refused("members:set", EMAIL, "-r", "viewer", "-t", "setpoint")
    assert "stays with who created it" in refused("apps:transfer", EMAIL, "-a", "of-the-team")
    assert "stays with who created it" in refused("apps:transfer", "acme", "-a", "of-the-team")
    assert "nobody joins an app by themselves" in refused("apps:lock", "-a", "of-the-team")
    assert "no-app" not in boss.ok("apps")
    plane.ok("destroy", "of-the-team", "--confirm", "of-the-team")


def test_one_signs_in_by_a_browser(plane: Plane, tmp_path: Path, password: str) -> None:
    """The page that Heroku's program opens is fetched and filled in as a browser would."""
    needs_heroku()
    ana = Heroku(plane, tmp_path, signed_in=False)
    headless = {"HEROKU_TESTING_HEADLESS_LOGIN": "1", "BROWSER": "true"}
    page = re.compile(r"https://localhost:\d+/auth/browser/[\w-]+")
    code, shown = ana.typed(
        ["login"],
        [("Press any key", "y")],
        env=headless,
        seen=(page, lambda url: signed_in_at(plane, url, EMAIL, password)),
    )
    assert code == 0, shown
    assert ana.ok("whoami").strip() == EMAIL
    ana.ok("logout")
    if ana.forgets:
        assert "not logged in" in ana.cli("whoami").err


def signed_in_at(plane: Plane, url: str, email: str, password: str) -> None:
    trust = ssl.create_default_context(cafile=str(plane.data / "tls" / "ca.pem"))
    jar = CookieJar()
    browser = build_opener(HTTPSHandler(context=trust), HTTPCookieProcessor(jar))
    text = browser.open(url, timeout=30).read().decode()
    csrf = re.search(r'name="csrf" value="([^"]+)"', text)
    assert csrf is not None
    said = urlencode({"csrf": csrf[1], "email": email, "password": password}).encode()
    done = browser.open(url, said, timeout=30).read().decode()
    assert f"signed in as {email}" in done
