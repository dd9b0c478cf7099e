"""Scripts of Node.js projects and their packages: run in the app's own sandbox, by a real plane."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from setpoint.drivers.builders.node import engine
from setpoint.drivers.local.run_stage import SHOWN_BYTES_MAX
from setpoint.formats import control
from setpoint.model.release import Build
from tests.integration.builds.site import BuildSite, plane_up
from tests.support.processes import alive, descendants, running
from tests.support.registry import Registry, served
from tests.support.waiting import until

BUILD_S = 90.0
MIB = 1024 * 1024
PIECE_BYTES_MAX = MIB // 2
"""what one read may add before no more is shown, with what the builder itself says"""
START = {"start": "node server.js"}


@dataclass
class Site(BuildSite):
    """A plane whose operator set a registry."""

    registry: Registry = field(kw_only=True)

    def built(
        self, app: str, files: Mapping[str, str], config: Mapping[str, str] | None = None
    ) -> Build:
        return self.ended(self.ask(app, files, config))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if engine.machines_own(os.environ) is None:
        pytest.skip("this machine has no Node.js of its own")
    with served() as registry, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NPM_CONFIG_REGISTRY", registry.url)
        with plane_up() as plane:
            yield Site(plane, BUILD_S, registry=registry)


def test_build_script_makes_what_the_app_serves(site: Site) -> None:
    site.registry.publish("left")
    site.registry.publish(
        "compiler",
        bin={"compile": "compile.js"},
        files={
            "compile.js": "#!/usr/bin/env node\nrequire('fs').writeFileSync('out.txt', 'made')\n"
        },
    )
    scripts = {**START, "build": "compile && ls node_modules > seen.txt"}
    build = site.built("built", site.registry.project(("left",), ("compiler",), scripts=scripts))
    code = site.code(build)
    assert (code / "out.txt").read_text() == "made"
    assert (code / "seen.txt").read_text() == "compiler\nleft\n"
    assert {p.name for p in (code / "node_modules").glob("[a-z]*")} == {"left"}
    said = site.said(build)
    assert "-----> Running build scripts\n       $ npm run build\n" in said
    assert said.count("-----> Node.js app detected") == 1
    assert said.count("-----> Installing package-lock.json with npm") == 1


def test_build_scripts_see_config_and_run_in_each_build(site: Site) -> None:
    files = site.registry.project(scripts={**START, "build": "echo $API_URL $NODE_ENV > made"})
    one = site.built("vars", files, {"API_URL": "https://one"})
    same = site.built("vars", files, {"API_URL": "https://one"})
    two = site.built("vars", files, {"API_URL": "https://two", "NODE_ENV": "staging"})
    assert (site.code(one) / "made").read_text() == "https://one production\n"
    assert (site.code(two) / "made").read_text() == "https://two staging\n"
    assert site.code(one) == site.code(same)
    assert "Running build scripts" in site.said(same)


def test_install_script_that_the_project_forbids_does_not_run(site: Site) -> None:
    for name in ("wanted", "unwanted"):
        site.registry.publish(name, scripts={"install": "touch ran"})
    files = site.registry.project(
        ("wanted", "unwanted"), scripts=START, allowScripts={"unwanted": False}
    )
    build = site.built("forbids", files)
    assert (site.code(build) / "node_modules/wanted/ran").exists()
    assert "not yet covered" not in site.said(build)
    commands = subprocess.run(["npm", "help"], capture_output=True, text=True).stdout
    if "deny-scripts" in commands:  # older npms know no such list
        assert not (site.code(build) / "node_modules/unwanted/ran").exists()


def test_install_scripts_of_packages_see_no_config(site: Site) -> None:
    site.registry.publish("curious", scripts={"install": "env > seen.txt"})
    files = site.registry.project(("curious",), scripts=START)
    build = site.built("curious", files, {"API_KEY": "not-for-packages"})
    seen = (site.code(build) / "node_modules/curious/seen.txt").read_text()
    assert "API_KEY" not in seen
    assert "npm_config_offline=true" in seen


def test_static_site_may_be_made_by_scripts(site: Site) -> None:
    site.registry.publish("bundler", bin={"bundle": "b.js"}, files={"b.js": BUNDLER})
    files = site.registry.project((), ("bundler",), scripts={"build": "bundle", "start": "x"})
    build = site.built("site", {**files, "static.json": '{"root": "dist/"}'})
    code = site.code(build)
    assert build.slug is not None
    assert [(p.name, p.runtime) for p in build.slug.processes] == [("web", "static")]
    assert (code / "dist/index.html").read_text() == "<h1>made</h1>"
    assert not (code / "node_modules").exists()
    assert site.said(build).startswith("-----> Static site detected\n-----> Using Node.js ")


def test_install_scripts_run_once_per_app_and_lock(site: Site) -> None:
    site.registry.publish("native", scripts={"install": "echo built > built.txt"})
    files = site.registry.project(("native",), scripts=START)
    one = site.built("native", {**files, "server.js": "1"})
    two = site.built("native", {**files, "server.js": "2"})
    three = site.built("else", {**files, "server.js": "1"})
    made = [site.code(b) / "node_modules/native/built.txt" for b in (one, two, three)]
    assert all(path.read_text() == "built\n" for path in made)
    assert made[0].stat().st_ino == made[1].stat().st_ino != made[2].stat().st_ino
    assert "-----> Running install scripts of native\n" in site.said(one)
    assert "Running install scripts" not in site.said(two)
    assert "-----> Running install scripts of native\n" in site.said(three)


def test_script_that_fails_fails_the_build_with_its_own_words(site: Site) -> None:
    scripts = {**START, "build": "echo src/app.ts: error TS1005; exit 2"}
    build = site.built("failing", site.registry.project(scripts=scripts))
    assert (build.status, build.user_error) == ("failed", True)
    lines = build.message.splitlines()
    assert lines[0] == "cannot build failing: `npm run build` failed"
    assert "src/app.ts: error TS1005" in lines


def test_script_that_needs_the_network_is_told_that_there_is_none(site: Site) -> None:
    fetch = f"node -e \"fetch('{site.registry.url}').catch(e => {{ throw e.cause }})\""
    build = site.built("online", site.registry.project(scripts={**START, "build": fetch}))
    assert build.status == "failed"
    lookup = "node -e \"require('dns').lookup('registry.example', e => { throw e })\""
    build = site.built("online", site.registry.project(scripts={**START, "build": lookup}))
    assert "`npm run build` asks for the network, which it does not get" in build.message


def test_missing_compiler_of_an_addon_is_named(site: Site) -> None:
    site.registry.publish(
        "addon", scripts={"install": "echo 'make: g++: No such file or directory' >&2; exit 1"}
    )
    build = site.built("addon", site.registry.project(("addon",), scripts=START))
    assert build.message.splitlines()[:2] == [
        "cannot build addon: `npm rebuild --foreground-scripts` needs g++, which this machine does "
        "not have",
        "ask the operator to install g++",
    ]


BUNDLER = """#!/usr/bin/env node
const fs = require("fs");
fs.mkdirSync("dist");
fs.writeFileSync("dist/index.html", "<h1>made</h1>");
"""

HOSTILE = """
const fs = require('fs'), net = require('net'), child = require('child_process');
const [data, port] = %s;
const attempt = (what, how) => {
  try { how(); console.log('DONE ' + what) }
  catch (error) { console.log('kept from ' + what + ' ' + (error.code || error.message)) }
};
attempt('private', () => fs.readdirSync(data + '/private'));
attempt('sources', () => fs.readdirSync(data + '/sources'));
attempt('cache', () => fs.writeFileSync(data + '/cache/npm/evil', ''));
attempt('layers', () => fs.writeFileSync(data + '/layers/evil', ''));
attempt('caches of others', () => fs.readdirSync(data + '/build-caches'));
attempt('other trees', () => fs.readdirSync(data + '/trees'));
attempt('usr', () => fs.writeFileSync('/usr/evil', ''));
const quiet = {stdio: 'ignore'};
const connect = `require('net').connect(${port}, '127.0.0.1').on('error', () => process.exit(9))`;
attempt('loopback', () => child.execFileSync(process.execPath, ['-e', connect], quiet));
attempt('device', () => child.execSync('mknod evil-device b 8 0', quiet));
fs.symlinkSync('/etc/passwd', process.env.INIT_CWD + '/evil-link');
child.execSync('cp /bin/sh evil-setuid; chmod 6755 evil-setuid');
"""


def test_hostile_package_gets_nowhere(site: Site) -> None:
    data = str(site.plane.paths.data)
    files = {"attack.js": HOSTILE % json.dumps([data, site.registry.port])}
    site.registry.publish("hostile", scripts={"postinstall": "node attack.js"}, files=files)
    build = site.built("hostile", site.registry.project(("hostile",), scripts=START))
    said = site.said(build)
    for what in (
        *("private", "sources", "cache", "layers", "caches of others", "other trees", "usr"),
        *("loopback", "device"),
    ):
        assert f"kept from {what} " in said, said
    assert "DONE" not in said
    assert "the link leaves what" in build.message
    assert not list(site.plane.paths.layers.rglob("*evil*"))


def test_setuid_files_of_a_package_lose_what_makes_them_so(site: Site) -> None:
    script = "cp /bin/sh sh; chmod 6755 sh"
    site.registry.publish("setuid", scripts={"install": script})
    build = site.built("setuid", site.registry.project(("setuid",), scripts=START))
    mode = (site.code(build) / "node_modules/setuid/sh").stat().st_mode
    assert mode & 0o7777 == 0o755


def test_fork_bomb_of_a_package_is_held_by_its_limit(site: Site) -> None:
    if not site.plane.probe().limits:
        pytest.skip("no cgroups here")
    bomb = "i=0; while [ $i -lt 2000 ]; do sleep 100 & i=$((i+1)); done; exit 1"
    site.registry.publish("bomb", scripts={"install": bomb})
    build = site.built("bomb", site.registry.project(("bomb",), scripts=START))
    assert build.status == "failed"
    assert "fork" in build.message.lower() or "Resource temporarily" in build.message


def test_supervisor_killed_while_scripts_run_begins_them_again(site: Site) -> None:
    script = "echo begun; touch half; sleep 3; ls > files.txt"
    request = site.ask("again", site.registry.project(scripts={**START, "build": script}))
    site.says(request, "       begun")
    site.plane.signal_supervisor(signal.SIGKILL)
    build = site.ended(request)
    assert build.status == "succeeded", build.message
    assert site.said(build).count("       begun") == 2
    until(lambda: not list(site.plane.paths.trees.iterdir()), what="no tree is left")


def test_scripts_of_an_app_that_goes_away_are_ended_and_its_cache_goes(site: Site) -> None:
    own = f"3107.{os.getpid()}"
    script = f"echo mine > ~/kept; echo begun; sleep {own}"
    request = site.ask("gone", site.registry.project(scripts={**START, "build": script}))
    site.says(request, "       begun")
    cache = site.plane.paths.build_caches / request.app
    assert cache.exists()
    assert running("sleep", own)
    site.plane.tell(control.DropApp(request.app))
    until(lambda: not site.said(request), what="its output is gone")
    assert not running("sleep", own)
    assert request.id not in {build.id for build in site.builds()}
    assert not cache.exists()
    until(lambda: not list(site.plane.paths.trees.iterdir()), what="no tree is left")


def test_builder_of_an_app_that_goes_away_is_ended_and_makes_room(site: Site) -> None:
    registry = site.registry
    registry.publish("endless")
    registry.held.add("endless")
    request = site.ask("leaving", registry.project(("endless",), scripts=START))
    until(lambda: any("endless" in path for path in registry.asked), what="it is being fetched")
    builders = running("setpoint.processes.builder", below=site.plane.supervisor_pid)
    builder = [pid for pid in builders if descendants(pid)]  # another one may wait for the next
    fetching = [pid for each in builder for pid in descendants(each)]
    assert fetching
    site.plane.tell(control.DropApp(request.app))
    until(lambda: not site.said(request), what="its output is gone")
    registry.let_go.set()
    registry.held.clear()
    assert request.id not in {build.id for build in site.builds()}
    until(lambda: not any(alive(pid) for pid in builder + fetching), what="all of it has ended")
    assert site.built("staying", registry.project(scripts=START)).status == "succeeded"


@pytest.mark.parametrize(
    ("app", "flood"),
    [
        ("lines", "yes 0123456789 | head -c 1G"),
        ("one-line", "head -c 1G /dev/zero | tr '\\\\0' x"),
    ],
)
def test_a_gibibyte_of_output_is_shown_in_part_and_ends_well(
    site: Site, app: str, flood: str
) -> None:
    """Looked at all the while, not only in the end."""
    site.registry.publish(app, scripts={"install": f"{flood}; touch poured"})
    request = site.ask(app, site.registry.project((app,), scripts=START))
    site.says(request, "(further output is not shown)")
    most, supervisor = 0, Path(f"/proc/{site.plane.supervisor_pid}/status")
    while not any(b.id == request.id and b.ended_at_s is not None for b in site.builds()):
        most = max(most, len(site.said(request)))
    build = site.ended(request)
    assert build.status == "succeeded", build.message
    assert (site.code(build) / f"node_modules/{app}/poured").exists()
    assert most < SHOWN_BYTES_MAX + PIECE_BYTES_MAX
    (memory,) = re.findall(r"VmHWM:\s+(\d+) kB", supervisor.read_text())
    assert int(memory) * 1024 < 150 * MIB


@pytest.mark.parametrize("flood", ["yes 0123456789 | head -c 1G", "head -c 1G /dev/zero"])
def test_the_last_words_of_a_command_that_poured_are_told(site: Site, flood: str) -> None:
    """They stand in the message, wherever its output ends."""
    scripts = {**START, "build": f"{flood}; sleep 5; echo; echo and then it broke; exit 3"}
    build = site.built("broke", site.registry.project(scripts=scripts))
    assert (build.status, build.user_error) == ("failed", True)
    assert "and then it broke" in build.message
    assert len(build.message) < 64 * 1024


def test_addon_in_c_is_compiled_where_there_is_a_compiler(site: Site) -> None:
    if not all(Path(f"/usr/bin/{name}").exists() for name in ("make", "g++")):
        pytest.skip("no compiler here")
    if not Path("/usr/include/node/node_api.h").exists():
        pytest.skip("no headers of Node.js here")
    site.registry.publish(
        "addon2",
        gypfile=True,
        scripts={"install": "node-gyp rebuild"},
        files={
            "binding.gyp": '{"targets": [{"target_name": "a", "sources": ["a.c"]}]}',
            "a.c": "#include <node_api.h>\nNAPI_MODULE_INIT() { napi_value v; "
            "napi_create_int32(env, 42, &v); return v; }\n",
            "index.js": "module.exports = require('./build/Release/a.node')\n",
        },
    )
    build = site.built("addon2", site.registry.project(("addon2",), scripts=START))
    assert build.status == "succeeded", site.said(build)
    done = subprocess.run(
        ["node", "-p", "require('addon2')"], cwd=site.code(build), capture_output=True, text=True
    )
    assert done.stdout == "42\n", done.stderr
