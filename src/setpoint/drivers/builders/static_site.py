"""A static site: our own server for it as a layer, and how it is served as a file in its code."""

from importlib import resources
from pathlib import Path

import msgspec

from setpoint.drivers.builders import tree
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.locks import Lock
from setpoint.formats import static_json
from setpoint.formats.static_json import Site
from setpoint.model.errors import Invalid

RUNTIME = "static"
_WORKER = resources.files("setpoint.workers.static_site")
LOCK = Lock(_WORKER.joinpath("requirements.txt").read_text(encoding="utf-8"), known=True)
MODULE = {
    f"setpoint_site/{file.name}": file.read_bytes()
    for file in sorted(_WORKER.iterdir(), key=lambda file: file.name)
    if file.name.endswith(".py")
}
"""By path in site-packages. Read when this is imported: the builder gives up root later."""


def prepare(root: Path) -> tuple[str, ...]:
    """Write into the source how it is served. Warnings of it. Raises CannotBuild."""
    data = tree.read(root, static_json.FILE, static_json.BYTES_MAX + 1)
    try:
        site = static_json.parse(None if data is None else _text(data))
    except Invalid as error:
        raise CannotBuild(error.message.removeprefix("cannot read "), error.hint) from None
    folder = root / site.root
    if not folder.is_dir():
        raise CannotBuild(
            f"{static_json.FILE} serves {site.root}/, which is not in the source",
            "make it before you deploy, or name another folder with root",
        )
    file = root / static_json.SITE
    if not tree.ours_to_write(root, static_json.SITE):
        raise CannotBuild(f"{static_json.SITE} is ours to write, and something is in its place")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.encode(site))
    return (*site.warnings, *_missing(folder, site))


def _missing(folder: Path, site: Site):
    named = {site.error_page, *(route.file for route in site.routes)} - {""}
    for name in sorted(named):
        if not (folder / name).is_file():
            yield f"{static_json.FILE} names {name}, which is not below {site.root or 'the root'}"


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CannotBuild(f"{static_json.FILE} is not UTF-8", "save it as UTF-8") from None
