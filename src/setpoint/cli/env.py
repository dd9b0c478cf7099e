"""`setpoint env`: for a shell to evaluate, so that Heroku's command line talks to this Setpoint."""

import argparse
import json
import shlex
from pathlib import Path

from setpoint.cli import codes
from setpoint.cli.command import Here
from setpoint.drivers.local.paths import Paths
from setpoint.model.errors import Refused

EXAMPLE = "setpoint env --token"
HOST = "localhost"
"""Heroku's clients send their token to no other name but this and the address 127.0.0.1."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unset", action="store_true", help="take all of it back")
    parser.add_argument(
        "--token", action="store_true", help="with your API key, so that no login is needed"
    )


def run(here: Here) -> int:
    if here.args.unset:
        names = (*variables(0, Path()), "HEROKU_API_KEY")
        here.out.line(f"unset {' '.join(names)}")
        here.out.result({"unset": names})
        return codes.SETTLED
    paths = Paths.of(here.data)
    said = variables(_port(paths), paths.api_authority)
    if here.args.token:
        said |= {"HEROKU_API_KEY": here.client.token}
    for name, value in said.items():
        here.out.line(f"export {name}={shlex.quote(value)}")
    here.out.result({"set": said})
    return codes.SETTLED


def variables(port: int, authority: Path) -> dict[str, str]:
    """By name. Each would otherwise lead to a host of Heroku's, or to nobody's trust."""
    url = f"https://{HOST}:{port}"
    return {
        "HEROKU_HOST": url,
        "HEROKU_PARTICLEBOARD_URL": url,
        "HEROKU_LOGIN_HOST": url,
        "HEROKU_BUILDPACK_REGISTRY_URL": url,
        "HEROKU_STATUS_HOST": url,
        "HEROKU_DATA_HOST": HOST,
        "NODE_EXTRA_CA_CERTS": str(authority),
        "DISABLE_TELEMETRY": "true",
    }


def _port(paths: Paths) -> int:
    """Of the last `up`, which need not run now."""
    try:
        return int(json.loads(paths.ports.read_text(encoding="utf-8"))["tls"])
    except (OSError, ValueError, KeyError):
        raise Refused(
            f"cannot tell where Setpoint is: none was ever started on {paths.data}",
            "start it with: setpoint up --detach",
        ) from None
