"""The official functions runtime for Node.js as a layer of its own: locked by us, unmodified.

`bin/node` in it is the program to run it with, so that one layer is all a function needs.
"""

import os
from functools import cache
from pathlib import Path

from setpoint.drivers.builders import layers, room
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.node import modules, project
from setpoint.drivers.builders.node.modules import Yard
from setpoint.drivers.builders.node.project import Project
from setpoint.drivers.builders.output import Output
from setpoint.model.ids import Digest

PACKAGE = "@heroku/sf-fx-runtime-nodejs"
FILES = {
    path.name: path.read_bytes() for path in Path(__file__).with_name("functions").glob("*.json")
}
"""Read when this is imported: the builder gives up root later."""


@cache
def _locked() -> Project:
    return project.of(FILES.get, "")


def layer(yard: Yard, say: Output) -> Digest:
    """Its digest; `say` is told where it has to be made. Raises CannotBuild."""
    node, deps = yard.npm.node, yard.deps
    digest = layers.key("\0".join(("functions", node.key, *modules.flat(_locked()))), yard.stack)
    if deps.has(digest):
        return digest
    say.topic("Installing the functions runtime for Node.js with npm")
    with deps.scratch() as new:
        _install(yard, new)
        (new / "bin").mkdir(mode=0o755)
        _put_node(Path(node.path), new / "bin/node", shared=node.layer is None)
        room.check_folder(new)
        deps.put(new, digest)
    say.detail(f"layer {digest[:12]} made")
    return digest


def _install(yard: Yard, new: Path) -> None:
    """What is wrong with it is not the project's fault."""
    try:
        yard.install(_locked(), new, development=False)
    except CannotBuild as error:
        raise CannotBuild(
            "the functions runtime for Node.js cannot be installed",
            f"{error.message}; the operator sets the registry, which must have {PACKAGE}",
            tool=error.tool,
            user_error=False,
        ) from None


def _put_node(node: Path, at: Path, *, shared: bool) -> None:
    """The machine's own is seen by every sandbox; any other comes along."""
    if shared:
        at.symlink_to(node)
    else:
        os.link(node, at)
