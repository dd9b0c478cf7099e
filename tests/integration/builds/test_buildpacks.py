"""Classic buildpacks, uploaded and fetched: run in the app's sandbox by a real plane."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from setpoint.drivers.local.recipe import PROFILE
from setpoint.drivers.outbound import ALLOW
from setpoint.formats import buildpack
from setpoint.model.release import Build, ProcessType
from tests.integration.builds.site import BuildSite, plane_up
from tests.support.building import packed_entries
from tests.support.https import Answer, Https, served

BUILD_S = 60.0
CONFIG = {"TOKEN": "hunter2-hunter2", "PATH": "/nowhere", "LANG": "tlh"}

DETECT = '#!/bin/sh\n[ -f "$1/shop.txt" ] && echo Shop\n'
COMPILE = """#!/bin/bash
set -eu
echo "-----> Making a shop"
mkdir -p "$1/.profile.d"
cat "$3/TOKEN" > "$1/token-seen"
ls "$3" | sort | tr '\\n' ' ' > "$1/env-dir"
[ -z "${TOKEN:-}" ]
echo "$(cat "$2/times" 2>/dev/null)x" > "$2/times"
cp "$2/times" "$1/times"
echo 'export SHOP_HOME=$HOME/shop' > "$1/.profile.d/shop.sh"
echo 'export MADE_BY=first' > "$(dirname "$(dirname "$0")")/export"
"""
RELEASE = """#!/bin/sh
cat <<'END'
---
config_vars:
  GREETING: it's hello
default_process_types:
  web: echo "$SHOP_HOME, $GREETING"
  tick: ./tick
END
"""
SHOP = {"bin/detect": DETECT, "bin/compile": COMPILE, "bin/release": RELEASE}
SECOND = {
    "bin/detect": "#!/bin/sh\necho Second\n",
    "bin/compile": '#!/bin/sh\necho "$MADE_BY" > "$1/seen-by-second"\n',
}


def archived(files: Mapping[str, str], prefix: str = "", mode: int = 0o755) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size, member.mode = len(text.encode()), mode
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


@dataclass
class Site(BuildSite):
    """A plane that may fetch buildpacks from `web`."""

    web: Https = field(kw_only=True)

    def pack(self, files: Mapping[str, str], name: str = "shop", **more) -> str:
        return buildpack.named(name, self.upload(archived(files, **more)))

    def built(self, files: Mapping[str, str], *packs: str, app: str = "app") -> Build:
        return self.ended(self.ask(app, files, CONFIG, packs))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with (
        tempfile.TemporaryDirectory(prefix="sp-") as folder,
        served(Path(folder)) as web,
        pytest.MonkeyPatch.context() as patch,
    ):
        Path(folder).chmod(0o755)  # the builder's user reads the authority
        patch.setenv("SSL_CERT_FILE", str(web.authority))
        patch.setenv(ALLOW, "127.0.0.0/8, ::1/128")
        with plane_up() as plane:
            yield Site(plane, BUILD_S, web=web)


def test_what_buildpacks_leave_behind_is_the_slug(site: Site) -> None:
    build = site.built(
        {"shop.txt": "", "data/a": "a", "Procfile": "web: x"},
        site.pack(SHOP),
        site.pack(SECOND, "two"),
    )
    code = site.code(build)
    assert (code / "token-seen").read_text() == CONFIG["TOKEN"]
    assert (code / "env-dir").read_text() == "LANG PATH TOKEN "
    assert (code / "seen-by-second").read_text() == "first\n"
    assert (code / "data/a").read_text() == "a"
    assert not (code / ".setpoint").exists()
    assert build.slug is not None
    said = site.said(build)
    assert "-----> Building with shop, two\n" in said
    assert "       -----> Shop app detected\n" in said
    assert "       -----> Making a shop\n" in said
    assert CONFIG["TOKEN"] not in said


def test_last_buildpack_names_processes_and_a_procfile_wins(site: Site) -> None:
    files = {"shop.txt": "", "Procfile": "tick: ./other\nweb2: x\n"}
    build = site.built(files, site.pack(SECOND, "two"), site.pack(SHOP))
    assert build.slug is not None, build.message
    assert build.slug.processes == (
        ProcessType("tick", "worker", "./other", runtime="buildpack"),
        ProcessType("web2", "worker", "x", runtime="buildpack"),
        ProcessType("web", "web", 'echo "$SHOP_HOME, $GREETING"', runtime="buildpack"),
    )


def test_profile_is_sourced_and_the_users_config_wins(site: Site) -> None:
    build = site.built({"shop.txt": ""}, site.pack(SHOP))
    assert build.slug is not None, build.message
    web = build.slug.process("web")
    assert web is not None

    def says(**more: str) -> str:
        return subprocess.run(
            ["/bin/bash", "-c", PROFILE, web.command],
            cwd=site.code(build),
            env={"HOME": "/app", "PATH": "/usr/bin:/bin", **more},
            capture_output=True,
            text=True,
        ).stdout

    assert says() == "/app/shop, it's hello\n"
    assert says(GREETING="mine") == "/app/shop, mine\n"


def test_cache_is_kept_from_build_to_build(site: Site) -> None:
    pack = site.pack(SHOP)
    one = site.built({"shop.txt": "1"}, pack, app="cached")
    two = site.built({"shop.txt": "2"}, pack, app="cached")
    assert [(site.code(b) / "times").read_text() for b in (one, two)] == ["x\n", "xx\n"]


def test_buildpack_is_fetched_once_per_build(site: Site) -> None:
    site.web.answers["/pack.tar.gz"] = Answer(archived(SHOP, prefix="pack-main/"))
    build = site.built({"shop.txt": ""}, site.web.url("/pack.tar.gz"))
    assert build.status == "succeeded", build.message
    assert site.web.asked.count("/pack.tar.gz") == 1
    assert f"-----> Fetching {site.web.url('/pack.tar.gz')}\n" in site.said(build)


@pytest.mark.parametrize(
    ("pack", "words"),
    [
        ({"bin/detect": DETECT}, "buildpack shop holds no bin/compile"),
        ({"bin/compile": COMPILE}, "1-shop is no buildpack: it has no bin/detect"),
        ({**SHOP, "bin/detect": "#!/bin/sh\nexit 1\n"}, "1-shop is not for this app"),
        ({**SHOP, "bin/compile": "#!/bin/sh\necho oh no; exit 3\n"}, "oh no"),
        ({**SHOP, "bin/release": "#!/bin/sh\necho '- a'\n"}, "cannot read what bin/release says"),
        (
            {**SHOP, "bin/release": "#!/bin/sh\n"},
            "its buildpacks name no process, and there is no Procfile",
        ),
        (
            {**SHOP, "bin/compile": "#!/bin/sh\nln -s /etc/passwd $1/x\n"},
            "the link leaves what",
        ),
        (
            {**SHOP, "bin/compile": "#!/bin/sh\nexec 3<>/dev/tcp/1.1.1.1/80 || curl http://x.y\n"},
            "failed",
        ),
    ],
)
def test_buildpack_that_fails_fails_the_build(site: Site, pack: dict[str, str], words: str) -> None:
    build = site.built({"shop.txt": ""}, site.pack(pack), app="failing")
    assert (build.status, build.user_error) == ("failed", True)
    assert words in build.message
    assert str(site.plane.folder) not in build.message


def test_program_that_may_not_be_run_is_named(site: Site) -> None:
    build = site.built({"shop.txt": ""}, site.pack(SHOP, mode=0o644))
    assert "bin/detect of 1-shop may not be run: make it executable" in build.message


def test_hostile_archives_of_buildpacks_are_refused(site: Site) -> None:
    def told(content: bytes) -> str:
        pack = buildpack.named("bad", site.upload(content))
        build = site.built({"shop.txt": ""}, pack, app="hostile")
        assert (build.status, build.user_error) == ("failed", True)
        return build.message

    bomb = archived({**SHOP, "zeros": "\0" * 64 * 1024 * 1024})
    assert "buildpack bad grows more than 200-fold when unpacked" in told(bomb)
    assert "the path leaves buildpack bad" in told(archived({"../../evil": ""}))
    link = packed_entries([("bin/compile", tarfile.SYMTYPE, "/bin/sh")])
    assert "the link leaves buildpack bad" in told(link)
    twice = archived(SHOP)[:-30]
    assert "buildpack bad is not a readable tar.gz" in told(twice)


def test_address_that_gives_nothing_usable(site: Site) -> None:
    site.web.answers["/text.tar.gz"] = Answer(b"<html>")
    build = site.built({"shop.txt": ""}, site.web.url("/text.tar.gz"))
    assert "buildpack text is not a readable tar.gz" in build.message
    build = site.built({"shop.txt": ""}, site.web.url("/nowhere.tar.gz"))
    assert (build.user_error, "it answers 404" in build.message) == (True, True)
    build = site.built({"shop.txt": ""}, "https://169.254.169.254/meta.tar.gz")
    assert "169.254.169.254 is not a public address" in build.message
