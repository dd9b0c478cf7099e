"""Each kind of app the builder knows, through the whole of Setpoint: deployed, asked, woken."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uv

from tests.acceptance.plane import Plane, until

STALLED = 3
Make = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        return tmp_path / "project"

    return make


def test_a_static_site_serves_rests_and_wakes(plane: Plane, make: Make) -> None:
    site = make(
        {
            "static.json": '{"root": "dist", "error_page": "404.html"}',
            "dist/index.html": "<h1>hello</h1>",
            "dist/404.html": "lost",
            "dist/.env": "SECRET=1",
        }
    )
    plane.ok("deploy", str(site), "-a", "handbook")
    first = plane.get("handbook")
    assert (first.status, first.text) == (200, "<h1>hello</h1>")
    assert plane.get("handbook", headers={"If-None-Match": first.headers["etag"]}).status == 304
    assert plane.get("handbook", "/no").text == "lost"
    assert plane.get("handbook", "/.env").status == 404
    assert plane.get("handbook", "/..%2f..%2fetc/passwd").status in (400, 404)
    plane.ok("scale", "handbook", "web=0..1", "--idle", "1")
    until(lambda: not plane.info("handbook")["dynos"], 60, "the site rests")
    assert plane.get("handbook").text == "<h1>hello</h1>"


def test_a_project_with_a_lock_of_uv_runs_on_what_it_names(plane: Plane, make: Make) -> None:
    project = make(
        {
            "Procfile": "web: python app.py\n",
            "pyproject.toml": '[project]\nname = "locked"\nversion = "1"\n'
            'requires-python = ">=3.11"\ndependencies = ["six==1.16.0"]\n',
            "app.py": "import http.server, os, six\n"
            "class H(http.server.BaseHTTPRequestHandler):\n"
            "    def do_GET(self):\n"
            "        self.send_response(200)\n"
            "        self.end_headers()\n"
            "        self.wfile.write(six.__version__.encode())\n"
            "http.server.HTTPServer(('', int(os.environ['PORT'])), H).serve_forever()\n",
        }
    )
    subprocess.run([uv.find_uv_bin(), "lock", "-q"], cwd=project, check=True)
    plane.ok("deploy", str(project), "-a", "locked")
    assert plane.get("locked").text == "1.16.0"


SETTINGS = """
import os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = [".localhost"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["django.contrib.staticfiles"]
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "collected"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
"""
URLS = """
from django.http import HttpResponse
from django.templatetags.static import static
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse(static("style.css")))]
"""
DJANGO = {
    "Procfile": "web: gunicorn wsgi -b 0.0.0.0:$PORT\n",
    "requirements.txt": "django>=5.2,<5.3\nwhitenoise>=6\ngunicorn\n",
    "manage.py": "import os, sys\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
    "from django.core.management import execute_from_command_line\n"
    "execute_from_command_line(sys.argv)\n",
    "wsgi.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
    "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
    "settings.py": SETTINGS,
    "urls.py": URLS,
    "assets/style.css": "body { color: red }\n",
}


def test_a_django_app_serves_its_collected_files(plane: Plane, make: Make) -> None:
    project = make(DJANGO)
    failed = plane.cli("deploy", str(project), "-a", "django")
    assert failed.code == STALLED
    assert "to go without: setpoint config django DISABLE_COLLECTSTATIC=1" in failed.err
    assert "KeyError: 'SECRET_KEY'" in failed.err
    assert plane.cli("config", "django", "SECRET_KEY=a-value-nobody-may-see").code == STALLED
    ran = plane.ok("deploy", str(project), "-a", "django")
    assert "Collecting static files: python manage.py collectstatic --noinput" in ran.out
    assert "a-value-nobody-may-see" not in ran.out
    where = plane.get("django").text
    assert where != "/static/style.css"
    assert plane.get("django", where).text == DJANGO["assets/style.css"]


def test_a_buildpack_makes_an_app_that_sources_its_profile(plane: Plane, make: Make) -> None:
    folder = make(
        {
            "pack/bin/detect": "#!/bin/sh\necho Odd\n",
            "pack/bin/compile": "#!/bin/sh\nmkdir -p $1/.profile.d $1/www\n"
            "cp $3/GREETING $1/www/index.html\n"
            "echo 'export FOLDER=$HOME/www' > $1/.profile.d/odd.sh\n",
            "pack/bin/release": "#!/bin/sh\necho 'default_process_types:'\n"
            "echo '  web: exec python3 -m http.server -d $FOLDER $PORT'\n",
            "app/odd.txt": "nothing Setpoint knows",
        }
    )
    plane.ok("create", "odd")
    plane.ok("config", "odd", "GREETING=hello from a buildpack")
    plane.ok("buildpacks", "odd", "--set", str(folder / "pack"))
    ran = plane.ok("deploy", str(folder / "app"), "-a", "odd")
    assert "-----> Odd app detected" in ran.out
    assert plane.get("odd").text == "hello from a buildpack"


def test_a_command_that_is_not_there_is_told_by_deploy(plane: Plane, make: Make) -> None:
    project = make({"Procfile": "web: gunicorn app:app\n", "app.py": ""})
    ran = plane.cli("deploy", str(project), "-a", "nowhere")
    assert ran.code == STALLED
    assert "gunicorn" in ran.err + ran.out
    assert "127" in ran.err or "not found" in ran.err, ran.err
