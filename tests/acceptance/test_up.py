"""`setpoint up`: without --detach it stays and Ctrl-C is `setpoint down`; and what it prints."""

import json
import signal
import subprocess

from tests.acceptance.plane import EXAMPLES, SETPOINT, fresh_plane, until
from tests.acceptance.test_kill import instance_pids, runs

UP = ("up", "--edge-port", "0", "--api-port", "0", "--floor", "L0")


def test_ctrl_c_stops_plane_and_apps() -> None:
    with fresh_plane(start=False) as plane:
        env = {key: value for key, value in plane.env().items() if key != "SETPOINT_DATA"}
        words = [*SETPOINT, *UP, "--data", str(plane.data)]
        staying = subprocess.Popen(
            words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            until(lambda: plane.cli("status").code == 0, 60, "it answers")
            plane.ports = json.loads((plane.data / "ports.json").read_text())
            plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
            left = [plane.pid("daemon"), plane.pid("envoy"), *instance_pids(plane)]
            assert staying.poll() is None
            staying.send_signal(signal.SIGINT)
            told, _ = staying.communicate(timeout=60)
        finally:
            staying.kill()
            staying.wait()
        assert staying.returncode == 0, told
        assert f"next: setpoint deploy DIR --data {plane.data}\n" in told
        assert [pid for pid in left if runs(pid)] == []
        assert plane.cli("status").code == 1


def test_up_tells_programs_where_it_is_and_why_it_is_not() -> None:
    with fresh_plane(start=False) as plane:
        told = plane.up("--json").json
        assert told["edge_port"] == plane.ports["edge"]
        assert told["api"].endswith(f":{plane.ports['api']}")
        again = plane.cli(*UP, "--detach", "--json")
        assert (again.code, again.out) == (2, "")
        assert "already runs" in json.loads(again.err)["message"]
