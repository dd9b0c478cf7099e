"""A small Django app with whitenoise: its static files are collected in the app's sandbox."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from setpoint.model.release import Build
from tests.integration.builds.site import BuildSite, plane_up

BUILD_S = 120.0
SETTINGS = """
import os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.staticfiles"]
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
"""
DJANGO = {
    "Procfile": "web: gunicorn shop.wsgi\n",
    "requirements.txt": "django>=5.2,<5.3\nwhitenoise>=6\n",
    "manage.py": "import os, sys\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    "from django.core.management import execute_from_command_line\n"
    "execute_from_command_line(sys.argv)\n",
    "shop/__init__.py": "",
    "shop/urls.py": "urlpatterns = []\n",
    "shop/settings.py": SETTINGS,
    "assets/style.css": "body { background: url('dot.png') }\n",
    "assets/dot.png": "dot",
}
CONFIG = {"SECRET_KEY": "not-for-anybody-to-read"}


@dataclass
class Site(BuildSite):
    def built(
        self, app: str, files: Mapping[str, str], config: Mapping[str, str] = CONFIG
    ) -> Build:
        return self.ended(self.ask(app, files, config))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with plane_up() as plane:
        yield Site(plane, BUILD_S)


def test_static_files_are_collected_with_the_apps_config(site: Site) -> None:
    build = site.built("shop", DJANGO)
    files = site.code(build) / "staticfiles"
    assert (files / "style.css").is_file()
    assert (files / "staticfiles.json").is_file()
    assert list(files.glob("style.*.css"))
    said = site.said(build)
    assert "-----> Collecting static files: python manage.py collectstatic --noinput\n" in said
    assert "static files copied" in said
    assert said.count("-----> Python app detected") == 1
    assert CONFIG["SECRET_KEY"] not in said
    everything = (site.code(build).rglob("*"), site.plane.paths.builds.rglob("*"))
    for path in (p for found in everything for p in found if p.is_file()):
        assert CONFIG["SECRET_KEY"].encode() not in path.read_bytes(), path


def test_same_files_are_the_same_layer_and_no_other_apps(site: Site) -> None:
    one, again = site.built("shop", DJANGO), site.built("shop", DJANGO)
    other = site.built("other", DJANGO)
    assert site.code(one) == site.code(again) != site.code(other)


def test_failure_ends_the_build_with_the_traceback_and_the_way_round_it(site: Site) -> None:
    build = site.built("shop", DJANGO, {})
    assert (build.status, build.user_error) == ("failed", True)
    lines = build.message.splitlines()
    assert lines[0] == "cannot build shop: `python manage.py collectstatic --noinput` failed"
    assert (
        lines[1] == "to go without: setpoint config shop DISABLE_COLLECTSTATIC=1, and deploy again"
    )
    assert "KeyError: 'SECRET_KEY'" in lines


def test_it_can_be_switched_off_in_config(site: Site) -> None:
    build = site.built("shop", DJANGO, {"DISABLE_COLLECTSTATIC": "1"})
    assert not (site.code(build) / "staticfiles").exists()
    assert "DISABLE_COLLECTSTATIC is set" in site.said(build)


def test_app_without_static_files_is_left_as_it_is(site: Site) -> None:
    bare = SETTINGS.replace('"django.contrib.staticfiles"', "")
    build = site.built("bare", {**DJANGO, "shop/settings.py": bare})
    assert (site.code(build) / "manage.py").is_file()
    assert "No static files to collect" in site.said(build)


def test_manage_py_may_lie_in_a_folder(site: Site) -> None:
    moved = {
        f"src/{name}" if name not in ("Procfile", "requirements.txt") else name: text
        for name, text in DJANGO.items()
    }
    build = site.built("moved", moved)
    assert (site.code(build) / "src/staticfiles/style.css").is_file()


def test_manage_py_without_django_means_nothing(site: Site) -> None:
    build = site.built("plain", {"Procfile": "web: x\n", "manage.py": "raise SystemExit(1)\n"})
    assert "Collecting" not in site.said(build)
    assert build.status == "succeeded"
