"""`make demo`: the road once from end to end, on real parts, through the real edge.

Starts Setpoint on a data directory of its own and free ports, deploys a function and a web app,
calls both, asks why, and stops. Leaves nothing behind. Exit 0 means every step did what it says.
"""

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETPOINT = Path(sys.executable).parent / "setpoint"
STEP_S_MAX = 600
"""One command of the demo; the first build on a slow line downloads everything."""


class DemoFailed(Exception):
    pass


def main() -> int:
    data = Path(tempfile.mkdtemp(prefix="setpoint-demo-"))
    data.chmod(0o711)  # apps run as their own users and must reach their layers
    os.environ["SETPOINT_DATA"] = str(data)
    try:
        run("up", "--detach", "--edge-port", "0", "--api-port", "0", "--floor", "L0")
        tour()
    except DemoFailed as failure:
        print(f"\ndemo failed: {failure}", file=sys.stderr)
        show_logs(data)
        return 1
    finally:
        run("down", check=False)
        shutil.rmtree(data, ignore_errors=True)
    print("\ndemo done: a function and an app, from intent to why")
    return 0


def tour() -> None:
    functions, web = HERE / "hello-function", HERE / "hello-web"
    run("deploy", str(functions), "-a", "greeter", "-m", "first function of the tour")
    run("invoke", "greeter", "-p", '{"name": "world"}')
    run("deploy", str(web), "-a", "shop", "-m", "first app of the tour")
    call("shop", "/")
    run("config", "shop", "GREETING=Welcome back", "-m", "returning visitors deserve a warmer word")
    run("scale", "shop", "web=2")
    call("shop", "/")
    run("status", "shop")
    run("logs", "shop", "-n", "5")
    run("why", "shop")


def run(*arguments: str, check: bool = True) -> str:
    """One `setpoint` command, shown with its output as a user would see it."""
    shown = [os.path.relpath(a) if a.startswith(str(HERE)) else a for a in arguments]
    print(f"\n$ setpoint {' '.join(_quoted(a) for a in shown)}", flush=True)
    try:
        done = subprocess.run(
            [str(SETPOINT), *arguments], stdout=subprocess.PIPE, text=True, timeout=STEP_S_MAX
        )
    except subprocess.TimeoutExpired:
        raise DemoFailed(f"`setpoint {arguments[0]}` took over {STEP_S_MAX} s") from None
    print(done.stdout, end="", flush=True)
    if check and done.returncode != 0:
        raise DemoFailed(f"`setpoint {arguments[0]}` ended with exit code {done.returncode}")
    return done.stdout


def call(app: str, path: str) -> None:
    """What a browser would do with http://<app>.localhost:PORT."""
    plane = subprocess.run([str(SETPOINT), "status", "--json"], capture_output=True, text=True)
    port = json.loads(plane.stdout)["edge_port"]
    print(f"\n$ curl http://{app}.localhost:{port}{path}", flush=True)
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request("GET", path, headers={"Host": f"{app}.localhost:{port}"})
    answer = link.getresponse()
    print(answer.read().decode(errors="replace").rstrip())
    if answer.status != 200:
        raise DemoFailed(f"{app} answered {answer.status}")


def show_logs(data: Path) -> None:
    for log in sorted((data / "log").glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-15:]
        print(f"--- {log.name}", *lines, sep="\n", file=sys.stderr)


def _quoted(argument: str) -> str:
    plain = all(c.isalnum() or c in "-_./=:@" for c in argument)
    return argument if plain else "'" + argument.replace("'", "'\\''") + "'"


if __name__ == "__main__":
    sys.exit(main())
