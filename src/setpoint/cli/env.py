"""`setpoint env`: for a shell to evaluate, so that Heroku's command line talks to this Setpoint."""

import argparse
import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from setpoint.cli import codes
from setpoint.cli.command import Here
from setpoint.drivers.local.paths import Paths
from setpoint.model.errors import Refused

EXAMPLE = "setpoint env --token"
HOST = "localhost"
"""Heroku's clients send their token to no other name but this and the address 127.0.0.1."""
NOBODYS = "/api/v4/current-status"
"""Whoever asks this is answered, and nothing is kept. Majors 9 and 10 tell Heroku of each command,
with the token in a header, whatever DISABLE_TELEMETRY says: here they tell us, who gave it."""
GIT_TRUST, OTHERS_TRUST = "GIT_SSL_CAINFO", "http.sslCAInfo"
"""A variable of git's and the setting that says the same, which a setting of one address beats."""
HELPER = (
    """!f() { test "$1" != get || """
    """{ t=${HEROKU_API_KEY:-$(heroku auth:token 2>/dev/null)}; test -z "$t" || """
    """printf 'username=heroku\\npassword=%s\\n' "$t"; }; }; f"""
)
"""Heroku's program tells git of itself from major 11 on. Before, it wrote a .netrc, where git finds
no host that has a port. Without the program, and without a key in the environment, git asks."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unset", action="store_true", help="take all of it back")
    parser.add_argument(
        "--token", action="store_true", help="with your API key, so that no login is needed"
    )
    parser.add_argument(
        "--connected", metavar="URL", default="", help="of another machine, as connect has it"
    )
    parser.add_argument(
        "--fingerprint", action="store_true", help="of this machine's authority, for connect there"
    )


def run(here: Here) -> int:
    if here.args.unset:
        return _taken_back(here)
    if here.args.fingerprint:
        return _fingerprint(here)
    port, authority = _there(here)
    settings = git_settings(port, authority, here.env)
    if not settings:
        here.out.complain("this shell has git settings of its own, so git must be told for itself:")
        here.out.complain(f"git config --global {_trusting(port)} {authority}")
    said = variables(port, authority) | settings
    if here.args.token:
        said |= {"HEROKU_API_KEY": here.client.token}
    for name, value in said.items():
        here.out.line(f"export {name}={shlex.quote(value)}")
    if settings and GIT_TRUST in here.env:
        here.out.line(f"unset {GIT_TRUST}")  # it would count for our address, too
    here.out.result({"set": said})
    return codes.SETTLED


def _there(here: Here) -> tuple[int, Path]:
    """The port on this machine, and whom to trust there."""
    if not here.args.connected:
        paths = Paths.of(here.data)
        return _port(paths.ports, f"none was ever started on {paths.data}"), paths.api_authority
    from setpoint.cli import connect

    folder = connect.remembered(here.data, *connect.place(here.args.connected))
    port = _port(folder / connect.PORTS, f"{here.args.connected} was never connected to")
    return port, folder / connect.AUTHORITY


def _fingerprint(here: Here) -> int:
    """Of this machine's authority, for others who connect to it."""
    from setpoint.drivers import pinned

    file = Paths.of(here.data).api_authority
    try:
        told = pinned.fingerprint(file.read_text(encoding="ascii"))
    except OSError as error:
        raise Refused(
            f"cannot tell the fingerprint: {file}: {error.strerror}",
            "it is made at the first start: setpoint up --detach",
        ) from None
    here.out.line(told)
    here.out.result({"fingerprint": told})
    return codes.SETTLED


def _taken_back(here: Here) -> int:
    ours = git_settings(0, Path(), {GIT_TRUST: "-"})
    names = (*variables(0, Path()), *ours, "HEROKU_API_KEY")
    here.out.line(f"unset {' '.join(names)}")
    if before := _trusted_before(here.env):
        here.out.line(f"export {GIT_TRUST}={shlex.quote(before)}")
    here.out.result({"unset": names})
    return codes.SETTLED


def variables(port: int, authority: Path) -> dict[str, str]:
    """By name. Each would otherwise lead to a host of Heroku's, or to nobody's trust."""
    url = _url(port)
    return {
        "HEROKU_HOST": url,
        "HEROKU_PARTICLEBOARD_URL": url,
        "HEROKU_LOGIN_HOST": url,
        "HEROKU_BUILDPACK_REGISTRY_URL": url,
        "HEROKU_STATUS_HOST": url,
        "HEROKU_ANALYTICS_URL": f"{url}{NOBODYS}",
        "HEROKU_DATA_HOST": HOST,
        "NODE_EXTRA_CA_CERTS": str(authority),
        "DISABLE_TELEMETRY": "true",
    }


def git_settings(port: int, authority: Path, before: Mapping[str, str]) -> dict[str, str]:
    """git's own settings, of our address alone: whom to trust, and where the token is. In
    GIT_SSL_CAINFO our authority would be the only one for all others, too. What stands there
    `before` becomes a setting as well.

    Nothing where the shell has other settings in its variables.
    """
    if before.get("GIT_CONFIG_COUNT", "0") != "0" and not _is_ours(before):
        return {}
    settings = [(_trusting(port), str(authority)), (f"credential.{_url(port)}.helper", HELPER)]
    if others := _trusted_before(before):
        settings.append((OTHERS_TRUST, others))
    said = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        said |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return said


def _is_ours(before: Mapping[str, str]) -> bool:
    return before.get("GIT_CONFIG_KEY_0", "").startswith(_trusting(0).partition(":0/")[0])


def _trusted_before(before: Mapping[str, str]) -> str:
    """What git trusted in this shell before it was told of us, '' for its own default."""
    kept = before.get("GIT_CONFIG_KEY_2") == OTHERS_TRUST and _is_ours(before)
    return before.get(GIT_TRUST) or (before.get("GIT_CONFIG_VALUE_2", "") if kept else "")


def _trusting(port: int) -> str:
    return f"http.{_url(port)}/.sslCAInfo"


def _url(port: int) -> str:
    return f"https://{HOST}:{port}"


def _port(file: Path, fact: str) -> int:
    """Of the last `up` or `connect`, which need not run now."""
    try:
        return int(json.loads(file.read_text(encoding="utf-8"))["tls"])
    except (OSError, ValueError, KeyError):
        raise Refused(
            f"cannot tell where Setpoint is: {fact}",
            "start it with: setpoint up --detach, or: setpoint connect URL",
        ) from None
