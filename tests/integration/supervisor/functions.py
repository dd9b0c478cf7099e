"""Functions on the official runtime, in a real supervisor's hands."""

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from msgspec.structs import replace

from setpoint.model.ids import Digest
from setpoint.model.process import SetFacts, SetOrder
from tests.integration.supervisor.plane import Plane
from tests.support.building import function
from tests.support.functions import call
from tests.support.waiting import until

MAIN = """
import os, random, resource, subprocess, sys, uuid

async def function(event, context):
    asked = event.data or {}
    match asked.get("do"):
        case "exit":
            os._exit(9)
        case "leave":
            subprocess.Popen(["sleep", "600"])
            os._exit(9)
        case "kill the zygote":
            os.kill(os.getppid(), 9)
            return None
        case "eat":
            asked["hoard"] = [b"x" * (1 << 20) for _ in range(1 << 10)]
    def read(path):
        try:
            with open(path) as file:
                return file.read()
        except PermissionError:  # a parent that was killed just now
            return ""
    status = dict(line.split(":\\t") for line in read("/proc/self/status").splitlines())
    return {
        "env": dict(os.environ),
        "parent": read(f"/proc/{os.getppid()}/environ") if os.getppid() != 1 else "",
        "random": [random.random(), uuid.uuid4().hex],
        "cwd": os.getcwd(),
        "walls": {
            **{key: status[key] for key in ("Uid", "Gid", "Groups", "CapEff", "CapBnd", "Seccomp",
                                            "NoNewPrivs", "SigIgn", "SigBlk")},
            "mounts": sorted(" ".join(line.split()[4:6])
                             for line in read("/proc/self/mountinfo").splitlines()),
            "limits": [resource.getrlimit(n) for n in range(16)],
            "oom": read("/proc/self/oom_score_adj"),
            "descriptors": sorted(
                os.path.basename(os.readlink(f"/proc/self/fd/{n}")).split(".")[-1].split(":[")[0]
                for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")
            ),
            "leader": os.getsid(0) == os.getpid(),
        },
    }
"""


RETURNS = """
async def function(event, context):
    return {{"seen": {}}}
"""


def on_layer(plane: Plane, built: Path, layer: Digest) -> None:
    target = plane.paths.layers / "deps" / layer
    shutil.copytree(built, target, symlinks=True)
    for folder in (target, *target.parents[:2]):
        folder.chmod(0o755)


def with_main(plane: Plane, main: str, more: str = "") -> Digest:
    files = {f"f/{name}": text for name, text in function(main=main).items()}
    files["f/project.toml"] += more
    return plane.code(files)


def with_spec(order: SetOrder, **changes: object) -> SetOrder:
    """Another set: of the same function, otherwise."""
    spec = replace(order.spec, **changes)
    hash = Digest(sha256(repr(spec).encode()).hexdigest())
    return replace(order, spec=spec, key=replace(order.key, spec_hash=hash))


def lasting(order: SetOrder) -> SetOrder:
    return replace(order, bounds=replace(order.bounds, idle_s=600.0))


def asleep(facts: SetFacts) -> bool:
    return facts.ever_ready and not facts.instances


def zygotes(plane: Plane) -> list[str]:
    """Those that are ready, oldest first."""
    return [line for line in plane.words().splitlines() if " zygote.ready " in line]


def proven(plane: Plane, order: SetOrder, **environment: str) -> SetOrder:
    """Deployed: it got ready once, and there is something to fork it from."""
    plane.apply(order, **environment)
    plane.when(order, asleep)
    until(lambda: zygotes(plane), what="a zygote is ready")
    return order


def ask(plane: Plane, order: SetOrder, **data: object) -> dict:
    endpoint = plane.facts(order).socket
    assert endpoint is not None
    answer = call(endpoint.address, data)
    assert answer.status == 200, (answer, plane.log("shop"))
    return json.loads(answer.body)


def lines(plane: Plane) -> list[str]:
    return [line.text for line in plane.log("shop")]


def forks(plane: Plane) -> int:
    return sum(text.startswith("Started by a fork") for text in lines(plane))


def groups(plane: Plane, prefix: str) -> list[str]:
    """Control groups of this installation whose name begins so, by what has files for them."""
    name = f"setpoint-{plane.paths.installation}"
    found = subprocess.run(
        ["find", "/sys/fs/cgroup", "-maxdepth", "6", "-path", f"*/{name}/*@{prefix}*"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.split()
