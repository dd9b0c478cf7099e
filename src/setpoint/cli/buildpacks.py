"""`setpoint buildpacks`: which the next build runs; a folder of one's own is uploaded."""

import argparse
from pathlib import Path
from urllib.parse import urlsplit

from setpoint.cli import codes
from setpoint.cli.archive import pack
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled
from setpoint.model.errors import Invalid, Refused

EXAMPLE = "setpoint buildpacks shop --set ./our-buildpack https://example.com/ruby.tar.gz"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument(
        "--set", metavar="DIR|URL", nargs="+", dest="set_", help="these, in this order"
    )
    parser.add_argument("--clear", action="store_true", help="none: the builder sees for itself")
    parser.add_argument("--purge-cache", action="store_true", help="forget what builds kept")
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    args, app = here.args, here.app
    if args.set_ and args.clear:
        raise Refused(f"cannot set the buildpacks of '{app}': both --set and --clear were given")
    where = path("apps", app, "buildpack-installations")
    if not (args.set_ or args.clear or args.purge_cache):
        return _show(here, where)
    if args.set_ or args.clear:
        here.client.get(where)  # that there is such an app, before anything is uploaded
        updates = [_update(here, said) for said in args.set_ or ()]
        packs = here.client.call("PUT", where, {"updates": updates}, args.why)
        names = ", ".join(p["buildpack"]["name"] for p in packs)
        here.out.line(f"{app}: the next deploy runs {names}" if names else f"{app}: no buildpacks")
    if args.purge_cache:
        here.client.call("DELETE", path("apps", app, "build-cache"), why=args.why)
        here.out.line(f"{app}: the next build starts without a cache")
    asked = args.set_ or args.clear
    return settled(here, app, "set the buildpacks of" if asked else "purge the build cache of")


def _update(here: Here, said: str) -> dict[str, object]:
    if "://" in said:
        return {"buildpack": said}
    folder = Path(said)
    if not (folder / "bin/compile").is_file():
        fact = "it has no bin/compile" if folder.is_dir() else "there is no such folder"
        raise Invalid(f"cannot use buildpack {said}: {fact}", "name a folder or an https address")
    with (archive := pack(folder.resolve())).file:
        urls = here.client.call("POST", "/sources")["source_blob"]
        where = urlsplit(urls["put_url"]).path
        here.client.put_file(where, archive.file, archive.packed_bytes)
    return {"buildpack": urls["get_url"], "name": folder.resolve().name}


def _show(here: Here, where: str) -> int:
    packs = here.client.get(where)
    if not packs:
        here.out.line("no buildpacks: the builder sees for itself what the app is")
    here.out.table(tuple(dict.fromkeys(p["buildpack"].values())) for p in packs)
    here.out.result(packs)
    return codes.SETTLED
