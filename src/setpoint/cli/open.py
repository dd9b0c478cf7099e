"""`setpoint open`: where an app answers, in a browser where there is one to look at."""

import argparse
from collections.abc import Mapping
from urllib.parse import quote

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app
from setpoint.model.errors import Refused

EXAMPLE = "setpoint open shop /orders"
SAFE = "/?&=%#:@!$'()*+,;~-._"
"""What an URL's path, query and fragment are made of; all else is escaped."""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("path", metavar="PATH", nargs="?", default="", help="below the app's root")


def run(here: Here) -> int:
    detail = here.client.get(path("v1", "apps", here.app))
    app = detail["name"]
    if detail["release"] is None:
        raise Refused(
            f"cannot open '{app}': nothing is deployed yet", f"next: setpoint deploy DIR -a {app}"
        )
    if "web" not in detail["formation"]:
        return _functions(here, app, [f["name"] for f in detail["functions"]])
    root = here.client.get(path("apps", app))["web_url"].rstrip("/")
    url = f"{root}/{quote(here.args.path.lstrip('/'), safe=SAFE)}"
    here.out.line(url)
    here.out.result({"app": app, "url": url})
    if here.out.on_terminal and not here.out.as_json and _may_have_windows(here.env):
        _show(url)
    return codes.SETTLED


def _functions(here: Here, app: str, names: list[str]) -> int:
    if not names:
        raise Refused(f"cannot open '{app}': it has no web process, so no host")
    for name in names:
        here.out.line(f"setpoint invoke {app}/{name}")
    here.out.result({"app": app, "url": None, "functions": names})
    return codes.SETTLED


def _may_have_windows(env: Mapping[str, str]) -> bool:
    """Else the browser found might be one that takes over the terminal."""
    return any(env.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _show(url: str) -> None:
    """The URL was printed: a browser that cannot be started is no failure."""
    import webbrowser

    webbrowser.open(url)
